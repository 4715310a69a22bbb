"""Which recipes, segmenters, embedders and indexes there are, and which package brings each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import click

from retrieval.errors import RetrievalError
from retrieval.plugins import EMBEDDERS, INDEXES, RECIPES, SEGMENTERS, Plugin, fault_of, plugins
from retrieval.processes.tables import Console, Table
from retrieval.processes.terminal import echo_json
from retrieval.settings import Settings

OWN = "SegSearch"


@dataclass(frozen=True, slots=True)
class Part:
    """A line of the list; `fault` says why it is not used, None if it can be."""

    kind: str
    name: str
    package: str
    fault: str | None = None


@click.command(short_help="List recipes, segmenters, embedders and indexes.")
@click.option("--check", is_flag=True, help="Load every plug-in; try segmenters and embedders on a small picture.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_obj
def recipes(settings: Settings, check: bool, as_json: bool) -> None:
    """List recipes, segmenters, embedders and indexes, of plug-ins, too; exits with 1 if a plug-in cannot be used."""
    found = list(_parts(settings, check=check))
    if as_json:
        echo_json({"parts": [asdict(each) for each in found]})
    else:
        table = Table("kind", "name", "from", "fault")
        for each in found:
            table.add_row(each.kind, each.name, each.package, each.fault or "")
        Console().print(table)
    sys.exit(1 if any(each.fault for each in found) else 0)


def _parts(settings: Settings, *, check: bool) -> Iterator[Part]:
    from retrieval.index import backends
    from retrieval.recipes import NAMES
    from retrieval.recipes.embedders import FAMILIES

    for kind, built_in, groups in (
        ("recipe", tuple(NAMES), (RECIPES, SEGMENTERS)),
        ("embedder", tuple(FAMILIES), (EMBEDDERS,)),
        ("index", backends.NAMES, (INDEXES,)),
    ):
        yield from (Part(kind, name, OWN) for name in built_in)
        for each in (each for group in groups for each in plugins(group)):
            fault = fault_of(each, built_in, groups)
            if check and fault is None:
                fault = _tried(each, settings)
            yield Part(each.kind, each.name, each.distribution, fault)


def _tried(each: Plugin, settings: Settings) -> str | None:
    """What goes wrong when a plug-in is built."""
    from retrieval.recipes import load
    from retrieval.recipes.embedders import embedder_spec

    try:
        if each.entry.group == INDEXES:
            each.load()
        elif each.entry.group == EMBEDDERS:
            embedder_spec(each.name).build(settings.device, None)
        else:
            load(each.name, settings.device)
    except RetrievalError as error:
        return str(error)
    return None
