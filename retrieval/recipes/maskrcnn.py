"""Mask R-CNN of torchvision: instances of COCO's 80 classes.

Masks are made at the frame the segments are kept at, one at a time; until then an instance is its box and 28 by 28
probabilities. The photo is brought to torchvision's own input size beforehand, by area where that shrinks it, where
torchvision interpolates without smoothing.

References
----------
He, Gkioxari, Dollár and Girshick, "Mask R-CNN", ICCV 2017, section 3; version 2 is trained after Li et al.,
"Benchmarking Detection Transfer Learning with Vision Transformers", 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..models.size import ModelSize
from ..segment.instances import painted
from ..types import RgbImage, Segments
from . import RecipeSpec
from .network import frame_size, network_spec, nothing

if TYPE_CHECKING:
    from ..models.passes import Device

WEIGHTS = {
    "maskrcnn": "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth",
    "maskrcnn-v2": "maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth",
}
"""Files by recipe; a name ends in the beginning of the file's SHA-256."""

LEAST_CONFIDENCE = 0.5
"""A class map shows instances from this confidence on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskRcnnParameters:
    """Constants of the Mask R-CNN recipes.

    Attributes
    ----------
    short_side, long_side : int
        Of the network's input, in pixels: the short side is brought to its length unless the long one exceeded its.
    frame_side : int
        Long side of the masks; smaller photos keep their size.
    min_score : float
        Least confidence of an instance.
    mask_threshold : float
        Probability from which on a pixel is of the instance.
    limit : int
        Most instances of one image.
    """

    short_side: int = 800
    long_side: int = 1333
    frame_side: int = 512
    min_score: float = 0.05
    mask_threshold: float = 0.5
    limit: int = 100


PARAMETERS = {name: MaskRcnnParameters() for name in WEIGHTS}


@dataclass(frozen=True, eq=False, slots=True)
class Instances:
    """Detections in one image.

    Attributes
    ----------
    boxes_xyxy : ndarray of shape (N, 4), float32
        As shares of the image's width and height.
    kinds : ndarray of shape (N,), int64
        Classes.
    scores : ndarray of shape (N,), float32
    masks : ndarray of shape (N, 28, 28), float32
        Probabilities within the box.
    """

    boxes_xyxy: NDArray[np.float32]
    kinds: NDArray[np.int64]
    scores: NDArray[np.float32]
    masks: NDArray[np.float32]


def instance_segments(
    found: Instances, size_hw: tuple[int, int], names: Sequence[str | None], parameters: MaskRcnnParameters
) -> Segments:
    """Instances as segments, surest first.

    Parameters
    ----------
    found : Instances
    size_hw : tuple of int
        The frame of the masks.
    names : sequence of str or None
        Of the classes.
    parameters : MaskRcnnParameters

    Returns
    -------
    Segments
        Those with a pixel; quality and label score are the network's confidence.

    Notes
    -----
    N masks of the frame as bool, 25 MB for a hundred, are held for as long as it takes to find their atoms.
    """
    import torch
    from torchvision.models.detection.roi_heads import paste_masks_in_image

    height, width = size_hw
    boxes = torch.from_numpy(found.boxes_xyxy * np.array([width, height, width, height], np.float32))
    order = np.argsort(-found.scores, kind="stable")
    order = order[found.scores[order] >= parameters.min_score][: parameters.limit]
    masks, kept = [], []
    for row in order:
        probabilities = torch.from_numpy(found.masks[row : row + 1, None])
        pasted = paste_masks_in_image(probabilities, boxes[row : row + 1], size_hw)[0, 0]
        mask = (pasted > parameters.mask_threshold).numpy()
        if mask.any():
            masks.append(mask)
            kept.append(row)
    if not kept:
        return nothing(size_hw)
    labels = [names[found.kinds[row]] for row in kept]
    scores = np.clip(found.scores[kept], 0, 1).astype(np.float32)
    named = np.array([label is not None for label in labels], bool)
    return Segments.from_masks(np.stack(masks), scores, labels, np.where(named, scores, 0).astype(np.float32))


@dataclass(frozen=True, eq=False, slots=True)
class MaskRcnn:
    """The network on a device.

    Attributes
    ----------
    parameters : MaskRcnnParameters
    network : torchvision.models.detection.MaskRCNN
    device : Device
    class_names : tuple of str or None
        Of the classes.
    """

    parameters: MaskRcnnParameters
    network: Any
    device: Device
    class_names: tuple[str | None, ...]

    @property
    def size(self) -> ModelSize:
        """Of the network."""
        return ModelSize.of_network(self.network)

    @property
    def frame_side(self) -> int:
        """Long side of the masks."""
        return self.parameters.frame_side

    def extract(self, images: Sequence[RgbImage]) -> Sequence[Instances]:
        """Detect in a batch, images of one size together."""
        from ..models.scaling import fitted

        chosen = self.parameters
        inputs = [fitted(image, short_side=chosen.short_side, long_side=chosen.long_side) for image in images]
        found: dict[int, Instances] = {}
        for rows in self.device.groups([image.shape for image in inputs]):
            found.update(zip(rows, self._pass([inputs[row] for row in rows]), strict=True))
        return [found[row] for row in range(len(images))]

    def segment(self, image: RgbImage, features: Instances) -> Segments:
        """Paste the instances into the frame."""
        return instance_segments(features, frame_size(image, self.frame_side), self.class_names, self.parameters)

    def class_map(self, image: RgbImage, features: Instances) -> NDArray[np.uint16]:
        """The class of the surest instance a pixel lies in, of those that are rather there than not; 0 for none."""
        segments = self.segment(image, features)
        return painted(segments[segments.quality >= LEAST_CONFIDENCE], self.class_names)

    def _pass(self, images: Sequence[RgbImage]) -> list[Instances]:
        """Detect in images of one size; torchvision's own forward pass but for its resizing and pasting."""
        from torchvision.models.detection.image_list import ImageList

        network, size_hw = self.network, images[0].shape[:2]
        with self.device.running(f"a pass of Mask R-CNN over {len(images)} images of {size_hw}"):
            pixels = self.device.pixels(images, network.transform.image_mean, network.transform.image_std)
            padded = network.transform.batch_images(list(pixels), network.transform.size_divisible)
            features = network.backbone(padded)
            image_list = ImageList(padded, [size_hw] * len(images))
            proposals, _ = network.rpn(image_list, features)
            detections, _ = network.roi_heads(features, proposals, image_list.image_sizes)
            return [_instances(each, size_hw) for each in detections]


