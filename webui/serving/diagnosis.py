"""What is wrong with an installation, and what cures it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from retrieval.processes.duties import DutyRecord
from retrieval.processes.program import PROGRAM

from ..context import WebContext

ALIVE = timedelta(seconds=120)
"""A running worker publishes every 30 s; if none has for so long, none runs."""

Found = dict[str, Any]
"""The fields of a finding (`webui.api.health_schemas.Finding`)."""


def findings(parts: WebContext, *, is_fresh: bool, index_error: str | None) -> list[Found]:
    """What is wrong, worst first.

    Parameters
    ----------
    parts : WebContext
    is_fresh : bool
        Whether this server follows the catalogue.
    index_error : str or None
        Why the index files cannot be read.
    """
    found = [
        *_of_server(parts, is_fresh=is_fresh, index_error=index_error),
        *_of_duties(parts.assembly.duties.failing()),
        *_of_ingest(parts),
    ]
    return sorted(found, key=lambda each: each["level"] != "bad")


def _of_server(parts: WebContext, *, is_fresh: bool, index_error: str | None) -> Iterator[Found]:
    if shortage := parts.assembly.storage.shortage():
        yield _bad(f"No photos are accepted: {shortage}.", command=f"{PROGRAM} clean")
    if not is_fresh:
        yield _bad("This server no longer follows the catalogue, so searches miss new photos. See its log, restart it.")
    if not parts.analyzer_is_up():
        yield _bad(
            "The analyzer is not running, so nobody can search with a photo of their own. It is restarted by itself; "
            "if this stays, see the server's log."
        )
    if index_error is not None:
        yield _warning(
            f"The index files cannot be used: {index_error}. Searches read the catalogue instead, which takes longer "
            "at the start of a server.",
            command=f"{PROGRAM} rebuild-index",
        )


def _of_duties(failing: list[DutyRecord]) -> Iterator[Found]:
    for each in failing:
        cure = {"command": f"{PROGRAM} rebuild-index"} if each.name == "publish" else {}
        times = f"{each.failures} times" if each.failures > 1 else "once"
        yield _bad(f"The background task “{each.name}” failed {times}, and is retried by itself: {each.error}", **cure)


def _of_ingest(parts: WebContext) -> Iterator[Found]:
    counts, waiting = parts.catalog.images.counts(), parts.assembly.ingest_overview.waiting()
    recipe = parts.assembly.recipe_spec.fingerprint
    others = sum(count for wanted, count in waiting.items() if wanted not in (None, recipe))
    mine = sum(waiting.values()) - others
    if parts.ingest_queue.orders().paused:
        yield _warning(f"Ingest is paused; {_photos(mine + others, 'waits', 'wait')}.", action="resume")
    elif mine and not worker_seen(parts):
        yield _bad(
            f"{_photos(mine, 'waits', 'wait')}, and no worker was seen in the last {ALIVE.seconds // 60} minutes.",
            command=f"{PROGRAM} worker",
        )
    if others:
        text = f"{_photos(others, 'waits', 'wait')} for a worker with another recipe."
        yield _warning(text, page="/recipes")
    if counts["failed"]:
        text = f"{_photos(counts['failed'], 'could', 'could')} not be added."
        yield _warning(text, action="retry-failed", page="/upload#failures")
    analysed = parts.catalog.images.recipes()
    older = sum(count for each, count in analysed.items() if each != recipe)
    if older:
        text = f"{_photos(older, 'was', 'were')} analysed with another recipe than the current one."
        yield _warning(text, page="/recipes")


def worker_seen(parts: WebContext) -> bool:
    """Whether a worker is running, by what it holds and by its latest publishing of the index."""
    if any(not each.is_gone for each in parts.assembly.ingest_overview.workers()):
        return True
    moments = [each.succeeded_at for each in parts.assembly.duties.records() if each.succeeded_at]
    return any(datetime.now(UTC) - datetime.fromisoformat(each) < ALIVE for each in moments)


def _photos(count: int, one: str, many: str) -> str:
    """Such as "1 photo waits" or "1,204 photos wait"."""
    return f"1 photo {one}" if count == 1 else f"{count:,} photos {many}"


def _bad(text: str, **cure: str) -> Found:
    return _finding("bad", text, cure)


def _warning(text: str, **cure: str) -> Found:
    return _finding("warning", text, cure)


def _finding(level: str, text: str, cure: dict[str, str]) -> Found:
    return {"level": level, "text": text, "command": None, "action": None, "page": None, **cure}
