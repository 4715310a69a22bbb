"""Opens the photos and videos that a worker has claimed, and says why one cannot be used."""

from __future__ import annotations

import re
from io import BufferedReader

from retrieval.catalog.records import Job
from retrieval.errors import ImageError, StoreUnavailableError, UnreadableImageError
from retrieval.storage.opening import Originals
from retrieval.storage.originals import digest_of

CHANGED = "the file has changed since it was registered: ingest it again"


def open_photo(originals: Originals, job: Job) -> BufferedReader:
    """Open a photo at the first of its places where its bytes are.

    Raises
    ------
    UnreadableImageError
        They are nowhere.
    StoreUnavailableError
        They may be in a store that cannot be read now.
    """
    reason, unavailable = "it has no location any more: ingest it again", None
    for uri in job.uris:
        try:
            file = originals.open(uri, job.sha256)
            if file is not None and digest_of(file) == job.sha256:
                return file
            reason = CHANGED if file is not None else "not a regular file; give the path of a picture"
        except StoreUnavailableError as error:
            unavailable = error
        except OSError as error:
            reason = f"cannot be opened ({error.strerror or error}); check the path and the permissions"
    raise unavailable or UnreadableImageError(reason)


def plain_reason(error: ImageError) -> str:
    """What is wrong with the picture, without the path by which it was opened."""
    return re.sub(r"^/proc/\d+/fd/\d+: ", "", str(error))
