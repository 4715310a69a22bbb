"""FCN, DeepLabv3 and LR-ASPP of torchvision: a class a pixel, Pascal VOC's 20 and the background.

What is of no class is a segment too, without a name of the network's: a photo without any of the 20 stays findable,
and lite names the segment if it can. Recipes that end in ``-crf`` refine the probabilities by `dense_crf`.

References
----------
Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015, sections 3 and 4;
Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017, section 3; Howard et al.,
"Searching for MobileNetV3", ICCV 2019, section 6.3 (LR-ASPP). The CRF after such a network: Chen et al., "DeepLab",
PAMI 2018, section 3.3; DeepLabv3 itself came without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..models.size import ModelSize
from ..segment.class_map import ClassMap, ComponentParameters, class_segments
from ..segment.dense_crf_parameters import CrfParameters
from ..types import RgbImage, Segments
from . import RecipeSpec
from .network import frame_size, network_spec

if TYPE_CHECKING:
    from torch import Tensor

    from ..models.passes import Device

WEIGHTS = {
    "fcn-resnet50": "fcn_resnet50_coco-1167a1af.pth",
    "fcn-resnet101": "fcn_resnet101_coco-7ecb50ca.pth",
    "deeplabv3-resnet50": "deeplabv3_resnet50_coco-cd0a2569.pth",
    "deeplabv3-resnet101": "deeplabv3_resnet101_coco-586e9e4e.pth",
    "deeplabv3-mobilenet": "deeplabv3_mobilenet_v3_large-fc3c493d.pth",
    "lraspp": "lraspp_mobilenet_v3_large-d234d4ea.pth",
}
"""Files by architecture; a name ends in the beginning of the file's SHA-256."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelClassParameters:
    """Constants of the recipes of this family.

    Attributes
    ----------
    short_side, long_side : int
        Of the network's input, in pixels: the short side is brought to its length unless the long one exceeded its.
    components : ComponentParameters
    crf : CrfParameters or None
    """

    short_side: int = 520
    long_side: int = 1040
    components: ComponentParameters = field(default_factory=ComponentParameters)
    crf: CrfParameters | None = None


PARAMETERS = {name: PixelClassParameters() for name in WEIGHTS} | {
    f"{name}-crf": PixelClassParameters(crf=CrfParameters()) for name in WEIGHTS
}


@dataclass(frozen=True, eq=False, slots=True)
class PixelClassifier:
    """A network that gives class scores to pixels, on a device.

    Attributes
    ----------
    parameters : PixelClassParameters
    network : Module
    logits : callable
        Class scores of a normalised batch at the network's own stride, (N, C, h, w).
    device : Device
    class_names : tuple of str or None
        Of the classes; None for the background.
    """

    parameters: PixelClassParameters
    network: Any
    logits: Callable[[Any, Tensor], Tensor]
    device: Device
    class_names: tuple[str | None, ...]

    @property
    def size(self) -> ModelSize:
        """Of the network."""
        return ModelSize.of_network(self.network)

    @property
    def frame_side(self) -> int:
        """Long side of the masks."""
        return self.parameters.components.frame_side

    def extract(self, images: Sequence[RgbImage]) -> Sequence[ClassMap]:
        """Classes of the pixels of a batch, images of one size together."""
        from ..models.scaling import fitted

        short, long = self.parameters.short_side, self.parameters.long_side
        inputs = [fitted(image, short_side=short, long_side=long, least=32) for image in images]
        found: dict[int, ClassMap] = {}
        for rows in self.device.groups([image.shape for image in inputs]):
            what = f"a pass of {type(self.network).__name__} over {len(rows)} images of {inputs[rows[0]].shape[:2]}"
            with self.device.running(what):
                logits = self.logits(self.network, self.device.pixels([inputs[row] for row in rows], MEAN, STD))
                for row, scores in zip(rows, logits, strict=True):
                    found[row] = self._map(images[row], scores)
        return [found[row] for row in range(len(images))]

    def segment(self, image: RgbImage, features: ClassMap) -> Segments:
        """The connected parts of every class."""
        return class_segments(features, self.class_names, self.parameters.components)

    def class_map(self, image: RgbImage, features: ClassMap) -> NDArray[np.uint16]:
        """The likeliest class of every pixel of the frame."""
        return features.classes

    def _map(self, image: RgbImage, scores: Tensor) -> ClassMap:
        from ..segment.class_maps import chances_in_frame, class_map, refined

        chances = chances_in_frame(scores, frame_size(image, self.frame_side))
        if self.parameters.crf is not None:
            chances = refined(chances, image, self.parameters.crf)
        return class_map(chances)


def recipe_spec(name: str) -> RecipeSpec:
    """A recipe's spec."""
    parameters = PARAMETERS[name]
    architecture = name.removesuffix("-crf")
    identity = [WEIGHTS[architecture], parameters]
    return network_spec(name, identity, lambda device, threads: _build(architecture, device, threads, parameters))


def _build(architecture: str, device: str, threads: int | None, parameters: PixelClassParameters) -> PixelClassifier:
    """Load the network on a device."""
    from torchvision.models import segmentation

    from ..models.passes import Device
    from ..models.weights import fill_from_torchvision

    where = Device.named(device, threads)
    make, kind = {
        "fcn-resnet50": (segmentation.fcn_resnet50, segmentation.FCN_ResNet50_Weights),
        "fcn-resnet101": (segmentation.fcn_resnet101, segmentation.FCN_ResNet101_Weights),
        "deeplabv3-resnet50": (segmentation.deeplabv3_resnet50, segmentation.DeepLabV3_ResNet50_Weights),
        "deeplabv3-resnet101": (segmentation.deeplabv3_resnet101, segmentation.DeepLabV3_ResNet101_Weights),
        "deeplabv3-mobilenet": (
            segmentation.deeplabv3_mobilenet_v3_large, segmentation.DeepLabV3_MobileNet_V3_Large_Weights,
        ),
        "lraspp": (segmentation.lraspp_mobilenet_v3_large, segmentation.LRASPP_MobileNet_V3_Large_Weights),
    }[architecture]  # fmt: skip
    source = kind.COCO_WITH_VOC_LABELS_V1
    small = architecture == "lraspp"
    options = {} if small else {"aux_loss": True}  # the files hold the head that helped in training
    network = make(weights=None, weights_backbone=None, num_classes=len(source.meta["categories"]), **options)
    fill_from_torchvision(network, WEIGHTS[architecture], source)
    names = tuple(None if each == "__background__" else each for each in source.meta["categories"])
    ready = network.eval().requires_grad_(False).to(where.torch_device)
    return PixelClassifier(parameters, ready, _two_maps if small else _one_map, where, names)


def _one_map(network: Any, pixels: Tensor) -> Tensor:
    """Scores of FCN and DeepLabv3, before torchvision enlarges them to the input."""
    scores: Tensor = network.classifier(network.backbone(pixels)["out"])
    return scores


def _two_maps(network: Any, pixels: Tensor) -> Tensor:
    """Scores of LR-ASPP, likewise."""
    scores: Tensor = network.classifier(network.backbone(pixels))
    return scores
