"""The decoder of boundaries and centres."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from skimage import data

from retrieval.errors import WeightsCorruptError, WeightsMissingError
from retrieval.models.backbone import Backbone
from retrieval.models.boundary_decoder import CHANNELS, BoundaryDecoder
from retrieval.recipes.lite import BOUNDARIES
from retrieval.types import Features
from training.trainable_decoder import TrainableDecoder

pytestmark = pytest.mark.slow


def maps(height: int = 64, width: int = 96, count: int = 1) -> dict[int, torch.Tensor]:
    torch.manual_seed(0)
    return {
        stride: torch.randn(count, channels, height // stride, width // stride) for stride, channels in CHANNELS.items()
    }


@pytest.fixture(scope="module")
def coffee() -> Features:
    """A cup on a table."""
    [found] = Backbone("cpu").extract([data.coffee()], long_side=512, decoder=BoundaryDecoder.load(BOUNDARIES))
    return found


@pytest.fixture
def decoder() -> TrainableDecoder:
    """One at random weights."""
    torch.manual_seed(1)
    return TrainableDecoder()


def test_shapes(decoder: TrainableDecoder) -> None:
    edges, objects = decoder(maps(count=3))
    assert edges.shape == (3, 2, 32, 48)
    assert objects.shape == (3, 3, 16, 24)


def test_a_batch_is_as_its_images(decoder: TrainableDecoder) -> None:
    both = maps(count=2)
    together = decoder(both)
    for row in range(2):
        alone = decoder({stride: each[row : row + 1] for stride, each in both.items()})
        for a, b in zip(alone, together, strict=True):
            torch.testing.assert_close(a[0], b[row], rtol=1e-4, atol=1e-4)


def test_all_its_weights_learn(decoder: TrainableDecoder) -> None:
    sum(each.square().sum() for each in decoder(maps())).backward()
    assert all(each.grad is not None and each.grad.abs().max() > 0 for each in decoder.parameters())


def test_what_was_learned_is_what_runs(tmp_path: Path, decoder: TrainableDecoder) -> None:
    decoder.save(tmp_path / "decoder.safetensors")
    found = BoundaryDecoder.load(tmp_path / "decoder.safetensors")
    learned = {name: value.detach().numpy() for name, value in decoder.named_parameters()}
    for name, each in found.convolutions.items():
        np.testing.assert_allclose(each.weight, learned.pop(f"{name}.weight"), atol=1e-3)
        if each.bias is not None:
            np.testing.assert_allclose(each.bias, learned.pop(f"{name}.bias"), atol=1e-3)
    assert not learned


def test_missing_and_broken_weights_are_told(tmp_path: Path) -> None:
    path = tmp_path / "decoder.safetensors"
    with pytest.raises(WeightsMissingError, match=r"decoder\.safetensors is missing: restore it"):
        BoundaryDecoder.load(path)
    for content in (b"", BOUNDARIES.read_bytes()[:1000], b"\x02\0\0\0\0\0\0\0{}"):
        path.write_bytes(content)
        with pytest.raises(WeightsCorruptError, match="is not a boundary decoder"):
            BoundaryDecoder.load(path)
    tensors = load_file(BOUNDARIES)
    save_file({**tensors, "edges.bias": tensors["objects.bias"]}, path)
    with pytest.raises(WeightsCorruptError, match="is not a boundary decoder"):
        BoundaryDecoder.load(path)
    save_file({**tensors, "more": tensors["objects.bias"]}, path)
    with pytest.raises(WeightsCorruptError, match="holds more than a boundary decoder"):
        BoundaryDecoder.load(path)


def test_it_is_seen_where_the_cup_ends(coffee: Features) -> None:
    assert coffee.edges is not None
    assert coffee.edges.shape == (176, 256, 2)
    perceptual = coffee.edges[..., 0]
    assert 0 <= perceptual.min() and perceptual.max() <= 1
    rim = perceptual[4:20, 90:150].max(axis=0).mean()  # the cup's upper rim crosses this strip
    table = perceptual[30:60, 215:240].max(axis=0).mean()
    assert rim > 0.5
    assert rim > 2 * table


def test_centres_are_shares_of_the_long_side(coffee: Features) -> None:
    assert coffee.objects is not None
    assert coffee.objects.shape == (88, 128, 3)
    assert 0 <= coffee.objects[..., 0].min() and coffee.objects[..., 0].max() <= 1
    assert np.abs(coffee.objects[..., 1:]).max() < 1.5
