"""The boundary decoder as a module of torch, whose weights are learned."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor, nn

from retrieval.models.boundary_decoder import CHANNELS, WIDTHS, decode
from retrieval.models.torch_runtime import TorchOperators


class TrainableDecoder(nn.Module):
    """The decoder with random weights; `decode` says what it computes."""

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
        """Decode the maps of a batch, as `decode` does."""
        layers = {name: each for name, each in self.named_modules() if isinstance(each, nn.Conv2d)}
        placed = {name: (each.weight, each.bias, each.groups) for name, each in layers.items()}
        return decode(TorchOperators(placed), maps)

    def save(self, path: Path) -> None:
        """Write the weights as float16."""
        save_file({name: value.half().contiguous() for name, value in self.state_dict().items()}, path)
