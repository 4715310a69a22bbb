"""The decoder of boundaries and centres."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

from retrieval.errors import WeightsCorruptError, WeightsMissingError
from retrieval.models.backbone import Backbone
from retrieval.models.boundary_decoder import CHANNELS, BoundaryDecoder
from retrieval.recipes.lite import BOUNDARIES
from retrieval.types import Features

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


def test_shapes() -> None:
    edges, objects = BoundaryDecoder()(maps(count=3))
    assert edges.shape == (3, 2, 32, 48)
    assert objects.shape == (3, 3, 16, 24)


def test_a_batch_is_as_its_images() -> None:
    decoder, both = BoundaryDecoder.load(BOUNDARIES), maps(count=2)
    together = decoder(both)
    for row in range(2):
        alone = decoder({stride: each[row : row + 1] for stride, each in both.items()})
        for a, b in zip(alone, together, strict=True):
            torch.testing.assert_close(a[0], b[row], rtol=1e-4, atol=1e-4)


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    torch.manual_seed(1)
    decoder = BoundaryDecoder()
    decoder.save(tmp_path / "decoder.safetensors")
    found = BoundaryDecoder.load(tmp_path / "decoder.safetensors")
    for a, b in zip(decoder(maps()), found(maps()), strict=True):
        torch.testing.assert_close(a, b, rtol=2e-2, atol=2e-2)
    assert not any(each.requires_grad for each in found.parameters())


def test_missing_and_broken_weights_are_told(tmp_path: Path) -> None:
    path = tmp_path / "decoder.safetensors"
    with pytest.raises(WeightsMissingError, match=r"decoder\.safetensors is missing: restore it"):
        BoundaryDecoder.load(path)
    for content in (b"", BOUNDARIES.read_bytes()[:1000], b"\x02\0\0\0\0\0\0\0{}"):
        path.write_bytes(content)
        with pytest.raises(WeightsCorruptError, match="is not a boundary decoder"):
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


def test_without_a_decoder_there_is_nothing_of_it() -> None:
    [found] = Backbone("cpu").extract([data.coffee()], long_side=128)
    assert found.edges is None
    assert found.objects is None
