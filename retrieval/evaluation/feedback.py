"""Relevance feedback and concepts measured with a simulated user, through the code that users run.

The user searches by a click on an object and judges ten results a round: a segment is relevant if it fits an object
of the class (IoU of at least .5) or lies on such objects (at least .6 of it). After each round the photos not judged
yet are ranked by the round's model and by the query as it was, and the two rankings are compared: what was judged
counts for neither.

References
----------
Chang, Cirillo and Razon, "Evaluation of Feedback Retrieval Using Modified Freezing, Residual Collection, and Test and
Control Groups", in Salton (ed.), The SMART Retrieval System, 1971, chapter 17.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco
from rich.progress import track

from ..assembly import Assembly
from ..errors import QueryError
from ..index.ranking import average_precision
from ..processes.tables import Console, Table
from ..query.request import Ref, SearchRequest
from ..search.answer import Match
from ..search.engine import SearchEngine
from .collection import RANKED, Truth, clicks, truth_of
from .datasets import AnnotatedPhoto
from .metrics import bootstrap_interval, by_class, mean_over_classes

ROUNDS = 5
JUDGED_A_ROUND = 10
LEAST_PHOTOS = 10
"""Classes that fewer photos hold are left out."""

QUERIES_A_CLASS = 12
DRAWS = 5
"""How often the examples of a concept are drawn."""

FITS, LIES_ON = 0.5, 0.6
WORSE = 0.01

Pairs = list[tuple[str, float]]


@dataclass(slots=True)
class RoundFigures:
    """Average precision on the photos not judged yet, by query and class: as at first, and by the round's model."""

    before: Pairs = field(default_factory=list)
    after: Pairs = field(default_factory=list)
    is_hard: list[bool] = field(default_factory=list)
    models: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """Differences in [-1, 1], shares in [0, 1]."""
        before, after = by_class(self.before), by_class(self.after)
        gains = np.array([b - a for (_, a), (_, b) in zip(self.before, self.after, strict=True)])
        hard = [row for row, is_hard in enumerate(self.is_hard) if is_hard]
        hard_before, hard_after = (by_class([pairs[row] for row in hard]) for pairs in (self.before, self.after))
        return {
            "queries": len(gains),
            "residual photo mAP before": mean_over_classes(before),
            "residual photo mAP after": mean_over_classes(after),
            "gain": mean_over_classes(after) - mean_over_classes(before),
            "gain, 95 % interval": list(bootstrap_interval(after, before)) if before else [0.0, 0.0],
            "gain of hard queries": mean_over_classes(hard_after) - mean_over_classes(hard_before),
            "share worse by more than .01": float((gains < -WORSE).mean()) if len(gains) else 0.0,
            "models": {name: self.models.count(name) for name in sorted(set(self.models))},
        }


def evaluate(assembly: Assembly, photos: Sequence[AnnotatedPhoto]) -> dict[str, Any]:
    """Measure rounds of feedback and concepts on ingested annotated photos."""
    engine = assembly.engine()
    truth = truth_of(assembly, photos)
    user = User(assembly, truth)
    first, rounds = _rounds(engine, truth, user, _queries(truth, photos))
    return {
        "recipe": assembly.recipe_spec.fingerprint,
        "photos": len(photos),
        "queries": len(first),
        "classes": len(by_class(first)),
        "photo mAP of round 0": mean_over_classes(by_class(first)),
        "rounds": {str(number + 1): each.figures() for number, each in enumerate(rounds)},
        "concepts": {"up to 5 examples": _concepts(engine, truth, user, (1, 5))}
        | {"up to 20 examples": _concepts(engine, truth, user, (1, 5, 20))},
    }


