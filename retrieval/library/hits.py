"""What a search found, with its pictures."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import ImageError, UnknownImageError, UnknownSegmentError
from ..processes.extras import required
from ..processes.terminal import printable
from ..search.answer import Used
from ..storage.locations import displayed
from ..types import RgbImage
from .photos import Photos, outlined
from .records import SHOWN_SIDE, png_of

COLUMNS = 5


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Hit:
    """A segment that was found, or a whole photo.

    Attributes
    ----------
    image_id : int
    segment_id : int or None
        None where whole photos were compared.
    path : Path or None
        Where the photo is, or was; None if it is in an object store.
    uri : str or None
        The same as a URI.
    score : float
        Cosine similarity, greater is nearer.
    likely : bool
        For a search by words alone, whether the probability is at least one half; otherwise whether the score stands
        out from the others of this search.
    probability : float or None
        That the photo shows what was asked for, 0 to 1: of a search by words alone, with a recipe that knows it.
    box_xyxy : tuple of int
        In pixels of the upright original, half open.
    size_hw : tuple of int
        Of the upright original.
    label : str or None
    """

    image_id: int
    segment_id: int | None
    path: Path | None
    uri: str | None
    score: float
    likely: bool
    probability: float | None
    box_xyxy: tuple[int, int, int, int]
    size_hw: tuple[int, int]
    label: str | None
    photos: Photos = field(repr=False)

    def mask(self) -> NDArray[np.bool_]:
        """The segment's mask, (H, W), in the frame of the upright original; all of it for a whole photo.

        Raises
        ------
        UnknownSegmentError
            The photo was deleted, or analysed anew.
        """
        return self.photos.mask(self.segment_id, self.size_hw)

    def image(self) -> RgbImage:
        """The upright photo, (H, W, 3), in sRGB.

        Raises
        ------
        ImageError
            The photo is not where it was, or not what it was.
        """
        return self.photos.image(self.image_id, max(self.size_hw))

    def crop(self) -> RgbImage:
        """What of the photo is in the box; raises as `image`."""
        x0, y0, x1, y1 = self.box_xyxy
        return self.image()[y0:y1, x0:x1]

    def outlined(self, long_side: int = SHOWN_SIDE) -> RgbImage:
        """A smaller copy of the photo with the segment's outline; raises as `image` and `mask`."""
        picture = self.photos.image(self.image_id, long_side)
        return outlined(picture, self.photos.mask(self.segment_id, (picture.shape[0], picture.shape[1])))

    @property
    def _place(self) -> str:
        return displayed(self.uri) if self.uri is not None else f"photo {self.image_id}"

    def _repr_png_(self) -> bytes | None:
        """The outlined photo, as notebooks show it; None if the photo is gone, so that the text is shown."""
        return png_of(self.outlined)

    def __str__(self) -> str:
        return f"{self.score:.3f}  {printable(self._place)}"


class Hits(Sequence[Hit]):
    """Results of a search, best first; a notebook shows them as pictures.

    Parameters
    ----------
    hits : sequence of Hit
    used : sequence of Used
        What was searched with: the segment that was picked, or made, for each photo or place.
    """

    def __init__(self, hits: Sequence[Hit], used: Sequence[Used] = ()) -> None:
        self._hits = tuple(hits)
        self.used = tuple(used)

    def __len__(self) -> int:
        return len(self._hits)

    @overload
    def __getitem__(self, at: int) -> Hit: ...
    @overload
    def __getitem__(self, at: slice) -> Hits: ...
    def __getitem__(self, at: int | slice) -> Hit | Hits:
        return Hits(self._hits[at], self.used) if isinstance(at, slice) else self._hits[at]

    def __repr__(self) -> str:
        return "\n".join(map(str, self._hits)) or "nothing was found"

    @property
    def none_likely(self) -> bool:
        """Whether probably nothing shows what was asked for: hits have a probability, and none is likely."""
        has_probability = any(hit.probability is not None for hit in self._hits)
        return has_probability and not any(hit.likely for hit in self._hits)

    def plot(self, axes: Sequence[Any] | None = None) -> list[Any]:
        """Draw the photos with outlines of what was found.

        Parameters
        ----------
        axes : sequence of matplotlib.axes.Axes, optional
            One a hit; a new figure if absent.

        Returns
        -------
        list of Axes

        Raises
        ------
        ConfigurationError
            Matplotlib is not installed; it is by the extra ``plot``.
        """
        given = list(_new_axes(len(self)) if axes is None else axes)
        for hit, each in zip(self, given, strict=False):
            each.imshow(hit.outlined())
            each.set_title(f"{hit.score:.3f}", color="black" if hit.likely else "grey")
        for each in given:
            each.set_axis_off()
        return given

    def show(self) -> None:
        """Draw the photos in a window; raises as `plot`."""
        self.plot()
        required("matplotlib.pyplot").show()

    def _repr_html_(self) -> str:
        return f'<div style="display:flex;flex-wrap:wrap;gap:8px">{"".join(map(_figure, self))}</div>'


def _new_axes(count: int) -> list[Any]:
    pyplot = required("matplotlib.pyplot")
    columns = max(1, min(COLUMNS, count))
    rows = max(1, ceil(count / columns))
    size = 2.4 * columns, 2.4 * rows
    _, axes = pyplot.subplots(rows, columns, squeeze=False, figsize=size, layout="constrained")
    return list(axes.ravel())


def _figure(hit: Hit) -> str:
    """A hit as HTML; a photo that is gone by its name alone."""
    told = escape(str(hit))
    try:
        stream = BytesIO()
        Image.fromarray(hit.outlined()).save(stream, "JPEG", quality=85)
    except (ImageError, UnknownImageError, UnknownSegmentError) as error:
        return f"<figure>{told}<br>{escape(str(error))}</figure>"
    source = base64.b64encode(stream.getvalue()).decode()
    return f'<figure><img src="data:image/jpeg;base64,{source}" alt=""><figcaption>{told}</figcaption></figure>'
