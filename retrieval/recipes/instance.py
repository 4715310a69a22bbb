"""Any model of the hub for instance or panoptic segmentation: Mask2Former, EoMT, MaskFormer, RF-DETR-Seg.

The model stands behind a colon: ``SEGSEARCH_RECIPE=instance:Roboflow/rf-detr-seg-small``, with ``@REVISION`` behind it
to hold it to a commit. Each thing is a segment of its own; the stuff of a panoptic model (sky, grass, water) is kept,
too. `semantic` makes one map of classes of the same models, in which neighbours of a class flow together.

References
----------
Cheng, Schwing and Kirillov, "Per-Pixel Classification is Not All You Need for Semantic Segmentation", NeurIPS 2021;
Cheng et al., "Masked-attention Mask Transformer for Universal Image Segmentation", CVPR 2022, section 4.1; Kerssies et
al., "Your ViT is Secretly an Image Segmentation Model", CVPR 2025; Robinson et al., "RF-DETR", 2025.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigurationError
from ..models.size import ModelSize
from ..processes.extras import required
from ..segment.instances import InstanceParameters, ScoredMasks, instance_segments, painted
from ..types import RgbImage, Segments
from . import RecipeSpec
from .network import frame_size, network_spec
from .semantic import UNNAMED

if TYPE_CHECKING:
    from torch import Tensor

    from ..models.passes import Device
    from ..models.weights import HubModel

LEAST_CONFIDENCE = 0.5
"""A class map shows instances from this score on."""

MODEL_TYPES = ("mask2former", "maskformer", "eomt", "eomt_dinov3", "rf_detr")
"""As ``config.json`` names them."""

PARAMETERS = InstanceParameters()


@dataclass(frozen=True, eq=False, slots=True)
class InstanceNetwork:
    """A model of transformers on a device.

    Attributes
    ----------
    parameters : InstanceParameters
    network, processor : Any
        The model and what prepares photos for it.
    device : Device
    class_names : tuple of str or None
        Of the classes, the first for what is none of them.
    """

    parameters: InstanceParameters
    network: Any
    processor: Any
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

    def extract(self, images: Sequence[RgbImage]) -> Sequence[ScoredMasks]:
        """Masks of a batch, inputs of one size together."""
        import torch

        from ..models.hub_images import prepared

        inputs = [prepared(self.processor, image) for image in images]
        found: dict[int, ScoredMasks] = {}
        for rows in self.device.groups([tuple(each["pixel_values"].shape) for each in inputs]):
            what = f"a pass of {type(self.network).__name__} over {len(rows)} images"
            with self.device.running(what):
                keys = [key for key in ("pixel_values", "pixel_mask") if key in inputs[rows[0]]]
                batch = {key: torch.cat([inputs[row][key] for row in rows]) for key in keys}
                outputs = self.network(**{key: each.to(self.device.torch_device) for key, each in batch.items()})
                scores, kinds, masks, by_mask = query_classes(outputs, len(self.class_names) - 1)
                for at, row in enumerate(rows):
                    answer = scores[at], kinds[at], masks[at], by_mask
                    found[row] = self._masks(images[row], inputs[row], *answer)
        return [found[row] for row in range(len(images))]

    def segment(self, image: RgbImage, features: ScoredMasks) -> Segments:
        """The masks without those that repeat a better one."""
        return instance_segments(features, self.class_names, self.parameters)

    def class_map(self, image: RgbImage, features: ScoredMasks) -> NDArray[np.uint16]:
        """The class of the surest mask that a pixel lies in, of those that are rather there than not; 0 for none."""
        segments = self.segment(image, features)
        return painted(segments[segments.quality >= LEAST_CONFIDENCE], self.class_names)

    def _masks(
        self, image: RgbImage, inputs: dict[str, Any], scores: Tensor, kinds: Tensor, masks: Tensor, by_mask: bool
    ) -> ScoredMasks:
        from ..models.hub_images import content_hw
        from ..segment.query_masks import query_masks
        from ..segment.sam_masks import Padding

        height, width = inputs["pixel_values"].shape[-2:]
        padding = Padding(content_hw(self.processor, image, inputs), (height, width))
        size_hw = frame_size(image, self.frame_side)
        return query_masks(masks, scores, kinds + 1, padding, size_hw, self.parameters, by_mask=by_mask)


def query_classes(outputs: Any, classes: int) -> tuple[Tensor, Tensor, Tensor, bool]:
    """What each query of a model found.

    Parameters
    ----------
    outputs : ModelOutput
        Of universal segmentation (``class_queries_logits`` and ``masks_queries_logits``), whose last class is "no
        object"; or of RF-DETR (``logits`` and ``pred_masks``), whose classes are independent of one another.
    classes : int
        How many there are, "no object" not counted.

    Returns
    -------
    scores : Tensor of shape (N, Q), float32
        Probability of the likeliest class.
    kinds : Tensor of shape (N, Q), int64
    masks : Tensor of shape (N, Q, h, w)
        Logits.
    by_mask : bool
        Whether the score says nothing of the mask.
    """
    if "class_queries_logits" in outputs:
        chances = outputs.class_queries_logits.float().softmax(-1)[..., :-1]
        masks, by_mask = outputs.masks_queries_logits, True
    else:
        chances = outputs.logits.float().sigmoid()
        masks, by_mask = outputs.pred_masks, False
    scores, kinds = chances[..., :classes].max(-1)
    return scores, kinds, masks, by_mask


def recipe_spec(name: str) -> RecipeSpec:
    """A recipe's spec.

    Raises
    ------
    ConfigurationError
        No model is named.
    """
    from ..models.weights import HubModel

    model = HubModel.read(name.partition(":")[2], setting=f"SEGSEARCH_RECIPE={name}")
    identity = [model.identity(), PARAMETERS]
    return network_spec(name, identity, lambda device, threads: _build(model, device, threads, PARAMETERS))


def _build(model: HubModel, device: str, threads: int | None, parameters: InstanceParameters) -> InstanceNetwork:
    """Load the model on a device."""
    transformers = required("transformers")

    from ..models.passes import Device

    where = Device.named(device, threads)
    kind = _kind(model.load(transformers.AutoConfig))
    processor = model.load(transformers.AutoImageProcessor)
    network: Any = model.load_network(kind)
    known = network.config.id2label
    names = (None if known.get(row, "N/A") in UNNAMED else str(known[row]) for row in range(max(known) + 1))
    return InstanceNetwork(parameters, network.to(where.torch_device), processor, where, (None, *names))


def _kind(config: Any) -> Any:
    """The class of transformers that builds this model for instance segmentation."""
    transformers = required("transformers")

    if config.model_type not in MODEL_TYPES:
        raise ConfigurationError(
            f"SEGSEARCH_RECIPE=instance:MODEL: a model of type {config.model_type} does not tell instances apart; "
            f"choose one of type {', '.join(MODEL_TYPES)}, or try semantic:MODEL"
        )
    if config.model_type == "rf_detr":
        return transformers.AutoModelForInstanceSegmentation
    return transformers.AutoModelForUniversalSegmentation
