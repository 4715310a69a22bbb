"""Bytes and processor time of a photo and of a search, one by one, for the model of `benchmarks.scale`.

::

    python -m benchmarks.service_times DATA_DIR --photos FOLDER [--count N] [--out FILE]

DATA_DIR is a library with photos of recipe ``lite`` on SQLite; its files are counted, and it is asked for examples,
words, and words with an example. Photos of FOLDER are analysed and stored in a library of their own. Times are
processor time of the whole process, which other work on the machine lengthens less than time by the clock; only
storing, for which others wait, is timed by the clock, in batches as a worker stores. A search is the fastest of three;
quantiles are over the searches, or photos, in steps of 5 %. What the web server adds is
not in them: `bench search` measures that.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from indexer.bench.results import OUT, report
from indexer.claims import COMMIT_PHOTOS
from indexer.report import Tally
from indexer.scan import register_files
from indexer.walk import find_files
from retrieval.analysis.local import ANALYSIS_SIDE
from retrieval.assembly import Assembly
from retrieval.images.decode import decode_with_renditions
from retrieval.index.inverted import PAIRS
from retrieval.query.request import Ref, SearchRequest
from retrieval.search.engine import SearchEngine
from retrieval.settings import Settings
from retrieval.storage.disk import used_by
from retrieval.types import AnalyzedImage

from .broad_words import WORDS as BROAD
from .index_servers import WORDS

SHARES = tuple(range(0, 101, 5))
TIMES = 3
LIMIT = 50
OWNER = "service times"


@click.command(help=__doc__)
@click.argument("data_dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--photos", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--count", default=128, show_default=True, type=click.IntRange(1), help="Photos to analyse.")
@OUT
def main(data_dir: Path, photos: Path, count: int, out: Path | None) -> None:
    """Measure one library and one folder of photos."""
    assembly = Assembly(Settings.in_data_dir(data_dir, device="cpu"))
    figures = _sizes(assembly) | {"searches": _searches(assembly)}
    assembly.close()
    report(figures | _photos(photos, count), out)


def _sizes(assembly: Assembly) -> dict[str, Any]:
    settings, contents = assembly.settings, assembly.catalog.vectors.contents(assembly.recipe_spec.space)
    if not contents.segments:
        raise click.ClickException(f"{settings.data_dir} has no segments: ingest photos there first")
    catalogue = sum(each.stat().st_size for each in settings.data_dir.glob("catalog.db*"))
    return {
        "photos": contents.photos,
        "segments": contents.segments,
        "bytes a segment, catalogue": catalogue / contents.segments,
        "bytes a photo, renditions": used_by(settings.renditions_dir) / contents.photos,
    }


def _searches(assembly: Assembly) -> dict[str, dict[str, Any]]:
    engine = assembly.engine()
    ids = np.sort(engine.segments.sample(10**9))
    words = (*WORDS, *BROAD)
    examples = [Ref(segment=int(each)) for each in ids[np.linspace(0, len(ids) - 1, 2 * len(words)).astype(int)]]
    kinds = {
        "example": [SearchRequest(positive=(each,), limit=LIMIT) for each in examples],
        "word": [SearchRequest(text=each, limit=LIMIT) for each in words],
        "word and example": [
            SearchRequest(text=word, positive=(each,), limit=LIMIT) for word, each in zip(words, examples, strict=False)
        ],
    }
    for requests in kinds.values():
        engine.search(requests[0])
    return {
        name: {
            "processor ms": quantiles(
                [1000 * min(_processor(partial(engine.search, each))[0] for _ in range(TIMES)) for each in requests]
            ),
            "lists, times those of an example": quantiles([_lists(engine, each) for each in requests]),
        }
        for name, requests in kinds.items()
    }


def _lists(engine: SearchEngine, request: SearchRequest) -> float:
    """How many more lists of short codes are searched than for one example: `retrieval.index.inverted.PAIRS`."""
    if not request.text:
        return 1.0
    directions = len(engine.start_of(SearchRequest(text=request.text)))
    return min(directions, PAIRS * math.sqrt(directions)) + len(request.positive)


def _photos(folder: Path, count: int) -> dict[str, Any]:
    """Processor time of an analysis, from the file to segments with vectors, and time of storing it in a batch."""
    with tempfile.TemporaryDirectory(prefix="segsearch-service-") as temporary:
        assembly = Assembly(Settings.in_data_dir(Path(temporary), device="cpu"))
        register_files(assembly, [folder], Tally())
        paths = [each for each in find_files([folder]) if each.is_file()]
        chosen = paths[:: max(1, len(paths) // count)][:count]
        jobs = assembly.ingest_queue.claim(OWNER, len(chosen))
        _analysed(assembly, chosen[0], Path(temporary))  # compiles the networks
        analysing, entries = list[float](), dict[int, AnalyzedImage]()
        for path, job in zip(chosen, jobs, strict=True):
            took, entries[job.image_id] = _processor(partial(_analysed, assembly, path, Path(temporary)))
            analysing.append(1000 * took)
            assembly.ingest_queue.renew(OWNER)
        storing = [1000 * _stored(assembly, batch) for batch in _batches(entries)]
        assembly.close()
    return {
        "photos analysed": len(entries),
        "recipe": assembly.bulk_recipe.fingerprint,
        "segments a photo": float(np.mean([len(each.analysis.segments) for each in entries.values()])),
        "photo, processor ms": quantiles(analysing),
        "photos a batch": COMMIT_PHOTOS,
        "storing a photo, ms": quantiles(storing),
    }


def _batches(entries: dict[int, AnalyzedImage]) -> list[dict[int, AnalyzedImage]]:
    items = list(entries.items())
    return [dict(items[start : start + COMMIT_PHOTOS]) for start in range(0, len(items), COMMIT_PHOTOS)]


def _stored(assembly: Assembly, batch: dict[int, AnalyzedImage]) -> float:
    """Seconds a photo of storing several in one transaction, as a worker does."""
    recipe, started = assembly.bulk_recipe, time.perf_counter()
    stored = assembly.ingest_queue.finish(OWNER, batch, recipe.fingerprint, recipe.space)
    took = time.perf_counter() - started
    if stored != len(batch):
        raise click.ClickException(f"only {stored} of {len(batch)} photos were stored: their lease ended; try again")
    return took / len(batch)


def _analysed(assembly: Assembly, path: Path, folder: Path) -> AnalyzedImage:
    recipe = assembly.bulk_recipe
    image = decode_with_renditions(
        path, long_side=ANALYSIS_SIDE, preview=folder / "preview.jpg", thumbnail=folder / "thumbnail.jpg"
    )
    features = recipe.extract([image.rgb])[0]
    analysis = recipe.embed(image.rgb, features, recipe.segment(image.rgb, features))
    return AnalyzedImage(format="JPEG", size_hw=image.size_hw, taken_at=None, analysis=analysis)


def _processor(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of processor time that a call takes, and what it gives."""
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Values at every 5 %, and the mean."""
    of = np.asarray(values)
    return {f"p{share}": round(float(np.percentile(of, share)), 3) for share in SHARES} | {
        "mean": round(float(of.mean()), 3)
    }


if __name__ == "__main__":
    main()
