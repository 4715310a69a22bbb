"""What was found for each thing of a photo, on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from retrieval.assembly import Assembly
from retrieval.processes.tables import Console
from retrieval.processes.terminal import echo_json
from retrieval.query.request import Ref, ThingsRequest
from retrieval.search.answer import SearchAnswer, ThingsAnswer

from .search_output import answer_json, engine_with_photo, filters_of, paths_of, print_results

TOGETHER = {"limit", "min_quality", "fold_duplicates", "folder", "taken_from", "taken_until"} | {
    *("label", "concept", "min_area", "max_area", "position", "group_by", "compare", "match")
}
"""What may be asked beside ``--things``."""


def things_of(assembly: Assembly, photo: str, asked: dict[str, Any]) -> ThingsAnswer:
    """The answer to ``search --things``, of a file, which is analysed first, or of a stored photo, by its id."""
    given = [
        name for name, value in asked.items() if value is not None and value not in ("", ()) and value is not False
    ]
    if strange := [name for name in given if name not in TOGETHER]:
        raise click.UsageError(
            f"--things searches for each thing of a photo: leave out {_option(strange[0])}, or search by --image"
        )
    if asked["match"] != "kind":
        raise click.UsageError("--things searches for things of a kind: leave out --match, or give --segment or --at")
    if asked["compare"] != "whole":
        raise click.UsageError("--things searches for each thing by itself: leave out --compare, or search by --image")
    if asked["group_by"] != "image":
        raise click.UsageError("--things lists photos: leave out --group-by")
    chosen = {name: asked[name] for name in ("limit", "min_quality", "fold_duplicates")}
    filters, file = filters_of(assembly, asked), Path(photo)
    if file.is_file():
        with engine_with_photo(assembly, file) as (engine, query):
            return engine.search_things(ThingsRequest(photo=Ref(query=query), filters=filters, **chosen))
    if not photo.isascii() or not photo.isdecimal():
        raise click.UsageError(
            f"--things {photo}: there is no such file; give another one, or the ID of a photo of the library"
        )
    return assembly.engine().search_things(ThingsRequest(photo=Ref(image=int(photo)), filters=filters, **chosen))


def _option(name: str) -> str:
    names = {"points": "at", "not_points": "not-at", "relations": "relation", "text": "words"}
    return "the words" if name == "text" else f"--{names.get(name, name).replace('_', '-')}"


def print_things(assembly: Assembly, found: ThingsAnswer, *, as_json: bool, details: bool) -> None:
    """A table for each thing, or one JSON object."""
    if as_json:
        things = [
            {"segment": each.segment.id, "name": each.name, "answer": _as_json(assembly, each.answer)}
            for each in found.things
        ]
        whole = None if found.whole is None else _as_json(assembly, found.whole)
        echo_json({"things": things, "whole": whole, "note": found.note, "took_ms": round(found.took_ms, 2)})
        return
    console = Console()
    if found.note is not None:
        console.print(found.note)
    for number, each in enumerate(found.things, 1):
        box = " ".join(map(str, each.segment.box_xyxy))
        console.print(f"{number}. {each.name}, box {box}: {_count(each.answer)}")
        _print(console, assembly, each.answer, details=details)
    if found.whole is not None:
        _print(console, assembly, found.whole, details=details)
    answers = [*(each.answer for each in found.things), *([found.whole] if found.whole else ())]
    if answers:
        lag = f", {answers[0].lag:,} not searchable yet" if answers[0].lag else ""
        console.print(f"{answers[0].indexed:,} segments searched in {found.took_ms:.0f} ms{lag}")


def _as_json(assembly: Assembly, answer: SearchAnswer) -> dict[str, Any]:
    return answer_json(answer, paths_of(assembly, answer))


def _count(answer: SearchAnswer) -> str:
    likely = sum(match.likely for match in answer.results)
    if not likely:
        return "probably no other photo shows it; the nearest" if answer.results else "nothing was found"
    more = " or more" if likely == len(answer.results) else ""
    return f"{likely}{more} likely photo{'' if likely == 1 and not more else 's'}"


def _print(console: Console, assembly: Assembly, answer: SearchAnswer, *, details: bool) -> None:
    if answer.results:
        print_results(console, answer, paths_of(assembly, answer), details=details)
