"""The commands that write, ask and measure. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrieval.combination import RELATIONS
from retrieval.filters import POSITIONS
from retrieval.lifetime import stop_on_signals
from retrieval.query import MAX_ID
from retrieval.settings import Settings
from retrieval.terminal import echo, echo_json

from .bench.commands import bench

if TYPE_CHECKING:
    from retrieval.assembly import Assembly
    from retrieval.catalog.records import ClusterState, State

    from .worker import Worker

PATHS = click.Path(exists=True, path_type=Path)
ID = click.IntRange(0, MAX_ID)


def _assembly(settings: Settings) -> Assembly:
    from retrieval.assembly import Assembly

    return Assembly(settings)


def _stop_on_signals(worker: Worker) -> None:
    """Have the first signal finish what is on the line, and a second Ctrl-C end the process at once."""

    def stop() -> None:
        echo("finishing what is on the line; Ctrl-C once more stops at once", err=True)
        worker.stop()

    stop_on_signals(stop)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=PATHS)
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object instead of the table.")
@click.option("--strict", is_flag=True, help="Exit with 1 if any file failed.")
@click.option("--within", is_flag=True, help="Do not follow links that lead out of PATHS, which others can write to.")
@click.option("--watch", is_flag=True, help="Go on with what comes, changes or goes there, until it is interrupted.")
@click.pass_obj
def ingest(settings: Settings, paths: tuple[Path, ...], as_json: bool, strict: bool, within: bool, watch: bool) -> None:
    """Enter photos: files, and folders with everything below them."""
    if watch:
        if as_json or strict:
            raise click.UsageError("--watch ends with no account: leave out --json and --strict")
        _watch(settings, paths, within=within)
        return
    from .progress import IngestProgress, print_report
    from .report import Tally
    from .worker import Worker
    from .worker import ingest as run

    tally = Tally()
    with IngestProgress(tally) as progress:
        worker = Worker(_assembly(settings), progress.advance)
        _stop_on_signals(worker)
        report = run(_assembly(settings), worker, paths, tally, within=within)
    if as_json:
        report.write_json(sys.stdout)
    else:
        print_report(report)
    sys.exit(1 if strict and report.failures else 0)


def _watch(settings: Settings, paths: tuple[Path, ...], *, within: bool) -> None:
    from .watching import ingest_and_watch
    from .worker import Worker

    each = Worker(_assembly(settings))
    _stop_on_signals(each)
    ingest_and_watch(_assembly(settings), each, paths, within=within)


@click.command()
@click.pass_obj
def worker(settings: Settings) -> None:
    """Enter whatever is pending, for ever."""
    from retrieval.lifetime import stop_with_parent

    from .worker import Worker, work_forever

    each = Worker(_assembly(settings))
    _stop_on_signals(each)
    stop_with_parent(each.stop)
    work_forever(each)


@click.command()
@click.option("--image", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A photo to search with.")
@click.option(
    "--at", "point", metavar="X,Y", callback=lambda *a: _numbers(a[2], 2), help="A point on it, in its pixels."
)
@click.option("--box", metavar="X0,Y0,X1,Y1", callback=lambda *a: _numbers(a[2], 4), help="A box on it.")
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
    from .searching import print_answer, request_of

    assembly = _assembly(settings)
    with request_of(assembly, image, asked) as request:
        print_answer(assembly, assembly.engine().search(request), as_json=as_json)


@click.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def status(settings: Settings, as_json: bool) -> None:
    """What is in the catalogue and in the index."""
    from .searching import print_status

    print_status(_assembly(settings), as_json=as_json)


@click.command()
@click.pass_obj
def verify(settings: Settings) -> None:
    """Hold the index against the catalogue, and list what is of no use; exits with 1 if something is wrong."""
    from .cleaning import waste
    from .publishing import verify as check

    faults = check(_assembly(settings))
    for fault in faults:
        echo(fault)
    left = waste(_assembly(settings))
    for each in left:
        echo(f"waste: {each}")
    if left:
        echo("waste is not wrong; `python manage.py clean` removes it")
    echo("index and catalogue agree" if not faults else f"{len(faults)} faults")
    sys.exit(1 if faults else 0)


@click.command("clean")
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def clean(settings: Settings, dry_run: bool, as_json: bool) -> None:
    """Remove files that nothing needs any more, and rows whose time is over; nothing younger than an hour."""
    from .searching import print_cleaned

    print_cleaned(_assembly(settings), dry_run=dry_run, as_json=as_json)


@click.command("rebuild-index")
@click.option(
    "--recall",
    type=click.FloatRange(0.5, 1),
    help="Of the 50 nearest segments, what searches of a large index have to find from now on.  [at first: 0.95]",
)
@click.pass_obj
def rebuild_index(settings: Settings, recall: float | None) -> None:
    """Make the index anew from the catalogue; the old one serves until then."""
    from .publishing import rebuild

    sizes = rebuild(_assembly(settings), recall)
    echo(f"the index holds {sizes['segments']} segments and {sizes['photos']} whole photos")


@click.command("retry-failed")
@click.pass_obj
def retry_failed(settings: Settings) -> None:
    """Make every failed photo pending again, and those that a worker was at when it died."""
    count = _assembly(settings).intake.retry_failed()
    echo(f"{count} photos are pending again; a worker or `manage.py ingest` enters them")


@click.command()
@click.pass_obj
def pause(settings: Settings) -> None:
    """Have every worker finish what it is at and take nothing more, until `resume`."""
    _assembly(settings).intake.pause()
    echo("paused; `manage.py resume` goes on")


@click.command()
@click.pass_obj
def resume(settings: Settings) -> None:
    """Let the workers go on after `pause`."""
    _assembly(settings).intake.resume()
    echo("the workers go on")


@click.command()
@click.pass_obj
def cancel(settings: Settings) -> None:
    """Take out the photos that wait to be entered; what was entered stays."""
    assembly = _assembly(settings)
    cancelled = assembly.intake.cancel()
    for photo in cancelled:
        assembly.own_files.remove_photo(photo.sha256, photo.paths)
    echo(f"{len(cancelled)} photos were cancelled; `manage.py ingest` enters them when it is asked to again")


@click.command()
@click.option("--recipe", "name", help="The recipe to analyse by; that of the setting if absent.")
@click.option("--state", type=click.Choice(["indexed", "empty"]), help="Only photos in this state.")
@click.option("--max-quality", type=click.FloatRange(0, 1), help="Only photos segmented no better than this.")
@click.option("--folder", type=click.Path(path_type=Path), help="Only photos below this folder.")
@click.option("--enqueue", is_flag=True, help="Leave the work to a worker of that recipe.")
@click.pass_obj
def resegment(
    settings: Settings,
    name: str | None,
    state: State | None,
    max_quality: float | None,
    folder: Path | None,
    enqueue: bool,
) -> None:
    """Analyse again the photos that another recipe analysed.

    What is there is found until the new segments are in. Ended before it is done, it goes on when it is started again.
    """
    from .resegmentation import resegment as run

    run(replace(settings, recipe=name or settings.recipe), state, max_quality, folder, enqueue=enqueue)


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A file; the terminal if absent.")
@click.pass_obj
def export(settings: Settings, out: Path | None) -> None:
    """Write photos and segments as COCO JSON, masks as compressed run lengths of the upright original."""
    from .export import write_coco

    if out is None:
        write_coco(_assembly(settings).catalog, sys.stdout)
        return
    beside = out.with_name(f"{out.name}.tmp")
    with beside.open("w", encoding="utf-8") as file:
        write_coco(_assembly(settings).catalog, file)
    beside.replace(out)


@click.group()
def concepts() -> None:
    """Names that people gave to what they have shown examples of."""


@concepts.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_concepts(settings: Settings, as_json: bool) -> None:
    """All concepts, with how many segments they label."""
    from .naming import print_concepts

    print_concepts(_assembly(settings), as_json=as_json)


@concepts.command("export")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A file; the terminal if absent.")
@click.pass_obj
def export_concepts(settings: Settings, out: Path | None) -> None:
    """Write all concepts with their vectors as JSON, for another collection of the same recipe."""
    from .naming import export_json

    text = export_json(_assembly(settings))
    if out is None:
        echo(text)  # it is JSON
    else:
        out.write_text(text, encoding="utf-8")


@concepts.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def import_concepts(settings: Settings, file: Path) -> None:
    """Take in concepts that were exported from a collection of the same recipe."""
    from .naming import import_json

    echo(f"{import_json(_assembly(settings), file)} concepts were taken in")


@concepts.command("delete")
@click.argument("name")
@click.pass_obj
def delete_concept(settings: Settings, name: str) -> None:
    """Forget the concept called NAME; the segments it was learnt from stay."""
    from .naming import delete

    delete(_assembly(settings), name)


@click.group(invoke_without_command=True)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many are listed.")
@click.option("--state", default="open", show_default=True, type=click.Choice(["open", "named", "dismissed"]))
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def discover(context: click.Context, limit: int, state: ClusterState, as_json: bool) -> None:
    """Find what is often there and has no name, and list it, the most coherent and frequent first.

    Without a subcommand, new segments join the clusters there are or found new ones; ids stay.
    """
    if context.invoked_subcommand is not None:
        return
    from .discovering import print_discovered

    print_discovered(_assembly(context.obj), limit=limit, state=state, as_json=as_json)


@discover.command("name")
@click.argument("cluster", type=ID)
@click.argument("name")
@click.option("--add", is_flag=True, help="Add the examples to the concept of this name, if there is one.")
@click.pass_obj
def name_cluster(settings: Settings, cluster: int, name: str, add: bool) -> None:
    """Make a concept called NAME of a CLUSTER's typical members."""
    from .discovering import name_cluster as run

    run(_assembly(settings), cluster, name, add=add)


