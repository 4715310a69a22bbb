"""From the queries of a mask transformer to masks in the frame of a photo, on the device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .instances import InstanceParameters, ScoredMasks
from .sam_masks import ENLARGED_AT_ONCE, Padding


def query_masks(
    logits: Tensor,
    scores: Tensor,
    kinds: Tensor,
    padding: Padding,
    size_hw: tuple[int, int],
    parameters: InstanceParameters,
    *,
    by_mask: bool = False,
) -> ScoredMasks:
    """The masks of the best queries of one photo.

    Parameters
    ----------
    logits : Tensor of shape (Q, h, w)
        Masks over the padded input.
    scores : Tensor of shape (Q,)
        In [0, 1].
    kinds : Tensor of shape (Q,), int64
    padding : Padding
        Which part of the input shows the photo.
    size_hw : tuple of int
        The frame of the masks.
    parameters : InstanceParameters
    by_mask : bool
        Multiply a score by the mean probability of the pixels in its mask.

    Notes
    -----
    Masks are enlarged to the input, 16 at a time, and then brought to the frame, so that padding is cut off exactly.
    """
    best = scores.float().argsort(descending=True, stable=True)[: 2 * parameters.limit]
    best = best[scores[best] >= parameters.min_score]
    kept, chances = logits[best].float(), scores[best].float()
    if by_mask and len(best):
        seen = padding.cut(kept)
        inside = seen > 0
        chances = chances * (seen.sigmoid() * inside).sum(dim=(1, 2)) / inside.sum(dim=(1, 2)).clamp_min(1)
    parts = []
    for part in torch.split(kept, ENLARGED_AT_ONCE) if len(best) else ():
        parts.append(np.packbits(padding.in_frame(part, size_hw).flatten(1).cpu().numpy(), axis=1))
    bits = np.concatenate(parts) if parts else np.zeros((0, -(-size_hw[0] * size_hw[1] // 8)), np.uint8)
    return ScoredMasks(bits, chances.cpu().numpy(), kinds[best].cpu().numpy().astype(np.int64), size_hw)
