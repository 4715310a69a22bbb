"""A client of SegSearch's servers, for other programs: ``pip install 'segsearch[client]'``.

`Client` waits for its answers, `AsyncClient` is for asyncio; both have the same calls, in groups.

========================= ========================================================
group                     what
========================= ========================================================
`Client.photos`           list, get, upload, delete, tag, download, export
`Client.segments`         cut-outs, masks, what a place in a photo means
`Client.queries`          photos to search with
`Client.searches`         search, facets, completion of words
`Client.feedback`         searches that are refined in rounds
`Client.concepts`         names learned from examples and tags
`Client.clusters`         things on several photos that have no name yet
`Client.duplicates`       photos that are crops, copies or edits of one another
`Client.timeline`         photos by date
`Client.installation`     status, health, what is on its way in
`Client.exports`          exports that the server writes in the background
`Client.collections`      collections with photos and users of their own
`Client.upload_folder`    send a folder, and resume it
`Client.export`           have an export written, wait for it, and fetch it
========================= ========================================================

Nothing of the library or of its networks is imported.
"""

from .asking import Filters, Reference, Relation, Search, Thing, ThingsSearch
from .clients import AsyncClient, Client, Options
from .errors import (
    AnswerError,
    BusyError,
    ClientError,
    ConflictError,
    ConnectionFailedError,
    ExportFailedError,
    ForbiddenError,
    InsufficientStorageError,
    InvalidRequestError,
    NotFoundError,
    RejectedFileError,
    SignInError,
    UnexpectedAnswerError,
)
from .exchange import Retries
from .exports import ExportJob
from .folders import Progress, UploadReport
from .installation import View
from .search_values import Answer, Result, Round, ThingsAnswer
from .values import Mask, Photo, PhotoWithSegments, QueryPhoto, Segment

__all__ = [
    "Answer",
    "AnswerError",
    "AsyncClient",
    "BusyError",
    "Client",
    "ClientError",
    "ConflictError",
    "ConnectionFailedError",
    "ExportFailedError",
    "ExportJob",
    "Filters",
    "ForbiddenError",
    "InsufficientStorageError",
    "InvalidRequestError",
    "Mask",
    "NotFoundError",
    "Options",
    "Photo",
    "PhotoWithSegments",
    "Progress",
    "QueryPhoto",
    "Reference",
    "RejectedFileError",
    "Relation",
    "Result",
    "Retries",
    "Round",
    "Search",
    "Segment",
    "SignInError",
    "Thing",
    "ThingsAnswer",
    "ThingsSearch",
    "UnexpectedAnswerError",
    "UploadReport",
    "View",
]
