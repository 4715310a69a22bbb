"""The forms that settings are written in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

MOST_FRAME_SECONDS = 3600
MOST_DAYS = 36_500
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_ANALYZER_URL = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d+)?/?")


def bytes_of(text: str) -> int | None:
    """A size in bytes, where K, M, G and T are powers of 1024; None if it is malformed."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        return None
    return int(float(found[1]) * 1024 ** " KMGT".index(found[2].upper() or " "))


def interval_of(text: str) -> float | None:
    """A number of seconds; None if it is malformed, too small or too large."""
    if not re.fullmatch(r"\d{1,4}(\.\d{1,3})?", text.strip()):
        return None
    return seconds if 0.1 <= (seconds := float(text)) <= MOST_FRAME_SECONDS else None


def days_of(text: str) -> float | None:
    """A number of days; None if it is malformed or too large."""
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text.strip()):
        return None
    days = float(text)
    return days if days <= MOST_DAYS else None


def faults_of_analyzers(urls: tuple[str, ...], token: str) -> Iterator[str]:
    """What is wrong with the places of analyzers and their token."""
    for url in urls:
        if not _ANALYZER_URL.fullmatch(url) or not _is_port_of(url):
            yield f"SEGSEARCH_ANALYZER_URL={url!r} is not http://HOST:PORT or https://HOST:PORT"
    if not re.fullmatch(r"[!-~]*", token):
        yield "SEGSEARCH_ANALYZER_TOKEN has signs other than those of ASCII, or spaces: choose another one"
    if urls and not token:
        yield "SEGSEARCH_ANALYZER_URL needs SEGSEARCH_ANALYZER_TOKEN, the same as on the analyzer's machine"


def _is_port_of(url: str) -> bool:
    """Whether the port of a URL is a possible one, if it has one."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def faults_of_files(url: str) -> list[str]:
    """What is wrong with the place of uploads, renditions and query photos."""
    if not url or re.match(r"(s3|gs)://[A-Za-z0-9][A-Za-z0-9._-]+(/|$)", url) or folder_of(url):
        return []
    return ["SEGSEARCH_FILES is not s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or file:///FOLDER, without a password"]


def folder_of(url: str) -> Path | None:
    """The folder that is meant by a ``file:///`` URL; None if it is another, or none."""
    path = unquote(url.removeprefix("file://"), errors="surrogateescape")
    return Path(path) if url.startswith("file:///") and path != "/" else None
