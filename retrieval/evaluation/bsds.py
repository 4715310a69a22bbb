"""How well a recipe's hierarchy agrees with people who divided photos into regions, as on BSDS500."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.progress import track

from ..assembly import Assembly
from ..errors import ConfigurationError
from ..images.decode import decode
from ..processes.tables import Console
from ..recipes import recipe_spec
from ..segment.merging import MergeTree
from ..settings import Settings
from ..types import FeatureMap
from .boundaries import boundary_agreement, count_boundaries, score_boundaries
from .boundary_maps import drawn_boundaries
from .datasets import DrawnPhoto, load_drawn
from .figures import print_figures
from .hierarchy_cuts import common_thresholds, ultrametric_map
from .regions import score_cuts, score_regions
from .segmentation import milliseconds_a_photo

THRESHOLDS = 19
"""Of the boundary measure, which costs most of the time."""


def run_drawn_evaluation(
    settings: Settings, folder: Path, *, recipes: Sequence[str], out: Path | None, limit: int | None, as_json: bool
) -> None:
    """Measure recipes and show: a table or JSON on the terminal, ``figures.json`` in `out`.

    Raises
    ------
    ConfigurationError
        The recipe makes no hierarchy, or the folder holds no such photos.
    """
    for name in recipes:
        recipe_spec(name)  # what is misspelt is said before anything is measured
    photos = load_drawn(folder)[:limit]
    found = {name: evaluate_drawn(Assembly(replace(settings, recipe=name)), photos) for name in recipes}
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "figures.json").write_text(json.dumps(found if len(found) > 1 else found[recipes[0]], indent=1))
    print_figures(found, title=folder.name, as_json=as_json)


def evaluate_drawn(assembly: Assembly, photos: Sequence[DrawnPhoto]) -> dict[str, Any]:
    """Regions of the hierarchy's cuts, boundaries of its ultrametric map and, where learned, of the decoder's own.

    Notes
    -----
    About two seconds a photo on one core. The cuts of the regions are at 50 thresholds common to all photos.
    """
    recipe: Any = assembly.recipe
    if not hasattr(getattr(recipe, "segmenter", None), "hierarchy"):
        raise ConfigurationError(
            f"recipe {assembly.settings.recipe} does not make a hierarchy: use lite or lite-unlearned"
        )
    found: list[tuple[np.ndarray[Any, Any], MergeTree, FeatureMap | None]] = []
    for photo in track(photos, "segmenting", console=Console(stderr=True)):
        image = decode(photo.path, long_side=recipe.parameters.large_side).rgb
        features = recipe.extract([image])[0].large
        leaves, tree = recipe.segmenter.hierarchy(image, features)
        size = photo.maps().shape[2], photo.maps().shape[1]
        edges = features.edges
        strength = cv2.resize(edges[..., 0], size, interpolation=cv2.INTER_LINEAR) if edges is not None else None
        found.append((cv2.resize(leaves, size, interpolation=cv2.INTER_NEAREST), tree, strength))
    thresholds = common_thresholds([tree for _, tree, _ in found])
    curves, by_tree, by_decoder = [], [], []
    for photo, (leaves, tree, strength) in track(
        list(zip(photos, found, strict=True)), "comparing", console=Console(stderr=True)
    ):
        maps = photo.maps()
        curves.append(score_cuts(leaves, tree, list(maps), thresholds))
        drawn = drawn_boundaries(maps)
        steps = np.linspace(0, 1, THRESHOLDS + 2)[1:-1]
        at = np.quantile(thresholds, steps)
        by_tree.append(count_boundaries(ultrametric_map(leaves, tree), drawn, at))
        if strength is not None:
            by_decoder.append(count_boundaries(ridges(strength), drawn, steps))
    regions, human = score_regions(curves), boundary_agreement([list(photo.maps()) for photo in photos])
    figures: dict[str, Any] = {"recipe": assembly.recipe_spec.fingerprint, "photos": len(photos)}
    figures |= {"parameters": recipe.size.parameters, "weights, MB": recipe.size.bytes / 1e6}
    figures |= {"recipe alone, ms a photo": milliseconds_a_photo(recipe, [photo.path for photo in photos])}
    figures |= {"covering ODS": regions.covering_ods, "covering OIS": regions.covering_ois}
    figures |= {"covering of the best regions": regions.covering_best}
    figures |= {"PRI ODS": regions.rand_ods, "PRI OIS": regions.rand_ois}
    figures |= {"VI ODS": regions.information_ods, "VI OIS": regions.information_ois}
    for name, counts in (("of the hierarchy", by_tree), ("of the decoder", by_decoder)):
        if counts:
            scores = score_boundaries(counts)
            figures |= {f"boundary F ODS {name}": scores.ods, f"boundary F OIS {name}": scores.ois}
            figures |= {f"boundary AP {name}": scores.average_precision}
    return figures | {"boundary F of people among each other": human.f}


def ridges(strength: FeatureMap) -> FeatureMap:
    """The map where it is greatest across the direction of its steepest change, 0 elsewhere.

    References
    ----------
    Canny, "A Computational Approach to Edge Detection", PAMI 1986, section VI.
    """
    smooth = cv2.GaussianBlur(strength, (0, 0), 1.0)
    xx, yy, xy = (cv2.Sobel(smooth, cv2.CV_32F, *order, ksize=5) for order in ((2, 0), (0, 2), (1, 1)))
    across = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2  # where the map is curved downwards the most
    rows, columns = np.mgrid[: strength.shape[0], : strength.shape[1]].astype(np.float32)
    sides = [
        cv2.remap(
            smooth,
            (columns + sign * np.cos(across)).astype(np.float32),
            (rows + sign * np.sin(across)).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for sign in (1, -1)
    ]
    return np.where((smooth >= sides[0]) & (smooth >= sides[1]), smooth, 0).astype(np.float32)
