"""Any model of the hub for semantic or universal segmentation: SegFormer, UPerNet, DPT, MaskFormer, Mask2Former.

The model stands behind a colon: ``SEGSEARCH_RECIPE=semantic:nvidia/segformer-b0-finetuned-ade-512-512``, with
``@REVISION`` behind it to hold it to a commit. PSPNet (Zhao et al., CVPR 2017) is not among the models of
transformers; UPerNet has its pyramid pooling. OneFormer wants a text with each photo and is refused.

References
----------
Xie et al., "SegFormer", NeurIPS 2021, section 3; Cheng, Schwing and Kirillov, "Per-Pixel Classification is Not All
You Need for Semantic Segmentation", NeurIPS 2021, section 3.4 (semantic inference from masks and classes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigurationError
from ..models.size import ModelSize
from ..processes.extras import required
from ..segment.class_map import ClassMap, ComponentParameters, class_segments
from ..types import RgbImage, Segments
from . import RecipeSpec
from .network import frame_size, network_spec

if TYPE_CHECKING:
    from torch import Tensor

    from ..models.passes import Device
    from ..models.weights import HubModel

UNNAMED = frozenset({"background", "__background__", "unlabeled", "unlabelled", "void", "other", "N/A"})
"""Names of classes that say nothing; lite names their segments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticParameters:
    """Constants of the recipe.

    Attributes
    ----------
    input_side : int
        Long side a photo is brought down to before the model's own processor has it, in pixels.
    components : ComponentParameters
    """

    input_side: int = 1024
    components: ComponentParameters = field(default_factory=ComponentParameters)


PARAMETERS = SemanticParameters()


@dataclass(frozen=True, eq=False, slots=True)
class SemanticNetwork:
    """A model of transformers on a device.

    Attributes
    ----------
    parameters : SemanticParameters
    network, processor : Any
        The model and what prepares photos for it.
    device : Device
    class_names : tuple of str or None
        Of the classes.
    """

    parameters: SemanticParameters
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
        return self.parameters.components.frame_side

    def extract(self, images: Sequence[RgbImage]) -> Sequence[ClassMap]:
        """Classes of the pixels of a batch, inputs of one size together."""
        from ..models.hub_images import content_hw, prepared
        from ..segment.hierarchy import bounded

        small = [bounded(image, self.parameters.input_side) for image in images]
        inputs = [prepared(self.processor, image) for image in small]
        content = [content_hw(self.processor, *pair) for pair in zip(small, inputs, strict=True)]
        keys = [(tuple(each["pixel_values"].shape), shown) for each, shown in zip(inputs, content, strict=True)]
        found: dict[int, ClassMap] = {}
        for rows in self.device.groups(keys):
            what = f"a pass of {type(self.network).__name__} over {len(rows)} images of {keys[rows[0]][0][-2:]}"
            with self.device.running(what):
                for row, chances in zip(rows, self._pass([inputs[row] for row in rows]), strict=True):
                    found[row] = self._map(images[row], chances, *keys[row])
        return [found[row] for row in range(len(images))]

    def segment(self, image: RgbImage, features: ClassMap) -> Segments:
        """The connected parts of every class."""
        return class_segments(features, self.class_names, self.parameters.components)

    def class_map(self, image: RgbImage, features: ClassMap) -> NDArray[np.uint16]:
        """The likeliest class of every pixel of the frame."""
        return features.classes

    def _pass(self, inputs: Sequence[dict[str, Any]]) -> list[Tensor]:
        """Class probabilities of inputs of one size, (C, h, w) each, before padding is cut off."""
        import torch

        keys = [key for key in ("pixel_values", "pixel_mask") if key in inputs[0]]
        batch = {key: torch.cat([each[key] for each in inputs]).to(self.device.torch_device) for key in keys}
        return list(class_chances(self.network(**batch)))

    def _map(self, image: RgbImage, chances: Tensor, shape: tuple[int, ...], content_hw: tuple[int, int]) -> ClassMap:
        from ..segment.class_maps import class_map, enlarged

        (rows, columns), size_hw = content_hw, (shape[-2], shape[-1])
        if (rows, columns) != size_hw:
            chances = enlarged(chances, size_hw)[:, :rows, :columns]
        return class_map(enlarged(chances, frame_size(image, self.frame_side)))


def class_chances(outputs: Any) -> Tensor:
    """Probabilities of the classes, (N, C, h, w) float32, from what a model gives.

    Parameters
    ----------
    outputs : ModelOutput
        Of semantic segmentation (``logits``), or of universal segmentation (``class_queries_logits`` and
        ``masks_queries_logits``), whose last class is "no object": masks vote for their classes.

    Raises
    ------
    ConfigurationError
        It is neither.
    """
    if "class_queries_logits" in outputs:
        classes = outputs.class_queries_logits.float().softmax(-1)[..., :-1]
        votes = (classes.transpose(1, 2) @ outputs.masks_queries_logits.float().sigmoid().flatten(2)).clamp_min(1e-9)
        shares: Tensor = (votes / votes.sum(1, keepdim=True)).unflatten(2, outputs.masks_queries_logits.shape[-2:])
        return shares
    if "logits" in outputs and outputs.logits.ndim == 4:
        chances: Tensor = outputs.logits.float().softmax(1)
        return chances
    raise ConfigurationError("SEGSEARCH_RECIPE=semantic:MODEL: the model does not classify every pixel; choose another")


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


def _build(model: HubModel, device: str, threads: int | None, parameters: SemanticParameters) -> SemanticNetwork:
    """Load the model on a device."""
    transformers = required("transformers")

    from ..models.passes import Device

    where = Device.named(device, threads)
    kind = _kind(model.load(transformers.AutoConfig))
    processor = model.load(transformers.AutoImageProcessor)
    network: Any = model.load_network(kind)
    known = network.config.id2label
    names = tuple(None if known[row] in UNNAMED else str(known[row]) for row in sorted(known))
    return SemanticNetwork(parameters, network.to(where.torch_device), processor, where, names)


def _kind(config: Any) -> Any:
    """The class of transformers that builds this model for segmentation."""
    transformers = required("transformers")

    if config.model_type != "oneformer":
        for kind in (transformers.AutoModelForSemanticSegmentation, transformers.AutoModelForUniversalSegmentation):
            if type(config) in kind._model_mapping:
                return kind
    raise ConfigurationError(
        f"SEGSEARCH_RECIPE=semantic:MODEL: a model of type {config.model_type} cannot segment photos by itself; "
        "choose another"
    )
