"""Segment Anything, first and second version: class-agnostic masks from a grid of points.

The model of the hub may be named behind a colon, ``sam:facebook/sam-vit-huge``, with ``@REVISION`` behind it to hold
it to a commit. Segments are named by lite.

Differs from the authors' generator: one crop, the photo itself; stability is measured on the decoder's own masks of
256 by 256; masks of fewer pixels than a share of the photo go, where theirs mends holes and islands; duplicates are
found by their masks after their boxes.

References
----------
Kirillov et al., "Segment Anything", ICCV 2023, section 4 and appendix B ("Zero-shot object proposals", automatic
mask generation: grid, predicted IoU, stability, suppression); Ravi et al., "SAM 2", ICLR 2025, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..models.size import ModelSize
from ..processes.extras import required
from ..segment.sam_parameters import PARAMETERS, SamParameters
from ..types import RgbImage, Segments
from . import RecipeSpec
from .network import frame_size, network_spec

if TYPE_CHECKING:
    from ..models.passes import Device
    from ..models.weights import HubModel

MODELS = {"sam": "facebook/sam-vit-base", "sam2": "facebook/sam2.1-hiera-tiny"}
"""Models of the hub where none is named."""


@dataclass(frozen=True, eq=False, slots=True)
class Proposals:
    """Masks of one image, a bit a pixel.

    Attributes
    ----------
    bits : ndarray of shape (N, ceil(H·W / 8)), uint8
    predicted_iou : ndarray of shape (N,), float32
    size_hw : tuple of int
    """

    bits: NDArray[np.uint8]
    predicted_iou: NDArray[np.float32]
    size_hw: tuple[int, int]


def proposal_segments(found: Proposals, parameters: SamParameters) -> Segments:
    """Proposals as segments, best first, without the small and the doubled.

    Returns
    -------
    Segments
        Without labels; quality is the predicted IoU.
    """
    from ..segment.hierarchy import suppress_duplicates

    pixels = found.size_hw[0] * found.size_hw[1]
    masks = np.unpackbits(found.bits, axis=1, count=pixels).astype(bool).reshape(-1, *found.size_hw)
    areas = masks.sum(axis=(1, 2))
    order = np.argsort(-found.predicted_iou, kind="stable")
    order = order[areas[order] >= max(1.0, parameters.min_area * pixels)]
    quality = np.clip(found.predicted_iou[order], 0, 1).astype(np.float32)
    segments = Segments.from_masks(masks[order], quality)
    return segments[suppress_duplicates(segments.iou(), parameters.max_overlap, parameters.limit)]


@dataclass(frozen=True, eq=False, slots=True)
class Sam:
    """The model on a device.

    Attributes
    ----------
    parameters : SamParameters
    network, processor : Any
        The model and what prepares photos for it.
    device : Device
    """

    parameters: SamParameters
    network: Any
    processor: Any
    device: Device

    @property
    def size(self) -> ModelSize:
        """Of the network."""
        return ModelSize.of_network(self.network)

    @property
    def frame_side(self) -> int:
        """Long side of the masks."""
        return self.parameters.frame_side

    def extract(self, images: Sequence[RgbImage]) -> Sequence[Proposals]:
        """Proposals of a batch; the encoder takes several images at once, the decoder one."""
        import torch

        from ..models.hub_images import prepared
        from ..segment.hierarchy import bounded

        inputs = [prepared(self.processor, bounded(image, self.parameters.input_side)) for image in images]
        found: dict[int, Proposals] = {}
        for rows in self.device.groups([tuple(each["pixel_values"].shape) for each in inputs]):
            with self.device.running(f"a pass of {type(self.network).__name__} over {len(rows)} images"):
                pixels = torch.cat([inputs[row]["pixel_values"] for row in rows]).to(self.device.torch_device)
                embeddings = self.network.get_image_embeddings(pixels)
                for at, row in enumerate(rows):
                    size_hw = frame_size(images[row], self.frame_side)
                    found[row] = self._proposals(_one(embeddings, at), inputs[row], size_hw)
        return [found[row] for row in range(len(images))]

    def segment(self, image: RgbImage, features: Proposals) -> Segments:
        """Proposals without the small and the doubled."""
        return proposal_segments(features, self.parameters)

    def _proposals(self, embedding: Any, inputs: dict[str, Any], size_hw: tuple[int, int]) -> Proposals:
        """Masks of one image for every point of the grid, those that pass the filters."""
        import torch

        from ..segment.sam_masks import MaskPool, Padding

        padded = tuple(inputs["pixel_values"].shape[-2:])
        content = inputs.get("reshaped_input_sizes", [padded])[0]  # the second version does not pad
        padding = Padding((int(content[0]), int(content[1])), (padded[0], padded[1]))
        pool = MaskPool(self.parameters, padding)
        grid = padding.grid(self.parameters.points).to(self.device.torch_device)
        for points in torch.split(grid, self.parameters.points_at_once):
            answer = self.network(
                image_embeddings=embedding,
                input_points=points[None, :, None],
                input_labels=torch.ones((1, len(points), 1), dtype=torch.int, device=points.device),
                multimask_output=True,
            )
            pool.add(answer.pred_masks[0].flatten(0, 1).float(), answer.iou_scores[0].flatten().float())
        bits, predicted = pool.survivors(size_hw)
        return Proposals(bits, predicted, size_hw)


def _one(embeddings: Any, row: int) -> Any:
    """The embedding of one image of a batch: one map, or a list of them."""
    if isinstance(embeddings, list):
        return [each[row : row + 1] for each in embeddings]
    return embeddings[row : row + 1]


def recipe_spec(name: str) -> RecipeSpec:
    """A recipe's spec.

    Raises
    ------
    ConfigurationError
        What stands behind the colon is not a model's name.
    """
    from ..models.weights import HubModel

    version, _, named = name.partition(":")
    model = HubModel.read(named or MODELS[version], setting=f"SEGSEARCH_RECIPE={name}")
    identity = [model.identity(), PARAMETERS]
    return network_spec(name, identity, lambda device, threads: _build(version, model, device, threads, PARAMETERS))


def _build(version: str, model: HubModel, device: str, threads: int | None, parameters: SamParameters) -> Sam:
    """Load the model on a device."""
    transformers = required("transformers")

    from ..models.passes import Device

    where = Device.named(device, threads)
    first = version == "sam"
    processor = model.load(transformers.SamImageProcessor if first else transformers.Sam2ImageProcessor)
    network = model.load_network(transformers.SamModel if first else transformers.Sam2Model)
    return Sam(parameters, network.to(where.torch_device), processor, where)