class User:
    """A simulated user, who knows what the photos show.

    Parameters
    ----------
    assembly : Assembly
    truth : Truth
    """

    def __init__(self, assembly: Assembly, truth: Truth) -> None:
        self._truth = truth
        self._areas: dict[int, float] = {}
        for key in truth.photos:
            self._areas.update({each.id: float(each.area) for each in assembly.catalog.segments.of_image(key)})

    def calls_relevant(self, segment_id: int, category: str) -> bool:
        """Whether a segment shows a class: it fits an object of it, or lies on such objects."""
        if segment_id not in self._truth.overlaps:
            return False
        owner, ious = self._truth.overlaps[segment_id]
        objects = self._truth.photos[owner].objects
        here = np.array([each.category == category for each in objects], bool)
        if not here.any():
            return False
        sizes = np.array([float(coco.area(each.run)) for each in objects])[here]
        own = self._areas[segment_id]
        common = ious[here] * (own + sizes) / (1 + ious[here])
        return bool(ious[here].max() >= FITS or common.sum() >= LIES_ON * own)

    def fitting(self, category: str) -> dict[int, int]:
        """Of each photo that has one, the segment that fits an object of the class best."""
        best: dict[int, tuple[float, int]] = {}
        for key, (owner, ious) in self._truth.overlaps.items():
            here = [iou for iou, each in zip(ious, self._truth.photos[owner].objects, strict=True)
                    if each.category == category]  # fmt: skip
            fit = max(here, default=0.0)
            if fit >= FITS and fit > best.get(owner, (0.0, 0))[0]:
                best[owner] = (fit, key)
        return {owner: key for owner, (_, key) in best.items()}


def _queries(truth: Truth, photos: Sequence[AnnotatedPhoto]) -> list[tuple[int, str, tuple[int, int]]]:
    """Photo, class and point: of each class that enough photos hold, some random clicks."""
    by_category: dict[str, list[tuple[int, str, tuple[int, int]]]] = {}
    for image_id, category, point, others in clicks(truth, photos):
        if others + 1 >= LEAST_PHOTOS:
            by_category.setdefault(category, []).append((image_id, category, point))
    rng = np.random.default_rng(0)
    return [
        each[row] for _, each in sorted(by_category.items()) for row in rng.permutation(len(each))[:QUERIES_A_CLASS]
    ]


def _rounds(
    engine: SearchEngine, truth: Truth, user: User, queries: Sequence[tuple[int, str, tuple[int, int]]]
) -> tuple[Pairs, list[RoundFigures]]:
    """Average precision of every query at first, and the figures of each round."""
    first: Pairs = []
    rounds = [RoundFigures() for _ in range(ROUNDS)]
    played: list[list[tuple[float, float, str] | None]] = []
    for image_id, category, point in track(queries, "feedback", console=Console(stderr=True)):
        request = SearchRequest(positive=(Ref(image=image_id, point=point),), limit=RANKED)
        holding = truth.holding(category) - {image_id}
        try:
            ranking = engine.search(request).results
        except QueryError:
            continue
        first.append((category, _precision(ranking, holding, frozenset())))
        played.append(_play(engine, user, request, ranking, (category, holding)))
    median = float(np.median([value for _, value in first])) if first else 0.0
    for (category, value), outcomes in zip(first, played, strict=True):
        for each, outcome in zip(rounds, outcomes, strict=True):
            if outcome is not None:
                each.before.append((category, outcome[0]))
                each.after.append((category, outcome[1]))
                each.models.append(outcome[2])
                each.is_hard.append(value < median)
    return first, rounds


def _play(
    engine: SearchEngine,
    user: User,
    request: SearchRequest,
    ranking: Sequence[Match],
    sought: tuple[str, frozenset[int]],
) -> list[tuple[float, float, str] | None]:
    """Precision before and after each round, and its model; None where every right photo was judged."""
    category, holding = sought
    judged: dict[bool, list[int]] = {True: [], False: []}
    shown, seen, outcomes = list(ranking), set[int](), list[tuple[float, float, str] | None]()
    for _ in range(ROUNDS):
        for match in shown[:JUDGED_A_ROUND]:
            if match.segment_id is not None:
                judged[user.calls_relevant(match.segment_id, category)].append(match.segment_id)
            seen.add(match.image_id)
        found = engine.refine(request, judged[True], judged[False])
        shown = list(found.answer.results)
        left = frozenset(seen)
        before, after = _precision(ranking, holding, left), _precision(shown, holding, left)
        outcomes.append((before, after, found.model.name) if holding - left else None)
    return outcomes


