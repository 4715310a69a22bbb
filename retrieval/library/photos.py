"""Pictures and masks of stored photos, in the frame of the upright original."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from io import BufferedReader

import cv2
import numpy as np
from numpy.typing import NDArray

from ..catalog import Catalog, ImageRecord
from ..errors import QueryError, UnreadableImageError
from ..images.decoder_pool import DecoderPool
from ..images.formats import extension
from ..images.masks import resized_mask
from ..storage.opening import Originals
from ..storage.originals import digest_of, path_of_opened
from ..types import RgbImage

OUTLINE = (255, 64, 64)


@dataclass(frozen=True, eq=False, slots=True)
class Photos:
    """What is shown of a catalogue.

    Attributes
    ----------
    catalog : Catalog
    originals : Originals
    decoders : DecoderPool
    """

    catalog: Catalog
    originals: Originals
    decoders: DecoderPool = field(repr=False)

    def image(self, image_id: int, long_side: int) -> RgbImage:
        """A photo, upright, with at most this long side.

        Raises
        ------
        QueryError
            The long side is not positive.
        UnknownImageError
        ImageError
            It is not where it was, not what it was, or cannot be decoded.
        """
        if long_side < 1:
            raise QueryError(f"the long side of a picture is a number of pixels from 1 on, not {long_side}")
        record = self.catalog.images.get(image_id)
        for place in record.locations:
            with self._opened(place.uri, record.sha256) as stream:
                if stream is not None and digest_of(stream) == record.sha256:
                    return self.decoders.submit(path_of_opened(stream), long_side=long_side).result().rgb
        raise UnreadableImageError(
            f"the file of photo {image_id} was changed or moved ({record.displayed}): ingest its folder again"
        )

    def original(self, record: ImageRecord) -> tuple[str, bytes] | None:
        """The extension and the bytes of a photo's file; None if it is gone, or not what it was."""
        for place in record.locations:
            with self._opened(place.uri, record.sha256) as stream:
                if stream is not None and digest_of(stream) == record.sha256:
                    return extension(record.format or "img"), stream.read()
        return None

    @contextmanager
    def _opened(self, uri: str, sha256: str) -> Iterator[BufferedReader | None]:
        """An open file; None if it is missing, unreadable or not a regular file."""
        try:
            stream = self.originals.open(uri, sha256)
        except OSError:
            stream = None
        with stream or nullcontext():
            yield stream

    def mask(self, segment_id: int | None, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
        """A segment's mask at a size, (H, W); all of it without a segment.

        Raises
        ------
        UnknownSegmentError
        """
        if segment_id is None:
            return np.ones(size_hw, bool)
        record = self.catalog.segments.get(segment_id)
        return resized_mask((record.mask_size_hw, record.mask_counts), size_hw)


def outlined(image: RgbImage, mask: NDArray[np.bool_]) -> RgbImage:
    """A copy of an image with the outline of a mask of its size."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(image.copy(), contours, -1, OUTLINE, 2), np.uint8)