def _instances(detection: dict[str, Any], size_hw: tuple[int, ...]) -> Instances:
    """One image's detections in memory."""
    boxes, kinds, scores, masks = (detection[key].cpu() for key in ("boxes", "labels", "scores", "masks"))
    shares = boxes.float().numpy() / np.array([size_hw[1], size_hw[0]] * 2, np.float32)
    return Instances(shares, kinds.numpy(), scores.float().numpy(), masks.float().numpy()[:, 0])


def recipe_spec(name: str) -> RecipeSpec:
    """A recipe's spec."""
    return network_spec(
        name, [WEIGHTS[name], PARAMETERS[name]], lambda device, threads: _build(name, device, threads, PARAMETERS[name])
    )


def _build(name: str, device: str, threads: int | None, parameters: MaskRcnnParameters) -> MaskRcnn:
    """Load the network on a device."""
    from torchvision.models import detection

    from ..models.passes import Device
    from ..models.weights import fill_from_torchvision

    where = Device.named(device, threads)
    kind = detection.MaskRCNN_ResNet50_FPN_Weights if name == "maskrcnn" else detection.MaskRCNN_ResNet50_FPN_V2_Weights
    make = _first_version if name == "maskrcnn" else _second_version
    categories = kind.COCO_V1.meta["categories"]
    options = {"box_score_thresh": parameters.min_score, "box_detections_per_img": parameters.limit}
    network = make(len(categories), options)
    fill_from_torchvision(network, WEIGHTS[name], kind.COCO_V1)
    names = tuple(None if each in ("__background__", "N/A") else each for each in categories)
    return MaskRcnn(parameters, network.eval().requires_grad_(False).to(where.torch_device), where, names)


def _first_version(classes: int, options: dict[str, Any]) -> Any:
    """As torchvision builds it for its weights: frozen normalisation, whose epsilon was zero in training."""
    from torchvision.models.detection import MaskRCNN
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
    from torchvision.ops import FrozenBatchNorm2d

    network = MaskRCNN(resnet_fpn_backbone(backbone_name="resnet50", weights=None), num_classes=classes, **options)
    for module in network.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.eps = 0.0
    return network


def _second_version(classes: int, options: dict[str, Any]) -> Any:
    from torchvision.models.detection import maskrcnn_resnet50_fpn_v2

    return maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None, num_classes=classes, **options)
