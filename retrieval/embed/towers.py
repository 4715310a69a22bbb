"""Maps of cells from each kind of vision network; three of them also embed text in the same space.

Patch tokens are normalised to unit length before they are averaged: the inner product of a text and a segment's mean is
then the mean cosine of the text and the segment's patches, and the few patches with very large norms in large
transformers do not dominate (Darcet et al., "Vision Transformers Need Registers", ICLR 2024, section 2).
Convolutional maps are averaged without normalisation, because there a weak response means that there is little to see.

References
----------
Zhou, Loy and Dai, "Extract Free Dense Labels from CLIP", ECCV 2022, section 3.2 (MaskCLIP): the pooling layer's output
for a single token is that token in the space of the texts. Zhai et al., "Sigmoid Loss for Language Image Pre-Training",
ICCV 2023, and Tschannen et al., "SigLIP 2", 2025, section 2.1, for the attention pooling and
the text, which is padded and in lower case. Cao et al., "TIPSv2", 2026, for patches that are near texts by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn import functional

from ..models.passes import Device
from ..types import Vectors
from .projection import unit

PROMPT = "a photo of a {}"
"""Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, section 3.1.4."""


def timm_tower(network: Any, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """A timm network without its classifier; the whole photo is the mean of the cells."""
    found: Tensor = network.forward_features(pixels)
    if found.ndim == 3:
        tokens = found[:, getattr(network, "num_prefix_tokens", 0) :]
        cells = _grid(tokens, pixels)
    else:
        cells = found if getattr(network, "output_fmt", "NCHW") == "NHWC" else found.permute(0, 2, 3, 1)
    return cells, cells.mean(dim=(1, 2))


def dinov2_tower(network: Any, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """DINOv2, with or without registers: the normed patch tokens, and the class token for the whole."""
    found = network(pixels)
    prefix = 1 + getattr(network.config, "num_register_tokens", 0)
    return _grid(found.last_hidden_state[:, prefix:], pixels), found.pooler_output


def tipsv2_tower(network: Any, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """TIPSv2: patch tokens, which were trained to be near the texts as they are, and the first class token."""
    found = network.vision_model(pixels)
    prefix = 1 + network.config.vision_config.num_register_tokens
    return _grid(found.last_hidden_state[:, prefix:], pixels), found.pooler_output


def clip_tower(network: Any, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """CLIP: patches pass a last layer in which each attends only to itself, into the space of the texts."""
    vision = network.vision_model
    found = vision(pixels, interpolate_pos_encoding=True, output_hidden_states=True)
    last, tokens = vision.encoder.layers[-1], found.hidden_states[-2][:, 1:]
    tokens = tokens + last.self_attn.out_proj(last.self_attn.v_proj(last.layer_norm1(tokens)))
    tokens = tokens + last.mlp(last.layer_norm2(tokens))
    tokens = network.visual_projection(vision.post_layernorm(tokens))
    return _grid(tokens, pixels), network.visual_projection(found.pooler_output)


def siglip_tower(network: Any, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """SigLIP: each patch passes alone through the attention pooling of the whole photo."""
    vision = network.vision_model
    found = vision(pixels, interpolate_pos_encoding=True)
    tokens = found.last_hidden_state
    alone = vision.head(tokens.reshape(-1, 1, tokens.shape[-1])).reshape(tokens.shape)
    return _grid(alone, pixels), found.pooler_output


def _grid(tokens: Tensor, pixels: Tensor) -> Tensor:
    """Tokens (N, h·w, D) of square patches as unit vectors (N, h, w, D)."""
    height, width = pixels.shape[-2:]
    side = (height * width / tokens.shape[1]) ** 0.5
    rows, columns = round(height / side), round(width / side)
    return functional.normalize(tokens.float(), dim=-1).reshape(len(tokens), rows, columns, -1)


@dataclass(frozen=True, eq=False, slots=True)
class TextTower:
    """The text side of CLIP, SigLIP or TIPSv2.

    Attributes
    ----------
    network, tokenizer : Any
    device : Device
    leaves_out_padding : bool
        Whether the tower averages over a text's own tokens and has to be told which they are.
    """

    network: Any
    tokenizer: Any
    device: Device
    leaves_out_padding: bool = False

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of texts in the space of the patches, (N, D); longer texts than the tower reads are cut off."""
        found = self.tokenizer(
            [PROMPT.format(text.lower()) for text in texts],
            padding="max_length",
            truncation=True,
            max_length=self.network.config.text_config.max_position_embeddings,
            return_tensors="pt",
        )
        names = ("input_ids", "attention_mask") if self.leaves_out_padding else ("input_ids",)
        with self.device.running(f"{len(texts)} texts"):
            answer = self.network.get_text_features(
                **{name: found[name].to(self.device.torch_device) for name in names}
            )
            return unit(np.asarray(answer.pooler_output.float().cpu().numpy(), np.float32))
