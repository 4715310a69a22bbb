"""Maps of several passes over a drawn photo, and what the decoder learns from one."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from benchmarks.boundary_folds import perceptual_maps, scores
from retrieval.evaluation.boundaries import count_boundaries
from retrieval.evaluation.datasets import DrawnPhoto
from retrieval.models.backbone import Backbone
from retrieval.models.boundary_decoder import BoundaryDecoder
from retrieval.recipes.lite import BOUNDARIES
from training.fit_boundaries import drawn_examples


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return Backbone("cpu")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[DrawnPhoto]:
    """A photo of two drawn regions, and its mirror image."""
    folder = tmp_path_factory.mktemp("drawn")
    image = data.coffee()[::3, ::3]
    labels = np.zeros((1, *image.shape[:2]), np.uint8)
    labels[:, :, 60:] = 1
    found = []
    for name, step in (("photo", 1), ("mirrored", -1)):
        path = folder / f"{name}.png"
        Image.fromarray(np.ascontiguousarray(image[:, ::step])).save(path)
        np.savez(path.with_suffix(".npz"), segmentations=labels[:, :, ::step])
        found.append(DrawnPhoto(path, path.with_suffix(".npz")))
    return found


def test_the_map_of_a_mirrored_pass_lies_on_the_photo(backbone: Backbone, photos: list[DrawnPhoto]) -> None:
    decoder = BoundaryDecoder.load(BOUNDARIES)
    photo, mirrored = (perceptual_maps(backbone, decoder, each, {"768", "mirrored"}) for each in photos)
    assert photo["mirrored"].shape == photos[0].maps().shape[1:]
    np.testing.assert_allclose(photo["mirrored"], mirrored["768"][:, ::-1], atol=1e-4)
    np.testing.assert_allclose(photo["768"], mirrored["mirrored"][:, ::-1], atol=1e-4)
    assert np.abs(photo["768"] - photo["mirrored"]).max() > 0.01, "the two passes differ, so their mean can gain"


def test_examples_are_the_photo_and_its_mirror_image(backbone: Backbone, photos: list[DrawnPhoto]) -> None:
    [_, turned], [mirrored, _] = (drawn_examples(backbone, each.path) for each in photos)
    assert all((turned.maps[stride] == cells).all() for stride, cells in mirrored.maps.items())
    assert (turned.edges == mirrored.edges).all()
    assert turned.edges[0].any()


def test_scores_of_a_map_that_is_drawn_right() -> None:
    drawn = np.zeros((40, 40), bool)
    drawn[:, 20] = True
    strength = np.where(drawn, 0.9, 0.0).astype(np.float32)
    found = scores([count_boundaries(strength, [drawn], np.array([0.3, 0.5]))])
    assert found == {"F": 1.0, "F OIS": 1.0, "precision": 1.0, "recall": 1.0}
