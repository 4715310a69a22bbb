"""Discovery measured on annotated photos, through the code that users run.

A member of a cluster shows the object it fits best (IoU of at least .5), one member a photo; members that fit none
count for nothing. A class is found if it is the majority of a cluster that is at least half pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..assembly import Assembly
from ..processes.tables import Console, Table
from ..text.vocabulary import Vocabulary
from .collection import Truth, truth_of
from .datasets import AnnotatedPhoto

FIT_IOU = 0.5
PURE_SHARE = 0.5
LEAST_MATCHED = 2
"""Members that fit an object, from which on a cluster has a purity."""

LEAST_OBJECTS = 5
"""Classes of fewer objects are not expected to be found."""

TOP = (20, 50, 100)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a cluster shows: how many photos it is on, and the class of each member that fits an object."""

    photos: int
    classes: tuple[str, ...]

    @property
    def majority(self) -> tuple[str, int]:
        """The commonest class and how many members show it."""
        return Counter(self.classes).most_common(1)[0]


def evaluate(assembly: Assembly, photos: Sequence[AnnotatedPhoto]) -> dict[str, Any]:
    """Compare what is discovered on ingested annotated photos with their objects."""
    report = assembly.discoverer.update_all()
    ranked = assembly.discoverer.ranked()
    truth = truth_of(assembly, photos)
    members = assembly.clusters.members([cluster.id for cluster in ranked])
    shown = [_shown(truth, [(each.image_id, each.segment_id) for each in members[cluster.id]]) for cluster in ranked]
    objects = Counter(each.category for photo in photos for each in photo.objects)
    wanted = {name for name, count in objects.items() if count >= LEAST_OBJECTS}
    vocabulary = Vocabulary.load()
    unseen = {name for name in wanted if all(term.substitutes for term in vocabulary.read(name).understood)}
    return {
        "recipe": assembly.recipe_spec.fingerprint,
        "photos": len(photos),
        "clusters": len(ranked),
        "segments in clusters": sum(cluster.segments for cluster in ranked),
        "segments that wait": report.waiting,
        "classes": len(wanted),
        "classes without a word": len(unseen),
        "top": {str(count): figures_of(shown[:count], wanted, unseen) for count in TOP},
    }


def figures_of(shown: Sequence[Shown], wanted: set[str], unseen: set[str]) -> dict[str, Any]:
    """Purity, and shares of classes found, among clusters.

    Parameters
    ----------
    shown : sequence of Shown
        The best clusters.
    wanted, unseen : set of str
        Classes that should be found; those of them that no word names.
    """
    matched = [each for each in shown if len(each.classes) >= LEAST_MATCHED]
    members = sum(len(each.classes) for each in matched)
    pure = {each.majority[0] for each in matched if each.majority[1] >= PURE_SHARE * len(each.classes)}
    return {
        "clusters": len(shown),
        "purity": sum(each.majority[1] for each in matched) / members if members else 0.0,
        "members that fit an object": float(np.mean([len(each.classes) / each.photos for each in shown] or [0.0])),
        "classes found": len(pure & wanted),
        "recall of classes": len(pure & wanted) / len(wanted) if wanted else 0.0,
        "found without a word": sorted(pure & unseen),
        "recall without a word": len(pure & unseen) / len(unseen) if unseen else 0.0,
    }


def _shown(truth: Truth, members: Sequence[tuple[int, int]]) -> Shown:
    """What the most typical member on each photo shows."""
    first: dict[int, int] = {}
    for image_id, segment_id in members:
        first.setdefault(image_id, segment_id)
    found: list[str] = []
    for image_id, segment_id in first.items():
        _, overlaps = truth.overlaps.get(segment_id, (image_id, np.zeros(0, np.float32)))
        if overlaps.max(initial=0) >= FIT_IOU:
            found.append(truth.photos[image_id].objects[int(overlaps.argmax())].category)
    return Shown(len(first), tuple(found))


def show(figures: Mapping[str, Any], title: str) -> None:
    """Print the figures as a table."""
    table = Table("best", "purity", "members that fit", "classes found", "of them without a word", title=title)
    for count, each in figures["top"].items():
        table.add_row(
            count,
            f"{each['purity']:.2f}",
            f"{each['members that fit an object']:.2f}",
            f"{each['classes found']} of {figures['classes']}",
            f"{len(each['found without a word'])} of {figures['classes without a word']}",
        )
    console = Console()
    console.print(table)
    console.print(
        f"{figures['photos']} photos, {figures['clusters']} clusters of {figures['segments in clusters']:,} segments; "
        f"{figures['segments that wait']:,} segments wait"
    )
