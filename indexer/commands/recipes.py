"""Which recipes, segmenters, embedders and indexes there are, and which package brings each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import click

from retrieval.embed.collection_projection import POWER
from retrieval.errors import OutOfDeviceMemoryError, RetrievalError
from retrieval.plugins import EMBEDDERS, INDEXES, RECIPES, SEGMENTERS, Plugin, fault_of, plugins
from retrieval.processes.program import PROGRAM
from retrieval.processes.tables import Console, Table
from retrieval.processes.terminal import PrintableGroup, echo, echo_json
from retrieval.recipes.facts import NOT_MEASURED, ModelFacts, facts_of
from retrieval.settings import Settings

OWN = "SegSearch"


@dataclass(frozen=True, slots=True)
class Part:
    """A line of the list.

    Attributes
    ----------
    kind, name, package : str
    fault : str or None
        Why it is not used, None if it can be.
    facts : ModelFacts or None
        Of the model of a recipe or an embedder of ours.
    self_test : str
        What ``recipes check`` is expected to find.
    """

    kind: str
    name: str
    package: str
    fault: str | None = None
    facts: ModelFacts | None = None
    self_test: str = ""


@click.group(
    cls=PrintableGroup, invoke_without_command=True, short_help="List recipes, segmenters, embedders and indexes."
)
@click.option("--check", is_flag=True, help="Load every plug-in; try segmenters and embedders on a small picture.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_context
def recipes(context: click.Context, check: bool, as_json: bool) -> None:
    """List recipes, segmenters, embedders and indexes, of plug-ins, too; exits with 1 if a plug-in cannot be used."""
    if context.invoked_subcommand is not None:
        return
    settings: Settings = context.obj
    found = list(_parts(settings, check=check))
    if as_json:
        echo_json({"parts": [asdict(each) for each in found]})
    else:
        table = Table(
            "kind",
            "name",
            "from",
            "licence of the weights",
            "million parameters",
            "MB",
            "figures",
            "self-test",
            "fault",
        )
        for each in found:
            table.add_row(each.kind, each.name, each.package, *_told(each.facts), each.self_test, each.fault or "")
        Console().print(table)
    sys.exit(1 if any(each.fault for each in found) else 0)


@recipes.command("check", short_help="Try a recipe on photos whose things are known.")
@click.argument("name", metavar="RECIPE")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_obj
def check_recipe(settings: Settings, name: str, as_json: bool) -> None:
    """Fetch the weights of RECIPE, and try it on photos of scikit-image; exits with 1 if something is wrong.

    Masks are compared with the outlines of a cup and a cat, vectors with those of a mirrored photo, and words with what
    the photos show. Needs the extra `demo`.
    """
    from indexer.recipe_check import check_memory, examine
    from retrieval.recipes import load, recipe_spec

    spec = recipe_spec(name)
    check_memory(name)
    try:
        found = list(examine(spec, load(name, settings.device)))
    except MemoryError as error:
        raise OutOfDeviceMemoryError(f"{name} does not fit this machine's memory: choose a smaller model") from error
    if as_json:
        echo_json({"recipe": name, "checks": [asdict(each) for each in found]})
    else:
        table = Table("check", "state", "found")
        for each in found:
            table.add_row(each.name, each.state, each.told)
        Console().print(table)
    sys.exit(1 if any(each.state == "fault" for each in found) else 0)


@recipes.command("fit-projection", short_help="Fit a recipe's vectors to this collection.")
@click.option(
    "--whitening",
    type=click.FloatRange(0, 1),
    default=POWER,
    show_default=True,
    help="How much less directions count in which the segments vary: 0 not at all, 1 fully.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_obj
def fit_projection(settings: Settings, whitening: float, as_json: bool) -> None:
    """Centre the vectors of SEGSEARCH_RECIPE by the segments of this collection, without labels.

    The recipe is one with an embedder behind a plus sign, which analysed the photos. The file lies in the data
    directory, and its path is part of the recipe's new name. Vectors of before are not comparable with the new ones:
    analyse the photos again. The network computes as before, so this takes as long as the first time.
    """
    from indexer.projection_fitting import fit_projection as fit

    from .options import open_assembly

    found = fit(open_assembly(settings), whitening)
    if as_json:
        echo_json({**asdict(found), "path": str(found.path)})
        return
    echo(f"Fitted to {found.segments:,} segments and {found.photos:,} photos: {found.path}")
    echo(f"Set SEGSEARCH_RECIPE={found.recipe} and run `{PROGRAM} resegment`, then start `{PROGRAM} serve` anew.")


def _told(facts: ModelFacts | None) -> tuple[str, str, str, str]:
    """Facts as cells of the table."""
    if facts is None:
        return "", "", "", ""
    licence = f"{facts.licence} (on request)" if facts.is_gated else facts.licence
    count, size = ("" if each is None else f"{each:,.3g}" for each in (facts.parameters, facts.megabytes))
    return licence, count, size, facts.measured


def _self_test(name: str) -> str:
    """What is expected of a recipe's masks; of other models it is printed, and only its least is asserted."""
    from indexer.recipe_check import EXPECTED

    expected = EXPECTED.get(name)
    return NOT_MEASURED if expected is None else f"IoU {expected.cup:.2f} cup, {expected.cat:.2f} cat"


def _parts(settings: Settings, *, check: bool) -> Iterator[Part]:
    from retrieval.index import backends
    from retrieval.recipes import NAMES
    from retrieval.recipes.embedders import FAMILIES

    for kind, built_in, groups in (
        ("recipe", tuple(NAMES), (RECIPES, SEGMENTERS)),
        ("embedder", tuple(FAMILIES), (EMBEDDERS,)),
        ("index", backends.NAMES, (INDEXES,)),
    ):
        for name in built_in:
            if kind == "index":
                yield Part(kind, name, OWN)
            else:
                facts = facts_of(name if kind == "recipe" else f"+{name}")
                yield Part(kind, name, OWN, facts=facts, self_test=_self_test(name))
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
