"""``search``. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

from pathlib import Path

import click

from retrieval.query.filters import POSITIONS
from retrieval.query.relations import RELATIONS
from retrieval.settings import Settings

from .options import FOLDER, ID, corners, numbers, open_assembly


@click.command(short_help="Search by words, a photo, a place on it, or a segment.")
@click.argument("words", nargs=-1)
@click.option("--image", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A photo to search with.")
@click.option(
    "--at",
    "points",
    metavar="X,Y",
    multiple=True,
    callback=lambda *a: tuple(numbers(text, 2) for text in a[2]),
    help="Search by the segment at this point of the photo, in pixels; or at several points.",
)
@click.option(
    "--not-at",
    "not_points",
    metavar="X,Y",
    multiple=True,
    callback=lambda *a: tuple(numbers(text, 2) for text in a[2]),
    help="A point that the segment must not contain.",
)
@click.option(
    "--granularity",
    type=click.FloatRange(0, 1),
    help="Prefer a part (0) or the whole (1) of the thing at the point. [default: the likeliest segment]",
)
@click.option("--level", type=click.IntRange(0), help="Take another of the segments at the point; 0 is the likeliest.")
@click.option(
    "--box",
    metavar="X0,Y0,X1,Y1",
    callback=lambda *a: numbers(a[2], 4),
    help="Search by what is in this box of the photo, in pixels.",
)
@click.option(
    "--polygon",
    metavar="X,Y,X,Y,…",
    callback=lambda *a: corners(a[2]),
    help="Search by what this line around it encloses, in pixels of the photo.",
)
@click.option(
    "--things", metavar="PHOTO", help="Search for each thing of a photo by itself: a file, or a stored photo's id."
)
@click.option(
    "--compare",
    type=click.Choice(["whole", "things"]),
    default="whole",
    show_default=True,
    help="Compare photos with the one of --image as a whole, or by the things in it.",
)
@click.option(
    "--match",
    type=click.Choice(["kind", "same"]),
    default="kind",
    show_default=True,
    help="Find things of the kind of the example, or that very object, which takes some seconds.",
)
@click.option("--segment", type=ID, help="The id of a stored segment to search with.")
@click.option("--text", default="", help="The WORDS, for scripts: such as 'find all motorcycles'.")
@click.option("--and-segment", type=ID, multiple=True, help="The id of a segment whose like must also be in the photo.")
@click.option("--and-text", multiple=True, help="Words for what must also be in the photo.")
@click.option(
    "--relation",
    "relations",
    metavar="N:RELATION:N",
    multiple=True,
    help=f"Relation of two parts of the query, such as 0:above:1; {', '.join(RELATIONS)}. The first part is 0.",
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many results.")
@click.option(
    "--group-by",
    type=click.Choice(["image", "segment"]),
    default="image",
    show_default=True,
    help="List each photo once, or each segment.",
)
@click.option(
    "--min-quality",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Only segments of at least this quality.",
)
@click.option("--folder", type=FOLDER, help="Only photos in or below this folder.")
@click.option("--from", "taken_from", type=click.DateTime(["%Y-%m-%d"]), help="Only photos taken on this day or later.")
@click.option(
    "--until", "taken_until", type=click.DateTime(["%Y-%m-%d"]), help="Only photos taken on this day or earlier."
)
@click.option("--label", help="Only segments with this label.")
@click.option("--concept", help="Only segments labelled with the concept of this name.")
@click.option(
    "--min-area",
    default=0.0,
    type=click.FloatRange(0, 1),
    help="Only segments that cover at least this share of the photo.",
)
@click.option(
    "--max-area",
    default=1.0,
    type=click.FloatRange(0, 1),
    help="Only segments that cover at most this share of the photo.",
)
@click.option(
    "--position", type=click.Choice(POSITIONS), help="Only segments whose centre is in this third of the photo."
)
@click.option("--fold-duplicates", is_flag=True, help="List photos that are copies of one another once.")
@click.option("--facets", is_flag=True, help="Count the likely results by label, folder and other filters.")
@click.option("--details", is_flag=True, help="Also show scores, quality, boxes and what matched each part.")
@click.option("--pictures", is_flag=True, help="Show the photos in the terminal; needs the extra `terminal`.")
@click.option("--open", "opens", is_flag=True, help="Open the page of the first result in the browser.")
@click.option(
    "--server", default="http://127.0.0.1:8000", show_default=True, metavar="URL", help="The web server for --open."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_obj
def search(  # noqa: PLR0913  # its options
    settings: Settings,
    /,
    *,
    words: tuple[str, ...],
    image: Path | None,
    things: str | None,
    details: bool,
    pictures: bool,
    opens: bool,
    server: str,
    as_json: bool,
    **asked: object,
) -> None:
    """Search by WORDS, a photo, a place on it, or a stored segment. Several together must all match."""
    if words and asked["text"]:
        raise click.UsageError("give the words either as WORDS or with --text")
    if pictures and as_json:
        raise click.UsageError("--pictures shows pictures, and --json prints JSON: give one of them")
    from retrieval.processes.tables import Console
    from retrieval.processes.terminal import echo

    from .browser import open_page
    from .pictures import obstacle, print_pictures, renderer
    from .search_output import answer_to, print_answer

    text = " ".join(words) or asked["text"]
    if things is not None:
        from .things_output import print_things, things_of

        beside = {**asked, "text": text, "image": image, "pictures": pictures, "open": opens}
        assembly = open_assembly(settings)
        print_things(assembly, things_of(assembly, things, beside), as_json=as_json, details=details)
        return
    console = Console()
    hindrance = obstacle(console) if pictures else None
    show = renderer() if pictures and hindrance is None else None
    assembly = open_assembly(settings)
    answer = answer_to(assembly, image, {**asked, "text": text})
    print_answer(assembly, answer, as_json=as_json, details=details)
    if show is not None:
        print_pictures(assembly, console, answer.results, show)
    elif hindrance is not None:
        echo(f"no pictures: {hindrance}", err=True)
    if opens and answer.results:
        open_page(server, answer.results[0])
