"""Whether results show the very object of the examples: a second stage that compares pictures under both masks.

Vectors say of which kind a thing is; ImageNet's networks hardly tell two things of one kind apart (ILIAS, CVPR 2025,
section 5). So what the first stage ranks first is ranked again by likeness, colours, and local features that agree on
a transform. Two things that look the same, such as two cars of one make and colour, stay alike.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from io import BufferedReader
from typing import Final

import cv2
import numpy as np

from ..catalog import Catalog, QueryStore, SegmentHit
from ..embed.appearance import Appearance
from ..errors import ImageError, QueryError
from ..images.masks import MaskRun, resized_mask
from ..index.protocols import SegmentIndex
from ..processes.cores import usable_cores
from ..query.request import SearchRequest
from ..storage.originals import path_of_opened
from ..types import RgbImage, Vectors
from .answer import LIKELY_CHANCE, Match, ObjectEvidence
from .folding import Found
from .plan import QueryPlan
from .resolver import Example, stack

CHECKED: Final = 100
"""So many of the first photos, or segments, are compared."""

PER_PHOTO: Final = 2
"""So many segments of a photo, those that are most like the examples."""

COLOR_WEIGHT, FEATURE_WEIGHT = 0.75, 0.1
"""Of the colours' agreement, and of the logarithm of how many features agree, beside the vectors' cosine similarity."""

CHANCE_FEATURES: Final = 3
"""So many features agree by chance."""

SLOPE, OFFSET = 8.62, -11.55
"""Of the logistic function from that sum to a probability (Platt, 1999), fitted by ``benchmarks.same_object``."""

MOST_THREADS: Final = 8

KEPT: Final = 1000
"""Appearances that are kept in memory, of some 50 kB each."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class ObjectVerifier:
    """Compares objects by their pictures; safe to use from several threads.

    Attributes
    ----------
    catalog : Catalog
    queries : QueryStore
    preview : callable
        Opens a stored photo's preview, by its digest; OSError if it cannot be read.
    query_picture : callable
        Decodes a query photo, by its digest; raises `ImageError`.
    kept : KeptAppearances
    """

    catalog: Catalog
    queries: QueryStore
    preview: Callable[[str], BufferedReader]
    query_picture: Callable[[str], RgbImage]
    kept: KeptAppearances = field(default_factory=lambda: KeptAppearances(KEPT))

    def verified(
        self, matches: Sequence[Match], request: SearchRequest, understood: QueryPlan, index: SegmentIndex
    ) -> tuple[Match, ...]:
        """Rank the first `CHECKED` matches by the probability that they show the very object.

        Parameters
        ----------
        matches : sequence of Match
            The first stage's, best first.
        request : SearchRequest
        understood : QueryPlan
        index : SegmentIndex
            Of segments.

        Returns
        -------
        tuple of Match
            Those that were compared, each by the segment that is most probably the object, with its `probability` and
            `evidence`; then the others, in their order. One whose picture cannot be read is among these.

        Raises
        ------
        QueryError
            The picture of an example cannot be read.

        Notes
        -----
        10 ms for a segment that was not compared lately, shared among the cores: one to two seconds for 200. Others
        take .3 ms.
        """
        examples = understood.examples[: len(request.positive)]
        sought, vectors = [self._sought(each) for each in examples], stack(examples)
        first, rest = matches[:CHECKED], matches[CHECKED:]
        may_change = request.group_by == "image" and not request.conditions.of_segments
        cosines = _cosines(first, vectors, index, of_photos=may_change)
        keys = _nearest(first, cosines, index) if may_change else [[match.segment_id or 0] for match in first]
        hits = self.catalog.segments.hits([key for each in keys for key in each])
        compared, left = list[Match](), list[Match]()
        for match, ids, seen in zip(first, keys, self._seen(first, keys), strict=True):
            found = [
                (
                    max((_evidence(*pair, seen[key]) for pair in zip(cosines[key], sought, strict=True)), key=score),
                    key,
                )
                for key in ids
                if key in hits and key in seen
            ]
            if found:
                evidence, key = max(found, key=lambda each: score(each[0]))
                compared.append(_told(match, hits[key], evidence))
            else:
                left.append(match)
        compared.sort(key=lambda match: -(match.probability or 0))
        return (*compared, *(match._replace(likely=False, probability=None) for match in (*left, *rest)))

    def _sought(self, example: Example) -> Appearance:
        """The appearance of an example."""
        mask = example.made or example.segment
        if mask is None:
            raise QueryError("a whole photo is no object: pick a segment of it")
        if example.image_id is not None:
            where = f"photo {example.image_id}"
            picture = self._picture(self.catalog.images.get(example.image_id).sha256)
        else:
            where = f"query photo {example.ref.query}"
            try:
                picture = self.query_picture(self.queries.get(example.ref.query or 0).sha256)
            except ImageError:
                picture = None
        seen = None if picture is None else _appearance(picture, (mask.mask_size_hw, mask.mask_counts))
        if seen is None:
            raise QueryError(
                f"the picture of {where} cannot be read, so nothing can be compared with it: restore its file and run "
                "`verify`, or search by kind"
            )
        return seen

    def _seen(self, matches: Sequence[Match], keys: Sequence[Sequence[int]]) -> list[dict[int, Appearance]]:
        """Appearances of the segments of each match, as far as its picture can be read."""
        known = {key: seen for ids in keys for key in ids if (seen := self.kept.get(key)) is not None}
        masks = self.catalog.segments.masks([key for ids in keys for key in ids if key not in known])
        photos = self.catalog.images.find({match.image_id for match in matches})

        def look(match: Match, ids: Sequence[int]) -> dict[int, Appearance]:
            seen = {key: known[key] for key in ids if key in known}
            new = [key for key in ids if key in masks]
            picture = self._picture(photos[match.image_id].sha256) if new and match.image_id in photos else None
            if picture is not None:
                seen |= {key: found for key in new if (found := _appearance(picture, masks[key])) is not None}
                for key in new:
                    if key in seen:
                        self.kept.put(key, seen[key])
            return seen

        with ThreadPoolExecutor(min(len(usable_cores()), MOST_THREADS), "same-object") as threads:
            return list(threads.map(look, matches, keys))

    def _picture(self, sha256: str) -> RgbImage | None:
        """A stored photo's preview, or None."""
        try:
            with self.preview(sha256) as file:
                picture = cv2.imread(str(path_of_opened(file)), cv2.IMREAD_COLOR_RGB)
        except OSError:
            return None
        return None if picture is None else np.asarray(picture, np.uint8)


