"""The families of torchvision: post-processing by hand-made outputs, loading and passes by seeded random weights.

The true weights cannot be had where these tests run. The architectures are the true ones, and the files pass through
the true way of loading: what differs is the numbers in them and so the hash in their names.
"""

from __future__ import annotations

import urllib.error
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from toys import drawing

from retrieval.errors import OutOfDeviceMemoryError, WeightsCorruptError, WeightsMissingError
from retrieval.evaluation.semantic import voc_numbers
from retrieval.models.fingerprint import digest_of_file
from retrieval.models.passes import Device
from retrieval.models.scaling import fitted
from retrieval.models.size import ModelSize
from retrieval.recipes import NAMES, load, maskrcnn, pixel_classes, recipe_spec
from retrieval.recipes.maskrcnn import Instances, MaskRcnnParameters, instance_segments, painted
from retrieval.recipes.network import EMBEDDER, NetworkRecipe, frame_size, is_plain, with_own_names
from retrieval.recipes.pixel_classes import PixelClassParameters
from retrieval.recipes.protocols import Recipe, SemanticSegmenter
from retrieval.segment.class_map import ClassMap, ComponentParameters, class_segments
from retrieval.segment.dense_crf import BilateralGrid, Smoothing, refine
from retrieval.segment.dense_crf_parameters import CrfParameters
from retrieval.types import RgbImage, Segments

MASK_NAMES = ("maskrcnn", "maskrcnn-v2")
CLASS_NAMES = tuple(pixel_classes.WEIGHTS)
ALL_WEIGHTS = {**maskrcnn.WEIGHTS, **pixel_classes.WEIGHTS}
SMALL_MASKS = MaskRcnnParameters(short_side=96, long_side=160, frame_side=64, min_score=0.0, limit=12)
SMALL_CLASSES = PixelClassParameters(
    short_side=64, long_side=128, components=ComponentParameters(frame_side=64, min_area=0.0)
)
Place = Callable[[str], Path]


def source_of(name: str) -> Any:
    """torchvision's own description of a recipe's weights."""
    from torchvision.models import detection, segmentation

    return {
        "maskrcnn": detection.MaskRCNN_ResNet50_FPN_Weights.COCO_V1,
        "maskrcnn-v2": detection.MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1,
        "fcn-resnet50": segmentation.FCN_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1,
        "fcn-resnet101": segmentation.FCN_ResNet101_Weights.COCO_WITH_VOC_LABELS_V1,
        "deeplabv3-resnet50": segmentation.DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1,
        "deeplabv3-resnet101": segmentation.DeepLabV3_ResNet101_Weights.COCO_WITH_VOC_LABELS_V1,
        "deeplabv3-mobilenet": segmentation.DeepLabV3_MobileNet_V3_Large_Weights.COCO_WITH_VOC_LABELS_V1,
        "lraspp": segmentation.LRASPP_MobileNet_V3_Large_Weights.COCO_WITH_VOC_LABELS_V1,
    }[name]


def as_torchvision_builds_it(name: str, monkeypatch: pytest.MonkeyPatch, state: Any = None) -> Any:
    """The network as torchvision builds it for its weights, filled with `state` or with nothing."""
    from torchvision.models import detection, segmentation
    from torchvision.models._api import WeightsEnum

    make = {
        "maskrcnn": detection.maskrcnn_resnet50_fpn,
        "maskrcnn-v2": detection.maskrcnn_resnet50_fpn_v2,
        "fcn-resnet50": segmentation.fcn_resnet50,
        "fcn-resnet101": segmentation.fcn_resnet101,
        "deeplabv3-resnet50": segmentation.deeplabv3_resnet50,
        "deeplabv3-resnet101": segmentation.deeplabv3_resnet101,
        "deeplabv3-mobilenet": segmentation.deeplabv3_mobilenet_v3_large,
        "lraspp": segmentation.lraspp_mobilenet_v3_large,
    }[name]
    if state is None:
        with monkeypatch.context() as patch, torch.device("meta"):
            patch.setattr(torch.nn.Module, "load_state_dict", lambda *_: None)
            patch.setattr(WeightsEnum, "get_state_dict", lambda *_, **__: None)
            return make(weights=source_of(name))
    with monkeypatch.context() as patch:
        patch.setattr(WeightsEnum, "get_state_dict", lambda *_, **__: state)
        return make(weights=source_of(name)).eval()


