"""How soon a gesture on a photo has its outline: whole requests to a real server and its analyzer.

::

    python -m benchmarks.outlines DATA_DIR ANNOTATED [--photos N] [--times N] [--out FILE]

DATA_DIR is a library that holds the photos of ANNOTATED, a folder that `load_photos` reads, by their file names. On
each photo that is drawn, each object is marked by its own box, by a lasso, and by two points: one in its middle, and
one in the middle of the largest part that is wrong. The first mark on a photo also analyses it and is counted by
itself; afterwards its features are kept. Each mark is asked N times, by ``POST /segment`` with the mask as polygons.
Beside the time that passes, which depends on what else runs, is the processor time of the server and its analyzer.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import click
import numpy as np
import psutil

from indexer.bench.results import OUT, report
from retrieval.evaluation.datasets import AnnotatedPhoto, load_photos
from retrieval.evaluation.marks import Mask, box_around, correction, lasso
from retrieval.images.masks import decode_mask
from retrieval.query.prompt import Prompt

from .servers import Server, serving

PAGE = 500
"""So many photos are listed at once."""


@dataclass(frozen=True, slots=True)
class Tries:
    """Of one mark, the milliseconds that passed at each try, and the mean processor time of a try."""

    passed: list[float]
    processor: float


class Asking:
    """Asks a server for the segments of places in photos.

    Parameters
    ----------
    port : int
        On 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=120)

    def ids(self) -> dict[str, int]:
        """All photos by the names of their files."""
        found: dict[str, int] = {}
        after: int | None = 0
        while after is not None:
            page = self._answer("GET", f"/api/v1/images?limit={PAGE}&after={after}")
            found |= {Path(each["path"]).name: each["id"] for each in page["items"]}
            after = page["next"]
        return found

    def place(self, image_id: int, prompt: Prompt, masks: str = "polygons") -> tuple[float, dict[str, Any]]:
        """Milliseconds until a mark on a photo is answered, and the answer."""
        body = {"image": image_id, **json.loads(prompt.to_json())}
        started = time.perf_counter()
        found = self._answer("POST", f"/api/v1/segment?masks={masks}&mask_frame=original", body)
        return 1000 * (time.perf_counter() - started), found

    def mask(self, image_id: int, prompt: Prompt) -> Mask:
        """The mask of what a mark comes to, in pixels of the photo."""
        found = self.place(image_id, prompt, "rle")[1]["mask"]
        return decode_mask(tuple(found["size"]), found["counts"].encode("ascii"))

    def _answer(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        content = None if body is None else json.dumps(body)
        self._connection.request(method, path, content, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        told = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the server answered {answer.status}: {told[:300]!r}")
        return json.loads(told)


def marks(asking: Asking, image_id: int, truth: Mask, rng: np.random.Generator) -> Iterator[tuple[str, Prompt]]:
    """A box, a lasso and two points on an object."""
    yield "box", Prompt(box=box_around(truth))
    yield "lasso", lasso(truth, rng)
    first, _ = correction(truth, np.zeros_like(truth))
    wrong = truth ^ asking.mask(image_id, Prompt(points=(first,)))
    if wrong.any():
        point, is_positive = correction(truth, truth ^ wrong)
        yield "points", Prompt(points=(first, point)) if is_positive else Prompt(points=(first,), not_points=(point,))


def processor_ms(server: Server) -> float:
    """Processor time that a server and its children have taken, in milliseconds."""
    own = psutil.Process(server.process.pid)
    used = [each.cpu_times() for each in (own, *own.children(recursive=True))]
    return 1000 * sum(each.user + each.system for each in used)


def times_of(server: Server, drawn: Sequence[tuple[int, AnnotatedPhoto]], times: int) -> dict[str, list[Tries]]:
    """The tries of the marks of each kind."""
    asking, rng = Asking(server.port), np.random.default_rng(0)
    found: dict[str, list[Tries]] = defaultdict(list)

    def tried(kind: str, image_id: int, prompt: Prompt, count: int) -> None:
        before = processor_ms(server)
        passed = [asking.place(image_id, prompt)[0] for _ in range(count)]
        found[kind].append(Tries(passed, (processor_ms(server) - before) / count))

    for image_id, photo in drawn:
        truths = [each.mask() for each in photo.objects]
        tried("first mark on a photo", image_id, Prompt(box=box_around(truths[0])), 1)
        for truth in truths:
            for kind, prompt in marks(asking, image_id, truth, rng):
                tried(kind, image_id, prompt, times)
    return found


def summary(tries: list[Tries]) -> dict[str, float]:
    """Half and 95 % of all tries, and of the best of each mark, in milliseconds; mean processor time of a try."""
    every, best = np.concatenate([each.passed for each in tries]), [min(each.passed) for each in tries]
    named = {"p50": (every, 50), "p95": (every, 95), "best, p50": (best, 50), "best, p95": (best, 95)}
    found = {name: round(float(np.percentile(*of)), 1) for name, of in named.items()}
    return {"marks": len(tries), **found, "processor": round(float(np.mean([each.processor for each in tries])), 1)}


@click.command()
@click.argument("data_dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("annotated", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--photos", "count", default=24, show_default=True, type=click.IntRange(1), help="Photos that are drawn.")
@click.option("--times", default=5, show_default=True, type=click.IntRange(1), help="Each mark is asked so many times.")
@click.option("--recipe", default="lite", show_default=True, help="Of DATA_DIR.")
@OUT
def main(data_dir: Path, annotated: Path, count: int, times: int, recipe: str, out: Path | None) -> None:
    """Measure marks on photos."""
    with serving(data_dir, recipe=recipe, worker=False) as server:
        ids = Asking(server.port).ids()
        there = [
            (ids[photo.path.name], photo)
            for photo in load_photos(annotated)
            if photo.objects and photo.path.name in ids
        ]
        if not there:
            raise click.ClickException(f"{data_dir} holds none of the photos of {annotated}: ingest them first")
        order = np.random.default_rng(0).permutation(len(there))[:count]
        found = times_of(server, [there[row] for row in order], times)
    figures = {"photos": len(order), "asked, times": times}
    report({**figures, "ms": {kind: summary(tries) for kind, tries in found.items()}}, out)


if __name__ == "__main__":
    main()
