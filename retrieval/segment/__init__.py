"""Segmenters, and the assessment of segmentations.

====================== =================================================== =======================================
module                 what                                                paper
====================== =================================================== =======================================
`hierarchy`            class-agnostic region hierarchy, parts and wholes   Salembier and Garrido, IEEE TIP 2000
`superpixels`          its leaves by colour                                Felzenszwalb and Huttenlocher, IJCV 2004
`watershed`            its leaves between learned boundaries               Meyer, ICIP 1992
`merging`              its merges                                          Arbelaez et al., CVPR 2014
`objectness`           ranks its nodes                                     Alexe et al., PAMI 2012
`covering`             chooses those that cover the objects                Nemhauser et al., Math. Progr. 1978
`class_map`            connected segments of a class map                   Long et al., CVPR 2015
`class_maps`           class maps from a network's scores                  —
`dense_crf`            refines class maps at edges                         Krähenbühl and Koltun, NIPS 2011
`sam_masks`            filters Segment Anything's masks                    Kirillov et al., ICCV 2023
`grid`                 cells of a grid: the baseline                       —
`assessment`           how well a photo was segmented                      Zhang et al., CVIU 2008
`parameters`,          constants, which load no network                    —
`dense_crf_parameters`,
`sam_parameters`
====================== =================================================== =======================================
"""
