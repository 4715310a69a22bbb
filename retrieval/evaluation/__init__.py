"""Measures of segmentation and retrieval, and the annotated photos they are taken on.

============= =========================================================================
module        what
============= =========================================================================
`datasets`    photos with annotated objects or regions, from folders of four kinds
`metrics`     average best overlap, recall, average precision, bootstrap
`regions`     covering, Rand index, variation of information over a hierarchy's cuts
`boundaries`  precision and recall of boundaries, people's agreement
`semantic`    mean IoU over classes
`calibration` whether probabilities are right: calibration error, reliability, AUC
============= =========================================================================

All but `datasets` are pure functions of arrays. The evaluation itself, which drives ingest and search as users do, is
``retrieval/evaluation/collection.py``.
"""
