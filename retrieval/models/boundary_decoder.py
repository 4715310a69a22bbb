"""A small decoder on the frozen backbone: where boundaries run, and what belongs to which object.

Going from the coarsest map to the finest, each level adds a projection of the backbone's map to what comes from
below. At stride 2 it says how likely a pixel lies on a boundary that a person would draw (`perceptual`) and on the
outline of an object (`outline`); at stride 4 how likely it lies on an object (`objectness`) and where that object's
centre is, seen from the pixel, in shares of the image's long side (`centre_x`, `centre_y`).

Fitted by ``python -m training.fit_boundaries``; the model card is ``docs/models/boundaries.md``.

References
----------
Xie and Tu, "Holistically-Nested Edge Detection", ICCV 2015; Liu et al., "Richer Convolutional Features for Edge
Detection", CVPR 2017 (pixels that few annotators marked are ignored); Cheng et al., "Panoptic-DeepLab", CVPR 2020,
section 3.2 (class-agnostic centres).
"""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from ..errors import WeightsCorruptError, WeightsMissingError

CHANNELS = {2: 16, 4: 24, 8: 48, 16: 120, 32: 352}
"""Channels of EfficientNet-Lite2's maps."""

WIDTHS = {32: 64, 16: 48, 8: 32, 4: 24, 2: 16}
"""Channels of the decoder at each stride, in the order they are made."""


class BoundaryDecoder(nn.Module):
    """The decoder; 112,029 weights.

    Notes
    -----
    About 1 GMAC for an image of 768 x 576 pixels, a sixth of the backbone's.
    """

    def __init__(self) -> None:
        super().__init__()
        strides = list(WIDTHS)
        self.lateral = nn.ModuleDict({str(s): nn.Conv2d(CHANNELS[s], WIDTHS[s], 1) for s in strides})
        self.below = nn.ModuleDict(
            {str(s): nn.Conv2d(WIDTHS[2 * s], WIDTHS[s], 1, bias=False) for s in strides if 2 * s in WIDTHS}
        )
        self.mix = nn.ModuleDict({str(s): nn.Conv2d(WIDTHS[s], WIDTHS[s], 3, padding=1) for s in strides})
        self.edges = nn.Conv2d(WIDTHS[2], 2, 3, padding=1)
        self.objects = nn.Conv2d(WIDTHS[4], 3, 3, padding=1)

    def forward(self, maps: dict[int, Tensor]) -> tuple[Tensor, Tensor]:
        """Decode the maps of a batch.

        Parameters
        ----------
        maps : dict of int to Tensor
            By stride, (N, C, h, w) each.

        Returns
        -------
        edges : Tensor of shape (N, 2, H/2, W/2)
            Logits of `perceptual` and `outline`.
        objects : Tensor of shape (N, 3, H/4, W/4)
            Logit of `objectness`, then `centre_x` and `centre_y`.
        """
        levels: dict[int, Tensor] = {}
        for stride in WIDTHS:
            x: Tensor = self.lateral[str(stride)](maps[stride])
            if 2 * stride in levels:
                below = self.below[str(stride)](levels[2 * stride])
                x = x + functional.interpolate(below, size=x.shape[-2:], mode="bilinear")
            levels[stride] = functional.relu(x + self.mix[str(stride)](functional.relu(x)))
        return self.edges(levels[2]), self.objects(levels[4])

    def save(self, path: Path) -> None:
        """Write the weights as float16."""
        save_file({name: value.half().contiguous() for name, value in self.state_dict().items()}, path)

    @classmethod
    def load(cls, path: Path) -> BoundaryDecoder:
        """Read the weights.

        Raises
        ------
        WeightsMissingError, WeightsCorruptError
        """
        if not path.is_file():
            raise WeightsMissingError(f"{path} is missing: restore it with `git checkout -- {path}`")
        decoder = cls()
        try:
            decoder.load_state_dict({name: value.float() for name, value in load_file(path).items()})
        except (SafetensorError, OSError, RuntimeError) as error:
            raise WeightsCorruptError(f"{path} is not a boundary decoder: restore it with `git checkout`") from error
        return decoder.eval().requires_grad_(False)
