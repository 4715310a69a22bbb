"""SegSearch's library: segmentation, embedding, indexing and searching of image segments.

Importing it loads neither torch nor faiss nor SQLAlchemy: a name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .assembly import Assembly
    from .errors import RetrievalError
    from .query.filters import Filters
    from .query.request import Ref, SearchRequest
    from .search.answer import Match, SearchAnswer
    from .settings import Settings
    from .types import Analysis, Segments

_HOMES = {
    "Analysis": "types",
    "Assembly": "assembly",
    "Filters": "query.filters",
    "Match": "search.answer",
    "Ref": "query.request",
    "RetrievalError": "errors",
    "SearchAnswer": "search.answer",
    "SearchRequest": "query.request",
    "Segments": "types",
    "Settings": "settings",
}

__all__ = [
    "Analysis",
    "Assembly",
    "Filters",
    "Match",
    "Ref",
    "RetrievalError",
    "SearchAnswer",
    "SearchRequest",
    "Segments",
    "Settings",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