def verified_results(
    request: SearchRequest,
    understood: QueryPlan,
    index: SegmentIndex,
    verifier: ObjectVerifier | None,
    look: Callable[[SearchRequest], Found],
) -> Found:
    """The results of a request and the matches to count facets from, verified if it asks for the very object.

    Parameters
    ----------
    request : SearchRequest
    understood : QueryPlan
    index : SegmentIndex
        Of segments.
    verifier : ObjectVerifier or None
    look : callable
        The first stage: results of a request, and the matches to count facets from.

    Raises
    ------
    QueryError
        As `ObjectVerifier.verified`, or there is no verifier.
    """
    if request.match == "kind":
        return look(request)
    if verifier is None:
        raise QueryError("pictures cannot be compared here: leave out match")
    found, counted = look(replace(request, limit=max(request.limit, CHECKED)))
    results = verifier.verified(found, request, understood, index)
    return results[: request.limit], None if counted is None else results


class KeptAppearances:
    """The appearances that were looked at last, by segment.

    Parameters
    ----------
    most : int
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[int, Appearance] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, segment_id: int) -> Appearance | None:
        """That of a segment, if it is kept."""
        with self._lock:
            if segment_id in self._kept:
                self._kept.move_to_end(segment_id)
            return self._kept.get(segment_id)

    def put(self, segment_id: int, appearance: Appearance) -> None:
        """Keep one; what was not looked at for longest goes."""
        with self._lock:
            self._kept[segment_id] = appearance
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


def _cosines(
    matches: Sequence[Match], vectors: Vectors, index: SegmentIndex, *, of_photos: bool
) -> dict[int, list[float]]:
    """Of the matches' segments, or of all segments of their photos: the cosine similarity to each example."""
    if of_photos:
        ids = index.ids_of_images(np.array([match.image_id for match in matches], np.int64))
    else:
        ids = np.array([match.segment_id or 0 for match in matches], np.int64)
    return dict(zip(ids.tolist(), (index.get(ids) @ vectors.T).tolist(), strict=True))


def _nearest(matches: Sequence[Match], cosines: Mapping[int, list[float]], index: SegmentIndex) -> list[list[int]]:
    """The segments of each match's photo that are compared, the nearest first."""
    owners = index.image_ids_of(np.array(list(cosines), np.int64)).tolist()
    of_photo = defaultdict[int, list[int]](list)
    for key, owner in sorted(zip(cosines, owners, strict=True), key=lambda each: -max(cosines[each[0]])):
        of_photo[owner].append(key)
    return [of_photo[match.image_id][:PER_PHOTO] for match in matches]


def _appearance(picture: RgbImage, mask: MaskRun) -> Appearance | None:
    return Appearance.of(picture, resized_mask(mask, (picture.shape[0], picture.shape[1])))


def _evidence(likeness: float, sought: Appearance, seen: Appearance) -> ObjectEvidence:
    return ObjectEvidence(likeness, sought.color_likeness(seen), sought.agreeing(seen))


def score(evidence: ObjectEvidence) -> float:
    """What was compared as one number, by which results are ranked."""
    agreeing = math.log1p(max(0, evidence.features - CHANCE_FEATURES))
    return evidence.likeness + COLOR_WEIGHT * evidence.colors + FEATURE_WEIGHT * agreeing


def probability(evidence: ObjectEvidence) -> float:
    """That two objects are one and the same, by what was compared."""
    return 1 / (1 + math.exp(-(SLOPE * score(evidence) + OFFSET)))


def _told(match: Match, hit: SegmentHit, evidence: ObjectEvidence) -> Match:
    chance = probability(evidence)
    return match._replace(
        segment_id=hit.id,
        score=evidence.likeness,
        box_xyxy=hit.box_xyxy,
        label=hit.label,
        quality=hit.quality,
        fallback=hit.is_fallback,
        likely=chance >= LIKELY_CHANCE,
        probability=chance,
        evidence=evidence,
    )
