"""The JSON API under ``/api/v1``; it describes itself at ``/api/v1/openapi.json``."""

from .account import account
from .accounts import accounts
from .clusters import clusters
from .concepts import concepts
from .feedback import feedback
from .images import images
from .intake import intake
from .queries import queries
from .search import search
from .status import status

BLUEPRINTS = (images, intake, queries, search, feedback, concepts, clusters, status, account, accounts)

__all__ = ["BLUEPRINTS"]
