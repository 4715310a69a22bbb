"""``detect``. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

import click

from retrieval.query.request import MAX_LIMIT
from retrieval.settings import Settings

from .options import ID, open_assembly

RECIPE = click.option(
    "--recipe", default="sam3", show_default=True, help="The detector: sam3, or sam3:MODEL for another of its models."
)
NO_CONCEPTS = click.option(
    "--no-concepts", is_flag=True, help="Do not make words concepts; they stay labels of segments."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


@click.group(short_help="Find everything that a word names, or that is like an example, with SAM 3.")
def detect() -> None:
    """Find everything that a word names, or that is like an example, with SAM 3; each thing becomes a segment.

    They lie beside the segments that the recipe found, and are searched like them. Their words become concepts.
    """


@detect.command("words", short_help="Find everything that words name.")
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--first",
    type=click.IntRange(1, MAX_LIMIT),
    default=100,
    show_default=True,
    help="How many photos are asked for each word: those that a search for it ranks first.",
)
@click.option("--all", "every", is_flag=True, help="Ask all other photos, too, after those.")
@RECIPE
@NO_CONCEPTS
@JSON
@click.pass_obj
def detect_words(
    settings: Settings,
    /,
    words: tuple[str, ...],
    first: int,
    recipe: str,
    *,
    every: bool,
    no_concepts: bool,
    as_json: bool,
) -> None:
    """Find everything that WORDS name, each a word or a short phrase in quotes.

    A photo is asked for a word once: a command that was interrupted, or is repeated when there are new photos, goes on
    with the others.
    """
    from . import detect_output

    kept = detect_output.Kept(teaches=not no_concepts, as_json=as_json)
    detect_output.detect_words(open_assembly(settings), recipe, words, first, kept, every=every)


@detect.command("like", short_help="Find everything in a photo that is like segments of it.")
@click.argument("segments", type=ID, nargs=-1, required=True)
@click.option("--unlike", type=ID, multiple=True, metavar="SEGMENT", help="Nothing like this one.")
@click.option("--word", help="What the things are; it names them.")
@RECIPE
@NO_CONCEPTS
@JSON
@click.pass_obj
def detect_like(
    settings: Settings,
    /,
    segments: tuple[int, ...],
    unlike: tuple[int, ...],
    word: str | None,
    recipe: str,
    *,
    no_concepts: bool,
    as_json: bool,
) -> None:
    """Find everything in a photo that is like SEGMENTS of it, which are given by their ids."""
    from . import detect_output

    kept = detect_output.Kept(teaches=not no_concepts, as_json=as_json)
    detect_output.detect_like(open_assembly(settings), recipe, segments, unlike, word, kept)
