"""The region hierarchy against scikit-image's Felzenszwalb and against the network pass, on the same photos.

::

    python -m benchmarks.hierarchy_speed FOLDER [COUNT]

One thread each, interleaved, best of three; what counts is the ratio. The hierarchy is all that follows the pass:
superpixels, merging, measures, ranking (with pooling of its features) and suppression of duplicates; of which
superpixels and tree are the part that Felzenszwalb's regions compare with.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from skimage.segmentation import felzenszwalb
from threadpoolctl import threadpool_limits

from retrieval.images.decode import decode
from retrieval.recipes import load
from retrieval.segment.hierarchy import bounded


def seconds(work: Callable[[], object]) -> float:
    """Wall time of a call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(path: Path, recipes: dict[str, Any]) -> dict[str, float]:
    """Best of three interleaved runs of everything on one photo, in seconds."""
    image = decode(path, long_side=1024).rgb
    small = bounded(image, 512)
    features = {name: recipe.extract([image])[0] for name, recipe in recipes.items()}
    works: dict[str, Callable[[], object]] = {
        "felzenszwalb": partial(felzenszwalb, small, scale=100, sigma=0.5, min_size=50),
        "pass of lite": partial(recipes["lite"].extract, [image]),
        "pass of lite-unlearned": partial(recipes["lite-unlearned"].extract, [image]),
        "superpixels and tree": partial(recipes["lite"].segmenter.hierarchy, image, features["lite"].large),
        "hierarchy": partial(recipes["lite"].segment, image, features["lite"]),
        "hierarchy, unlearned": partial(recipes["lite-unlearned"].segment, image, features["lite-unlearned"]),
    }
    runs = [{name: seconds(work) for name, work in works.items()} for _ in range(3)]
    return {name: min(run[name] for run in runs) for name in works}


def main(folder: Path, count: int) -> None:
    """Print the medians of the ratios; the first photo only warms up."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    recipes: dict[str, Any] = {name: load(name, "cpu", threads=1) for name in ("lite", "lite-unlearned")}
    paths = sorted(folder.glob("*.jpg"))
    chosen = paths[:: max(1, len(paths) // count)][:count]
    rows = [measure(path, recipes) for path in (chosen[0], *chosen)][1:]
    for name in rows[0]:
        print(f"{name:24s} median {1000 * np.median([row[name] for row in rows]):7.1f} ms")
    for part in ("superpixels and tree", "hierarchy"):
        for name in ("felzenszwalb", "pass of lite", "hierarchy, unlearned"):
            print(f"{name} / {part}: {np.median([row[name] / row[part] for row in rows]):.2f}")


if __name__ == "__main__":
    with threadpool_limits(1):
        main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 12)
