"""Ingest a collection, search it, check the results, and serve it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from retrieval.assembly import Assembly
from retrieval.processes.program import PROGRAM, own_command, own_environment
from retrieval.query.request import Ref, SearchRequest
from retrieval.search.answer import Match
from retrieval.search.engine import SearchEngine
from retrieval.settings import Settings
from retrieval.storage.locations import uri_of

from .scenes import Scene, compose

WORDS = "find all motorcycles"
THING = "motorcycle"
ENOUGH = 0.8
"""Share of the first results that must be right for the demo to pass."""

console = Console()


def run(photos: Path | None, *, serve: bool, port: int, opens: bool = False) -> None:
    """Ingest, search, check, and serve.

    Parameters
    ----------
    photos : Path or None
        A folder to ingest; scenes are composed if absent.
    serve : bool
        Whether this process becomes the server at the end.
    port : int
    opens : bool
        Whether the pages are opened in the browser.
    """
    given = os.environ.get("SEGSEARCH_DATA_DIR")
    home = Path(given or Path("var") / ("photos" if photos else "demo")).absolute()
    environment = own_environment(SEGSEARCH_DATA_DIR=str(home))
    if not given:  # an earlier version may have made the demo's home
        subprocess.run(own_command("migrate"), env=environment, check=True, stdout=subprocess.DEVNULL)
    scenes: list[Scene] = []
    if photos is None:
        console.print("[bold]Composing 60 scenes[/] from photos that ship with scikit-image and scikit-learn …")
        scenes = compose(home / "scenes")
    folder = photos or home / "scenes"
    console.print(f"[bold]Ingesting[/] {folder}: each photo is segmented, and each segment embedded")
    assembly = Assembly(Settings.from_env(environment))
    if set(assembly.catalog.images.recipes()) - {assembly.recipe_spec.fingerprint}:
        subprocess.run(own_command("resegment"), env=environment, check=True)
    subprocess.run(own_command("ingest", str(folder)), env=environment, check=True)
    passed = _check(assembly, scenes) if scenes else _show_labels(assembly)
    if not passed:
        sys.exit("the check failed: too few of the results above are right")
    if serve:
        console.print(f"[bold]Browse[/] http://127.0.0.1:{port}/  (press Ctrl-C to stop)")
        options = ["--port", str(port), *(["--open"] * opens)]
        os.execve(sys.executable, own_command("serve", *options), environment)
    console.print(f"Browse it with: SEGSEARCH_DATA_DIR={home} {PROGRAM} serve")


def _check(assembly: Assembly, scenes: list[Scene]) -> bool:
    """Search by words and by a segment, and compare the results with what the scenes are known to show."""
    engine = assembly.engine()
    known = assembly.catalog.locations.known([uri_of(scene.path) for scene in scenes])
    shown = {known[uri_of(scene.path)].image_id: scene for scene in scenes if uri_of(scene.path) in known}
    right = {image_id for image_id, scene in shown.items() if scene.shows(THING)}
    asked = min(right, key=lambda image_id: len(shown[image_id].things))
    point = next(thing.point_xy for thing in shown[asked].things if thing.name == THING)
    by_words = engine.search(SearchRequest(text=WORDS, limit=len(right))).results
    by_segment = engine.search(SearchRequest(positive=(Ref(image=asked, point=point),), limit=len(right) - 1)).results
    return all(
        (
            _tell(engine, f'the words "{WORDS}"', by_words, right),
            _tell(
                engine, f"the segment at {point[0]},{point[1]} of {shown[asked].path.name}", by_segment, right - {asked}
            ),
        )
    )


def _tell(engine: SearchEngine, query: str, results: tuple[Match, ...], right: set[int]) -> bool:
    """Print the first results; returns whether enough of them are right."""
    hits = sum(match.image_id in right for match in results)
    console.print(f"\n[bold]By {query}[/]: {hits} of the first {len(results)} results show it ({len(right)} scenes do)")
    images = engine.catalog.images.find([match.image_id for match in results])
    for match in results[:8]:
        path = images[match.image_id].path
        mark = "[green]✓[/]" if match.image_id in right else "[red]✗[/]"
        console.print(f"  {mark} {match.score:.3f}  {path.name if path else ''}  box {match.box_xyxy}", highlight=False)
    return hits >= ENOUGH * len(results) and bool(results)


def _show_labels(assembly: Assembly) -> bool:
    """For photos with unknown contents: print what can be searched."""
    contents = assembly.catalog.vectors.contents(assembly.recipe_spec.space)
    console.print(
        f"{contents.segments} segments of {contents.photos} photos are searchable; type words or click a segment."
    )
    return contents.photos > 0
