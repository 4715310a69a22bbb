"""Masks in the format and the frame that a call asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from retrieval.catalog.records import SegmentRecord
from retrieval.images.frames import scaled_polygons, scaled_run
from retrieval.images.masks import MaskRun
from retrieval.query.request import Ref
from retrieval.search.making import MadeSegment

from ..context import WebContext
from .mask_schemas import AnyMask, Mask, MaskFormat, MaskFrame, MaskPolygons

SizeHW = tuple[int, int]


class MaskWriter:
    """Writes the masks of one answer.

    Parameters
    ----------
    parts : WebContext
        Where the sizes of photos are looked up, if masks are in their frame.
    form : {"rle", "polygons", "none"}
    frame : {"original", "analysed"}
    """

    def __init__(self, parts: WebContext, form: MaskFormat, frame: MaskFrame) -> None:
        self._parts, self._form, self._frame = parts, form, frame
        self._images: dict[int, SizeHW] = {}
        self._queries: dict[int, SizeHW] = {}

    @property
    def are_wanted(self) -> bool:
        """Whether there are masks at all."""
        return self._form != "none"

    def always(self) -> MaskWriter:
        """The same, which writes run lengths where no masks are asked for: for what an answer is about."""
        return self if self.are_wanted else MaskWriter(self._parts, "rle", self._frame)

    def of_images(self, image_ids: Collection[int]) -> None:
        """Look up the sizes of many photos at once, before their masks are written."""
        if self.are_wanted and self._frame == "original":
            self._images |= self._parts.catalog.images.sizes_hw(image_ids)

    def of_photo(self, size_hw: SizeHW, run: MaskRun) -> AnyMask | None:
        """A mask of a photo of this size; None if no masks are asked for."""
        if not self.are_wanted:
            return None
        size = size_hw if self._frame == "original" else run[0]
        if self._form == "polygons":
            polygons = [each.astype(int).ravel().tolist() for each in scaled_polygons(run, size)]
            return MaskPolygons(size=list(size), polygons=polygons)
        size, counts = scaled_run(run, size)
        return Mask(size=list(size), counts=counts.decode("ascii"))

    def of_image(self, image_id: int, run: MaskRun) -> AnyMask | None:
        """A mask of a stored photo; None also if the photo was deleted meanwhile, and its size is not known."""
        if self._frame == "original" and image_id not in self._images:
            self.of_images([image_id])
        size = self._images.get(image_id) if self._frame == "original" else run[0]
        return None if size is None else self.of_photo(size, run)

    def of_example(self, ref: Ref, one: SegmentRecord | MadeSegment) -> AnyMask | None:
        """A mask of what a reference came to."""
        run = one.mask_size_hw, one.mask_counts
        if ref.query is not None:
            return self._of_query(ref.query, run)
        image_id = one.image_id if isinstance(one, SegmentRecord) else ref.image
        return None if image_id is None else self.of_image(image_id, run)

    def of_results(self, segment_ids: Collection[int]) -> Mapping[int, MaskRun]:
        """The masks of segments, as they are stored; empty if none are asked for."""
        return self._parts.catalog.segments.masks(list(segment_ids)) if self.are_wanted else {}

    def _of_query(self, query_id: int, run: MaskRun) -> AnyMask | None:
        if self._frame == "original" and query_id not in self._queries:
            self._queries[query_id] = self._parts.queries.get(query_id).size_hw
        return self.of_photo(self._queries.get(query_id, run[0]), run)
