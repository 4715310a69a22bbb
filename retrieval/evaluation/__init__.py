"""Measures of segmentation and retrieval, and the annotated photos they are taken on.

=================== ======================================================================
module              what
=================== ======================================================================
`datasets`          photos with annotated objects or regions, from folders of four kinds
`metrics`           average best overlap, recall, bootstrap
`regions`           covering, Rand index, variation of information over a hierarchy's cuts
`hierarchy_cuts`    a hierarchy of regions at every threshold
`boundaries`        precision and recall of boundaries, people's agreement
`boundary_maps`     boundaries of label maps, thinned
`boundary_matching` pairs of pixels of two boundaries
`semantic`          mean IoU over classes
`absent_words`      words for what photos of everyday life hardly ever show
`calibration`       whether probabilities are right: calibration error, reliability, AUC
`collection`        segmentation and retrieval of one recipe over annotated photos
`average_recall`    COCO's average recall of the best segments
`one_click`         how well a click takes an object
`word_search`       searches by words, and what they mark as likely
`combinations`      searches for several things at once
`feedback`          rounds of feedback, and concepts
`clusters`          clusters of what has no name
`segmentation`      pixel classes and milliseconds a photo of a recipe
`bsds`              regions and boundaries against drawings of people
`comparison`        recipes side by side, with intervals of the gain
`run`               what the command `evaluate` runs
`figures`, `report` figures on the terminal, and as an HTML page
=================== ======================================================================

The first ten are of arrays and files alone; the others measure an installation through what users call.
"""
