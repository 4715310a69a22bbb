"""Whether a search for the very object finds it, and not others of its kind.

::

    python -m benchmarks.same_object DATA [--home DIR] [--out FILE]

DATA has the folders ``davis-dev`` and ``coco-dev``. A new library is filled with the frames of the videos, with all
photos of ``coco-dev``, and with `OBJECTS` of their objects drawn twice each on other photos: turned by up to 35°, at
half to 1.3 times their size, lighter or darker, tinted and compressed. Then it is asked for each object of a frame and
for each object that was drawn, cut out of its photo, on grey, so that the scene does not help. Right are the other
frames of the video, and the photos on which the object was drawn; the photo that an object was cut out of is left out.
Figures are the mean average precision of photos, of objects, by the first stage alone and with the second. Then the
probability is fitted: on all, and five times on four fifths of the objects, to tell how often it is right for others.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco
from rich.progress import track
from sklearn.linear_model import LogisticRegression

import retrieval
from indexer.bench.results import OUT, report
from retrieval.evaluation.datasets import AnnotatedPhoto, load_photos
from retrieval.library import Library
from retrieval.query.request import SearchRequest
from retrieval.search import same_object
from training.photos import FOLDS, fold_numbers

OBJECTS, DRAWN = 80, 2
LEAST_AREA = 6000
"""Of objects that are drawn, in pixels."""

GREY = (124, 116, 104)
BOUNDS = (0.0, 0.2, 0.5, 0.8, 1.001)


@dataclass(frozen=True, slots=True)
class Asked:
    """An object that is searched for."""

    kind: str
    name: str
    picture: Path
    mask: tuple[tuple[int, int], str]
    source: str


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """What was found: photos that are right among those ranked, by each stage, and what was compared."""

    asked: Asked
    first: NDArray[np.bool_]
    second: NDArray[np.bool_]
    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    total: int
    seconds: float


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="Keep the library here, or use it.")
@OUT
def main(data: Path, home: Path | None, out: Path | None) -> None:
    """Measure searches for the very object."""
    with tempfile.TemporaryDirectory() if home is None else nullcontext(home) as folder:
        figures = measured(data, Path(folder))
    report(figures, out)


def measured(data: Path, home: Path) -> dict[str, Any]:
    """The figures, of a library that is made in a folder, or was before."""
    frames, photos = load_photos(data / "davis-dev", min_area=1), load_photos(data / "coco-dev")
    pictures = home / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    asked = [_asked("video", photo, 0, photo.objects[0].category, pictures) for photo in frames if photo.objects]
    asked += list(_drawn(photos, pictures))
    with retrieval.open(home / "library") as library:
        told = library.ingest(data / "davis-dev" / "images", data / "coco-dev" / "images", pictures / "drawn")
        click.echo(f"{told}", err=True)
        names = {photo.id: photo.path.name for photo in library.images() if photo.path is not None}
        truth = _truth(frames, names)
        found = [_searched(library, each, names, truth) for each in track(asked, "searching")]
    return {
        "photos": len(names),
        "ms, second stage": round(1000 * float(np.median([each.seconds for each in found]))),
        **{kind: _precision([each for each in found if each.asked.kind == kind]) for kind in ("video", "drawn")},
        "probability": _fitted(found),
    }


def _asked(kind: str, photo: AnnotatedPhoto, number: int, name: str, pictures: Path) -> Asked:
    """An object of a photo, cut out."""
    rgb, mask = np.asarray(Image.open(photo.path).convert("RGB")), photo.objects[number].mask()
    path = pictures / "asked" / f"{photo.path.stem}-{number}.png"
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.where(mask[..., None], rgb, np.array(GREY, np.uint8))).save(path)
    run = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return Asked(kind, name, path, (mask.shape, run["counts"].decode("ascii")), photo.path.name)


def _drawn(photos: list[AnnotatedPhoto], pictures: Path) -> Iterator[Asked]:
    """Objects that are drawn on other photos; these are written."""
    rng, folder = np.random.default_rng(7), pictures / "drawn"
    folder.mkdir(exist_ok=True)
    large = [(photo, [n for n, each in enumerate(photo.objects) if each.area > LEAST_AREA]) for photo in photos]
    large = [(photo, numbers) for photo, numbers in large if numbers]
    for row in rng.permutation(len(large))[:OBJECTS].tolist():
        photo, numbers = large[row]
        number = int(rng.choice(numbers))
        asked = _asked("drawn", photo, number, f"{photo.path.stem}-{number}", pictures)
        rgb, mask = np.asarray(Image.open(photo.path).convert("RGB")), photo.objects[number].mask()
        for copy in range(DRAWN):
            ground = np.asarray(Image.open(photos[int(rng.integers(len(photos)))].path).convert("RGB"))
            drawn = Image.fromarray(_pasted(rgb, mask, ground, rng))
            drawn.save(folder / f"{asked.name}-{copy}.jpg", quality=80)
        yield asked


def _pasted(
    rgb: NDArray[np.uint8], mask: NDArray[np.bool_], ground: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """An object turned, scaled and tinted, near the middle of another photo."""
    height, width = ground.shape[:2]
    rows, columns = np.nonzero(mask)
    middle = (float(columns.min() + columns.max()) / 2, float(rows.min() + rows.max()) / 2)
    scale, angle = rng.uniform(0.5, 1.3), rng.uniform(-35, 35)
    side = max(int(np.ptp(rows)), int(np.ptp(columns)))
    turn = cv2.getRotationMatrix2D(middle, angle, min(scale, 0.9 * min(height, width) / side))
    turn[:, 2] += [rng.uniform(0.35, 0.65) * width - middle[0], rng.uniform(0.35, 0.65) * height - middle[1]]
    tinted = rgb * rng.uniform(0.75, 1.25) * rng.uniform(0.93, 1.07, 3) + rng.uniform(-12, 12)
    there = cv2.warpAffine(np.clip(tinted, 0, 255).astype(np.uint8), turn, (width, height), flags=cv2.INTER_AREA)
    alpha = cv2.GaussianBlur(cv2.warpAffine(mask.astype(np.float32), turn, (width, height)), (3, 3), 0)[..., None]
    return np.asarray(ground * (1 - alpha) + there * alpha, np.uint8)


def _truth(frames: list[AnnotatedPhoto], names: dict[int, str]) -> dict[int, str]:
    """The object that each photo shows; of photos that show none of those asked for, nothing."""
    videos = {photo.path.name: photo.objects[0].category for photo in frames if photo.objects}
    drawn = {key: name.rpartition("-")[0] for key, name in names.items() if name.count("-") == 2}
    return {key: videos[name] for key, name in names.items() if name in videos} | drawn


def _searched(library: Library, asked: Asked, names: dict[int, str], truth: dict[int, str]) -> Found:
    """Both stages for one object."""
    engine = library._engine  # both stages of one analysed photo
    with library._reference(asked.picture, {"mask": asked.mask}) as refs:
        request = SearchRequest(positive=tuple(refs), limit=1000)
        first = engine.search(request).results
        started = time.perf_counter()
        second = engine.search(SearchRequest(positive=tuple(refs), limit=1000, match="same")).results
        seconds = time.perf_counter() - started
    first, second = ([each for each in some if names[each.image_id] != asked.source] for some in (first, second))
    right = [np.array([truth.get(each.image_id) == asked.name for each in some]) for some in (first, second)]
    compared = [each for each in second if each.evidence is not None]
    total = sum(name == asked.name and names[key] != asked.source for key, name in truth.items())
    return Found(
        asked,
        *right,
        scores=np.array([same_object.score(each.evidence) for each in compared if each.evidence is not None]),
        right=right[1][: len(compared)],
        total=total,
        seconds=seconds,
    )


def _precision(found: list[Found]) -> dict[str, Any]:
    """Mean average precision over objects, in per cent: by the first stage, and with the second."""
    by_object = defaultdict(list)
    for each in found:
        by_object[each.asked.name].append([_average(each.first, each.total), _average(each.second, each.total)])
    first, second = np.mean([np.mean(some, axis=0) for some in by_object.values()], axis=0)
    told = {name: [round(float(at), 3) for at in np.mean(some, axis=0)] for name, some in by_object.items()}
    kept = {"each": told} if len(told) <= OBJECTS // 2 else {}
    return {"objects": len(told), "mAP, first": round(float(first), 3), "mAP, both": round(float(second), 3), **kept}


def _average(right: NDArray[np.bool_], total: int) -> float:
    return float((np.cumsum(right) / np.arange(1, len(right) + 1))[right].sum() / max(total, 1))


def _fitted(found: list[Found]) -> dict[str, Any]:
    """The logistic function of all, and what shares are right by one of other objects."""
    objects = sorted({each.asked.name for each in found})
    folds = dict(zip(objects, fold_numbers(len(objects)).tolist(), strict=True))
    scores = np.concatenate([each.scores for each in found])
    right = np.concatenate([each.right for each in found])
    fold = np.concatenate([np.full(len(each.scores), folds[each.asked.name]) for each in found])
    chances = np.zeros(len(scores))
    for number in range(FOLDS):
        chances[fold == number] = _logistic(scores[fold != number], right[fold != number]).predict_proba(
            scores[fold == number][:, None]
        )[:, 1]
    model = _logistic(scores, right)
    bands = {}
    for low, high in pairwise(BOUNDS):
        inside = (chances >= low) & (chances < high)
        bands[f"{low:.1f} to {min(high, 1):.1f}"] = {
            "results": int(inside.sum()),
            "right, %": round(100 * float(right[inside].mean()), 1) if inside.any() else None,
        }
    return {"slope": round(float(model.coef_[0, 0]), 2), "offset": round(float(model.intercept_[0]), 2), "folds": bands}


def _logistic(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> LogisticRegression:
    return LogisticRegression(C=1e3).fit(scores[:, None], right)


if __name__ == "__main__":
    main()