def _precision(ranking: Sequence[Match], holding: frozenset[int], judged: frozenset[int]) -> float:
    """Average precision of the photos that were not judged."""
    right = np.array([match.image_id in holding for match in ranking if match.image_id not in judged], bool)
    return average_precision(right, len(holding - judged))


# ---- concepts


def _concepts(engine: SearchEngine, truth: Truth, user: User, sizes: tuple[int, ...]) -> dict[str, Any]:
    """Average precision of concepts made of so many examples, on the photos that none of them is from."""
    found: dict[int, Pairs] = {size: [] for size in sizes}
    rng = np.random.default_rng(0)
    for category in sorted({name for photo in truth.photos.values() for name in photo.categories}):
        fitting, holding = user.fitting(category), truth.holding(category)
        if len(fitting) < sizes[-1] or len(holding) < sizes[-1] + LEAST_PHOTOS // 2:
            continue
        for _ in range(DRAWS):
            image_ids = rng.permutation(sorted(fitting))[: sizes[-1]]
            for size in sizes:
                model = engine.learn(None, [fitting[int(key)] for key in image_ids[:size]], [])
                scored = _ranked_photos(engine, model.directions)
                left_out = frozenset(image_ids.tolist())
                right = np.array([key in holding for key in scored if key not in left_out], bool)
                found[size].append((category, average_precision(right, len(holding - left_out))))
    values: Mapping[int, dict[str, list[float]]] = {size: by_class(pairs) for size, pairs in found.items()}
    low = values[sizes[0]]
    return {
        "classes": len(low),
        **{f"photo mAP of {size}": mean_over_classes(each) for size, each in values.items()},
        "gain of 5 over 1": mean_over_classes(values[5]) - mean_over_classes(low),
        "gain of 5 over 1, 95 % interval": list(bootstrap_interval(values[5], low)) if low else [0.0, 0.0],
    }


def _ranked_photos(engine: SearchEngine, directions: NDArray[np.float32]) -> list[int]:
    """All photos by their best segment."""
    found = engine.segments.search(directions, max(1, engine.segments.stats().count))
    photos: list[int] = found.best_per_image().image_ids.tolist()
    return photos


def show(figures: Mapping[str, Any], title: str) -> None:
    """Print the figures as tables."""
    table = Table("round", "queries", "before", "after", "gain", "95 %", "hard", "worse", "models", title=title)
    for number, each in figures["rounds"].items():
        low, high = each["gain, 95 % interval"]
        shares = [each[f"residual photo mAP {when}"] for when in ("before", "after")]
        models = ", ".join(f"{name} {count}" for name, count in each["models"].items())
        table.add_row(
            number,
            str(each["queries"]),
            *(f"{share:.3f}" for share in shares),
            f"{each['gain']:+.3f}",
            f"{low:+.3f} to {high:+.3f}",
            f"{each['gain of hard queries']:+.3f}",
            f"{100 * each['share worse by more than .01']:.0f} %",
            models,
        )
    console = Console()
    console.print(table)
    console.print(f"{figures['queries']} queries of {figures['classes']} classes, photo mAP "
                  f"{figures['photo mAP of round 0']:.3f} in round 0")  # fmt: skip
    for name, concept in figures["concepts"].items():
        values = ", ".join(f"{key} {value:.3f}" for key, value in concept.items() if isinstance(value, float))
        console.print(f"concepts of {name}: {concept['classes']} classes, {values}")
