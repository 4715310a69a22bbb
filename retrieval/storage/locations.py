"""Where a photo's bytes are, as a URI: of a file, of an object in a store, or of a file on a web server.

A file's URI is ``file:///photos/a%20b.jpg``; an object's is ``s3://bucket/a%20b.jpg``, with its key quoted as the path
of a file is, so that places sort and are compared in one way. People write and read keys as they are, as the tools of
stores do.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import parse_qsl, quote, quote_from_bytes, unquote_to_bytes, urlsplit

from ..errors import ConfigurationError

FILE = "file://"
BUCKETS = ("s3", "gs")
"""Schemes of stores, whose objects have keys in buckets."""

WEB = ("http", "https")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_URL_SIGNS = "/:@!$&'()*+,;=-._~%"
_SECRETS = re.compile(
    r"(?i)(x-(amz|goog)-(signature|credential|security-token)|signature|sig|token|access_?token|api_?key|password)"
)


def uri_of(path: Path) -> str:
    """A path as a file URI, as `Path.as_uri` but quicker; also for names that are not UTF-8."""
    return FILE + quote_from_bytes(os.fsencode(os.path.abspath(path)))  # noqa: PTH100  # takes ".." out without following links


def path_of(uri: str) -> Path:
    """The path of a file URI.

    Raises
    ------
    ValueError
        It is the URI of an object, which has no path here.
    """
    if not is_file(uri):
        raise ValueError(f"{uri} is no file of this machine")
    return Path(_unquoted(urlsplit(uri).path))


def is_file(uri: str) -> bool:
    """Whether a URI is that of a file of this machine."""
    return uri.startswith(FILE)


def has_scheme(text: str) -> bool:
    """Whether a text is meant as a URI, and not as a path."""
    return _SCHEME.match(text) is not None


def uri_from(text: str) -> str:
    """The URI of a file, an object or a folder of objects, as a person writes it.

    Parameters
    ----------
    text : str
        ``file:///folder``, ``s3://bucket/key``, ``gs://bucket/key`` or the URL of a file on a web server. Keys are
        taken as they are; URLs are quoted already, or are quoted here.

    Raises
    ------
    ConfigurationError
        Nothing can be read there, or it has a password, which would be stored and shown. The message has no part of
        it that may be secret.
    """
    scheme = _SCHEME.match(text)
    kind = scheme[1].lower() if scheme else ""
    if scheme is None or kind not in (*BUCKETS, *WEB, "file"):
        raise ConfigurationError(
            f"{kind or 'this'}:// is not known: give a folder, file:///…, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, or "
            "the http(s):// address of one file"
        )
    if kind == "file":
        return _of_file_uri(text)
    rest = text[scheme.end() :]
    if "@" in rest.partition("/")[0]:
        raise ConfigurationError(
            f"the {kind}:// address has a user name or password in it, which would be stored: leave it out, and give "
            "the credentials by the environment or profile of the store (AWS_ACCESS_KEY_ID, AWS_PROFILE, …)"
        )
    return _of_key(kind, rest) if kind in BUCKETS else _of_url(kind, rest)


def folder_uri(text: str) -> str:
    """The beginning of the URIs of everything in a folder, which is a path or a URI as in `uri_from`.

    Raises
    ------
    ConfigurationError
        It is neither an absolute path nor a URI of a known kind.
    """
    if has_scheme(text):
        return uri_from(f"{text.rstrip('/')}/x")[:-1]
    if not text.startswith("/"):
        raise ConfigurationError(f"{text!r} is not an absolute path, nor a URI")
    path = os.fsdecode(text.encode("utf-8", "surrogateescape"))
    return uri_of(Path(path)).rstrip("/") + "/"


def displayed(uri: str) -> str:
    r"""A URI as people read it: the path of a file, or an object's address; bytes that are not UTF-8 as ``\xNN``."""
    if is_file(uri):
        return os.fsencode(path_of(uri)).decode("utf-8", "backslashreplace")
    return uri if _is_web(uri) else unquote_to_bytes(uri).decode("utf-8", "backslashreplace")


def name_of(uri: str) -> str:
    """The last part of the path of a URI."""
    return PurePosixPath(_unquoted(urlsplit(uri).path)).name


def folder_name_of(uri: str) -> str:
    """The name of the folder that a file or object is in; the bucket where there is no other."""
    parts = urlsplit(uri)
    return _unquoted(f"{parts.netloc}{parts.path}".rpartition("/")[0].rpartition("/")[2])


def key_of(uri: str) -> str:
    """The address of an object as the libraries of stores take it: with its key as it is."""
    return uri if _is_web(uri) else _unquoted(uri)


def object_uri(scheme: str, path: str) -> str:
    """The URI of an object.

    Parameters
    ----------
    scheme : str
        In `BUCKETS`.
    path : str
        Bucket and key, as they are.
    """
    return f"{scheme}://{quote_from_bytes(os.fsencode(path))}"


def _unquoted(text: str) -> str:
    return os.fsdecode(unquote_to_bytes(text))


def _is_web(uri: str) -> bool:
    return uri.partition("://")[0] in WEB


def _of_file_uri(text: str) -> str:
    parts = urlsplit(text)
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise ConfigurationError(f"{text} is no file of this machine: give file:///FOLDER, or the path of the folder")
    return uri_of(Path(_unquoted(parts.path)))


def _of_key(scheme: str, rest: str) -> str:
    bucket, _, key = rest.partition("/")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}", bucket):
        raise ConfigurationError(
            f"{scheme}://{rest} names no bucket: give {scheme}://BUCKET or {scheme}://BUCKET/PREFIX"
        )
    return object_uri(scheme, f"{bucket}/{key}".rstrip("/"))


def _of_url(scheme: str, rest: str) -> str:
    parts = urlsplit(f"{scheme}://{rest}")
    if not parts.hostname or not parts.path.strip("/"):
        raise ConfigurationError(f"{scheme}://{rest} is no address of a file: give one such as https://HOST/photo.jpg")
    if secret := next((name for name, _ in parse_qsl(parts.query) if _SECRETS.fullmatch(name)), None):
        raise ConfigurationError(
            f"the address on {parts.hostname} has {secret!r}, which looks like a password or signature and would be "
            "stored: give an address without one"
        )
    query = f"?{quote(parts.query, _URL_SIGNS + '?')}" if parts.query else ""
    return f"{scheme}://{parts.netloc.lower()}{quote(parts.path, _URL_SIGNS)}{query}"


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file or object that was found, with the digest of its bytes.

    Attributes
    ----------
    uri, sha256 : str
    size, mtime_ns : int
    uploaded_as : str or None
        Of an upload the name that it had, after its folder.
    restores : bool
        Whether it takes its photo out of the trash: it was named or uploaded by somebody who wants it.
    version : str or None
        The entity tag (RFC 9110) of an object; None for files.
    """

    uri: str
    sha256: str
    size: int
    mtime_ns: int
    uploaded_as: str | None = None
    restores: bool = False
    version: str | None = None


Registration = Literal["new", "unchanged", "duplicate", "restored", "deleted"]


@dataclass(frozen=True, slots=True)
class Registered:
    """The outcome of registering a file, and whether its photo, if already known, is still pending.

    A photo that was ``restored`` had been in the trash; one that is ``deleted`` stays there.
    """

    image_id: int
    outcome: Registration
    waits: bool = False
