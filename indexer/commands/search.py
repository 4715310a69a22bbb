"""Asking. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from retrieval.query.filters import POSITIONS
from retrieval.query.relations import RELATIONS
from retrieval.settings import Settings

from .options import ID, numbers, open_assembly

if TYPE_CHECKING:
    pass


@click.command()
@click.option("--image", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A photo to search with.")
@click.option(
    "--at", "point", metavar="X,Y", callback=lambda *a: numbers(a[2], 2), help="A point on it, in its pixels."
)
@click.option("--box", metavar="X0,Y0,X1,Y1", callback=lambda *a: numbers(a[2], 4), help="A box on it.")
@click.option("--segment", type=ID, help="A segment of a stored photo.")
@click.option("--text", default="", help='Words, such as "find all motorcycles".')
@click.option("--and-segment", type=ID, multiple=True, help="A segment of what else has to be in the photo.")
@click.option("--and-text", multiple=True, help="Words for what else has to be in the photo.")
@click.option(
    "--relation",
    "relations",
    metavar="N:RELATION:N",
    multiple=True,
    help=f"How things lie to each other, such as 0:above:1; {', '.join(RELATIONS)}. The first thing is 0.",
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--group-by", type=click.Choice(["image", "segment"]), default="image", show_default=True)
@click.option(
    "--min-quality", default=0.0, show_default=True, type=click.FloatRange(0, 1), help="Leave out poorer segments."
)
@click.option("--folder", type=click.Path(path_type=Path), help="Only photos in this folder or below.")
@click.option("--from", "taken_from", type=click.DateTime(["%Y-%m-%d"]), help="Only photos taken from this day on.")
@click.option("--until", "taken_until", type=click.DateTime(["%Y-%m-%d"]), help="Only photos taken up to this day.")
@click.option("--label", help="Only segments of this label.")
@click.option("--concept", help="Only segments that show the concept of this name.")
@click.option("--min-area", default=0.0, type=click.FloatRange(0, 1), help="Only segments of this share of the photo.")
@click.option("--max-area", default=1.0, type=click.FloatRange(0, 1), help="Only smaller segments.")
@click.option("--position", type=click.Choice(POSITIONS), help="Only segments whose middle is in this third.")
@click.option("--facets", is_flag=True, help="Count the likely results by what they can be narrowed to.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def search(settings: Settings, /, image: Path | None, as_json: bool, **asked: object) -> None:
    """Search by a photo, by a place on it, by a stored segment, or by words; several together mean all of them."""
    from .search_output import print_answer, request_of

    assembly = open_assembly(settings)
    with request_of(assembly, image, asked) as request:
        print_answer(assembly, assembly.engine().search(request), as_json=as_json)


@click.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def status(settings: Settings, as_json: bool) -> None:
    """What is in the catalogue and in the index."""
    from .search_output import print_status

    print_status(open_assembly(settings), as_json=as_json)
