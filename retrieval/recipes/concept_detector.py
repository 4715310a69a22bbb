"""SAM 3 on a device: all things in a photo that a word names, or that are like examples in the same photo.

References
----------
Carion et al., "SAM 3: Segment Anything with Concepts", 2025, sections 2 and 3: promptable concept segmentation by
phrases and by image exemplars; a query's score is multiplied by the probability that the photo shows the concept at
all (presence).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..models.size import ModelSize
from ..processes.extras import required
from ..segment.instances import InstanceParameters, ScoredMasks
from ..types import RgbImage
from .network import frame_size

if TYPE_CHECKING:
    from ..models.passes import Device
    from ..models.weights import HubModel

MOST_TOKENS = 32
"""Of a word, as in the model's training; what is longer is cut off."""

NO_WORD = "visual"
"""What the model was trained to read in the place of a word where examples say all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptParameters:
    """Constants of the detector.

    Attributes
    ----------
    words_at_once : int
        Words of one pass of the detector on a CUDA device; on the CPU it is one.
    instances : InstanceParameters
    """

    words_at_once: int = 8
    instances: InstanceParameters = field(default_factory=InstanceParameters)


@dataclass(frozen=True, eq=False, slots=True)
class Examples:
    """Boxes around things in a photo: those that are wanted, and those that are not.

    Attributes
    ----------
    boxes_xyxy : ndarray of shape (N, 4), float32
        In shares of the photo's width and height.
    are_wanted : ndarray of shape (N,), bool
    """

    boxes_xyxy: NDArray[np.float32]
    are_wanted: NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Texts:
    """Words as the model has read them.

    Attributes
    ----------
    features : Tensor of shape (W, L, C)
    counted : Tensor of shape (W, L)
        Which of their tokens count.
    """

    features: Any
    counted: Any

    def __getitem__(self, rows: Sequence[int]) -> Texts:
        """Some of the words."""
        return Texts(self.features[list(rows)], self.counted[list(rows)])


@dataclass(frozen=True, eq=False, slots=True)
class ConceptDetector:
    """The model on a device.

    Attributes
    ----------
    parameters : ConceptParameters
    network, processor, tokenizer : Any
        The model, and what prepares photos and words for it.
    device : Device
    """

    parameters: ConceptParameters
    network: Any
    processor: Any
    tokenizer: Any
    device: Device

    @classmethod
    def load(cls, model: HubModel, device: str, threads: int | None, parameters: ConceptParameters) -> ConceptDetector:
        """Load a model of the hub.

        Raises
        ------
        ConfigurationError
            The library that has the model is not installed, or the device is not there.
        WeightsMissingError
        """
        transformers = required("transformers")

        from ..models.passes import Device

        where = Device.named(device, threads)
        has_small_tower = model.described().get("model_type") == "sam3_lite_text"
        processor = model.load(transformers.Sam3ImageProcessor)
        tokenizer = model.load(transformers.AutoTokenizer)
        network: Any = model.load_network(transformers.Sam3LiteTextModel if has_small_tower else transformers.Sam3Model)
        return cls(parameters, network.to(where.torch_device), processor, tokenizer, where)

    @property
    def size(self) -> ModelSize:
        """Of the network."""
        return ModelSize.of_network(self.network)

    def read(self, words: Sequence[str]) -> Texts:
        """Words as the detector takes them; they are read once for all photos."""
        found = self.tokenizer(
            list(words),
            padding="max_length",
            truncation=True,
            max_length=min(MOST_TOKENS, self.network.config.text_config.max_position_embeddings),
            return_tensors="pt",
        )
        ids, counted = (found[key].to(self.device.torch_device) for key in ("input_ids", "attention_mask"))
        with self.device.running(f"{len(words)} words"):
            features = self.network.get_text_features(input_ids=ids, attention_mask=counted).pooler_output
        return Texts(features, counted)

    def find(self, images: Sequence[RgbImage], texts: Texts, examples: Examples | None = None) -> list[ScoredMasks]:
        """All things of every word in images.

        Parameters
        ----------
        images : sequence of RgbImage
        texts : Texts
        examples : Examples, optional
            In every one of the images; what is found is like them, and what a word names.

        Returns
        -------
        list of ScoredMasks
            Of each image, in the frame of `frame_size`; the kind of a mask is the number of its word, from 1 on.

        Notes
        -----
        The encoder takes several images at once and runs once for each; the detector runs once a word and image.
        """
        import torch

        from ..models.hub_images import prepared

        inputs = [prepared(self.processor, image)["pixel_values"] for image in images]
        found: dict[int, ScoredMasks] = {}
        for rows in self.device.groups([tuple(each.shape) for each in inputs]):
            with self.device.running(f"a pass of {type(self.network).__name__} over {len(rows)} images"):
                pixels = torch.cat([inputs[row] for row in rows]).to(self.device.torch_device)
                seen = self.network.get_vision_features(pixels)
                for at, row in enumerate(rows):
                    size_hw = frame_size(images[row], self.parameters.instances.frame_side)
                    parts = self._found(seen, at, (pixels.shape[-2], pixels.shape[-1]), size_hw, texts, examples)
                    found[row] = ScoredMasks.joined(list(parts), size_hw)
        return [found[row] for row in range(len(images))]

    def _found(
        self,
        seen: Any,
        at: int,
        input_hw: tuple[int, int],
        size_hw: tuple[int, int],
        texts: Texts,
        examples: Examples | None,
    ) -> Iterator[ScoredMasks]:
        """Masks of one image of a batch, word by word."""
        import torch
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        from ..segment.query_masks import query_masks
        from ..segment.sam_masks import Padding

        padding = Padding(input_hw, input_hw)  # the input is stretched, without padding
        step = self.parameters.words_at_once if self.device.on_cuda else 1
        for first in range(0, len(texts.features), step):
            words, counted = texts.features[first : first + step], texts.counted[first : first + step]
            answer = self.network(
                vision_embeds=_repeated(seen, at, len(words)),
                text_embeds=BaseModelOutputWithPooling(pooler_output=words),
                attention_mask=counted,
                **_boxes(examples, len(words), words),
            )
            scores = answer.pred_logits.float().sigmoid() * answer.presence_logits.float().sigmoid()
            for row, (masks, chances) in enumerate(zip(answer.pred_masks, scores, strict=True)):
                kinds = torch.full(chances.shape, first + row + 1, dtype=torch.int64, device=chances.device)
                yield query_masks(masks, chances, kinds, padding, size_hw, self.parameters.instances)


def _boxes(examples: Examples | None, count: int, like: Any) -> dict[str, Any]:
    """Examples as the model takes them, the same for several words: centres and sizes, and 1 for what is wanted."""
    import torch

    if examples is None:
        return {}
    corners = torch.from_numpy(examples.boxes_xyxy).to(like.device, like.dtype)
    centres, sizes = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    wanted = torch.from_numpy(examples.are_wanted).to(like.device, torch.int64)
    return {
        "input_boxes": torch.cat([centres, sizes], dim=1).expand(count, -1, -1),
        "input_boxes_labels": wanted.expand(count, -1),
    }


def _repeated(seen: Any, at: int, count: int) -> Any:
    """The features of one image of a batch, for several words."""
    maps, places = (
        tuple(each[at : at + 1].expand(count, -1, -1, -1) for each in levels)
        for levels in (seen.fpn_hidden_states, seen.fpn_position_encoding)
    )
    return type(seen)(fpn_hidden_states=maps, fpn_position_encoding=places)
