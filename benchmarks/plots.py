"""Pictures of what ``bench search`` measured at several sizes: ``python -m benchmarks.plots``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.axes import Axes

RESULTS = Path(__file__).parent / "results"
LINES = {
    "engine": "engine, one a photo",
    "engine, flat": "engine, flat",
    "raw FAISS, same index": "raw FAISS, same index",
    "raw FAISS, same index, for photos": "raw FAISS, same index, as deep as photos need",
    "raw FAISS, lists of 8 bits": "raw FAISS, IVF and SQ8",
    "raw FAISS, exact": "raw FAISS, exact",
}

Figures = dict[str, Any]


@click.command()
@click.option("--from", "folder", type=click.Path(exists=True, path_type=Path), default=RESULTS, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=RESULTS / "search.png")
def main(folder: Path, out: Path) -> None:
    """Draw latency, recall, size and speeds over the number of segments, of all ``search-*.json`` of a folder."""
    runs = sorted(
        (json.loads(each.read_text()) for each in folder.glob("search-*.json")), key=lambda run: run["segments"]
    )
    if not runs:
        raise click.ClickException(f"{folder} has no search-*.json: run `python manage.py bench search --out …` first")
    draw(runs, out)
    click.echo(f"wrote {out}")


def draw(runs: list[Figures], out: Path) -> None:
    """Draw runs, by rising number of segments, to a picture."""
    figure, axes = pyplot.subplots(2, 3, figsize=(15, 8.5), layout="constrained")
    latency, http, recall, size, speed, start = axes.ravel()
    for name, label in LINES.items():
        _line(latency, runs, lambda run, name=name: run["ms"].get(name, {}).get("p50"), label)
    _line(latency, runs, lambda run: run["ms"]["engine"]["p99"], "engine, one a photo, p99", style=":")
    _dress(latency, "A search, one thread, median", "ms", log=True)
    for clients in ("1 client", "8 clients"):
        for share, style in (("p50", "-"), ("p95", "--"), ("p99", ":")):
            _line(
                http, runs, lambda run, c=clients, s=share: run[f"HTTP, {c}, ms"][s], f"{clients}, {share}", style=style
            )
    _line(http, runs, lambda run: run["round of feedback, ms"]["p95"], "round of feedback, p95", style="-.")
    _dress(http, "Over HTTP, and a round of feedback", "ms", log=True)
    _line(recall, runs, lambda run: run["recall@50"], "recall of the 50 nearest")
    _dress(recall, "Recall", "", bottom=0.9, top=1.005)
    for name in ("bytes a segment, index", "bytes a segment, with catalogue"):
        _line(size, runs, lambda run, name=name: run[name], name.removeprefix("bytes a segment, "))
    _dress(size, "Bytes a segment", "", bottom=0)
    for name in ("segments entered a second", "segments indexed a second"):
        _line(speed, runs, lambda run, name=name: run.get(name), name.removeprefix("segments "))
    _dress(speed, "Segments a second", "", log=True)
    _line(start, runs, lambda run: run["open, s"], "opening the index")
    _line(start, runs, lambda run: run["server started, s"], "server listens")
    _dress(start, "Seconds to start", "s", bottom=0)
    figure.savefig(out, dpi=80)
    pyplot.close(figure)


def _line(axes: Axes, runs: list[Figures], value: Callable[[Figures], Any], label: str, style: str = "-") -> None:
    points = [(run["segments"], value(run)) for run in runs if value(run) is not None]
    if points:
        axes.plot(*zip(*points, strict=True), style, marker="o", markersize=4, label=label)


def _dress(  # what a picture needs
    axes: Axes, title: str, unit: str, *, log: bool = False, bottom: float | None = None, top: float | None = None
) -> None:
    axes.set(title=title, xlabel="segments", ylabel=unit, xscale="log", yscale="log" if log else "linear")
    axes.set_ylim(bottom=bottom, top=top)
    axes.grid(visible=True, alpha=0.3)
    if axes.lines:
        axes.legend(fontsize=8, framealpha=0.4)


if __name__ == "__main__":
    main()
