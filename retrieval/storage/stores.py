"""Reads photos from object stores and web servers: lists what is there, and downloads it, with bounded patience.

Only the files that SegSearch itself keeps are written there (`bucket_files`). What a store is asked again, and for how
long, is decided here: a request that fails is repeated a few times, and a server that did not answer is left alone for
some seconds, so that thousands of photos do not each wait for it.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import urlsplit

from ..errors import ConfigurationError, ImageTooLargeError, StoreUnavailableError
from .locations import displayed
from .remote import Remote, SeenObject, files_below, remote_of

ATTEMPTS = 3
PAUSE_SECONDS = 0.5
"""How often a download that failed is tried, and the first pause after it."""

DOWN_SECONDS = 15.0
"""How long a server that did not answer is left alone."""

FIRST_BYTES = 4096

_MISSING, _REFUSED = (404, 410), (401, 403)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Downloaded:
    """An object whose bytes were read, and their SHA-256."""

    seen: SeenObject
    sha256: str


class ObjectStores:
    """Objects by their URIs; safe among threads. Libraries are loaded, and connections made, when first needed."""

    def __init__(self) -> None:
        self._remotes: dict[str, Remote] = {}
        self._down: dict[str, tuple[float, str]] = {}

    def below(self, uri: str) -> Iterator[SeenObject]:
        """All objects at and below a URI, as a listing tells; a page of them is in memory.

        Raises
        ------
        FileNotFoundError
            There is nothing.
        StoreUnavailableError
            The listing fails, at the beginning or on the way, or there is no such bucket.
        """
        found = False
        with _told(uri, whole_bucket=True):
            for seen in files_below(self._remote(uri), uri):
                found = True
                yield seen
        if urlsplit(uri).path.strip("/"):
            try:
                yield self.look(uri)
            except FileNotFoundError:
                if not found:
                    raise
        elif not found:
            raise FileNotFoundError(2, "the bucket is empty")

    def look(self, uri: str) -> SeenObject:
        """The object at a URI.

        Raises
        ------
        FileNotFoundError
            There is none.
        StoreUnavailableError
        """
        return self._patiently(uri, lambda: self._remote(uri).look(uri))

    def is_there(self, uri: str) -> bool:
        """Whether there is an object at a URI; raises StoreUnavailableError as `look`."""
        try:
            self.look(uri)
        except FileNotFoundError:
            return False
        return True

    def download(
        self, uri: str, target: BinaryIO, *, most_bytes: int, accepts: Callable[[bytes], bool] = lambda _: True
    ) -> Downloaded | None:
        """Write an object's bytes to a file.

        Parameters
        ----------
        uri : str
        target : binary file
            Empty, writable and seekable.
        most_bytes : int
        accepts : callable
            Whether the object is wanted, by its first bytes: at least 4 KiB, or all there are.

        Returns
        -------
        Downloaded or None
            None if it is not wanted; then only the first block was read.

        Raises
        ------
        FileNotFoundError
            There is no such object.
        ImageTooLargeError
            It has more than `most_bytes`; the rest is not read.
        StoreUnavailableError
        """

        def attempt() -> Downloaded | None:
            target.seek(0)
            target.truncate()
            return _copied(*self._remote(uri).stream(uri), target, most_bytes, accepts)

        return self._patiently(uri, attempt)

    def upload(self, path: Path, uri: str) -> None:
        """Write a file to an object; a reader sees all of it, or what was there before.

        Raises
        ------
        StoreUnavailableError
        """
        self._patiently(uri, lambda: self._remote(uri).put(path, uri), writing=True)

    def remove(self, uri: str) -> None:
        """Delete an object, if it is there; raises as `upload`."""
        with suppress(FileNotFoundError):
            self._patiently(uri, lambda: self._remote(uri).delete(uri))

    def signed_url(self, uri: str, seconds: int, name: str) -> str | None:
        """An address by which anybody can download an object, for some seconds; None if its store makes none.

        Raises
        ------
        StoreUnavailableError
            There are no credentials to sign with.
        """
        with _told(uri):
            return self._remote(uri).signed_url(uri, seconds, name)

    def _remote(self, uri: str) -> Remote:
        return remote_of(uri, self._remotes)

    def _patiently(self, uri: str, attempt: Callable[[], T], *, writing: bool = False) -> T:
        """Try a few times, unless the server has just failed to answer, or another try would end alike."""
        server = "//".join(urlsplit(uri)[:2])
        until, reason = self._down.get(server, (0.0, ""))
        if time.monotonic() < until:
            raise StoreUnavailableError(f"{displayed(uri)}: {reason}")
        for number in range(1, ATTEMPTS + 1):
            try:
                with _told(uri, whole_bucket=writing):
                    return attempt()
            except _RefusedError:
                raise
            except StoreUnavailableError as error:
                if number == ATTEMPTS:
                    if isinstance(error, _SilentError):
                        self._down[server] = time.monotonic() + DOWN_SECONDS, error.reason
                    raise
                time.sleep(PAUSE_SECONDS * 2 ** (number - 1))
        raise AssertionError("there was no attempt")


class _RefusedError(StoreUnavailableError):
    """Another try would end alike."""


class _SilentError(StoreUnavailableError):
    """The server did not answer."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.reason = reason


