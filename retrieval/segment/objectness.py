"""How likely a region is an object, by a small network on its place in the hierarchy, its shape and its vector.

``python -m training.fit_objectness`` fits it on the training parts of annotated photos to how well a region fits some
object of any class, and calibrates it to the probability that their IoU is at least .5. With learned boundaries it also
takes their strength around and inside the region, and whether the region's pixels agree on their object's centre. A
second head tells how many objects the region is expected to fit better than all others do.

References
----------
Arbelaez et al., "Multiscale Combinatorial Grouping", CVPR 2014, section 5.2 (ranking regions by regression on such
features); Alexe, Deselaers and Ferrari, "Measuring the Objectness of Image Windows", PAMI 2012.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from ..errors import WeightsCorruptError
from ..models.tensor_file import read_tensors
from ..types import Segments, Vectors
from .merging import Borders

GEOMETRY = 9
"""Number of the measures of `geometry`."""
COHERENCE = 8
"""Number of the measures of `coherence`."""
GAIN_WEIGHT = 0.5
"""Weight of the logarithm of what a region added, beside its log odds, when chosen ones are ranked."""
WEAK = 0.1
"""A border of lower mean strength counts as weak."""


def geometry(
    segments: Segments,
    worth: NDArray[np.floating],
    made_at: NDArray[np.floating],
    sibling_areas: NDArray[np.floating],
) -> NDArray[np.float32]:
    """Measures of regions that do not depend on their content.

    Parameters
    ----------
    segments : Segments
        N regions of one hierarchy.
    worth, made_at : ndarray of shape (N,)
        The cost of merging each into its parent, and of the merge that created it.
    sibling_areas : ndarray of shape (N,)
        Pixels of the region that it is merged with.

    Returns
    -------
    ndarray of shape (N, 9), float32
    """
    total = float(segments.atom_areas.sum())
    height, width = segments.size_hw
    x0, y0, x1, y1 = segments.boxes_xyxy.T
    share = np.log(np.maximum(segments.areas, 1) / total)
    touched = (x0 == 0).astype(float) + (y0 == 0) + (x1 == width) + (y1 == height)
    worth_log = np.log(worth + 1e-6)
    columns = (
        worth_log,
        np.log(made_at + 1e-3) - worth_log,
        share,
        share**2,
        touched,
        touched * share,
        segments.areas / np.maximum((x1 - x0) * (y1 - y0), 1),
        np.log(sibling_areas / total + 1e-6),
        touched >= 3,
    )
    return np.stack(columns, axis=1).astype(np.float32)


def coherence(
    segments: Segments,
    borders: Borders,
    frame: NDArray[np.float32],
    votes: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Measures of regions by learned boundaries and centres.

    Parameters
    ----------
    segments : Segments
        N regions of A atoms.
    borders : Borders
        Those between atoms, with the strength of the boundary along them.
    frame : ndarray of shape (A,), float32
        Pixels of each atom on the image border.
    votes : ndarray of shape (A, 4), float32
        Sums over an atom's pixels of the objectness o, of o times the centre x and y, in shares of the long side, and
        of o times their squared length.

    Returns
    -------
    ndarray of shape (N, 8), float32
        Mean strength around, share of the outline that is weak, mean strength inside, share of the outline on the
        frame, mean objectness, spread of the centres, distance from their mean to the region's middle, both in square
        roots of its area, and how much more objectness there is inside than in the box around it.
    """
    a, b = borders.pairs.T
    weak_lengths = borders.lengths * (borders.contrasts < WEAK * borders.lengths)
    lengths = np.stack([borders.lengths, borders.contrasts, weak_lengths], axis=1)
    one, other = segments.membership[:, a], segments.membership[:, b]
    around, strength, weak = ((one != other).astype(np.float32) @ lengths).T
    within, inside, _ = ((one & other).astype(np.float32) @ lengths).T
    members = segments.membership.astype(np.float32)
    on_frame = members @ frame
    sums = members @ votes
    surety = np.maximum(sums[:, 0], 1e-6)
    mean = sums[:, 1:3] / surety[:, None]
    side = np.sqrt(np.maximum(segments.areas, 1)) / max(segments.size_hw)
    x0, y0, x1, y1 = segments.boxes_xyxy.T / max(segments.size_hw)
    middle = np.stack([(x0 + x1) / 2, (y0 + y1) / 2], axis=1)
    objectness = sums[:, 0] / np.maximum(segments.areas, 1)
    columns = (
        strength / np.maximum(around, 1),
        weak / np.maximum(around, 1),
        inside / np.maximum(within, 1),
        on_frame / np.maximum(around + on_frame, 1),
        objectness,
        np.sqrt(np.maximum(sums[:, 3] / surety - (mean**2).sum(axis=1), 0)) / side,
        np.linalg.norm(mean - middle, axis=1) / side,
        objectness - votes[:, 0].sum() / float(segments.atom_areas.sum()),
    )
    return np.stack(columns, axis=1).astype(np.float32)