def random_state(shapes: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Seeded weights that keep activations in bounds, and normalisations that do nothing."""
    noise = torch.Generator().manual_seed(7)
    state = {}
    for name, like in shapes.items():
        if like.ndim > 1:
            scale = 0.02 if name.endswith(("cls_score.weight", "bbox_pred.weight", "cls_logits.weight")) else 1.0
            state[name] = torch.randn(like.shape, generator=noise) * scale * (2 / like[0].numel()) ** 0.5
        else:
            fill = 0.2 if name.endswith("bn3.weight") else float(name.endswith(("weight", "running_var")))
            state[name] = torch.full(like.shape, fill, dtype=like.dtype)
    return state


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of weights."""
    made = tmp_path / "weights"
    made.mkdir()
    monkeypatch.setenv("SEGSEARCH_WEIGHTS", str(made))
    return made


@pytest.fixture
def place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Puts seeded random weights of a true architecture where the recipe looks for the true ones."""

    def put(name: str) -> Path:
        torch.save(random_state(as_torchvision_builds_it(name, monkeypatch).state_dict()), folder / "new.pth")
        weights = maskrcnn.WEIGHTS if name in maskrcnn.WEIGHTS else pixel_classes.WEIGHTS
        stem = weights[name].rpartition("-")[0]
        monkeypatch.setitem(weights, name, f"{stem}-{digest_of_file(folder / 'new.pth')[:8]}.pth")
        return (folder / "new.pth").rename(folder / weights[name])

    return put


def photo(seed: int = 0, size: tuple[int, int] = (90, 60)) -> RgbImage:
    """A drawing, or noise where there is no room for one; `size` is width and height."""
    if min(size) < 5:
        return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return np.asarray(drawing(seed, size))


def instances(boxes: Any, kinds: Any, scores: Any, masks: Any = None) -> Instances:
    """Hand-made output of Mask R-CNN; masks fill their boxes unless told otherwise."""
    filled = np.ones((len(scores), 28, 28), np.float32) if masks is None else np.asarray(masks, np.float32)
    rows = np.asarray(boxes, np.float32).reshape(-1, 4)
    return Instances(rows, np.asarray(kinds, np.int64), np.asarray(scores, np.float32), filled)


class TestCards:
    @pytest.mark.parametrize("name", ALL_WEIGHTS)
    def test_the_file_is_the_one_that_torchvision_fetches(self, name: str) -> None:
        assert source_of(name).url.rpartition("/")[2] == ALL_WEIGHTS[name]

    @pytest.mark.parametrize("name", [*MASK_NAMES, *CLASS_NAMES, *(f"{name}-crf" for name in CLASS_NAMES)])
    def test_they_are_known_without_weights(self, name: str, folder: Path) -> None:
        found, lite = recipe_spec.__wrapped__(name), recipe_spec(EMBEDDER)
        assert found.name == name
        assert found.fingerprint.startswith(f"{name}-1:")
        assert len(found.fingerprint) <= 64
        assert found.space == lite.space
        assert (found.segment_dim, found.photo_dim) == (lite.segment_dim, lite.photo_dim)
        assert found.word_vectors is lite.word_vectors or np.array_equal(found.word_vectors, lite.word_vectors)  # type: ignore[arg-type]

    @pytest.mark.slow
    def test_naming_one_loads_no_torch(self) -> None:
        import subprocess
        import sys

        names = ("maskrcnn", "lraspp-crf", "sam", "sam2", "semantic:owner/model")
        code = (
            f"import sys; from retrieval.recipes import recipe_spec; [recipe_spec(name) for name in {names}]; "
            "assert not {'torch', 'torchvision', 'transformers', 'huggingface_hub'} & set(sys.modules)"
        )
        subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])

    def test_no_two_are_alike(self) -> None:
        names = [EMBEDDER, "grid", *MASK_NAMES, *CLASS_NAMES, *(f"{name}-crf" for name in CLASS_NAMES), "sam", "sam2"]
        assert set(names) <= set(NAMES)
        assert len({recipe_spec(name).fingerprint for name in names}) == len(names)

    def test_weights_and_parameters_and_lite_are_in_the_fingerprint(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from retrieval.recipes import network

        before = recipe_spec.__wrapped__("maskrcnn").fingerprint
        with monkeypatch.context() as patch:
            patch.setitem(maskrcnn.WEIGHTS, "maskrcnn", "other-00000000.pth")
            assert recipe_spec.__wrapped__("maskrcnn").fingerprint != before
        with monkeypatch.context() as patch:
            patch.setitem(maskrcnn.PARAMETERS, "maskrcnn", MaskRcnnParameters(min_score=0.1))
            assert recipe_spec.__wrapped__("maskrcnn").fingerprint != before
        with monkeypatch.context() as patch:
            lite = recipe_spec(EMBEDDER)
            patch.setattr(network, "lite_spec", lambda _: replace(lite, space="another"))
            assert recipe_spec.__wrapped__("maskrcnn").fingerprint != before
        assert recipe_spec.__wrapped__("maskrcnn").fingerprint == before

    def test_the_crf_has_its_parameters_in_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = recipe_spec.__wrapped__("lraspp-crf").fingerprint
        changed = PixelClassParameters(crf=CrfParameters(iterations=4))
        monkeypatch.setitem(pixel_classes.PARAMETERS, "lraspp-crf", changed)
        assert recipe_spec.__wrapped__("lraspp-crf").fingerprint != before


class TestWeights:
    @pytest.mark.parametrize("name", ["maskrcnn", "lraspp"])
    def test_missing_ones_are_named_with_place_and_address(self, folder: Path, name: str) -> None:
        with pytest.raises(WeightsMissingError) as caught:
            recipe_spec.__wrapped__(name).build("cpu", None)
        assert str(folder / ALL_WEIGHTS[name]) in str(caught.value)
        assert source_of(name).url in str(caught.value)

    def test_a_folder_of_weights_keeps_the_loader_from_the_network(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from torchvision.models._api import WeightsEnum

        monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda *_, **__: pytest.fail("asked the network"))
        with pytest.raises(WeightsMissingError):
            recipe_spec.__wrapped__("lraspp").build("cpu", None)

    def test_without_a_folder_the_loader_checks_the_hash(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from torchvision.models._api import WeightsEnum

        asked: list[dict[str, Any]] = []

        def fetch(self: Any, **options: Any) -> None:
            asked.append(options)
            raise urllib.error.URLError("no route")

        monkeypatch.delenv("SEGSEARCH_WEIGHTS", raising=False)
        monkeypatch.setattr(WeightsEnum, "get_state_dict", fetch)
        with pytest.raises(WeightsMissingError) as caught:
            recipe_spec.__wrapped__("lraspp").build("cpu", None)
        assert asked[0]["check_hash"]
        assert asked[0]["weights_only"]
        for part in (ALL_WEIGHTS["lraspp"], source_of("lraspp").url, "SEGSEARCH_WEIGHTS", "no route"):
            assert part in str(caught.value)

    def test_a_wrong_hash_from_the_loader_is_corrupt(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from torchvision.models._api import WeightsEnum

        def fetch(self: Any, **_: Any) -> None:
            raise RuntimeError("invalid hash value")

        monkeypatch.delenv("SEGSEARCH_WEIGHTS", raising=False)
        monkeypatch.setattr(WeightsEnum, "get_state_dict", fetch)
        with pytest.raises(WeightsCorruptError, match="invalid hash value"):
            recipe_spec.__wrapped__("lraspp").build("cpu", None)

    def test_a_file_of_another_hash_is_corrupt(self, place: Place) -> None:
        path = place("lraspp")
        path.write_bytes(path.read_bytes()[:-1000])
        with pytest.raises(WeightsCorruptError, match="SHA-256"):
            recipe_spec.__wrapped__("lraspp").build("cpu", None)

    @pytest.mark.parametrize("content", [b"", b"no weights"])
    def test_a_file_without_weights_is_corrupt(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
    ) -> None:
        (folder / "new").write_bytes(content)
        monkeypatch.setitem(pixel_classes.WEIGHTS, "lraspp", f"l-{digest_of_file(folder / 'new')[:8]}.pth")
        (folder / "new").rename(folder / pixel_classes.WEIGHTS["lraspp"])
        with pytest.raises(WeightsCorruptError, match="has no weights"):
            recipe_spec.__wrapped__("lraspp").build("cpu", None)

    def test_weights_of_another_network_are_corrupt(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(pixel_classes.WEIGHTS, "deeplabv3-mobilenet", place("lraspp").name)
        with pytest.raises(WeightsCorruptError, match="does not hold DeepLabV3"):
            recipe_spec.__wrapped__("deeplabv3-mobilenet").build("cpu", None)


class TestInstances:
    NAMES = (None, "person", "cat", None)
    CHOSEN = MaskRcnnParameters()

    def test_a_box_becomes_its_pixels(self) -> None:
        found = instances([[0.25, 0.5, 0.75, 1.0]], [2], [0.9])
        segments = instance_segments(found, (40, 80), self.NAMES, self.CHOSEN)
        assert segments.size_hw == (40, 80)
        inside = np.zeros((40, 80), bool)
        inside[20:40, 20:60] = True
        assert (segments.mask(0) & inside).sum() / (segments.mask(0) | inside).sum() > 0.85
        assert segments.labels == ("cat",)
        assert segments.label_scores == pytest.approx([0.9])
        assert segments.quality == pytest.approx([0.9])

    def test_a_mask_is_cut_at_one_half(self) -> None:
        mask = np.zeros((1, 28, 28), np.float32)
        mask[:, :, :14], mask[:, :, 14:] = 0.51, 0.49
        segments = instance_segments(instances([[0, 0, 1, 1]], [1], [0.9], mask), (28, 28), self.NAMES, self.CHOSEN)
        assert segments.mask(0)[:, :13].mean() > 0.8
        assert not segments.mask(0)[:, 15:].any()

    def test_the_surest_come_first_and_the_unsure_not_at_all(self) -> None:
        boxes = [[0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5], [0, 0.5, 0.5, 1], [0.5, 0.5, 1, 1]]
        found = instances(boxes, [1, 2, 3, 1], [0.2, 0.8, 0.5, 0.04])
        segments = instance_segments(found, (32, 32), self.NAMES, self.CHOSEN)
        assert segments.labels == ("cat", None, "person")
        assert segments.quality == pytest.approx([0.8, 0.5, 0.2])
        assert segments.label_scores == pytest.approx([0.8, 0, 0.2]), "no name, no score"
        assert segments.boxes_xyxy[0, 0] >= 15
        assert segments.boxes_xyxy[0, 3] <= 17

    def test_masks_may_overlap(self) -> None:
        found = instances([[0, 0, 1, 1], [0.25, 0.25, 0.75, 0.75]], [1, 2], [0.9, 0.8])
        segments = instance_segments(found, (40, 40), self.NAMES, self.CHOSEN)
        assert (segments.mask(1) & segments.mask(0)).sum() == segments.mask(1).sum() > 0

    def test_one_without_a_pixel_is_no_segment(self) -> None:
        found = instances(
            [[0, 0, 1, 1], [0, 0, 1, 1]], [1, 2], [0.9, 0.8], np.stack([np.zeros((28, 28)), np.ones((28, 28))])
        )
        assert instance_segments(found, (20, 20), self.NAMES, self.CHOSEN).labels == ("cat",)

    def test_no_more_than_the_limit(self) -> None:
        rng = np.random.default_rng(0)
        low = rng.random((30, 2)) * 0.5
        found = instances(np.concatenate([low, low + 0.4], 1), np.ones(30), rng.random(30) * 0.9 + 0.1)
        segments = instance_segments(found, (48, 64), self.NAMES, replace(self.CHOSEN, limit=10))
        assert len(segments) == 10
        assert segments.quality.min() == np.sort(found.scores)[-10]

    @pytest.mark.parametrize("size", [(1, 1), (3, 256)])
    def test_nothing_found(self, size: tuple[int, int]) -> None:
        segments = instance_segments(instances([], [], [], np.zeros((0, 28, 28))), size, self.NAMES, self.CHOSEN)
        assert len(segments) == 0
        assert segments.size_hw == size
        assert segments.labels == ()

    def test_a_frame_of_one_pixel(self) -> None:
        segments = instance_segments(instances([[0, 0, 1, 1]], [1], [0.9]), (1, 1), self.NAMES, self.CHOSEN)
        assert segments.mask(0).tolist() == [[True]]


def test_pixels_get_the_class_of_the_best_instance_with_a_name() -> None:
    masks = np.zeros((3, 4, 6), bool)
    masks[0, :2], masks[1, :3], masks[2, :, 4:] = True, True, True
    segments = Segments.from_masks(masks, np.array([0.9, 0.8, 0.7], np.float32), ["cat", None, "dog"])
    found = painted(segments, (None, "dog", "cat"))
    assert found.tolist() == [[2] * 6, [2] * 6, [0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 1, 1]]
    assert painted(Segments.from_masks(masks[:0], np.zeros(0, np.float32)), (None,)).tolist() == [[0] * 6] * 4


class TestComponents:
    CHOSEN = ComponentParameters(min_area=0.0)

    def test_parts_of_a_class_are_segments_of_their_own(self) -> None:
        classes = np.zeros((8, 12), np.uint16)
        classes[1:4, 1:4], classes[1:4, 7:10], classes[5:7, 2:10] = 2, 2, 1
        chances = np.full((8, 12), 0.5, np.float32)
        chances[1:4, 1:4], chances[1:4, 7:10], chances[5:7, 2:10] = 0.9, 0.6, 0.8
        segments = class_segments(ClassMap(classes, chances), (None, "boat", "cat"), self.CHOSEN)
        assert segments.labels == ("cat", "boat", "cat", None)
        assert segments.quality == pytest.approx([0.9, 0.8, 0.6, 0.5])
        assert segments.label_scores == pytest.approx([0.9, 0.8, 0.6, 0])
        assert segments.areas.tolist() == [9, 16, 9, 96 - 34]
        assert segments.boxes_xyxy.tolist() == [[1, 1, 4, 4], [2, 5, 10, 7], [7, 1, 10, 4], [0, 0, 12, 8]]

    def test_they_are_disjoint_and_leave_nothing_out(self) -> None:
        classes = np.random.default_rng(0).integers(0, 4, (20, 30)).astype(np.uint16)
        chosen = replace(self.CHOSEN, limit=1000)
        segments = class_segments(ClassMap(classes, np.full((20, 30), 0.5, np.float32)), ("a", "b", "c", "d"), chosen)
        covered = np.sum([segments.mask(row) for row in range(len(segments))], axis=0)
        assert (covered == 1).all()
        for row in range(len(segments)):
            assert len(np.unique(classes[segments.mask(row)])) == 1
            assert cv2.connectedComponents(segments.mask(row).astype(np.uint8), connectivity=8)[0] == 2

    def test_the_mean_is_taken_under_the_segment(self) -> None:
        chances = np.array([[0.4, 0.6, 0.9, 0.7]], np.float32)
        segments = class_segments(ClassMap(np.array([[1, 1, 0, 0]], np.uint16), chances), ("a", "b"), self.CHOSEN)
        assert segments.labels == ("a", "b")
        assert segments.quality == pytest.approx([0.8, 0.5])

    def test_small_parts_are_dropped(self) -> None:
        classes = np.zeros((10, 10), np.uint16)
        classes[0, 0], classes[5:8, 5:8] = 1, 1
        found = ClassMap(classes, np.ones((10, 10), np.float32))
        segments = class_segments(found, (None, "cat"), replace(self.CHOSEN, min_area=0.02))
        assert sorted(segments.areas.tolist()) == [9, 90]
        assert segments.mask(int(segments.areas.argmin()))[5:8, 5:8].all()
        assert not segments.membership[:, segments.atoms[0, 0]].any(), "what was dropped is of no segment"

    def test_only_small_parts_leave_nothing(self) -> None:
        classes = np.arange(100, dtype=np.uint16).reshape(10, 10)
        found = ClassMap(classes, np.ones((10, 10), np.float32))
        segments = class_segments(found, ["x"] * 100, replace(self.CHOSEN, min_area=0.02))
        assert len(segments) == 0
        assert segments.labels == ()
        assert segments.size_hw == (10, 10)

    def test_no_more_than_the_limit(self) -> None:
        classes = np.arange(40, dtype=np.uint16).reshape(1, 40)
        chances = np.linspace(0.1, 0.9, 40, dtype=np.float32).reshape(1, 40)
        segments = class_segments(
            ClassMap(classes, chances), [str(n) for n in range(40)], replace(self.CHOSEN, limit=3)
        )
        assert segments.labels == ("39", "38", "37")

    def test_one_pixel(self) -> None:
        found = ClassMap(np.zeros((1, 1), np.uint16), np.full((1, 1), 0.7, np.float32))
        segments = class_segments(found, (None,), self.CHOSEN)
        assert segments.mask(0).tolist() == [[True]]
        assert segments.labels == (None,)


class TestNames:
    ATOMS = np.array([[0, 1, 2]], np.int32)

    def segments(self, labels: tuple[str | None, ...], scores: list[float]) -> Segments:
        quality = np.array([0.9, 0.8, 0.7], np.float32)
        return Segments(self.ATOMS, np.eye(3, dtype=bool), quality, labels, np.array(scores, np.float32))

    def test_own_names_win_and_others_are_filled_in(self) -> None:
        lites = self.segments(("tabby", "sofa", None), [0.5, 0.4, 0.1])
        merged = with_own_names(lites, self.segments(("cat", None, None), [0.8, 0, 0]))
        assert merged.labels == ("cat", "sofa", None)
        assert merged.label_scores == pytest.approx([0.8, 0.4, 0.1])
        assert merged.label_scores.dtype == np.float32


class TestSizes:
    @pytest.mark.parametrize(
        ("size_hw", "expected"),
        [
            ((600, 800), (384, 512)),
            ((4000, 6000), (341, 512)),
            ((5, 300), (5, 300)),
            ((1, 1), (1, 1)),
            ((1, 9000), (1, 512)),
        ],
    )
    def test_the_frame(self, size_hw: tuple[int, int], expected: tuple[int, int]) -> None:
        assert frame_size(np.zeros((*size_hw, 3), np.uint8), 512) == expected

    @pytest.mark.parametrize(
        ("size_hw", "expected"),
        [((600, 800), (52, 69)), ((10, 1000), (32, 104)), ((1, 1), (52, 52)), ((1000, 10), (104, 32))],
    )
    def test_the_input_is_bounded_both_ways(self, size_hw: tuple[int, int], expected: tuple[int, int]) -> None:
        image = np.zeros((*size_hw, 3), np.uint8)
        assert fitted(image, short_side=52, long_side=104, least=32).shape == (*expected, 3)

    def test_images_of_one_shape_go_together_and_no_more_than_fit(self) -> None:
        cuda = Device(torch.device("cuda:0"), None)
        keys = ["a"] * 10 + ["b"] + ["a"]
        assert cuda.groups(keys) == [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9, 11], [10]]
        assert Device(torch.device("cpu"), None).groups(["a", "a"]) == [[0], [1]]

    def test_one_colour(self) -> None:
        image = np.full((70, 5, 3), (1, 2, 3), np.uint8)
        assert is_plain(image)
        image[69, 4, 2] = 4
        assert not is_plain(image)

    def test_too_much_for_the_device(self) -> None:
        with pytest.raises(OutOfDeviceMemoryError, match="9 photos does not fit cpu"):
            with Device(torch.device("cpu"), None).running("9 photos"):
                raise torch.OutOfMemoryError("CUDA out of memory")


def exact_kernel(image: torch.Tensor, place_sigma: float, color_sigma: float) -> torch.Tensor:
    """The appearance kernel in full, normalised, (P, P)."""
    height, width = image.shape[1:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    features = torch.cat([torch.stack([y, x]).flatten(1) / place_sigma, image.flatten(1) / color_sigma]).T.float()
    kernel = torch.exp(-(torch.cdist(features, features) ** 2) / 2)
    scale = kernel.sum(1).rsqrt()
    return scale[:, None] * kernel * scale


def smooth_picture(seed: int, size_hw: tuple[int, int]) -> torch.Tensor:
    """A picture of soft blobs, (3, H, W), 0-255."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    image = cv2.resize(coarse, (size_hw[1], size_hw[0]), interpolation=cv2.INTER_CUBIC)
    return torch.from_numpy(image).permute(2, 0, 1).float()


class TestCrf:
    def test_smoothing_is_a_gaussian(self) -> None:
        values = torch.rand((2, 12, 17), generator=torch.Generator().manual_seed(0))
        kernel = exact_kernel(torch.zeros((3, 12, 17)), 2.0, 1.0)
        exact = (kernel @ values.flatten(1).T).T.reshape(values.shape)
        torch.testing.assert_close(Smoothing((12, 17), 2.0, values)(values), exact, atol=5e-3, rtol=0)

    def test_the_grid_is_close_to_the_full_kernel(self) -> None:
        image = smooth_picture(0, (30, 42))
        values = torch.rand((3, 30, 42), generator=torch.Generator().manual_seed(1))
        chosen = CrfParameters(alike_place_sigma=12.0, alike_color_sigma=24.0)
        exact = (exact_kernel(image, 12.0, 24.0) @ values.flatten(1).T).T.reshape(values.shape)
        found = BilateralGrid(image, chosen)(values)
        assert torch.corrcoef(torch.stack([found.flatten(), exact.flatten()]))[0, 1] > 0.85
        assert (found - exact).abs().mean() < 0.05 * exact.abs().max()

    def test_the_grid_is_symmetric(self) -> None:
        grid = BilateralGrid(smooth_picture(1, (20, 24)), CrfParameters(alike_place_sigma=8.0))
        one, other = torch.rand((2, 1, 20, 24), generator=torch.Generator().manual_seed(2))
        torch.testing.assert_close((grid(one) * other).sum(), (one * grid(other)).sum(), rtol=1e-4, atol=1e-4)

    def test_a_blurred_outline_is_drawn_to_the_edge(self) -> None:
        disc = np.zeros((96, 128), np.float32)
        cv2.circle(disc, (60, 50), 28, 1.0, -1)
        image = np.where(disc[..., None] > 0, (200, 60, 40), (40, 90, 160)).astype(np.uint8)
        soft = cv2.GaussianBlur(np.roll(disc, 5, axis=1), (0, 0), 7)
        soft = 0.15 + 0.7 * soft
        chances = torch.from_numpy(np.stack([1 - soft, soft])).float()
        refined = refine(chances, torch.from_numpy(image).permute(2, 0, 1).float(), CrfParameters())

        def overlap(maps: torch.Tensor) -> float:
            mask = maps.argmax(0).numpy() == 1
            return float((mask & (disc > 0)).sum() / (mask | (disc > 0)).sum())

        assert overlap(chances) < 0.85
        assert overlap(refined) > 0.97
        torch.testing.assert_close(refined.sum(0), torch.ones((96, 128)))

    def test_mean_field_is_that_of_the_full_kernels(self) -> None:
        image, chosen = smooth_picture(3, (24, 32)), CrfParameters(alike_place_sigma=10.0, alike_color_sigma=24.0)
        chances = (torch.rand((3, 24, 32), generator=torch.Generator().manual_seed(4)) * 3).softmax(0)
        alike, smooth = exact_kernel(image, 10.0, 24.0), exact_kernel(torch.zeros_like(image), 3.0, 1.0)
        unary, found = chances.flatten(1).log(), chances.flatten(1)
        for _ in range(chosen.iterations):
            found = (unary + 10.0 * (alike @ found.T).T + 3.0 * (smooth @ found.T).T).softmax(0)
        agree = (refine(chances, image, chosen).flatten(1).argmax(0) == found.argmax(0)).float().mean()
        assert agree > 0.9

    def test_unlikely_classes_are_left_out(self) -> None:
        chances = torch.full((4, 10, 12), 0.01)
        chances[0], chances[2] = 0.6, 0.38
        refined = refine(chances, torch.zeros((3, 10, 12)), CrfParameters())
        assert refined[1].max() == refined[3].max() == 0
        torch.testing.assert_close(refined.sum(0), torch.ones((10, 12)))

    def test_one_class_is_left_alone(self) -> None:
        chances = torch.tensor([0.99, 0.01]).reshape(2, 1, 1)
        torch.testing.assert_close(refine(chances, torch.zeros((3, 1, 1)), CrfParameters()), chances)


@pytest.fixture(scope="module")
def embedder() -> Recipe:
    """Lite's embedder, loaded once."""
    return load(EMBEDDER, "cpu")


def mask_network(name: str, parameters: MaskRcnnParameters = SMALL_MASKS) -> Any:
    return maskrcnn._build(name, "cpu", None, parameters)


def class_network(name: str, parameters: PixelClassParameters = SMALL_CLASSES) -> Any:
    return pixel_classes._build(name, "cpu", None, parameters)


@pytest.mark.slow
class TestMaskRcnn:
    @pytest.mark.parametrize("name", MASK_NAMES)
    def test_it_is_the_network_that_torchvision_builds(
        self, name: str, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, image = place(name), photo(3, (80, 48))
        network = mask_network(name)
        other = as_torchvision_builds_it(name, monkeypatch, torch.load(path, weights_only=True))
        size = fitted(image, short_side=96, long_side=160)
        other.transform.min_size, other.transform.max_size = (96,), 160
        other.roi_heads.score_thresh, other.roi_heads.detections_per_img = 0.0, 12
        with torch.inference_mode():
            (theirs,) = other([torch.from_numpy(size).permute(2, 0, 1).float() / 255])
        (mine,) = network.extract([image])
        height, width = size.shape[:2]
        assert len(mine.scores) == 12
        np.testing.assert_allclose(mine.scores, theirs["scores"].numpy(), atol=1e-5)
        np.testing.assert_array_equal(mine.kinds, theirs["labels"].numpy())
        scale = np.array([width, height, width, height])
        np.testing.assert_allclose(mine.boxes_xyxy * scale, theirs["boxes"].numpy(), atol=0.05)
        pasted = instance_segments(mine, (height, width), network.class_names, SMALL_MASKS)
        assert len(pasted) > 0
        wanted = {mask.tobytes() for mask in (theirs["masks"][:, 0] > 0.5).numpy()}
        same = sum(pasted.mask(row).tobytes() in wanted for row in range(len(pasted)))
        assert same >= 0.8 * len(pasted), "but for rounding at the threshold"

    def test_a_photo_does_not_depend_on_its_batch(self, place: Place) -> None:
        place("maskrcnn")
        network = mask_network("maskrcnn")
        images = [photo(1), photo(4, (300, 5)), photo(5, (1, 1))]
        for image, together in zip(images, network.extract(images), strict=True):
            (alone,) = network.extract([image])
            np.testing.assert_allclose(together.scores, alone.scores, atol=1e-5)
            np.testing.assert_allclose(together.boxes_xyxy, alone.boxes_xyxy, atol=1e-4)
            segments = network.segment(image, together)
            assert segments.size_hw == frame_size(image, 64)
            assert len(segments.labels) == len(segments)

    def test_a_batch_of_one_shape_in_one_pass(self, place: Place) -> None:
        place("maskrcnn")
        network = mask_network("maskrcnn")
        inputs = [fitted(photo(seed), short_side=96, long_side=160) for seed in (1, 2)]
        for together, image in zip(network._pass(inputs), inputs, strict=True):
            (alone,) = network._pass([image])
            np.testing.assert_allclose(together.scores, alone.scores, atol=1e-4)
            np.testing.assert_array_equal(together.kinds, alone.kinds)

    def test_classes_have_coco_names(self, place: Place) -> None:
        place("maskrcnn-v2")
        names = mask_network("maskrcnn-v2").class_names
        assert (names[0], names[1], names[12], names[90]) == (None, "person", None, "toothbrush")
        assert len([each for each in names if each]) == 80


@pytest.mark.slow
class TestPixelClasses:
    @pytest.mark.parametrize("name", CLASS_NAMES)
    def test_it_is_the_network_that_torchvision_builds(
        self, name: str, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, image = place(name), photo(3, (80, 48))
        network = class_network(name)
        other = as_torchvision_builds_it(name, monkeypatch, torch.load(path, weights_only=True))
        pixels = fitted(image, short_side=64, long_side=128, least=32)
        batch = source_of(name).transforms(resize_size=None)(torch.from_numpy(pixels).permute(2, 0, 1))[None]
        with torch.inference_mode():
            theirs = other(batch)["out"]
            mine = network.logits(network.network, batch)
            mine = torch.nn.functional.interpolate(mine, batch.shape[-2:], mode="bilinear", align_corners=False)
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(network.device.pixels([pixels], pixel_classes.MEAN, pixel_classes.STD), batch)
        (found,) = network.extract([image])
        assert found.classes.shape == found.chances.shape == frame_size(image, 64)
        assert found.chances.min() >= 1 / 21 - 1e-3
        assert len(network.class_names) == 21
        assert network.class_names[:2] == (None, "aeroplane")

    def test_a_photo_does_not_depend_on_its_batch(self, place: Place) -> None:
        place("lraspp")
        network = class_network("lraspp")
        images = [photo(1), photo(2, (64, 64)), photo(3), photo(4, (300, 5)), photo(5, (1, 1))]
        for image, together in zip(images, network.extract(images), strict=True):
            (alone,) = network.extract([image])
            np.testing.assert_array_equal(together.classes, alone.classes)
            np.testing.assert_allclose(together.chances, alone.chances, atol=1e-5)
            segments = network.segment(image, together)
            assert segments.size_hw == frame_size(image, 64)
            assert len(segments) >= 1

    def test_the_crf_is_run_where_it_is_asked_for(self, place: Place) -> None:
        place("lraspp")
        chosen = replace(SMALL_CLASSES, crf=CrfParameters(min_chance=0.0))
        (with_it,), (without,) = (
            class_network("lraspp", chosen).extract([photo()]),
            class_network("lraspp").extract([photo()]),
        )
        assert with_it.chances.shape == without.chances.shape
        assert with_it.chances.mean() > 1.2 * without.chances.mean(), "neighbours make each other surer"


@pytest.mark.slow
class TestWhole:
    @pytest.fixture
    def recipe(self, place: Place) -> Recipe:
        place("lraspp")
        return recipe_spec.__wrapped__("lraspp").build("cpu", 1)

    def test_vectors_are_lites(self, recipe: Recipe, embedder: Recipe) -> None:
        image = photo(1, (120, 90))
        (features,) = recipe.extract([image])
        segments = recipe.segment(image, features)
        found = recipe.embed(image, features, segments)
        (theirs,) = embedder.extract([image])
        expected = embedder.embed(image, theirs, segments)
        assert len(segments) >= 1
        np.testing.assert_allclose(found.vectors, expected.vectors, atol=2e-3)
        np.testing.assert_allclose(found.photo_vector, expected.photo_vector, atol=2e-3)
        assert recipe.fingerprint.startswith("lraspp-1:")
        assert recipe.space == embedder.space
        assert (recipe.batch_size, recipe.concurrency >= 1) == (1, True)
        assert list(recipe.extract([])) == []

    def test_size_is_that_of_its_file_and_of_lite(self, recipe: Recipe, place: Place, embedder: Recipe) -> None:
        file = place("lraspp")
        state = torch.load(file, weights_only=True)
        size = ModelSize.of_network(recipe.network.network)  # type: ignore[attr-defined]
        assert size.bytes == sum(each.numel() * each.element_size() for each in state.values())
        assert size.bytes == pytest.approx(file.stat().st_size, rel=0.03)
        statistics = ("running_mean", "running_var", "num_batches_tracked")
        assert size.parameters == sum(each.numel() for name, each in state.items() if not name.endswith(statistics))
        assert recipe.size == size + embedder.size

    def test_classes_of_pixels(self, recipe: Recipe) -> None:
        assert isinstance(recipe, SemanticSegmenter)
        image = photo(1, (120, 90))
        (features,) = recipe.extract([image])
        np.testing.assert_array_equal(recipe.class_map(image, features), features.own.classes)
        assert voc_numbers(recipe.class_names).tolist() == list(range(21)), "they are VOC's own"

    def test_own_labels_are_kept(self, recipe: Recipe) -> None:
        image = photo(1, (120, 90))
        (features,) = recipe.extract([image])
        classes = np.zeros((90, 120), np.uint16)
        classes[:, 60:] = 8
        own = ClassMap(classes, np.full((90, 120), 0.75, np.float32))
        features = replace(features, own=own)
        found = recipe.embed(image, features, recipe.segment(image, features)).segments
        assert "cat" in found.labels
        assert found.label_scores[found.labels.index("cat")] == pytest.approx(0.75)

    def test_a_huge_flat_picture_holds_nothing(self, recipe: Recipe) -> None:
        image = np.full((4000, 6000, 3), 90, np.uint8)
        (features,) = recipe.extract([image])
        segments = recipe.segment(image, features)
        assert len(segments) == 0
        assert segments.size_hw == (341, 512)
        found = recipe.embed(image, features, segments)
        assert found.vectors.shape == (0, recipe_spec(EMBEDDER).segment_dim)

    def test_a_huge_picture_is_segmented_in_its_frame(self, recipe: Recipe) -> None:
        image = cv2.resize(photo(2), (6000, 4000), interpolation=cv2.INTER_NEAREST)
        (features,) = recipe.extract([image])
        assert features.own.classes.shape == (341, 512)
        segments = recipe.segment(image, features)
        assert segments.size_hw == (341, 512)
        assert len(recipe.embed(image, features, segments).vectors) == len(segments) >= 1

    @pytest.mark.parametrize("size", [(1, 1), (300, 5), (5, 300)])
    def test_tiny_pictures(self, recipe: Recipe, size: tuple[int, int]) -> None:
        image = photo(2, size)
        (features,) = recipe.extract([image])
        segments = recipe.segment(image, features)
        assert segments.size_hw == (size[1], size[0])
        found = recipe.embed(image, features, segments)
        assert found.vectors.shape == (len(segments), recipe_spec(EMBEDDER).segment_dim)
        assert np.isfinite(found.vectors).all()

    def test_nothing_found_nothing_embedded(self, recipe: Recipe) -> None:
        assert isinstance(recipe, NetworkRecipe)
        image = photo(2)
        (features,) = recipe.extract([image])
        found = recipe.embed(image, features, recipe.segment(image, features)[:0])
        assert found.vectors.shape == (0, recipe_spec(EMBEDDER).segment_dim)
        assert found.segments.labels == ()