def _copied(
    seen: SeenObject, blocks: Iterator[bytes], target: BinaryIO, most_bytes: int, accepts: Callable[[bytes], bool]
) -> Downloaded | None:
    """Write blocks to a file, unless the first is not accepted or there are too many bytes."""
    digest, size = hashlib.sha256(), 0
    with closing(blocks):  # type: ignore[type-var]  # they are generators
        for block in itertools.chain([_beginning(blocks)], blocks):
            if not size and not accepts(block):
                return None
            size += len(block)
            if size > most_bytes:
                raise ImageTooLargeError(f"it has more than the {most_bytes:,} bytes that are read at most")
            digest.update(block)
            target.write(block)
    target.flush()
    return Downloaded(replace(seen, size=size), digest.hexdigest())


def _beginning(blocks: Iterator[bytes]) -> bytes:
    """The first bytes: at least `FIRST_BYTES`, or all there are."""
    found = b""
    while len(found) < FIRST_BYTES and (block := next(blocks, b"")):
        found += block
    return found


@contextmanager
def _told(uri: str, *, whole_bucket: bool = False) -> Iterator[None]:
    """Say what a library raises in words that help.

    Raises
    ------
    FileNotFoundError
        There is no such object; if only the bucket is needed, StoreUnavailableError: there is no such bucket.
    StoreUnavailableError
    ConfigurationError
        A package is missing.
    """
    where = displayed(uri)
    try:
        yield
    except (GeneratorExit, ConfigurationError, ImageTooLargeError):
        raise
    except StoreUnavailableError as error:
        raise StoreUnavailableError(f"{where}: {error}") from error
    except FileNotFoundError as error:
        if error.__cause__ is not None and _status(error) not in _MISSING:  # so fsspec calls whatever a web server says
            raise _failure(where, error) from error
        if whole_bucket:
            raise _RefusedError(f"{where}: there is no such bucket: check its name and the endpoint") from error
        raise FileNotFoundError(2, "there is no such object") from error
    except ImportError as error:
        raise ConfigurationError(f"{where} needs a package that is not installed: {error}") from error
    except Exception as error:
        raise _failure(where, error) from error


def _failure(where: str, error: Exception) -> StoreUnavailableError:
    """What went wrong, by the kind of error: each library has its own, with or without the status of an answer."""
    status = _status(error)
    if isinstance(error, PermissionError) or status in _REFUSED:
        return _RefusedError(
            f"{where}: access was denied ({error}): check the credentials in the environment or profile of the "
            "store, and that they allow listing and reading, and writing and deleting what SegSearch keeps there"
        )
    if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "NoRegionError"):
        return _RefusedError(
            f"{where}: {error}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or "
            "FSSPEC_S3_ANON=true for a public bucket"
        )
    cause = error.__cause__ or error
    reason = str(cause) or type(cause).__name__
    if status is not None:
        return StoreUnavailableError(f"{where}: {reason}")
    return _SilentError(where, f"the server cannot be reached, or does not answer in time ({reason}); try again later")


def _status(error: BaseException | None) -> int | None:
    """The HTTP status that an error is about, or the one that caused it."""
    while error is not None:
        status = getattr(error, "status", None)
        answer = getattr(error, "response", None)
        if status is None and isinstance(answer, dict):
            status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if isinstance(status, int):
            return status
        error = error.__cause__
    return None
