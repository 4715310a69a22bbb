"""Three kinds of places beyond this machine, read by fsspec: S3, web servers, and other stores that fsspec knows.

Each lists objects page by page, looks at one, streams its bytes, and signs addresses if it can. What they raise is what
their libraries raise; `stores` says it in words.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from ..errors import StoreUnavailableError
from ..processes.extras import required
from .locations import key_of, object_uri

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
"""How long a server may be silent."""

DOWNLOAD_SECONDS = 600.0
"""How long the download of one object may take, however the server dribbles."""

BLOCK = 4 * 1024**2


@dataclass(frozen=True, slots=True)
class SeenObject:
    """An object or a file on a web server, as it is now.

    Attributes
    ----------
    uri : str
    size : int
        In bytes; -1 where the server does not tell.
    mtime_ns : int
        Time of change; 0 where the server does not tell.
    version : str or None
        Its entity tag (RFC 9110), which changes with its bytes.
    """

    uri: str
    size: int
    mtime_ns: int
    version: str | None


class Remote(Protocol):
    """A kind of place."""

    def pages(self, uri: str) -> Iterator[list[SeenObject]]:
        """Objects below a URI, page by page; nothing is read but their names and dates."""
        ...

    def look(self, uri: str) -> SeenObject:
        """The object at a URI; FileNotFoundError if there is none."""
        ...

    def stream(self, uri: str) -> tuple[SeenObject, Iterator[bytes]]:
        """The object at a URI and its bytes, in blocks; FileNotFoundError if there is none."""
        ...

    def put(self, path: Path, uri: str) -> None:
        """Write a file to an object, in whole or not at all; FileNotFoundError if there is no such bucket."""
        ...

    def delete(self, uri: str) -> None:
        """Delete an object; nothing or FileNotFoundError if there is none."""
        ...

    def signed_url(self, uri: str, seconds: int, name: str) -> str | None:
        """An address by which anybody can download it under a name, for some seconds; None if none can be made."""
        ...


class S3:
    """Objects in S3, and in stores with its API.

    Credentials, region and endpoint come from botocore's environment and profiles; ``FSSPEC_S3_ANON=true`` reads public
    buckets without any.
    """

    @cached_property
    def _files(self) -> Any:
        fsspec = required("fsspec")
        required("s3fs")
        timeouts = {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS, "retries": {"max_attempts": 1}}
        files = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True, config_kwargs=timeouts)
        files.retries = 2
        return files

    def pages(self, uri: str) -> Iterator[list[SeenObject]]:
        """By ListObjectsV2: a thousand objects a page, of which one is in memory.

        Raises
        ------
        StoreUnavailableError
            The listing repeats itself, and would not end.
        """
        bucket, _, prefix = key_of(uri).removeprefix("s3://").partition("/")
        asked: dict[str, str] = {"Bucket": bucket, "Prefix": f"{prefix}/" if prefix else ""}
        tokens, first = set[str](), None
        while True:
            page = self._files.call_s3("list_objects_v2", **asked)
            found = page.get("Contents", [])
            token = page.get("NextContinuationToken") if page.get("IsTruncated") else None
            if token in tokens or (found and found[0]["Key"] == first):
                raise StoreUnavailableError(
                    "the listing repeats itself, and would not end: ask the provider of the store"
                )
            yield [
                _seen(object_uri("s3", f"{bucket}/{each['Key']}"), each)
                for each in found
                if not each["Key"].endswith("/")
            ]
            if token is None:
                return
            tokens.add(token)
            first = found[0]["Key"] if found else first
            asked["ContinuationToken"] = token

    def look(self, uri: str) -> SeenObject:
        """By HeadObject."""
        return _seen(uri, self._files.call_s3("head_object", **self._at(uri)))

    def stream(self, uri: str) -> tuple[SeenObject, Iterator[bytes]]:
        """By one GetObject, so that the bytes are those of one version."""
        answer = self._files.call_s3("get_object", **self._at(uri))
        return _seen(uri, answer), self._blocks(answer["Body"])

    def put(self, path: Path, uri: str) -> None:
        """By PutObject, or in parts if it is large."""
        self._files.put_file(str(path), key_of(uri))

    def delete(self, uri: str) -> None:
        """By DeleteObject."""
        self._files.call_s3("delete_object", **self._at(uri))

    def signed_url(self, uri: str, seconds: int, name: str) -> str | None:
        """A presigned GetObject."""
        disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        return str(self._files.sign(key_of(uri), expiration=seconds, ResponseContentDisposition=disposition))

    def _at(self, uri: str) -> dict[str, str]:
        bucket, _, key = key_of(uri).removeprefix("s3://").partition("/")
        if not key:
            raise FileNotFoundError(uri)
        return {"Bucket": bucket, "Key": key}

    def _blocks(self, body: Any) -> Iterator[bytes]:
        sync, loop, until = required("fsspec.asyn").sync, self._files.loop, time.monotonic() + DOWNLOAD_SECONDS
        try:
            while block := sync(loop, _block, body, timeout=_left(until)):
                yield block
        finally:
            loop.call_soon_threadsafe(body.close)


class Web:
    """Single files on web servers."""

    @cached_property
    def _files(self) -> Any:
        timeouts = required("aiohttp").ClientTimeout(
            total=DOWNLOAD_SECONDS, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS
        )
        options = {"timeout": timeouts, "trust_env": True, "headers": {"Accept-Encoding": "identity"}}
        return required("fsspec").filesystem("http", encoded=True, skip_instance_cache=True, client_kwargs=options)

    def pages(self, uri: str) -> Iterator[list[SeenObject]]:  # noqa: ARG002
        """Nothing: web servers have no listings that can be relied on."""
        yield from ()

    def look(self, uri: str) -> SeenObject:
        """By HEAD, or GET where the server does not know that."""
        return _seen(uri, self._files.info(uri))

    def stream(self, uri: str) -> tuple[SeenObject, Iterator[bytes]]:
        """By one GET, so that the bytes are those of one version."""
        file = self._files.open(uri, block_size=0)
        return _seen(uri, file.r.headers), _read(file)

    def put(self, path: Path, uri: str) -> None:  # noqa: ARG002
        """Refuse: nothing is written to web servers."""
        raise PermissionError(f"nothing can be written to {uri}")

    def delete(self, uri: str) -> None:
        """Refuse: nothing is deleted on web servers."""
        raise PermissionError(f"nothing can be deleted at {uri}")

    def signed_url(self, uri: str, seconds: int, name: str) -> str | None:  # noqa: ARG002
        """None: web servers sign nothing."""
        return None


class Other:
    """A store that fsspec has a package for, such as gcsfs for ``gs``."""

    def __init__(self, scheme: str) -> None:
        self._scheme = scheme

    @cached_property
    def _files(self) -> Any:
        fsspec = required("fsspec")
        return fsspec.filesystem(self._scheme, use_listings_cache=False, skip_instance_cache=True)

    def pages(self, uri: str) -> Iterator[list[SeenObject]]:
        """Folder by folder; a folder is in memory."""
        for _, _, files in self._files.walk(key_of(uri), detail=True, on_error="raise"):
            yield [_seen(object_uri(self._scheme, each["name"]), each) for each in files.values()]

    def look(self, uri: str) -> SeenObject:
        """As the package tells."""
        found = self._files.info(key_of(uri))
        if found.get("type") == "directory":
            raise FileNotFoundError(uri)
        return _seen(uri, found)

    def stream(self, uri: str) -> tuple[SeenObject, Iterator[bytes]]:
        """In several requests, so what is read is compared with what was there before and afterwards."""
        seen = self.look(uri)
        return seen, self._unchanged(seen)

    def put(self, path: Path, uri: str) -> None:
        """As the package writes."""
        self._files.put_file(str(path), key_of(uri))

    def delete(self, uri: str) -> None:
        """As the package deletes."""
        self._files.rm_file(key_of(uri))

    def signed_url(self, uri: str, seconds: int, name: str) -> str | None:  # noqa: ARG002
        """As the package signs, under the object's own name."""
        try:
            return str(self._files.sign(key_of(uri), expiration=seconds))
        except NotImplementedError:
            return None

    def _unchanged(self, seen: SeenObject) -> Iterator[bytes]:
        yield from _read(self._files.open(key_of(seen.uri), "rb", block_size=BLOCK, cache_type="none"))
        if self.look(seen.uri) != seen:
            raise StoreUnavailableError("it was changed while it was read: ingest it again when it is complete")


