"""Fully connected conditional random field over the pixels: class maps refined at the edges of the photo.

References
----------
Krähenbühl and Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials", NIPS 2011:
section 2 (model), section 3 and algorithm 1 (mean field), section 3.2 (message passing by high-dimensional
filtering). Chen, Paris and Durand, "Real-time Edge-Aware Image Processing with the Bilateral Grid", SIGGRAPH 2007,
for the grid that filters. Symmetric normalisation of the kernels: Krähenbühl and Koltun, "Parameter Learning and
Convergent Inference for Dense Random Fields", ICML 2013, section 5.

Differences from the paper:

- The appearance kernel is filtered on a dense five-dimensional grid with a step of one standard deviation, with linear
  splatting and slicing and a blur of three equal taps in between, a kernel of the same total variance; the paper uses
  the permutohedral lattice. Beyond three steps it is cut off.
- Both kernels are normalised, and a pixel's message to itself is not removed.
- Classes that are nowhere likely are left out, and get zero probability.

Cost per iteration for P pixels, C remaining classes and G cells of the grid: 64·P·C additions to splat and slice,
15·G·C to blur. Memory: 32·P indices of 8 bytes and weights, and 2·G floats. G is about
(H/θα + 3)(W/θα + 3)(256/θβ + 3)³,
or 1.1 million for 512 by 384 pixels at the default parameters.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .dense_crf_parameters import CrfParameters


def refine(chances: Tensor, image: Tensor, parameters: CrfParameters) -> Tensor:
    """Mean-field inference from the probabilities of a network.

    Parameters
    ----------
    chances : Tensor of shape (C, H, W), float32
        They sum to one over the classes.
    image : Tensor of shape (3, H, W), float32
        RGB, 0-255, in the same frame and on the same device.
    parameters : CrfParameters

    Returns
    -------
    Tensor of shape (C, H, W), float32
        The marginals, which sum to one.
    """
    left_in = torch.nonzero(chances.amax(dim=(1, 2)) >= parameters.min_chance)[:, 0]
    if len(left_in) < 2:
        return chances
    unary = chances[left_in].float().clamp_min(1e-6).log()
    smooth, alike = Smoothing(unary.shape[1:], parameters.smooth_sigma, unary), BilateralGrid(image, parameters)
    marginals = unary.softmax(0)
    for _ in range(parameters.iterations):
        # Potts: a class pays for all other classes of its neighbours, which is a constant minus its own
        messages = parameters.smooth_weight * smooth(marginals) + parameters.alike_weight * alike(marginals)
        marginals = (unary + messages).softmax(0)
    refined = torch.zeros_like(chances, dtype=torch.float32)
    refined[left_in] = marginals
    return refined


class Smoothing:
    """The smoothness kernel, exp(-|p - q|² / 2θγ²), normalised: two convolutions cut off at three deviations."""

    def __init__(self, size_hw: tuple[int, ...] | torch.Size, sigma: float, like: Tensor) -> None:
        reach = max(1, round(3 * sigma))
        steps = torch.arange(-reach, reach + 1, device=like.device, dtype=torch.float32)
        self._taps = torch.exp(-(steps**2) / (2 * sigma**2))
        self._scale = torch.ones((), device=like.device)
        self._scale = self(torch.ones((1, *size_hw), device=like.device)).rsqrt()

    def __call__(self, values: Tensor) -> Tensor:
        """Filter (C, H, W)."""
        planes, taps = (values * self._scale)[:, None], self._taps
        reach = len(taps) // 2
        across = functional.conv2d(planes, taps.reshape(1, 1, 1, -1), padding=(0, reach))
        return functional.conv2d(across, taps.reshape(1, 1, -1, 1), padding=(reach, 0))[:, 0] * self._scale


class BilateralGrid:
    """The appearance kernel, exp(-|p - q|² / 2θα² - |I(p) - I(q)|² / 2θβ²), normalised.

    Parameters
    ----------
    image : Tensor of shape (3, H, W), float32
        RGB, 0-255.
    parameters : CrfParameters
    """

    def __init__(self, image: Tensor, parameters: CrfParameters) -> None:
        height, width = image.shape[1:]
        self._size_hw = height, width
        rows = torch.arange(height, device=image.device, dtype=torch.float32)
        columns = torch.arange(width, device=image.device, dtype=torch.float32)
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        places = torch.stack([y, x]).flatten(1) / parameters.alike_place_sigma
        colors = image.float().flatten(1) / parameters.alike_color_sigma
        features = torch.cat([places, colors - colors.amin(dim=1, keepdim=True)]) + 1
        self._shape = [int(size) + 3 for size in features.amax(dim=1)]
        self._cells, self._weights = self._corners(features)
        self._scale = torch.ones((), device=image.device)
        self._scale = self(torch.ones((1, height, width), device=image.device)).clamp_min(1e-12).rsqrt()

    def _corners(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """The 32 cells around every pixel and its share in each, (32, H·W)."""
        low = features.floor().long()
        part = features - low
        strides = [1]
        for size in reversed(self._shape[1:]):
            strides.insert(0, strides[0] * size)
        cells, weights = low.new_zeros((1, low.shape[1])), part.new_ones((1, part.shape[1]))
        for axis, stride in enumerate(strides):
            here = low[axis] * stride
            cells = torch.cat([cells + here, cells + (here + stride)])
            weights = torch.cat([weights * (1 - part[axis]), weights * part[axis]])
        return cells, weights

    def __call__(self, values: Tensor) -> Tensor:
        """Filter (C, H, W), one class at a time."""
        return torch.stack([self._filtered(each) for each in values * self._scale]) * self._scale

    def _filtered(self, values: Tensor) -> Tensor:
        """Splat, blur and slice one (H, W) map."""
        grid = values.new_zeros(torch.Size(self._shape).numel())
        grid.scatter_add_(0, self._cells.flatten(), (self._weights * values.flatten()).flatten())
        shares = _blurred(grid.reshape(self._shape)).flatten().index_select(0, self._cells.flatten())
        return (shares.reshape(self._weights.shape) * self._weights).sum(dim=0).reshape(self._size_hw)


def _blurred(grid: Tensor) -> Tensor:
    """Three equal taps along each axis: with linear splatting and slicing around them a variance of one step."""
    places = grid.shape[:2]
    colors = functional.avg_pool3d(grid.flatten(0, 1)[:, None], 3, stride=1, padding=1).reshape(*places, -1)
    return functional.avg_pool2d(colors.permute(2, 0, 1)[:, None], 3, stride=1, padding=1)[:, 0].permute(1, 2, 0)
