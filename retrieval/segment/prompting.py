"""A segment made of what a person marked by a box or lasso; for points see `pointing`.

A small network tells how likely each superpixel belongs to the thing, and the union with the highest expected IoU is
taken. ``python -m training.fit_prompts`` fits the network to marks on annotated objects.

References
----------
Nowozin, "Optimal Decisions from Probabilistic Models: The Intersection-over-Union Case", CVPR 2014 (choosing by
expected IoU); Dinkelbach, "On Nonlinear Fractional Programming", Management Science 1967 (maximising a ratio);
and those of `prompt_measures`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from ..errors import WeightsCorruptError
from ..models.tensor_file import read_tensors
from ..query.prompt import Prompt
from .prompt_measures import MEASURES, PromptRegions, measures, region_of, window_of

Mask = NDArray[np.bool_]

SMALL = 0.05
"""Islands and holes below this share of the largest part are cleared away."""

STEPS = 20
"""Enough for the expected IoU to settle."""


@dataclass(frozen=True, eq=False, slots=True)
class SuperpixelClassifier:
    """How likely a superpixel belongs to what was marked: a network with ReLU between its layers.

    Attributes
    ----------
    weights : tuple of ndarray of shape (I, O), float32
        From measures of superpixels to log odds.
    biases : tuple of ndarray of shape (O,), float32
    """

    weights: tuple[NDArray[np.float32], ...]
    biases: tuple[NDArray[np.float32], ...]

    def __call__(self, measured: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities of superpixels with these measures, (K,) for (K, I)."""
        x = measured
        for layer, (weights, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = (np.maximum(x, 0) if layer else x) @ weights + bias
        return np.asarray(1 / (1 + np.exp(-np.clip(x[:, 0], -30, 30))), np.float64)

    def save(self, path: Path) -> None:
        """Write the network as safetensors."""
        named = {"weights": self.weights, "bias": self.biases}
        tensors = {f"{name}_{n}": each for name, layers in named.items() for n, each in enumerate(layers)}
        save_file({name: np.ascontiguousarray(each, np.float32) for name, each in tensors.items()}, path)

    @classmethod
    @cache
    def load(cls, path: Path, measures: int = MEASURES) -> SuperpixelClassifier:
        """Read a network of so many measures, once a process.

        Raises
        ------
        WeightsMissingError, WeightsCorruptError
        """
        what = "a classifier of superpixels"
        tensors = read_tensors(path, what)
        try:
            layers = range(len(tensors) // 2)
            weights, biases = (tuple(tensors[f"{name}_{n}"] for n in layers) for name in ("weights", "bias"))
        except KeyError as error:
            raise WeightsCorruptError(f"{path} is not {what}: restore it with `git checkout`") from error
        if not weights or weights[0].shape[0] != measures or weights[-1].shape[1:] != (1,):
            raise WeightsCorruptError(f"{path} is no classifier of {measures} measures: restore it by git checkout")
        return cls(weights, biases)


def segment_prompt(found: PromptRegions, prompt: Prompt, classifier: SuperpixelClassifier) -> tuple[Mask, float]:
    """What a person marked.

    Parameters
    ----------
    found : PromptRegions
    prompt : Prompt
        A box or polygon, in the frame of `found`, (H, W).
    classifier : SuperpixelClassifier

    Returns
    -------
    ndarray of shape (H, W), bool
        Not empty, and within the box or lasso.
    float
        The expected IoU with the thing, 0 to 1.
    """
    region = region_of(prompt, (found.leaves.shape[0], found.leaves.shape[1]))
    if not found.hierarchies.trees or not len(found.quality):
        return region, 0.0
    rows, measured = measures(found, prompt)
    chances = classifier(measured)
    pixels = (found.inside(region) * found.areas)[rows]
    chosen, expected = best_union(chances, pixels)
    kept = np.zeros(len(found.areas), bool)
    kept[rows[chosen]] = True
    return cleared(kept[found.leaves] & region), expected


def best_union(chances: NDArray[np.float64], pixels: NDArray[np.float64]) -> tuple[Mask, float]:
    """The superpixels whose union has the highest expected IoU, (K,), and that IoU.

    Parameters
    ----------
    chances : ndarray of shape (K,), float64
        How likely each belongs to the thing, independently.
    pixels : ndarray of shape (K,), float64

    Notes
    -----
    The ratio of expected intersection to expected union is maximised by Dinkelbach's method, each step of which is a
    threshold on the chances.
    """
    total, best = float(chances @ pixels), 0.5
    chosen = chances >= chances.max()
    for _ in range(STEPS):
        chosen = (chances > best / (1 + best)) & (pixels > 0)
        if not chosen.any():
            chosen = chances >= chances.max()
        common = float(chances[chosen] @ pixels[chosen])
        ratio = common / max(float(pixels[chosen].sum()) + total - common, 1e-9)
        if abs(ratio - best) < 1e-6:
            break
        best = ratio
    return chosen, best


def cleared(mask: Mask) -> Mask:
    """A mask without its small islands and holes."""
    window = window_of(mask)
    part = mask[window]
    filled = ~_without_small(~part, border_counts=True, largest=float(part.sum()))
    result = np.zeros_like(mask)
    result[window] = _without_small(filled, border_counts=False)
    return result


def _without_small(mask: Mask, *, border_counts: bool, largest: float | None = None) -> Mask:
    """The connected parts that are not `SMALL`; with `border_counts` also all that reach the frame."""
    count, parts, figures, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if count <= 1:
        return mask
    areas = figures[:, cv2.CC_STAT_AREA].astype(float)
    keeps = areas >= SMALL * (areas[1:].max() if largest is None else largest)
    keeps[0] = False
    if border_counts:
        keeps[np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))] = True
        keeps[0] = False
    return np.asarray(keeps[parts], bool)
