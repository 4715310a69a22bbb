"""The JSON API under ``/api/v1``; it describes itself at ``/api/v1/openapi.json``."""

from .account import account
from .accounts import accounts
from .batch import batch
from .bulk import bulk
from .clusters import clusters
from .collections import collections
from .concepts import concepts
from .deletion import deletion
from .duplicates import duplicates
from .export import export
from .feedback import feedback
from .health import health
from .images import images
from .intake import intake
from .queries import queries
from .recipes import recipes
from .search import search
from .segmentation import segmentation
from .status import status
from .timeline import timeline

BLUEPRINTS = (
    images,
    segmentation,
    bulk,
    batch,
    deletion,
    duplicates,
    export,
    timeline,
    intake,
    queries,
    search,
    feedback,
    concepts,
    clusters,
    status,
    health,
    recipes,
    account,
    accounts,
    collections,
)

__all__ = ["BLUEPRINTS"]
