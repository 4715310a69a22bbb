"""The head that tells the class of every pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from retrieval.errors import WeightsCorruptError, WeightsMissingError
from retrieval.models.efficientnet import EfficientNet
from retrieval.models.openvino_runtime import OpenVinoRuntime
from retrieval.models.runtimes import find_device
from retrieval.models.semantic_head import GRIDS, HEAD, SemanticHead, SemanticNetwork, classify
from retrieval.models.torch_runtime import TorchOperators, TorchRuntime
from retrieval.recipes.psp import CLASS_NAMES, WEIGHTS

pytestmark = pytest.mark.slow

COUNT = len(CLASS_NAMES)


@pytest.fixture(scope="module")
def head() -> SemanticHead:
    return SemanticHead.load(WEIGHTS, COUNT)


@pytest.mark.parametrize("size_hw", [(96, 64), (384, 512), (32, 32)])
def test_both_runtimes_give_the_same_scores(head: SemanticHead, size_hw: tuple[int, int]) -> None:
    network = SemanticNetwork(EfficientNet.load(), head)
    pixels = np.random.default_rng(0).integers(0, 256, (2, *size_hw, 3), np.uint8)
    one, other = (each.run(network, pixels[:1])[0] for each in (OpenVinoRuntime(), TorchRuntime(find_device("cpu"))))
    assert one.shape == (1, size_hw[0] // 8, size_hw[1] // 8, COUNT)
    np.testing.assert_allclose(one, other, atol=2e-3)


def test_every_pixel_knows_the_whole_photo(head: SemanticHead) -> None:
    """What changes in one corner of the last map changes scores in the opposite one, through the pools alone."""
    operators = TorchOperators({
        name: (torch.from_numpy(each.weight), torch.from_numpy(each.bias), 1)  # type: ignore[arg-type]
        for name, each in head.convolutions.items()
    })  # fmt: skip
    maps = {8: torch.zeros(1, 48, 96, 96), 16: torch.zeros(1, 120, 48, 48)}
    last = torch.zeros(1, HEAD, 24, 24)
    changed = last.clone()
    changed[..., :8, :8] = 3.0
    before, after = (classify(operators, maps, each)[0, :, -1, -1] for each in (last, changed))
    assert (before - after).abs().max() > 0.01
    assert max(GRIDS) < 24  # no cell of the finest grid reaches from one corner to the other


def test_missing_and_broken_weights_are_told(tmp_path: Path) -> None:
    path = tmp_path / "psp.safetensors"
    with pytest.raises(WeightsMissingError, match=r"psp\.safetensors is missing: restore it"):
        SemanticHead.load(path, COUNT)
    path.write_bytes(WEIGHTS.read_bytes()[:1000])
    with pytest.raises(WeightsCorruptError, match="is not a semantic head: restore it"):
        SemanticHead.load(path, COUNT)
    tensors = load_file(WEIGHTS)
    save_file({name: each for name, each in tensors.items() if name != "scene.weight"}, path)
    with pytest.raises(WeightsCorruptError, match="is not a semantic head"):
        SemanticHead.load(path, COUNT)
    save_file(tensors | {"further": np.zeros(1, np.float32)}, path)
    with pytest.raises(WeightsCorruptError, match="holds more than a semantic head"):
        SemanticHead.load(path, COUNT)
    with pytest.raises(WeightsCorruptError, match="is not a semantic head"):
        SemanticHead.load(WEIGHTS, COUNT + 1)