async def _block(body: Any) -> bytes:
    """The next bytes of an answer, as many as there are up to a block."""
    parts, count = list[bytes](), 0
    while count < BLOCK and (part := await body.read(BLOCK - count)):
        parts.append(part)
        count += len(part)
    return b"".join(parts)


def _read(file: Any) -> Iterator[bytes]:
    until = time.monotonic() + DOWNLOAD_SECONDS
    with file:
        while block := file.read(BLOCK):
            _left(until)
            yield block


def _left(until: float) -> float:
    """Seconds that are left."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError(f"it took longer than {DOWNLOAD_SECONDS:.0f} s")
    return left


def _seen(uri: str, told: Mapping[str, Any]) -> SeenObject:
    """An object by what a listing, a look or the headers of an answer tell of it, each by their own names."""
    size = _first(told, "Size", "size", "ContentLength", "Content-Length")
    version = _first(told, "ETag", "etag", "generation")
    moment = _first(told, "LastModified", "Last-Modified", "mtime", "updated", "modified")
    return SeenObject(
        uri, int(size) if size is not None else -1, _nanoseconds(moment), str(version).strip('"') if version else None
    )


def _first(told: Mapping[str, Any], *names: str) -> Any:
    return next((told[name] for name in names if told.get(name) is not None), None)


def _nanoseconds(moment: Any) -> int:
    """A time of change in ns since 1970; 0 if it cannot be read."""
    if isinstance(moment, str):
        try:
            moment = parsedate_to_datetime(moment) if "," in moment else datetime.fromisoformat(moment)
        except ValueError:
            return 0
    if not isinstance(moment, datetime):
        return 0
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * 10**9


def remote_of(uri: str, known: dict[str, Remote]) -> Remote:
    """What reads a URI, made once for each scheme."""
    scheme = urlsplit(uri).scheme
    kind = "http" if scheme == "https" else scheme
    if kind not in known:
        known[kind] = S3() if kind == "s3" else Web() if kind == "http" else Other(kind)
    return known[kind]


def files_below(remote: Remote, uri: str) -> Iterator[SeenObject]:
    """Objects at and below a URI, those in hidden folders left out."""
    prefix = f"{uri}/"
    for seen in itertools.chain.from_iterable(remote.pages(uri)):
        if not any(part.startswith(".") for part in seen.uri.removeprefix(prefix).split("/")[:-1]):
            yield seen
