"""The state of the installation, on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.text import Text

from retrieval.assembly import Assembly
from retrieval.catalog.records import ProcessRecord
from retrieval.errors import IndexFileError, IndexMissingError
from retrieval.index.inverted import Tuning
from retrieval.processes.duties import DutyRecord
from retrieval.processes.program import PROGRAM
from retrieval.processes.tables import Console, Table
from retrieval.processes.terminal import echo_json
from retrieval.storage.disk import size

STATES = {
    "indexed": "indexed",
    "empty": "without segments",
    "working": "in progress",
    "pending": "waiting",
    "failed": "failed",
}
"""What each state of a photo is called."""


def print_status(assembly: Assembly, *, as_json: bool) -> None:
    """Photos by state, the recipe, the index and the background duties: a table, or one JSON object."""
    found, duties = _found(assembly), assembly.duties.records()
    if as_json:
        echo_json({**found, "duties": [asdict(each) for each in duties]})
        return
    table = Table(show_header=False)
    for name, text in _lines(found):
        table.add_row(name, text)
    for duty in duties:
        table.add_row(duty.name, Text(_told_duty(duty), style="red" if duty.failing_since else ""))
    Console().print(table)


def _found(assembly: Assembly) -> dict[str, Any]:
    """The object that ``status --json`` prints, except for the duties."""
    recipes, fingerprint = assembly.catalog.images.recipes(), assembly.recipe_spec.fingerprint
    segments = assembly.catalog.vectors.contents(assembly.recipe_spec.space).segments
    return {
        "home": str(assembly.settings.data_dir),
        "recipe": fingerprint,
        "photos": assembly.catalog.images.counts(),
        "trash": assembly.trash.count(),
        "other_recipes": {name: count for name, count in recipes.items() if name != fingerprint},
        "segments": segments,
        "index": _index(assembly, segments),
        "processes": [_process(each) for each in assembly.shared.processes.all()],
        "analyzer_up": assembly.remote_analyzer().is_up(),
    }


def _process(record: ProcessRecord) -> dict[str, Any]:
    told = asdict(record)
    return told | {name: told[name].isoformat(timespec="seconds") for name in ("started_at", "seen_at")}


def _index(assembly: Assembly, segments: int) -> dict[str, Any]:
    """What is written of the index of segments, or how much another package's index holds."""
    if not assembly.indexes.is_local:
        stats = assembly.indexes.segments().index.stats()
        return {"name": assembly.settings.index, "segments": stats.count, "pending": stats.pending}
    try:
        manifest = assembly.indexes.segment_files.manifest()
    except IndexMissingError as error:
        return {"error": str(error)} if segments else {"segments": 0}
    except IndexFileError as error:
        return {"error": str(error)}
    return {
        "segments": manifest.count,
        "written_at": manifest.written_at,
        "bytes": manifest.bytes,
        "recall_target": manifest.recall,
        "parts": [f"{part.count} {_kind(part.tuning)}" for part in manifest.parts],
    }


def _kind(tuning: Tuning | None) -> str:
    if tuning is None:
        return "exact"
    lists = f"in {tuning.lists} lists, {tuning.nprobe} searched"
    return f"{lists}, {tuning.bits} bits, {tuning.spare} spare candidates, recall {tuning.recall:.3f}"


def _lines(found: dict[str, Any]) -> Iterator[tuple[str, str | Text]]:
    """Rows of the table."""
    counts, others = found["photos"], found["other_recipes"]
    states = [f"{counts[state]:,} {name}" for state, name in STATES.items() if counts[state]]
    yield "data directory", found["home"]
    yield "recipe", found["recipe"]
    yield "photos", ", ".join(states) or f"none yet: run `{PROGRAM} ingest FOLDER`"
    if counts["failed"]:
        yield "", f"the web pages list why photos failed; retry them with `{PROGRAM} retry-failed`"
    if found["trash"]:
        yield "trash", f"{found['trash']:,} photo{'s' if found['trash'] > 1 else ''}"
    if others:
        analysed = ", ".join(f"{count:,} by {name}" for name, count in others.items())
        yield (
            "other recipes",
            f"{analysed}: `{PROGRAM} resegment` analyses them anew, and those with other vectors are not found before",
        )
    yield "segments", f"{found['segments']:,}"
    yield "index", _told_index(found["index"])
    for number, shard in enumerate(found["index"].get("parts", ()), 1):
        yield f"  shard {number}", shard
    for each in found["processes"]:
        seen = f"not seen since {_local(each['seen_at'])}" if each["is_gone"] else "running"
        version = each["version"] or "unknown version"
        told = f"{each['host']} {each['pid'] or ''}: {seen}, recipe {each['recipe']}, {version}"
        yield each["kind"], Text(told, style="red" if each["is_gone"] else "")
    yield "analyzer", "running" if found["analyzer_up"] else f"not running; `{PROGRAM} serve` starts it"


def _told_index(index: dict[str, Any]) -> str | Text:
    if "error" in index:
        return Text(index["error"], style="red")
    if "name" in index:
        pending = f", {index['pending']:,} of them not in its graph yet: searches miss more of these"
        return f"{index['segments']:,} segments in {index['name']}{pending if index['pending'] else ''}"
    if "written_at" not in index:
        return f"{index['segments']:,} segments"
    return (
        f"{index['segments']:,} segments, {size(index['bytes'])}, written {_local(index['written_at'])}, "
        f"tuned to recall {index['recall_target']:g}"
    )


def _told_duty(duty: DutyRecord) -> str:
    """When a duty last succeeded, and since when it fails."""
    succeeded = f"last succeeded {_local(duty.succeeded_at)}" if duty.succeeded_at else "never succeeded"
    if duty.failing_since is None:
        return succeeded
    times = f"{duty.failures} time{'s' if duty.failures > 1 else ''}"
    return f"failing since {_local(duty.failing_since)}, {times} ({duty.error}); {succeeded}"


def _local(time: str) -> str:
    """A moment in this machine's time zone, to the minute."""
    return f"{datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M}"
