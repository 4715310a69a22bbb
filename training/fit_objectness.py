"""Fit the ranking of the hierarchy's nodes: ``python -m training.fit_objectness --data FOLDER``.

On the training part of ``coco-dev``: right is a node that overlaps some object with IoU >= .5. A logistic regression
of the nodes' geometry and projected vectors; ``retrieval/data/lite.safetensors`` has to be there.
"""

from __future__ import annotations

import logging
from pathlib import Path

import click
import numpy as np
from rich.progress import track
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from retrieval.embed.masked_pooling import join_descriptors, masked_means
from retrieval.embed.projection import Projection
from retrieval.evaluate.datasets import AnnotatedPhoto, load_photos
from retrieval.images import decode
from retrieval.recipes.lite import OBJECTNESS, LiteRecipe, projection_path, unfitted
from retrieval.segment.objectness import GEOMETRY, Objectness
from retrieval.types import Vectors

logger = logging.getLogger(__name__)

VECTOR_SCALE = 4.0
"""Vectors are stretched so that one strength of the penalty suits both them and the standardised geometry."""


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--penalty", default=0.003, show_default=True, help="Inverse strength C of the L2 penalty.")
@click.option("--every", default=1, show_default=True, help="Take only every n-th photo.")
@click.option("--device", default="auto", show_default=True)
def main(data: Path, penalty: float, every: int, device: str) -> None:
    """Write ``retrieval/data/lite-objectness.safetensors``."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    photos = load_photos(data / "coco-dev", splits=data / "splits.json", part="train")[::every]
    measures, vectors, right = collect(unfitted("lite", device), photos)
    mean, deviation = measures.mean(axis=0), measures.std(axis=0)
    inputs = np.concatenate([(measures - mean) / deviation, vectors * VECTOR_SCALE], axis=1)
    fitted = LogisticRegression(C=penalty, max_iter=500).fit(inputs, right)
    weights = fitted.coef_[0] * np.concatenate([1 / deviation, np.full(vectors.shape[1], VECTOR_SCALE)])
    bias = float(fitted.intercept_[0] - weights[:GEOMETRY] @ mean)
    Objectness(weights.astype(np.float32), bias).save(OBJECTNESS)
    auc = roc_auc_score(right, fitted.decision_function(inputs))
    logger.info(
        "%d nodes of %d photos, %.1f %% right; AUC on them %.3f", len(right), len(photos), 100 * right.mean(), auc
    )
    logger.info("wrote %s", OBJECTNESS)


def collect(recipe: LiteRecipe, photos: list[AnnotatedPhoto]) -> tuple[Vectors, Vectors, Vectors]:
    """Geometry, vectors and rightness of every candidate node of annotated photos."""
    pca = Projection.load(projection_path("lite")).segment
    parts: list[tuple[Vectors, Vectors, Vectors]] = []
    for photo in track(photos, description="hierarchies"):
        if not photo.objects:
            continue
        image = decode(photo.path, long_side=recipe.parameters.large_side).rgb
        features = recipe.extract([image])[0]
        found = recipe.segmenter.candidates(image, features.large)
        pooled = join_descriptors(masked_means(found.segments, features.maps), (1.0, 1.0, recipe.parameters.mid_weight))
        objects = np.stack([each.mask(found.segments.size_hw) for each in photo.objects])
        right = found.segments.iou_with(objects).max(axis=1) >= 0.5
        parts.append((found.measures, pca.apply(pooled), right))
    measures, vectors, right = (np.concatenate(column) for column in zip(*parts, strict=True))
    return measures, vectors, right


if __name__ == "__main__":
    main()
