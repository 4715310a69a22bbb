"""How settings are written: each function reads the text of one, and says in a ValueError what the text is not."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

MOST_FRAME_SECONDS = 3600
MOST_DAYS = 36_500
MOST_SIGNED_SECONDS = 7 * 86_400
_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_BUCKET = re.compile(r"(s3|gs)://[A-Za-z0-9][A-Za-z0-9._-]+(/.*)?")
_ANALYZER_URL = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d+)?/?")


def data_dir_of(text: str) -> Path:
    """An absolute folder, which need not be there yet."""
    try:
        folder = Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError("starts with the home folder of a user who is unknown here") from error
    try:
        str(folder).encode()
    except UnicodeEncodeError as error:
        raise ValueError("is not UTF-8: choose a path that is") from error
    if folder.exists() and not folder.is_dir():
        raise ValueError("is not a folder")
    return folder


def database_url_of(text: str) -> str:
    """The URL of a database; it may be empty."""
    if text and "://" not in text:
        raise ValueError(
            "is not an SQLAlchemy URL such as postgresql+psycopg://user:password@host/database or "
            "sqlite:////path/catalog.db"
        )
    return text


def files_of(text: str) -> str:
    """The URL of a bucket or folder; it may be empty."""
    if text and not _BUCKET.fullmatch(text) and not folder_of(text):
        raise ValueError("is not s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or file:///FOLDER, without a password")
    return text.rstrip("/")


def folder_of(url: str) -> Path | None:
    """The folder that is meant by a ``file:///`` URL; None if it is another, or none."""
    path = unquote(url.removeprefix("file://"), errors="surrogateescape")
    return Path(path) if url.startswith("file:///") and path != "/" else None


def device_of(text: str) -> str:
    """A device of torch, or ``auto``."""
    if not _DEVICE.fullmatch(text):
        raise ValueError("must be auto, cpu, cuda or cuda:N")
    return text


def analyzer_urls_of(text: str) -> tuple[str, ...]:
    """Addresses between commas or spaces."""
    urls = tuple(filter(None, re.split(r"[,\s]+", text)))
    if not all(_ANALYZER_URL.fullmatch(url) and _is_port_of(url) for url in urls):
        raise ValueError("is not http://HOST:PORT or https://HOST:PORT, nor several of these between commas")
    return urls


def _is_port_of(url: str) -> bool:
    """Whether the port of a URL is a possible one, if it has one."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def token_of(text: str) -> str:
    """What can be sent in a header."""
    if not re.fullmatch(r"[!-~]*", text):
        raise ValueError("has signs other than those of ASCII, or spaces: choose another one")
    return text


def redis_url_of(text: str) -> str:
    """The URL of a Redis server; it may be empty."""
    if not re.match(r"rediss?://|$", text):
        raise ValueError("is not redis://HOST:6379 or rediss://HOST:6379")
    return text


def bytes_of(text: str) -> int:
    """A size, where K, M, G and T are powers of 1024."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError("is not a size such as 500M, 20G or 0")
    return int(float(found[1]) * 1024 ** " KMGT".index(found[2].upper() or " "))


def signed_seconds_of(text: str) -> int:
    """A whole number of seconds."""
    if not text.isdecimal() or int(text) > MOST_SIGNED_SECONDS:
        raise ValueError(f"is not a whole number of seconds from 0 to {MOST_SIGNED_SECONDS}")
    return int(text)


def days_of(text: str) -> float:
    """A number of days."""
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text.strip()) or float(text) > MOST_DAYS:
        raise ValueError(f"is not a number of days from 0 to {MOST_DAYS}")
    return float(text)


def interval_of(text: str) -> float:
    """A number of seconds."""
    if not re.fullmatch(r"\d{1,4}(\.\d{1,3})?", text.strip()) or not 0.1 <= float(text) <= MOST_FRAME_SECONDS:
        raise ValueError(f"is not a number of seconds from 0.1 to {MOST_FRAME_SECONDS}")
    return float(text)
