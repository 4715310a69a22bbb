"""Near-duplicates, on the command line."""

from __future__ import annotations

from typing import Any

from retrieval.assembly import Assembly
from retrieval.catalog.records import ImageRecord
from retrieval.duplicates.grouping import groups_of
from retrieval.processes.program import PROGRAM
from retrieval.processes.tables import Console, Table
from retrieval.processes.terminal import echo_json

from ..duplicates import detector_of


def print_duplicates(assembly: Assembly, *, limit: int, min_likeness: float, as_json: bool) -> None:
    """Compare what waits, and list groups as a table or one JSON object."""
    detector, more = detector_of(assembly), True
    while more:
        more = detector.update().more
    groups = groups_of(assembly.duplicates, min_likeness)
    shown = groups[:limit]
    records = assembly.catalog.images.find({key for group in shown for key in (group.best, *group.others)})
    rows = [[_row(records[key], likeness) for key, likeness in {g.best: 1.0, **g.others}.items()] for g in shown]
    if as_json:
        listed = [{"best": best, "others": others} for best, *others in rows]
        echo_json({"total": len(groups), "groups": listed})
        return
    console = Console()
    if not groups:
        console.print("no near-duplicates")
        return
    table = Table("id", "likeness", "size", "KB", "file")
    for best, *others in rows:
        for each in (best, *others):
            first = each is best
            table.add_row(
                str(each["id"]),
                "best" if first else f"{each['likeness']:.2f}",
                f"{each['width']} x {each['height']}",
                str(round(each["bytes"] / 1000)),
                f"{'' if first else '  '}{each['name']}",
            )
    console.print(table)
    count = "1 group" if len(groups) == 1 else f"{len(groups)} groups"
    console.print(f"{count}; the page /duplicates shows them, and `{PROGRAM} delete ID` deletes a photo")


def _row(record: ImageRecord, likeness: float) -> dict[str, Any]:
    return {
        "id": record.id,
        "likeness": round(likeness, 3),
        "width": record.width,
        "height": record.height,
        "bytes": record.place.size if record.place else 0,
        "name": record.place.name if record.place else "",
        "path": record.displayed,
    }