@discover.command("dismiss")
@click.argument("clusters", nargs=-1, required=True, type=ID)
@click.pass_obj
def dismiss_clusters(settings: Settings, clusters: tuple[int, ...]) -> None:
    """Show these CLUSTERS no more; what is like them joins them unseen."""
    for key in clusters:
        _assembly(settings).discoverer.dismiss(key)


@discover.command("restore")
@click.argument("clusters", nargs=-1, required=True, type=ID)
@click.pass_obj
def restore_clusters(settings: Settings, clusters: tuple[int, ...]) -> None:
    """Show dismissed CLUSTERS again."""
    for key in clusters:
        _assembly(settings).discoverer.restore(key)


@discover.command("merge")
@click.argument("clusters", nargs=-1, required=True, type=ID)
@click.pass_obj
def merge_clusters(settings: Settings, clusters: tuple[int, ...]) -> None:
    """Make one of several CLUSTERS; it has the smallest of their ids."""
    echo(f"they are cluster {_assembly(settings).discoverer.merge(clusters)} now")


@discover.command("split")
@click.argument("cluster", type=ID)
@click.pass_obj
def split_cluster(settings: Settings, cluster: int) -> None:
    """Make two of a CLUSTER; the larger part keeps the id."""
    kept, new = _assembly(settings).discoverer.split(cluster)
    echo(f"it is clusters {kept} and {new} now")


