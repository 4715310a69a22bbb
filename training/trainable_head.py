"""The semantic head as a module of torch, whose weights are learned, behind the backbone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from retrieval.models.efficientnet import EfficientNet, forward
from retrieval.models.semantic_head import CLASSES, PRIOR, STRIDES, classify, shapes
from retrieval.models.torch_runtime import TorchOperators
from retrieval.recipes.psp import CLASS_NAMES
from retrieval.text.vocabulary import Vocabulary


class TrainableHead(nn.Module):
    """The head with random weights, behind the backbone with its own.

    Parameters
    ----------
    seed : int
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        network = EfficientNet.load()
        self.head = nn.ParameterDict()
        for name, shape in shapes(len(CLASS_NAMES)).items():
            self.head[_key(name, "weight")] = nn.Parameter(
                nn.init.kaiming_normal_(torch.empty(shape), nonlinearity="relu")
            )
            self.head[_key(name, "bias")] = nn.Parameter(torch.zeros(shape[0]))
        rows = network.classifier - network.classifier.mean(axis=0)
        with torch.no_grad():
            self.head[_key(CLASSES, "weight")].mul_(0.01)  # at first the prior speaks alone
            self.head[_key(PRIOR, "weight")].copy_(torch.from_numpy(_prior(rows))[:, :, None, None])
        self.backbone = nn.ParameterDict()
        self._groups = {}
        for name, each in network.convolutions.items():
            self._groups[name] = each.groups
            self.backbone[_key(name, "weight")] = nn.Parameter(torch.from_numpy(each.weight))
            if each.bias is not None:
                self.backbone[_key(name, "bias")] = nn.Parameter(torch.from_numpy(each.bias))

    def forward(self, pixels: Tensor, *, tuned: bool = False) -> Tensor:
        """Scores, (N, classes, H / 8, W / 8), of pixels in [-1, 1]."""
        with torch.set_grad_enabled(tuned and torch.is_grad_enabled()):
            maps, last = forward(self._operators(self.backbone, self._groups), pixels, STRIDES)
        names = dict.fromkeys(shapes(len(CLASS_NAMES)), 1)
        operators = self._operators(self.head, names)
        scores: Tensor = classify(_Dropping(operators) if self.training else operators, maps, last)
        return scores

    def _operators(self, weights: nn.ParameterDict, groups: dict[str, int]) -> TorchOperators:
        return TorchOperators(
            {
                name: (
                    weights[_key(name, "weight")],
                    weights.get(_key(name, "bias")),
                    count,
                )
                for name, count in groups.items()
            }
        )

    def save(self, path: Path) -> None:
        """Write the head's weights as float16."""
        save_file(
            {name.replace("/", "."): each.detach().cpu().half().contiguous() for name, each in self.head.items()}, path
        )


class _Dropping:
    """Operators that leave out a fifth of the channels behind the first convolution.

    Parameters
    ----------
    operators : TorchOperators
    """

    def __init__(self, operators: TorchOperators) -> None:
        self._operators = operators

    def convolve(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        """By the weights of a name."""
        made = self._operators.convolve(x, name, stride)
        return functional.dropout2d(made, 0.2) if name == "top" else made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._operators, name)


def _prior(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of ImageNet's classifier, centred, averaged over the kinds of each class; zeros where it knows none."""
    vocabulary = Vocabulary.load()
    found = np.zeros((len(CLASS_NAMES), rows.shape[1]), np.float32)
    for number, name in enumerate(CLASS_NAMES):
        read = vocabulary.read(name).understood if name else ()
        if read and read[0].rows:
            found[number] = rows[list(read[0].rows)].mean(axis=0)
    return found


def _key(name: str, what: str) -> str:
    """A name without dots, which torch does not take."""
    return f"{name}.{what}".replace(".", "/")
