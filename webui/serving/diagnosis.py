"""What is wrong with an installation, and what cures it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from retrieval.processes.duties import DutyRecord
from retrieval.processes.program import PROGRAM

from ..context import WebContext, outdated
from ..texts import gettext, ngettext

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
        yield _bad(gettext("No photos are accepted: %(why)s.", why=shortage), command=f"{PROGRAM} clean")
    if (fault := parts.files.fault()) is not None:
        yield _bad(
            gettext("Uploads and previews cannot be kept where SEGSEARCH_FILES says: %(why)s.", why=fault),
            command=f"{PROGRAM} doctor",
        )
    if (reason := outdated()) is not None:
        yield _bad(gettext("This server must be restarted: %(why)s.", why=reason))
    if not is_fresh:
        yield _bad(
            gettext(
                "This server no longer follows the catalogue, so searches miss new photos. See its log, restart it."
            )
        )
    if not parts.analyzer_is_up():
        yield _bad(
            gettext(
                "The analyzer is not running, so nobody can search with a photo of their own. It is restarted by "
                "itself; if this stays, see the server's log."
            )
        )
    yield from _of_machines(parts)
    if index_error is not None:
        yield _warning(
            gettext(
                "The index files cannot be used: %(error)s. Searches read the catalogue instead, which takes longer at "
                "the start of a server.",
                error=index_error,
            ),
            command=f"{PROGRAM} rebuild-index",
        )


def _of_machines(parts: WebContext) -> Iterator[Found]:
    """Processes whose recipe is another one than this server's: what they enter is not found by its searches."""
    recipe = parts.assembly.recipe_spec.fingerprint
    for each in parts.assembly.shared.processes.all():
        if not each.is_gone and each.fingerprint != recipe:
            text = gettext(
                "A process on %(host)s uses recipe %(other)s, and this server %(recipe)s: searches find only what was "
                "analysed with their own. Start all with one SEGSEARCH_RECIPE.",
                host=each.host,
                other=each.recipe,
                recipe=parts.assembly.recipe_spec.name,
            )
            yield _warning(text)


def _of_duties(failing: list[DutyRecord]) -> Iterator[Found]:
    for each in failing:
        cure = {"command": f"{PROGRAM} rebuild-index"} if each.name == "publish" else {}
        text = ngettext(
            "The background task “%(name)s” failed once, and is retried by itself: %(error)s",
            "The background task “%(name)s” failed %(num)s times, and is retried by itself: %(error)s",
            each.failures,
            name=each.name,
            error=each.error,
        )
        yield _bad(text, **cure)


def _of_ingest(parts: WebContext) -> Iterator[Found]:
    counts, waiting = parts.catalog.images.counts(), parts.assembly.ingest_overview.waiting()
    recipe = parts.assembly.recipe_spec.fingerprint
    others = sum(count for wanted, count in waiting.items() if wanted not in (None, recipe))
    mine = sum(waiting.values()) - others
    if parts.ingest_queue.orders().paused:
        text = ngettext(
            "Ingest is paused; %(num)s photo waits.", "Ingest is paused; %(num)s photos wait.", mine + others
        )
        yield _warning(text, action="resume")
    elif mine and not worker_seen(parts):
        text = ngettext(
            "%(num)s photo waits, and no worker runs on any machine.",
            "%(num)s photos wait, and no worker runs on any machine.",
            mine,
        )
        yield _bad(text, command=f"{PROGRAM} worker")
    if others:
        text = ngettext(
            "%(num)s photo waits for a worker with another recipe.",
            "%(num)s photos wait for a worker with another recipe.",
            others,
        )
        yield _warning(text, page="/recipes")
    if counts["failed"]:
        text = ngettext("%(num)s photo could not be added.", "%(num)s photos could not be added.", counts["failed"])
        yield _warning(text, action="retry-failed", page="/upload#failures")
    analysed = parts.catalog.images.recipes()
    older = sum(count for each, count in analysed.items() if each != recipe)
    if older:
        text = ngettext(
            "%(num)s photo was analysed with another recipe than the current one.",
            "%(num)s photos were analysed with another recipe than the current one.",
            older,
        )
        yield _warning(text, page="/recipes")


def worker_seen(parts: WebContext) -> bool:
    """Whether a worker is running, on any machine."""
    return any(each.kind == "worker" and not each.is_gone for each in parts.assembly.shared.processes.all())


def _bad(text: str, **cure: str) -> Found:
    return _finding("bad", text, cure)


def _warning(text: str, **cure: str) -> Found:
    return _finding("warning", text, cure)


def _finding(level: str, text: str, cure: dict[str, str]) -> Found:
    return {"level": level, "text": text, "command": None, "action": None, "page": None, **cure}
