"""SAM 3: all things that a list of words names, each by itself and under its word.

The words are those of ``SEGSEARCH_CONCEPTS``, or the things and stuff of `psp`. A photo is encoded once, and each word
once for all photos; then the detector runs once a word. The model of the hub may be named behind a colon,
``sam3:yonigozlan/sam3-litetext-s0`` (a small text tower), with ``@REVISION`` behind it to hold it to a commit.

References
----------
Carion et al., "SAM 3: Segment Anything with Concepts", 2025, sections 2 and 3: promptable concept segmentation; a
query's score is multiplied by the probability that the photo shows the concept at all (presence).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
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
from .psp import STUFF, THINGS

if TYPE_CHECKING:
    from ..models.passes import Device
    from ..models.weights import HubModel

MODEL = "facebook/sam3"
"""The model of the hub where none is named. Its weights are gated."""

VARIABLE = "SEGSEARCH_CONCEPTS"
DEFAULT = (*THINGS, *STUFF)
MOST_CONCEPTS, MOST_LETTERS = 1000, 100
MOST_TOKENS = 32
"""Of a word, as in the model's training; what is longer is cut off."""
LEAST_CONFIDENCE = 0.5
"""A class map shows instances from this score on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptParameters:
    """Constants of the recipe.

    Attributes
    ----------
    words_at_once : int
        Words of one pass of the detector on a CUDA device; on the CPU it is one.
    instances : InstanceParameters
    """

    words_at_once: int = 8
    instances: InstanceParameters = field(default_factory=InstanceParameters)


PARAMETERS = ConceptParameters()


def concepts(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The words that are segmented for, in lower case and each once.

    Parameters
    ----------
    environ : mapping
        Of which ``SEGSEARCH_CONCEPTS`` has words between commas, or, after an ``@``, the path of a UTF-8 file with a
        word a line.

    Raises
    ------
    ConfigurationError
        The file cannot be read, or there are no words, too many, or one that is too long.
    """
    text = environ.get(VARIABLE, "")
    if not text.strip():
        return DEFAULT
    if text.startswith("@"):
        try:
            text = Path(text[1:]).expanduser().read_text(encoding="utf-8").replace("\n", ",")
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"{VARIABLE}={environ[VARIABLE]}: the file cannot be read ({error}): give one with a word a line"
            ) from error
    words = tuple(dict.fromkeys(" ".join(word.lower().split()) for word in text.split(",") if word.strip()))
    if not words:
        raise ConfigurationError(f"{VARIABLE} has no words: give some between commas, such as dog,red car")
    if len(words) > MOST_CONCEPTS:
        raise ConfigurationError(f"{VARIABLE} has {len(words)} words: give at most {MOST_CONCEPTS}")
    if long := next((word for word in words if len(word) > MOST_LETTERS), None):
        raise ConfigurationError(f"{VARIABLE}: {long[:40]}… has more than {MOST_LETTERS} letters: give a short phrase")
    return words


