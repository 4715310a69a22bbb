"""A segmentation network in front of lite's embedder: what the families of the literature have in common.

The network gives the segments and, where it recognises, their names; lite's two passes give the vectors. So all
families share a space: photos cut by one are found by segments of another, and words work for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..models.fingerprint import fingerprint
from ..models.size import ModelSize
from ..types import Analysis, RgbImage, Segments
from . import RecipeSpec
from .lite import LiteFeatures, LiteRecipe
from .lite import recipe_spec as lite_spec
from .protocols import SemanticSegmenter

EMBEDDER = "lite-unlearned"
"""Whose vectors they are: those of ``lite``, without the decoder that its own segmenter needs."""


class SegmentationNetwork(Protocol):
    """A network that segments, in two steps as `Recipe` has them; masks are in the frame of `frame_size`."""

    @property
    def frame_side(self) -> int:
        """Long side of the frame of the masks, in pixels."""
        ...

    @property
    def size(self) -> ModelSize:
        """Of the network, without lite's backbone."""
        ...

    def extract(self, images: Sequence[RgbImage]) -> Sequence[Any]:
        """Run over a batch; small values in memory, one an image, independent of the rest of the batch."""
        ...

    def segment(self, image: RgbImage, features: Any) -> Segments:
        """Make segments of what was extracted."""
        ...


@dataclass(frozen=True, eq=False, slots=True)
class NetworkFeatures:
    """Features of one image from both networks."""

    lite: LiteFeatures
    own: Any


@dataclass(frozen=True, slots=True)
class NetworkRecipe:
    """Segments of a network, vectors of `lite`.

    Attributes
    ----------
    fingerprint : str
    lite : LiteRecipe
    network : SegmentationNetwork
    """

    fingerprint: str
    lite: LiteRecipe
    network: SegmentationNetwork

    @property
    def space(self) -> str:
        """Of the vectors, lite's."""
        return self.lite.space

    @property
    def size(self) -> ModelSize:
        """The size of both networks."""
        return self.network.size + self.lite.size

    @property
    def class_names(self) -> tuple[str | None, ...]:
        """Of the network's classes; empty if it tells no pixel's class."""
        return self.network.class_names if isinstance(self.network, SemanticSegmenter) else ()

    @property
    def concurrency(self) -> int:
        """Best number of passes at once."""
        return self.lite.concurrency

    @property
    def batch_size(self) -> int:
        """Number of images that fill the device; the larger network takes them in smaller parts."""
        return self.lite.batch_size

    def extract(self, images: Sequence[RgbImage]) -> Sequence[NetworkFeatures]:
        """Run both networks over a batch."""
        own = self.network.extract(images)
        return [NetworkFeatures(*pair) for pair in zip(self.lite.extract(images), own, strict=True)]

    def segment(self, image: RgbImage, features: NetworkFeatures) -> Segments:
        """The network's segments; an image of one colour holds none."""
        if is_plain(image):
            return nothing(frame_size(image, self.network.frame_side))
        return self.network.segment(image, features.own)

    def class_map(self, image: RgbImage, features: NetworkFeatures) -> NDArray[np.uint16]:
        """Class of every pixel as the network tells it, (H, W), where it tells any."""
        if not isinstance(self.network, SemanticSegmenter):
            raise TypeError(f"{self.fingerprint} does not classify pixels: see class_names")
        return self.network.class_map(image, features.own)

    def embed(self, image: RgbImage, features: NetworkFeatures, segments: Segments) -> Analysis:
        """Lite's vectors; a segment that the network named keeps its name, others get lite's."""
        found = self.lite.embed(image, features.lite, segments)
        return replace(found, segments=with_own_names(found.segments, segments)) if segments.labels else found


def with_own_names(named: Segments, own: Segments) -> Segments:
    """The segments of `named` under the names that `own` has for them, where it has one."""
    known = np.array([label is not None for label in own.labels], bool)
    labels = tuple(mine or other for mine, other in zip(own.labels, named.labels, strict=True))
    scores = np.where(known, own.label_scores, named.label_scores).astype(np.float32)
    return replace(named, labels=labels, label_scores=scores)


def is_plain(image: RgbImage) -> bool:
    """Whether an image is of one colour; a few rows tell it of most that are not."""
    rows = image[:: max(1, len(image) // 16)]
    return bool((rows == image[0, 0]).all() and (image == image[0, 0]).all())


def frame_size(image: RgbImage, long_side: int) -> tuple[int, int]:
    """Height and width of an image brought down to a long side; a smaller one keeps its own."""
    scale = min(1.0, long_side / max(image.shape[:2]))
    return max(1, round(image.shape[0] * scale)), max(1, round(image.shape[1] * scale))


def nothing(size_hw: tuple[int, int]) -> Segments:
    """No segments, in a frame."""
    return Segments(np.zeros(size_hw, np.int32), np.zeros((0, 1), bool), np.zeros(0, np.float32))


def network_spec(
    name: str, identity: Sequence[Any], build: Callable[[str, int | None], SegmentationNetwork]
) -> RecipeSpec:
    """The spec of a recipe of this kind; loads no network.

    Parameters
    ----------
    name : str
        As the user gives it; what stands before a colon begins the fingerprint.
    identity : sequence
        What the segments depend on: weights and parameters.
    build : callable
        Makes the network on a device; on the CPU with so many threads a pass.
    """
    lite = lite_spec(EMBEDDER)
    print_ = fingerprint(f"{name.partition(':')[0]}-1", *identity, lite.space)

    def built(device: str, threads: int | None) -> NetworkRecipe:
        network = build(device, threads)  # first, for it is the one that may be missing
        embedder = lite.build(device, threads)
        if not isinstance(embedder, LiteRecipe):
            raise TypeError(f"the spec of {EMBEDDER} builds a LiteRecipe")
        return NetworkRecipe(print_, embedder, network)

    return replace(lite, name=name, fingerprint=print_, build=built)
