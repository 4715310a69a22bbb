"""SegSearch's library: segmentation, embedding, indexing and searching of image segments.

Importing it loads neither torch nor faiss; `retrieval.assembly.Assembly` puts the parts together.
"""

from .errors import RetrievalError
from .query import Match, Ref, SearchAnswer, SearchRequest
from .settings import Settings
from .types import Analysis, Segments

__all__ = ["Analysis", "Match", "Ref", "RetrievalError", "SearchAnswer", "SearchRequest", "Segments", "Settings"]
