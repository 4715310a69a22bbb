"""Searches of this system beside those of what one would pick instead: LanceDB, Milvus Lite, scikit-learn, raw FAISS.

::

    python -m benchmarks.peers [--size 100000 …] [--peer lancedb …] [--queries 100] [--rounds 3] [--recall 0.95]
                               [--limit-s 1800] [--keep DIR] [--out FILE]

Each store is a process of its own on one core, in an environment of its own where it needs packages that this one has
not; see `benchmarks.peer_stores`. All get the same vectors, ids and photos, and answer with the ids and photos of the
50 nearest. They are filled one after another, then asked in turn: every query by every store, several rounds, the best
time of each query counts, taken within the process. Those that can group are also asked for the 50 photos whose
nearest segments are nearest, one segment of each. Where a store has settings that trade time for recall, the fastest
ones that reach the recall wanted are taken, found by other queries; all else is as it is by default.

Memory is the proportional set size after all searches: mapped files count, what the system caches of files that are
read does not. A store that cannot be had, ends, or takes longer than its limit is left out, and why is told.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
import psutil
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table

from indexer.bench.results import OUT, as_json
from indexer.bench.synthetic import PER_PHOTO, synthetic_blocks
from retrieval.evaluation.figures import shown

from .peer_client import PeerError, StoreProcess, interpreter, running
from .peer_stores import STORES, TOP, Effort

DIM = 256

TUNING = 30
"""Queries by which settings are chosen, beside those that are measured."""


def write_data(folder: Path, size: int, queries: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Write vectors, photos and queries for the processes.

    Returns
    -------
    ids, photos : ndarray of shape (Q, `TOP`)
        The true ones, nearest first.
    own : ndarray of shape (Q,)
        The photo of each query.
    """
    vectors = np.lib.format.open_memmap(folder / "vectors.npy", "w+", np.float32, (size, DIM))
    start = 0
    for block in synthetic_blocks(size, DIM):
        vectors[start : start + len(block)] = block
        start += len(block)
    vectors.flush()
    np.save(folder / "photos.npy", np.arange(size) // PER_PHOTO + 1)
    keys = np.random.default_rng(1).choice(size, TUNING + queries, replace=False) + 1
    np.save(folder / "keys.npy", keys)
    np.save(folder / "queries.npy", vectors[keys - 1])
    own = (keys - 1) // PER_PHOTO + 1
    return nearest(vectors, vectors[keys - 1]), nearest_photos(vectors, vectors[keys - 1], own), own


def nearest(vectors: NDArray[np.float32], queries: NDArray[np.float32], at_once: int = 65_536) -> NDArray[np.int64]:
    """Ids of the `TOP` vectors with the greatest inner products with each query, greatest first; ids count from 1."""
    ids = np.zeros((len(queries), 0), np.int64)
    scores = np.zeros((len(queries), 0), np.float32)
    for start in range(0, len(vectors), at_once):
        more = queries @ vectors[start : start + at_once].T
        scores = np.concatenate([scores, more], axis=1)
        ids = np.concatenate([ids, np.broadcast_to(np.arange(start, start + more.shape[1]) + 1, more.shape)], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :TOP]
        scores, ids = np.take_along_axis(scores, order, axis=1), np.take_along_axis(ids, order, axis=1)
    return ids


def nearest_photos(
    vectors: NDArray[np.float32], queries: NDArray[np.float32], own: NDArray[np.int64], at_once: int = 65_536
) -> NDArray[np.int64]:
    """Numbers of the `TOP` photos but each query's own whose best segments have the greatest inner products, (Q, k)."""
    step = max(at_once // PER_PHOTO, 1) * PER_PHOTO
    best = []
    for start in range(0, len(vectors), step):
        scores = queries @ vectors[start : start + step].T
        best.append(np.maximum.reduceat(scores, range(0, scores.shape[1], PER_PHOTO), axis=1))
    scores = np.concatenate(best, axis=1)
    scores[np.arange(len(queries)), own - 1] = -np.inf
    return np.argsort(-scores, axis=1, kind="stable")[:, : min(TOP, scores.shape[1] - 1)] + 1


@dataclass
class Asked:
    """One way to ask a store.

    Attributes
    ----------
    process : StoreProcess
    way : str
    effort : dict
        The settings that were chosen.
    times : ndarray of shape (Q,)
        Seconds, best so far.
    recalls : list of float
        By query.
    hits : list of int
        By query.
    """

    process: StoreProcess
    way: str
    effort: Effort
    times: NDArray[np.float64]
    recalls: list[float] = field(default_factory=list)
    hits: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Of the store and the way."""
        return f"{self.process.name} {self.way}".strip()

    def search(self, query: int) -> None:
        """Ask for a query, counted from the first that is measured."""
        found = self.process.ask("search", row=TUNING + query, way=self.way, effort=self.effort)
        ids, photos = np.array(found["ids"], np.int64), np.array(found["photos"], np.int64)
        if not np.array_equal(photos, (ids - 1) // PER_PHOTO + 1):
            raise PeerError(f"answered query {query} with photos that are not those of the segments")
        self.times[query] = min(self.times[query], found["seconds"])
        self.hits.append(len(ids))

    def figures(self) -> dict[str, Any]:
        """Percentiles, recall and settings, of the queries that were answered."""
        times = 1000 * self.times[np.isfinite(self.times)]
        return {
            **{f"p{share}, ms": round(float(np.percentile(times, share)), 3) for share in (50, 95, 99)},
            "recall@50": round(float(np.mean(self.recalls)), 4),
            "hits": round(float(np.mean(self.hits)), 1),
            "settings": ", ".join(f"{name} {value}" for name, value in self.effort.items()) or "-",
        }


def recall(found: Sequence[int], truth: NDArray[np.int64]) -> float:
    """How many of the true ids were found."""
    return float(np.isin(truth, found).mean())


def photos_of(found: Mapping[str, Any], own: int) -> list[int]:
    """The photos of an answer but the query's own."""
    return [photo for photo in found["photos"] if photo != own][:TOP]


def tuned(
    process: StoreProcess,
    way: str,
    efforts: Sequence[Effort],
    truth: NDArray[np.int64],
    wanted: float,
    own: NDArray[np.int64] | None = None,
) -> Effort:
    """The fastest settings that reach a recall, or if none does those with the greatest.

    With the queries' `own` photos it is the recall of other photos, else that of segments.
    """
    if len(efforts) == 1:
        return efforts[0]
    tried: list[tuple[float, float, Effort]] = []
    for effort in efforts:
        found = [process.ask("search", row=row, way=way, effort=effort) for row in range(TUNING)]
        answers = [each["ids"] if own is None else photos_of(each, own[row]) for row, each in enumerate(found)]
        reached = np.mean([recall(each, true) for each, true in zip(answers, truth, strict=False)])
        tried.append((float(reached), float(np.median([each["seconds"] for each in found])), effort))
    enough = [each for each in tried if each[0] >= wanted]
    return min(enough, key=lambda each: each[1])[2] if enough else max(tried, key=lambda each: each[0])[2]


def fill(name: str, python: Path, data: Path, folder: Path, limit_s: float) -> dict[str, Any]:
    """Fill a store, unless it was filled before with the same; returns seconds, and bytes on disk."""
    vectors, kept = np.load(data / "vectors.npy", mmap_mode="r"), folder.with_suffix(".json")
    stamp = zlib.crc32(vectors[-1000:].tobytes())
    if kept.is_file() and (before := json.loads(kept.read_text(encoding="utf-8")))["stamp"] == stamp:
        return dict(before["figures"])
    kept.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with running(name, python, data, folder, limit_s) as process:
        figures = {key: round(value, 2) for key, value in process.ask("fill").items()}
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    figures["bytes a segment"] = round(size / len(vectors), 1)
    kept.write_text(json.dumps({"stamp": stamp, "figures": figures}), encoding="utf-8")
    return figures


@dataclass(frozen=True)
class Terms:
    """What holds for all stores.

    Attributes
    ----------
    queries, rounds : int
    wanted : float
        The recall to choose settings for.
    limit_s : float
        Seconds for filling a store, and again for all its searches.
    """

    queries: int = 100
    rounds: int = 3
    wanted: float = 0.95
    limit_s: float = 1800.0


class Comparison:
    """Stores over the same vectors: filled, opened, measured. Those that fail are left out.

    Parameters
    ----------
    place : Path
        For all files; stores that are there already are not filled again.
    size : int
        Vectors.
    terms : Terms
    tell : callable
        Called with a line about each step.

    Attributes
    ----------
    faults : dict
        Why a store was left out, or stopped before the end.
    versions : dict
        Of packages, by store.
    """

    def __init__(self, place: Path, size: int, terms: Terms, tell: Callable[[str], None] = lambda _: None) -> None:
        self.faults: dict[str, str] = {}
        self.versions: dict[str, dict[str, str]] = {}
        self._place, self._data, self._terms, self._tell = place, place / str(size), terms, tell
        self._data.mkdir(parents=True, exist_ok=True)
        self._truth, self._photo_truth, self._own = write_data(self._data, size, terms.queries)
        self._figures: dict[str, dict[str, Any]] = {}

    def run(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Figures of every way to ask every store."""
        with ExitStack() as stack:
            asked: list[Asked] = []
            for name in names:
                with self._noting_faults(name):
                    asked += self._ready(name, stack)
            self._measure(asked)
            for process in {each.process for each in asked}:
                with self._noting_faults(process.name):
                    self._figures[process.name]["memory, MB"] = round(process.memory() / 1e6)
        measured = [each for each in asked if np.isfinite(each.times).any()]
        return {each.name: each.figures() | self._figures[each.process.name] for each in measured}

    def _ready(self, name: str, stack: ExitStack) -> list[Asked]:
        """The ways to ask a store: filled, opened by another process, settings chosen, recall taken."""
        self._tell(f"{name}: filling")
        python, folder = interpreter(name, self._place / "environments"), self._data / name.replace(" ", "-")
        figures = fill(name, python, self._data, folder, self._terms.limit_s)
        self._tell(f"{name}: {figures}")
        started = time.perf_counter()
        process = stack.enter_context(running(name, python, self._data, folder, self._terms.limit_s))
        told = process.ask("open")
        figures["process until open, s"] = round(time.perf_counter() - started, 2)
        first = process.ask("search", row=0, way=told["ways"][0], effort=told["efforts"][0])
        figures["first search, ms"] = round(1000 * first["seconds"], 1)
        self.versions[name], self._figures[name] = told["versions"], figures
        by_segment = [self._chosen(process, way, told["efforts"]) for way in told["ways"]]
        return by_segment + [self._chosen_by_photo(process, way, told["efforts"]) for way in told["photo ways"]]

    def _chosen(self, process: StoreProcess, way: str, efforts: Sequence[Effort]) -> Asked:
        effort = tuned(process, way, efforts, self._truth, self._terms.wanted)
        asked = Asked(process, way, effort, np.full(self._terms.queries, np.inf))
        for row in range(TUNING, len(self._truth)):
            ids = process.ask("nearest", row=row, way=way, effort=effort)["ids"]
            asked.recalls.append(recall(ids, self._truth[row]))
        self._tell(f"{asked.name}: recall {np.mean(asked.recalls):.3f} by {effort}")
        return asked

    def _chosen_by_photo(self, process: StoreProcess, way: str, efforts: Sequence[Effort]) -> Asked:
        effort = tuned(process, way, efforts, self._photo_truth, self._terms.wanted, self._own)
        asked = Asked(process, way, effort, np.full(self._terms.queries, np.inf))
        for row in range(TUNING, len(self._truth)):
            found = process.ask("search", row=row, way=way, effort=effort)
            asked.recalls.append(recall(photos_of(found, self._own[row]), self._photo_truth[row]))
        self._tell(f"{asked.name}: recall of photos {np.mean(asked.recalls):.3f} by {effort}")
        return asked

    def _measure(self, everything: Sequence[Asked]) -> None:
        """Every query is asked of all in turn, in every round."""
        for number in range(self._terms.rounds):
            for query in range(self._terms.queries):
                for asked in everything:
                    if asked.process.name not in self.faults:
                        with self._noting_faults(asked.process.name):
                            asked.search(query)
            self._tell(f"round {number + 1} of {self._terms.rounds}")

    @contextmanager
    def _noting_faults(self, name: str) -> Iterator[None]:
        try:
            yield
        except (PeerError, psutil.Error) as error:
            self._tell(f"{name}: {error}")
            self.faults.setdefault(name, str(error))


def print_table(figures: dict[str, dict[str, Any]], title: str) -> None:
    """A row for each way to ask, to be pasted into Markdown."""
    columns = dict.fromkeys(name for each in figures.values() for name in each)
    table = Table("", *columns, title=title, box=box.MARKDOWN)
    for name, each in figures.items():
        table.add_row(name, *(shown(each[column]) if column in each else "" for column in columns))
    Console(width=300).print(table)


def chosen(peers: Sequence[str]) -> list[str]:
    """Stores whose names begin with one of some; all if there are none.

    Raises
    ------
    click.BadParameter
        One fits no store.
    """
    for peer in peers:
        if not any(name.startswith(peer) for name in STORES):
            raise click.BadParameter(f"{peer} is none of {', '.join(STORES)}, nor how one begins", param_hint="--peer")
    return [name for name in STORES if not peers or name.startswith(tuple(peers))]


@click.command()
@click.option("--size", "sizes", multiple=True, default=(100_000,), show_default=True, type=click.IntRange(1000),
              help="Segments; several times.")  # fmt: skip
@click.option("--peer", "peers", multiple=True, help="Stores whose names begin so; several times. [default: all]")
@click.option("--queries", default=100, show_default=True, type=click.IntRange(1, 900))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="The best time counts.")
@click.option("--recall", "wanted", default=0.95, show_default=True, type=click.FloatRange(0, 1),
              help="That settings are chosen for.")  # fmt: skip
@click.option("--limit-s", default=1800.0, show_default=True, type=click.FloatRange(0, min_open=True),
              help="Seconds for filling a store, and again for all its searches.")  # fmt: skip
@click.option(
    "--keep", type=click.Path(file_okay=False, path_type=Path), help="Keep what is made here, and use what is there."
)
@OUT
def main(sizes: tuple[int, ...], peers: tuple[str, ...], keep: Path | None, out: Path | None, **settings: Any) -> None:
    """Fill, ask in turn, compare."""
    names, terms, found = chosen(peers), Terms(**settings), dict[str, Any]()
    with tempfile.TemporaryDirectory(prefix="segsearch-peers-") as temporary:
        for size in sizes:
            place = (keep or Path(temporary)).resolve()
            comparison = Comparison(place, size, terms, lambda line: click.echo(line, err=True))
            figures = comparison.run(names)
            if figures:
                print_table(figures, f"{size:,} segments")
            for name, why in comparison.faults.items():
                is_measured = any(way.startswith(name) for way in figures)
                click.echo(f"{name} {'stopped early' if is_measured else 'is left out'}: {why}")
            found[str(size)] = {"stores": figures, "faults": comparison.faults, "versions": comparison.versions}
            if out is not None:
                text = as_json({"sizes": found, **asdict(terms), "dim": DIM, "k": TOP})
                out.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
