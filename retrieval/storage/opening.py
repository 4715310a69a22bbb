"""Opens the bytes of photos: files where they lie, and objects of stores as copies on this machine."""

from __future__ import annotations

import errno
from collections.abc import Callable
from io import BufferedReader

from ..errors import ImageTooLargeError
from ..settings import Settings
from .copies import Copies
from .locations import is_file, path_of
from .originals import open_regular
from .stores import Downloaded, ObjectStores

MOST_BYTES = 2 * 1024**3
"""Larger objects are not downloaded; decoders refuse them, too."""


class Originals:
    """Files of photos; safe among threads.

    Parameters
    ----------
    settings : Settings

    Attributes
    ----------
    stores : ObjectStores
    copies : Copies
    """

    def __init__(self, settings: Settings) -> None:
        self.stores = ObjectStores()
        self.copies = Copies(settings)

    def open(self, uri: str, sha256: str) -> BufferedReader | None:
        """Open what is at the place of a photo; the caller compares its digest, for it may be something else now.

        Parameters
        ----------
        uri : str
            Of a file, or of an object.
        sha256 : str
            Digest of the photo: an object is not asked for while there is a copy of these bytes.

        Returns
        -------
        BufferedReader or None
            None for what is no regular file.

        Raises
        ------
        StoreUnavailableError
            The object cannot be read now. It is an OSError.
        OSError
            The file or object does not exist or cannot be read.
        """
        if is_file(uri):
            return open_regular(path_of(uri))
        if (copy := self.copies.open(sha256)) is not None:
            return copy
        try:
            found = self.download(uri)
        except ImageTooLargeError as error:
            raise OSError(errno.EFBIG, str(error)) from error
        return None if found is None else found[1]

    def download(
        self, uri: str, accepts: Callable[[bytes], bool] = lambda _: True
    ) -> tuple[Downloaded, BufferedReader] | None:
        """Download an object, and open the copy of it.

        Parameters
        ----------
        uri, accepts
            As in `ObjectStores.download`, whose errors this raises.

        Returns
        -------
        tuple of (Downloaded, BufferedReader), or None
            None if it is not wanted.
        """
        with self.copies.making() as file:
            found = self.stores.download(uri, file, most_bytes=MOST_BYTES, accepts=accepts)
            return None if found is None else (found, self.copies.keep(file, found.sha256))
