"""Vectors of segments.

======================= ================================================== ===============================
module                  what                                               paper
======================= ================================================== ===============================
`masked_pooling`        maps of shared passes averaged under each mask     Dai et al., CVPR 2015
`crops`                 box and foreground crops through the network       Girshick et al., CVPR 2014
`pooling`               sums of a map under overlapping segments           —
`towers`                cells of vision networks; texts in the same space  Zhou, Loy and Dai, ECCV 2022
`projection`            centred PCA to a short vector; words alike         —
`word_directions`       the directions that a word is searched by          Norouzi et al., ICLR 2014
`word_presence`         the probability that a photo shows a word          Platt, 1999
`concept_threshold`     from which score on a concept labels a segment     Auckenthaler et al., DSP 2000
`appearance`            colours and local features of an object             Philbin et al., CVPR 2007
`mean_color`            mean colour: the baseline without a network        —
======================= ================================================== ===============================
"""
