"""Whether a recipe's weights do what they should: a minute's test on photos that come with scikit-image.

Wrong weights, a wrong normalisation, or masks that do not lie where the things are, show here before a collection is
analysed with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import psutil
from numpy.typing import NDArray

from retrieval.errors import ConfigurationError
from retrieval.processes.extras import required
from retrieval.recipes.facts import facts_of
from retrieval.recipes.protocols import Recipe, TextEmbedder
from retrieval.recipes.specs import RecipeSpec
from retrieval.text.lexicon import class_labels
from retrieval.types import Analysis, RgbImage, Vectors

State = Literal["ok", "fault", "figure"]

CUP = (
    (173, 120), (175, 95), (180, 70), (205, 40), (245, 22), (290, 17), (340, 25), (380, 50), (401, 80), (404, 115),
    (400, 150), (390, 195), (370, 240), (340, 265), (300, 283), (262, 283), (248, 300), (215, 305), (198, 290),
    (200, 262), (215, 237), (195, 205), (180, 160),
)  # fmt: skip
"""Outline of the cup in ``coffee``, drawn by hand; in pixels of its 600 by 400."""

CAT = (
    (50, 0), (33, 40), (38, 100), (0, 125), (0, 300), (250, 300), (275, 270), (310, 240), (335, 190), (358, 140),
    (360, 100), (352, 80), (385, 40), (400, 0),
)  # fmt: skip
"""Outline of the cat in ``chelsea``; in pixels of its 451 by 300."""

WORDS = {"coffee": "espresso", "chelsea": "tiger cat"}
"""What some photos show, by names of ImageNet's classes."""

LEAST_FIT = 0.7
"""IoU that a segmenter reaches with the cup or the cat at least; the whole photo has .65 with the cat."""
LEAST_CUP = 0.5
"""IoU from which on a segment stands for the cup, where vectors are compared."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Figures of a recipe that comes with the program, measured on a CPU.

    Attributes
    ----------
    segments : int
        Of all photos.
    cup, cat : float
        IoU of the best segment.
    """

    segments: int
    cup: float
    cat: float


