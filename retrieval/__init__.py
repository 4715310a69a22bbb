"""SegSearch's library: segmentation, embedding, indexing and searching of image segments.

Importing it loads neither torch nor faiss nor SQLAlchemy: a name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .assembly import Assembly
    from .errors import RetrievalError
    from .library import Hit, Hits, Library, open
    from .query.filters import Filters
    from .query.relations import Relation
    from .query.request import Clause, Ref, SearchRequest
    from .search.answer import Match, SearchAnswer
    from .settings import Settings
    from .types import Analysis, Segments

_MODULES = {
    "Analysis": "types",
    "Assembly": "assembly",
    "Clause": "query.request",
    "Filters": "query.filters",
    "Hit": "library",
    "Hits": "library",
    "Library": "library",
    "Match": "search.answer",
    "Ref": "query.request",
    "Relation": "query.relations",
    "RetrievalError": "errors",
    "SearchAnswer": "search.answer",
    "SearchRequest": "query.request",
    "Segments": "types",
    "Settings": "settings",
    "open": "library",
}

__all__ = [
    "Analysis",
    "Assembly",
    "Clause",
    "Filters",
    "Hit",
    "Hits",
    "Library",
    "Match",
    "Ref",
    "Relation",
    "RetrievalError",
    "SearchAnswer",
    "SearchRequest",
    "Segments",
    "Settings",
    "open",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
    except ModuleNotFoundError as error:
        from .processes.extras import missing

        if (told := missing(error)) is None:
            raise
        raise told from error


def __dir__() -> list[str]:
    return __all__
