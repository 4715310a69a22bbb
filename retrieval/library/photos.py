"""Pictures and masks of stored photos, in the frame of the upright original."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..catalog import Catalog
from ..errors import UnreadableImageError
from ..images.decoder_pool import DecoderPool
from ..images.masks import decode_mask
from ..models.fingerprint import digest_of_file
from ..types import RgbImage

OUTLINE = (255, 64, 64)


@dataclass(frozen=True, eq=False, slots=True)
class Photos:
    """What is shown of a catalogue.

    Attributes
    ----------
    catalog : Catalog
    decoders : DecoderPool
    """

    catalog: Catalog
    decoders: DecoderPool = field(repr=False)

    def image(self, image_id: int, long_side: int) -> RgbImage:
        """A photo, upright, with at most this long side.

        Raises
        ------
        UnknownImageError
        ImageError
            It is not where it was, not what it was, or cannot be decoded.
        """
        record = self.catalog.image(image_id)
        path = next((place.path for place in record.locations if _is(place.path, record.sha256)), None)
        if path is None:
            raise UnreadableImageError(
                f"photo {image_id} is not what it was, or not where it was ({record.path}): ingest its folder again"
            )
        return self.decoders.submit(path, long_side=long_side).result().rgb

    def mask(self, segment_id: int | None, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
        """A segment's mask at a size, (H, W); all of it without a segment.

        Raises
        ------
        UnknownSegmentError
        """
        if segment_id is None:
            return np.ones(size_hw, bool)
        record = self.catalog.segment(segment_id)
        mask = decode_mask(record.mask_size_hw, record.mask_counts).astype(np.uint8)
        return cv2.resize(mask, (size_hw[1], size_hw[0]), interpolation=cv2.INTER_NEAREST).astype(bool)


def outlined(image: RgbImage, mask: NDArray[np.bool_]) -> RgbImage:
    """A copy of an image with the outline of a mask of its size."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(image.copy(), contours, -1, OUTLINE, 2), np.uint8)


def _is(path: Path, sha256: str) -> bool:
    """Whether a file has these bytes."""
    try:
        return path.is_file() and digest_of_file(path) == sha256
    except OSError:
        return False