EXPECTED = {
    "lite": Expected(180, 0.55, 0.91),
    "lite-crops": Expected(180, 0.55, 0.91),
    "lite-unlearned": Expected(400, 0.67, 0.90),
    "psp": Expected(155, 0.53, 0.90),
    "grid": Expected(100, 0.49, 0.35),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the test.

    Attributes
    ----------
    name : str
    state : State
        ``figure`` where nothing is expected.
    told : str
    """

    name: str
    state: State
    told: str


def check_memory(name: str) -> None:
    """Refuse to load what does not fit.

    Raises
    ------
    ConfigurationError
        The weights of a model whose size is known do not fit into the free memory.
    """
    first, _, second = name.partition("+")
    sizes = [facts_of(each).megabytes or 0.0 for each in (first, *([f"+{second}"] if second else []))]
    needed, free = 1.3 * sum(sizes), psutil.virtual_memory().available / 1e6
    if needed > free:
        raise ConfigurationError(
            f"{name} needs about {needed / 1e3:.1f} GB of memory to load, and {free / 1e3:.1f} GB are free: end other "
            "programs, or choose a smaller model"
        )


def photos() -> dict[str, RgbImage]:
    """Photos of scikit-image, by name."""
    data = required("skimage.data")
    return {name: np.asarray(getattr(data, name)()) for name in ("coffee", "chelsea", "astronaut", "rocket")}


def examine(spec: RecipeSpec, recipe: Recipe) -> Iterator[Check]:
    """Try a recipe; each check comes as soon as it is known.

    Parameters
    ----------
    spec : RecipeSpec
    recipe : Recipe
        As `spec` builds it.
    """
    images = photos()
    images["mirrored"] = np.ascontiguousarray(images["coffee"][:, ::-1])
    found = {}
    for name, image in images.items():
        (features,) = recipe.extract([image])
        found[name] = recipe.embed(image, features, recipe.segment(image, features))
    expected = EXPECTED.get(spec.name)
    yield _segments({name: each for name, each in found.items() if name != "mirrored"}, expected)
    yield from _fits(found, expected)
    yield _vectors(found)
    yield _likeness(found)
    yield _words(spec, recipe, found)


def _segments(found: dict[str, Analysis], expected: Expected | None) -> Check:
    counts = {name: len(each.segments) for name, each in found.items()}
    told = ", ".join(f"{count} of {name}" for name, count in counts.items())
    if not sum(counts.values()):
        return Check("segments", "fault", "none in any photo: the weights are not those of this model")
    if expected is not None and abs(sum(counts.values()) - expected.segments) > 0.1 * expected.segments:
        return Check("segments", "fault", f"{told}; {expected.segments} in all were expected")
    return Check("segments", "ok" if expected else "figure", told)


def _fits(found: dict[str, Analysis], expected: Expected | None) -> Iterator[Check]:
    fits = {
        "cup": _best_fit(found["coffee"], CUP, (400, 600))[1],
        "cat": _best_fit(found["chelsea"], CAT, (300, 451))[1],
    }
    told = ", ".join(f"IoU {fit:.2f} with the {thing}" for thing, fit in fits.items())
    if expected is not None:
        off = [thing for thing, fit in fits.items() if abs(fit - getattr(expected, thing)) > 0.03]
        wanted = f"{expected.cup:.2f} and {expected.cat:.2f} were expected"
        yield Check("masks", "fault" if off else "ok", f"{told}; {wanted}" if off else told)
    elif max(fits.values()) < LEAST_FIT:
        yield Check("masks", "fault", f"{told}: masks do not lie where things are, or the model knows neither of them")
    else:
        yield Check("masks", "ok", told)


def _vectors(found: dict[str, Analysis]) -> Check:
    every = np.concatenate([each.vectors for each in found.values()])
    lengths = np.linalg.norm(every, axis=1)
    if not np.isfinite(every).all() or np.abs(lengths - 1).max(initial=0) > 1e-3:
        return Check("vectors", "fault", "not all are finite and of unit length: the weights are damaged")
    between = np.array([[one.photo_vector @ other.photo_vector for other in found.values()] for one in found.values()])
    rest = between[:-1, :-1][~np.eye(len(found) - 1, dtype=bool)]
    told = f"whole photos: {between[0, -1]:.3f} with its mirror image, at most {rest.max():.3f} with another photo"
    return Check("photo vectors", "ok" if between[0, -1] > rest.max() else "fault", told)


def _likeness(found: dict[str, Analysis]) -> Check:
    """Whether the cup is found in the mirrored photo, before all segments of the other photos."""
    row, fit = _best_fit(found["coffee"], CUP, (400, 600))
    if row is None or fit < LEAST_CUP:
        return Check("likeness", "figure", "not tried: no segment fits the cup")
    query = found["coffee"].vectors[row]
    best = {name: float((each.vectors @ query).max(initial=-1)) for name, each in found.items() if name != "coffee"}
    order = sorted(best, key=lambda name: -best[name])
    told = ", ".join(f"{best[name]:.3f} {name}" for name in order)
    return Check("likeness", "ok" if order[0] == "mirrored" else "fault", f"nearest to the cup: {told}")


def _words(spec: RecipeSpec, recipe: Recipe, found: dict[str, Analysis]) -> Check:
    vectors = _word_vectors(spec, recipe, list(WORDS.values()))
    if vectors is None:
        return Check("words", "figure", "not tried: the vectors know no words")
    wrong, told = [], []
    for (photo, word), vector in zip(WORDS.items(), vectors, strict=True):
        scores = {name: float((each.vectors @ vector).max(initial=-1)) for name, each in found.items()}
        scores["coffee"] = max(scores["coffee"], scores.pop("mirrored"))
        first = max(scores, key=lambda name: scores[name])
        told.append(f"{word}: {first} {scores[first]:.3f}")
        if first != photo:
            wrong.append(word)
    return Check("words", "fault" if wrong else "ok", "; ".join(told))


def _word_vectors(spec: RecipeSpec, recipe: Recipe, words: Sequence[str]) -> Vectors | None:
    if isinstance(recipe, TextEmbedder):
        return recipe.embed_texts(words)
    if spec.word_vectors is None:
        return None
    names = class_labels()
    return spec.word_vectors[[names.index(word) for word in words]]


def _best_fit(
    found: Analysis, outline: Sequence[tuple[int, int]], size_hw: tuple[int, int]
) -> tuple[int | None, float]:
    """The segment that overlaps an outline most, and its IoU."""
    if not len(found.segments):
        return None, 0.0
    overlaps = found.segments.iou_with(_mask(outline, size_hw, found.segments.size_hw)[None])[:, 0]
    return int(overlaps.argmax()), float(overlaps.max())


def _mask(outline: Sequence[tuple[int, int]], size_hw: tuple[int, int], frame_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """The inside of an outline in a frame of another size."""
    drawn = np.zeros(size_hw, np.uint8)
    cv2.fillPoly(drawn, [np.array(outline, np.int32)], 1)
    return cv2.resize(drawn, frame_hw[::-1], interpolation=cv2.INTER_NEAREST).astype(bool)