@dataclass(frozen=True, eq=False, slots=True)
class Sam3:
    """The model on a device, with the words it looks for.

    Attributes
    ----------
    parameters : ConceptParameters
    network, processor : Any
        The model and what prepares photos for it.
    device : Device
    class_names : tuple of str or None
        The words, behind None for what is none of them.
    texts : tuple of (Tensor, Tensor)
        Features of the words, (W, L, C), and which of their tokens count, (W, L), on the device.
    """

    parameters: ConceptParameters
    network: Any
    processor: Any
    device: Device
    class_names: tuple[str | None, ...]
    texts: tuple[Any, Any]

    @property
    def size(self) -> ModelSize:
        """Of the network."""
        return ModelSize.of_network(self.network)

    @property
    def frame_side(self) -> int:
        """Long side of the masks."""
        return self.parameters.instances.frame_side

    def extract(self, images: Sequence[RgbImage]) -> Sequence[ScoredMasks]:
        """Masks for every word in a batch; the encoder takes several images at once, the detector several words."""
        import torch

        from ..models.hub_images import prepared

        inputs = [prepared(self.processor, image)["pixel_values"] for image in images]
        found: dict[int, ScoredMasks] = {}
        for rows in self.device.groups([tuple(each.shape) for each in inputs]):
            with self.device.running(f"a pass of {type(self.network).__name__} over {len(rows)} images"):
                pixels = torch.cat([inputs[row] for row in rows]).to(self.device.torch_device)
                seen = self.network.get_vision_features(pixels)
                for at, row in enumerate(rows):
                    found[row] = self._detected(seen, at, tuple(pixels.shape[-2:]), images[row])
        return [found[row] for row in range(len(images))]

    def segment(self, image: RgbImage, features: ScoredMasks) -> Segments:
        """The masks of all words, without those that repeat a better one."""
        return instance_segments(features, self.class_names, self.parameters.instances)

    def class_map(self, image: RgbImage, features: ScoredMasks) -> NDArray[np.uint16]:
        """The word of the surest mask that a pixel lies in, of those that are rather there than not; 0 for none."""
        segments = self.segment(image, features)
        return painted(segments[segments.quality >= LEAST_CONFIDENCE], self.class_names)

    def _detected(self, seen: Any, at: int, input_hw: tuple[int, ...], image: RgbImage) -> ScoredMasks:
        """Masks of one image of a batch for every word."""
        import torch
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        from ..segment.query_masks import query_masks
        from ..segment.sam_masks import Padding

        size_hw, whole = frame_size(image, self.frame_side), (input_hw[0], input_hw[1])  # stretched, without padding
        features, tokens = self.texts
        step = self.parameters.words_at_once if self.device.on_cuda else 1
        parts = []
        for first in range(0, len(features), step):
            words, counted = features[first : first + step], tokens[first : first + step]
            answer = self.network(
                vision_embeds=_repeated(seen, at, len(words)),
                text_embeds=BaseModelOutputWithPooling(pooler_output=words),
                attention_mask=counted,
            )
            scores = answer.pred_logits.float().sigmoid() * answer.presence_logits.float().sigmoid()
            for row, (masks, chances) in enumerate(zip(answer.pred_masks, scores, strict=True)):
                kinds = torch.full(chances.shape, first + row + 1, dtype=torch.int64, device=chances.device)
                padding = Padding(whole, whole)
                parts.append(query_masks(masks, chances, kinds, padding, size_hw, self.parameters.instances))
        return ScoredMasks.joined(parts, size_hw)


def _repeated(seen: Any, at: int, count: int) -> Any:
    """The features of one image of a batch, for several words."""
    maps, places = (
        tuple(each[at : at + 1].expand(count, -1, -1, -1) for each in levels)
        for levels in (seen.fpn_hidden_states, seen.fpn_position_encoding)
    )
    return type(seen)(fpn_hidden_states=maps, fpn_position_encoding=places)


def recipe_spec(name: str) -> RecipeSpec:
    """A recipe's spec.

    Raises
    ------
    ConfigurationError
        What stands behind the colon is not a model's name, or `concepts` cannot be read.
    """
    from ..models.weights import HubModel

    model = HubModel.read(name.partition(":")[2] or MODEL, setting=f"SEGSEARCH_RECIPE={name}")
    words = concepts(os.environ)
    identity = [model.identity(), PARAMETERS, list(words)]
    return network_spec(name, identity, lambda device, threads: _build(model, words, device, threads, PARAMETERS))


def _build(
    model: HubModel, words: Sequence[str], device: str, threads: int | None, parameters: ConceptParameters
) -> Sam3:
    """Load the model on a device, and read the words."""
    transformers = required("transformers")

    from ..models.passes import Device

    where = Device.named(device, threads)
    has_small_tower = model.described().get("model_type") == "sam3_lite_text"
    processor = model.load(transformers.Sam3ImageProcessor)
    tokenizer = model.load(transformers.AutoTokenizer)
    network: Any = model.load_network(transformers.Sam3LiteTextModel if has_small_tower else transformers.Sam3Model)
    network = network.to(where.torch_device)
    found = tokenizer(
        list(words),
        padding="max_length",
        truncation=True,
        max_length=min(MOST_TOKENS, network.config.text_config.max_position_embeddings),
        return_tensors="pt",
    )
    ids, counted = (found[key].to(where.torch_device) for key in ("input_ids", "attention_mask"))
    with where.running(f"{len(words)} words"):
        features = network.get_text_features(input_ids=ids, attention_mask=counted).pooler_output
    return Sam3(parameters, network, processor, where, (None, *words), (features, counted))