@concepts.command("learn")
@click.option(
    "--folders",
    is_flag=False,
    flag_value="",
    metavar="[PATH]",
    help="Names of the folders that photos are in are tags; with a path those of folders below it.",
)
@click.option("--except", "excluded", multiple=True, metavar="NAME", help="A folder that is no tag; several times.")
@click.option("--tags", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="CSV: path,tag.")
@click.option("--boxes", type=PATHS, help="COCO's JSON of instances, or a folder of VOC's XML files.")
@click.option("--replace", is_flag=True, help="Learn concepts anew that have the name of a tag.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def learn_concepts(settings: Settings, /, *, as_json: bool, replace: bool, **sources: Any) -> None:
    """Learn concepts from tags of whole photos, by finding which segments explain them, or from boxes.

    Photos without a tag are taken not to show what it names.
    """
    from .naming import Lesson, learn, print_report

    if sum(sources[name] is not None for name in ("folders", "tags", "boxes")) != 1:
        raise click.UsageError("give one of --folders, --tags and --boxes")
    if sources["excluded"] and sources["folders"] is None:
        raise click.UsageError("--except goes with --folders")
    report = learn(_assembly(settings), Lesson(**sources), replace=replace)
    if as_json:
        echo_json(report.as_json())
    else:
        print_report(report)


@click.command()
@click.pass_obj
def migrate(settings: Settings) -> None:
    """Bring the database's schema up to date."""
    echo(f"the catalogue has schema {_assembly(settings).migrate()}")


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--recipe",
    "names",
    multiple=True,
    help="A recipe; several go side by side. The setting's if absent.",
)
@click.option("--split", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A splits.json.")
@click.option("--part", default="select", show_default=True, help="Which part of the split.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for report.html and figures.json."
)
@click.option("--limit", type=click.IntRange(1), help="Only the first photos.")
@click.option(
    "--home", type=click.Path(file_okay=False, path_type=Path), help="Keep the home; a temporary one if absent."
)
@click.option("--feedback", "what", flag_value="feedback", help="Measure rounds of feedback and concepts instead.")
@click.option("--discovery", "what", flag_value="discovery", help="Measure the clusters of `discover` instead.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def evaluate(
    settings: Settings, /, folder: Path, names: tuple[str, ...], as_json: bool, what: str | None, **options: object
) -> None:
    """Measure segmentation and retrieval on a FOLDER of annotated photos, in a home of its own.

    COCO's and VOC's folders, any with mask PNGs and a labels.json; of a folder of ID.jpg with ID.npz, as BSDS500's,
    the hierarchy's regions and boundaries. Forms and measures: docs/evaluation.md.
    """
    recipes = list(dict.fromkeys(names or [settings.recipe]))
    if what is not None:
        from .measuring import run_measuring

        if len(recipes) > 1:
            raise click.UsageError(f"--{what} measures one recipe: give --recipe once")
        own = replace(settings, recipe=recipes[0])
        run_measuring(own, folder, what, as_json=as_json, **options)  # type: ignore[arg-type]  # as below
        return
    if next(folder.glob("*.npz"), None) is not None:
        from .drawn_evaluation import run_drawn_evaluation

        out: Any = options["out"]
        limit: Any = options["limit"]
        run_drawn_evaluation(settings, folder, recipes=recipes, out=out, limit=limit, as_json=as_json)
        return
    from .evaluation import run_evaluation

    run_evaluation(settings, folder, recipes=recipes, as_json=as_json, **options)  # type: ignore[arg-type]  # click's own types


def _numbers(text: str | None, count: int) -> tuple[float, ...] | None:
    """``"120,48"`` as numbers."""
    if text is None:
        return None
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        raise click.BadParameter(f"{text!r} is not {count} numbers with commas between them")
    return numbers


COMMANDS: tuple[click.Command, ...] = (
    ingest, worker, search, status, verify, clean, rebuild_index, retry_failed, pause, resume, cancel,
    resegment, export, concepts, discover, migrate,
    evaluate, bench,
)  # fmt: skip
