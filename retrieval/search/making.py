"""A segment for what a person marked: one of those that were found, or one that is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path

import numpy as np

from ..analysis.analyzer import Analyzer
from ..catalog.records import ImageRecord, QueryRecord, SegmentRecord
from ..errors import QueryError
from ..images.masks import encode_segments, scale_box
from ..query.prompt import Mask, Prompt
from ..recipes import RecipeSpec
from ..storage.opening import Originals
from ..storage.originals import digest_of, path_of_opened
from ..types import AnalyzedImage, Vectors
from . import picking
from .point_editing import agrees, begun_with, by_points


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class MadeSegment:
    """A segment that is not stored.

    Attributes
    ----------
    box_xyxy : tuple of int
        In pixels of the upright original, half open.
    area : int
        In the same pixels.
    quality : float
        For a box, lasso or points, the expected IoU with what is meant; 1 for a mask, and for points where the recipe
        makes no segments.
    label : str or None
    label_score : float or None
    mask_size_hw, mask_counts
        COCO compressed RLE; the mask covers the whole photo.
    vector : ndarray of shape (D,), float32
    """

    box_xyxy: tuple[int, int, int, int]
    area: int
    quality: float
    label: str | None
    label_score: float | None
    mask_size_hw: tuple[int, int]
    mask_counts: bytes
    vector: Vectors

    @classmethod
    def of(cls, found: AnalyzedImage) -> MadeSegment:
        """The single segment of an analysis."""
        segments, size_hw = found.analysis.segments, found.size_hw
        label = segments.labels[0] if segments.labels else None
        pixel = size_hw[0] * size_hw[1] / (segments.size_hw[0] * segments.size_hw[1])
        return cls(
            box_xyxy=scale_box(segments.boxes_xyxy[0].tolist(), segments.size_hw, size_hw),
            area=max(1, round(float(segments.areas[0]) * pixel)),
            quality=float(segments.quality[0]),
            label=label,
            label_score=float(segments.label_scores[0]) if label is not None else None,
            mask_size_hw=segments.size_hw,
            mask_counts=encode_segments(segments)[0],
            vector=np.asarray(found.analysis.vectors[0], np.float16).astype(np.float32),  # as stored ones are
        )


@dataclass(frozen=True, eq=False, slots=True)
class SegmentMaker:
    """Makes segments on stored photos and query photos.

    Attributes
    ----------
    analyzer : Analyzer
    recipe : RecipeSpec
    originals : Originals
    preview, query_file : callable
        Open a stored photo's preview and a query photo, by their digests. FileNotFoundError if there is no preview;
        `ImageError` if the query photo is gone.
    """

    analyzer: Analyzer
    recipe: RecipeSpec
    originals: Originals
    preview: Callable[[str], BufferedReader]
    query_file: Callable[[str], BufferedReader]


@dataclass(frozen=True, eq=False, slots=True)
class MakerOnPhoto:
    """Makes segments on one photo."""

    maker: SegmentMaker
    photo: ImageRecord | QueryRecord

    def can_make(self, prompt: Prompt) -> bool:
        """Whether the recipe makes a segment of it; a mask needs only a vector."""
        return prompt.mask is not None or self.maker.recipe.takes_prompts

    def make(self, prompt: Prompt) -> MadeSegment:
        """Make one.

        Raises
        ------
        QueryError
            The photo's file is gone, or the prompt cannot be used.
        AnalyzerUnavailableError
        """
        with self._opened() as path:
            return MadeSegment.of(self.maker.analyzer.segment_prompt(path, prompt, self.maker.recipe.space))

    @contextmanager
    def _opened(self) -> Iterator[Path]:
        """A path of the photo's bytes: the first file that still has them, else the preview that was made of them."""
        photo = self.photo
        if isinstance(photo, QueryRecord):
            with self.maker.query_file(photo.sha256) as query:
                yield path_of_opened(query)
            return
        for place in sorted(photo.locations, key=lambda place: place.missing_since is not None):
            try:
                stream = self.maker.originals.open(place.uri, photo.sha256)
            except OSError:
                continue
            if stream is None:
                continue
            with stream:
                if digest_of(stream) == photo.sha256:
                    yield path_of_opened(stream)
                    return
        try:
            preview = self.maker.preview(photo.sha256)
        except FileNotFoundError as error:
            raise QueryError(
                f"no segment can be made on photo {photo.id}, because its file is gone: restore the file"
            ) from error
        with preview:
            yield path_of_opened(preview)


def pick_or_make(
    prompt: Prompt, segments: Sequence[SegmentRecord], size_hw: tuple[int, int], maker: MakerOnPhoto | None
) -> tuple[int, MadeSegment | None]:
    """The row of the segment that was marked, or one that is made because none fits.

    The first of several points picks a segment, which the others correct if they disagree with it. For a box or lasso a
    segment is made. A stored one that is nearly the same is taken in its place, because it is known to people by its
    number and names. If the recipe makes no segments, those under points are united and taken from each other.

    Parameters
    ----------
    prompt : Prompt
    segments : sequence of SegmentRecord
        Of the photo; may be empty if there is a maker.
    size_hw : tuple of int
        Size of the upright original.
    maker : MakerOnPhoto or None
        Without it, or if its recipe makes no segments, the segment that fits best is picked.

    Raises
    ------
    QueryError
        The prompt does not lie on the photo, or there is nothing to pick.
    """
    prompt.check_on(size_hw)
    asked = prompt
    if prompt.points:
        begun = begun_with(segments, size_hw, prompt)
        if begun is not None and agrees(segments[begun], size_hw, prompt):
            return begun, None
        if maker is not None and maker.can_make(prompt):
            prompt = prompt if begun is None else replace(prompt, mask=_mask_of(segments[begun]))
        elif (found := by_points(segments, size_hw, prompt)) is not None:
            if isinstance(found, int):
                return found, None
            prompt = Prompt(mask=(found[0], found[1].decode("ascii")))
    if maker is None or not maker.can_make(prompt):
        return picking.best_fit(segments, size_hw, asked), None
    made = maker.make(prompt)
    row = picking.same(segments, (made.mask_size_hw, made.mask_counts))
    if row is None or not agrees(segments[row], size_hw, asked):
        return -1, made
    return row, None


def _mask_of(segment: SegmentRecord) -> Mask:
    return segment.mask_size_hw, segment.mask_counts.decode("ascii")
