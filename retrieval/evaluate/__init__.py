"""Measures of segmentation and retrieval, and the annotated photos they are taken on.

============ ==========================================================================
module       what
============ ==========================================================================
`datasets`   photos with annotated objects, from COCO-style and VOC-style folders
`metrics`    average best overlap, recall, average precision, bootstrap: pure functions
============ ==========================================================================

The evaluation itself, which drives ingest and search as users do, is ``indexer/evaluation.py``.
"""
