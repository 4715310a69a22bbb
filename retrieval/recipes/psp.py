"""Things and stuff by pyramid pooling on lite's own backbone: a class a pixel, without a download.

Pascal VOC's twenty things and the stuff around them: sky, trees, grass, walls, water. Connected parts of a class are
segments; what is of no known class is a segment too, which lite names if it can.

References
----------
Zhao et al., "Pyramid Scene Parsing Network", CVPR 2017, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ..embed.projection import digest_of
from ..models.size import ModelSize
from ..segment.class_map import ClassMap, ComponentParameters, class_segments
from ..types import RgbImage, Segments
from . import RecipeSpec
from .lite import BACKBONE, DATA
from .network import frame_size, network_spec

if TYPE_CHECKING:
    from ..models.protocols import Runtime
    from ..models.semantic_head import SemanticNetwork

WEIGHTS = DATA / "psp.safetensors"

THINGS = (
    "airplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "dining table", "dog",
    "horse", "motorcycle", "person", "potted plant", "sheep", "couch", "train", "tv",
)  # fmt: skip
"""VOC's classes in their order, by COCO's words for them."""

STUFF = {
    "tree": ("tree-merged",),
    "sky": ("sky-other-merged",),
    "wall": ("wall-other-merged", "wall-tile", "wall-brick", "wall-stone", "wall-wood"),
    "table": ("table-merged", "counter"),
    "grass": ("grass-merged",),
    "building": ("building-other-merged", "house", "roof"),
    "pavement": ("pavement-merged",),
    "fence": ("fence-merged",),
    "light": ("light",),
    "paper": ("paper-merged", "cardboard"),
    "floor": ("floor-other-merged", "floor-wood"),
    "dirt": ("dirt-merged", "gravel", "sand"),
    "road": ("road",),
    "ceiling": ("ceiling-merged",),
    "cabinet": ("cabinet-merged", "shelf"),
    "door": ("door-stuff",),
    "window": ("window-other", "window-blind"),
    "curtain": ("curtain",),
    "playing field": ("playingfield",),
    "water": ("sea", "river", "water-other"),
    "rug": ("rug-merged",),
    "mountain": ("mountain-merged", "rock-merged"),
    "snow": ("snow",),
}
"""COCO's categories of stuff by the name of the class they are one of here; rarer ones are of no class."""

CLASS_NAMES: tuple[str | None, ...] = (None, *THINGS, *STUFF)
"""In the order of the head's scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PspParameters:
    """Constants of the recipe.

    Attributes
    ----------
    long_side : int
        Of the network's input, in pixels.
    components : ComponentParameters
    """

    long_side: int = 512
    components: ComponentParameters = field(default_factory=ComponentParameters)


PARAMETERS = PspParameters()


@dataclass(frozen=True, eq=False, slots=True)
class SceneParser:
    """The head on the backbone, on a device.

    Attributes
    ----------
    parameters : PspParameters
    network : SemanticNetwork
    runtime : Runtime
    """

    parameters: PspParameters
    network: SemanticNetwork
    runtime: Runtime

    @property
    def class_names(self) -> tuple[str | None, ...]:
        """Of the classes; None for what is none of them."""
        return CLASS_NAMES

    @property
    def frame_side(self) -> int:
        """Long side of the masks."""
        return self.parameters.components.frame_side

    @property
    def size(self) -> ModelSize:
        """Of the head alone; the backbone is lite's."""
        return ModelSize.of_files([WEIGHTS])

    def extract(self, images: Sequence[RgbImage]) -> Sequence[ClassMap]:
        """Classes of the pixels of a batch, images of one size together."""
        from ..models.backbone import batches

        found: dict[int, ClassMap] = {}
        for rows, batch in batches(images, self.parameters.long_side):
            scores = self.runtime.run(self.network, batch)[0]
            for row, each in zip(rows, scores, strict=True):
                found[row] = _class_map(each, frame_size(images[row], self.frame_side))
        return [found[row] for row in range(len(images))]

    def segment(self, image: RgbImage, features: ClassMap) -> Segments:
        """The connected parts of every class."""
        return class_segments(features, self.class_names, self.parameters.components)

    def class_map(self, image: RgbImage, features: ClassMap) -> NDArray[np.uint16]:
        """The likeliest class of every pixel of the frame."""
        return features.classes


def _class_map(scores: NDArray[np.float32], size_hw: tuple[int, int]) -> ClassMap:
    """The likeliest class of every pixel of a frame, from scores (h, w, classes) that cover the same photo."""
    sized = cv2.resize(scores, size_hw[::-1], interpolation=cv2.INTER_LINEAR)
    classes = sized.argmax(axis=2)
    best = sized.max(axis=2)
    chances = 1 / np.exp(sized - best[..., None]).sum(axis=2)
    return ClassMap(classes.astype(np.uint16), chances.astype(np.float32))


def recipe_spec(name: str) -> RecipeSpec:
    """A recipe's spec."""
    identity = [BACKBONE, digest_of(WEIGHTS), PARAMETERS]
    return network_spec(name, identity, lambda device, threads: _build(device, threads, PARAMETERS))


def _build(device: str, threads: int | None, parameters: PspParameters) -> SceneParser:
    """Load the network on a device."""
    from ..models.efficientnet import EfficientNet
    from ..models.runtimes import runtime_for
    from ..models.semantic_head import SemanticHead, SemanticNetwork

    network = SemanticNetwork(EfficientNet.load(), SemanticHead.load(WEIGHTS, len(CLASS_NAMES)))
    return SceneParser(parameters, network, runtime_for(device, threads))