@dataclass(frozen=True, eq=False, slots=True)
class Objectness:
    """The network.

    Attributes
    ----------
    weights : tuple of ndarray of shape (I, O), float32
        Of each layer, from measures and vector to one number per overlap, the log odds of reaching it; with ReLU
        between layers.
    biases : tuple of ndarray of shape (O,), float32
    calibration : tuple of float
        Slope and offset that turn the log odds of the mean probability into those of IoU >= .5.
    count : tuple of ndarray, or None
        Weights, (H, 1), and bias, (1,), of the second head over the last hidden layer, which tells the logarithm of
        how many objects a region is expected to fit best.
    chosen_calibration : tuple of float
        As `calibration`, for `standing` of the regions that are chosen.
    """

    weights: tuple[NDArray[np.float32], ...]
    biases: tuple[NDArray[np.float32], ...]
    calibration: tuple[float, float] = (1.0, 0.0)
    count: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
    chosen_calibration: tuple[float, float] = (1.0, 0.0)

    def __call__(self, measures: NDArray[np.float32], vectors: Vectors) -> NDArray[np.float32]:
        """Probabilities, (N,), of regions with these measures, (N, M), and vectors, (N, D)."""
        slope, offset = self.calibration
        return _sigmoid(slope * self.log_odds(measures, vectors) + offset)

    def log_odds(self, measures: NDArray[np.float32], vectors: Vectors) -> NDArray[np.float32]:
        """Log odds of the mean probability of reaching each overlap, (N,)."""
        hidden = self._hidden(measures, vectors)
        chance = np.clip(_sigmoid(hidden @ self.weights[-1] + self.biases[-1]).mean(axis=1), 1e-6, 1 - 1e-6)
        return np.asarray(np.log(chance / (1 - chance)), np.float32)

    def expected(self, measures: NDArray[np.float32], vectors: Vectors) -> NDArray[np.float32] | None:
        """How many objects each region is expected to fit better than all others do, (N,); None without that head.

        Over all regions of an image they sum up to the number of objects that it is expected to show.
        """
        if self.count is None:
            return None
        weights, bias = self.count
        logarithm = (self._hidden(measures, vectors) @ weights + bias)[:, 0]
        return np.asarray(np.exp(np.minimum(logarithm, 0)), np.float32)

    def standing(
        self, measures: NDArray[np.float32], vectors: Vectors, gains: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """How regions that were chosen compare, (N,), as log odds: lower for those that repeat better ones.

        Parameters
        ----------
        measures, vectors
            As for `log_odds`.
        gains : ndarray of shape (N,), float32
            What each added when it was chosen (`covering.choose_covering`).
        """
        added = np.log(np.maximum(gains, np.float32(1e-6)))
        return np.asarray(self.log_odds(measures, vectors) + GAIN_WEIGHT * added, np.float32)

    def quality_of_chosen(
        self, measures: NDArray[np.float32], vectors: Vectors, gains: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Probabilities of IoU >= .5 with some object, (N,), of regions that were chosen; arguments as `standing`."""
        slope, offset = self.chosen_calibration
        return _sigmoid(slope * self.standing(measures, vectors, gains) + offset)

    def _hidden(self, measures: NDArray[np.float32], vectors: Vectors) -> NDArray[np.float32]:
        """The last hidden layer after its ReLU; what goes in if there is none."""
        x = np.concatenate([measures, vectors], axis=1)
        for weights, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = np.maximum(x @ weights + bias, 0)
        return x

    def save(self, path: Path) -> None:
        """Write the network as safetensors."""
        named = {"weights": self.weights, "bias": self.biases}
        tensors = {f"{name}_{n}": each for name, layers in named.items() for n, each in enumerate(layers)}
        tensors["calibration"] = np.array(self.calibration)
        if self.count is not None:
            tensors["count_weights"], tensors["count_bias"] = self.count
            tensors["chosen_calibration"] = np.array(self.chosen_calibration)
        save_file({name: np.ascontiguousarray(each) for name, each in tensors.items()}, path)

    @classmethod
    def load(cls, path: Path) -> Objectness:
        """Read the network.

        Raises
        ------
        WeightsMissingError, WeightsCorruptError
        """
        tensors = read_tensors(path, "an objectness model")
        try:
            slope, offset = tensors.pop("calibration", np.array([1.0, 0.0])).tolist()
            count, chosen = None, (1.0, 0.0)
            if "count_weights" in tensors:
                count = tensors.pop("count_weights"), tensors.pop("count_bias")
                chosen_slope, chosen_offset = tensors.pop("chosen_calibration").tolist()
                chosen = chosen_slope, chosen_offset
            layers = range(len(tensors) // 2)
            weights, biases = ([tensors[f"{name}_{n}"] for n in layers] for name in ("weights", "bias"))
            return cls(tuple(weights), tuple(biases), (slope, offset), count, chosen)
        except (KeyError, ValueError) as error:
            raise WeightsCorruptError(f"{path} is not an objectness model: restore it with `git checkout`") from error


def _sigmoid(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -80, 80))), dtype=np.float32)
