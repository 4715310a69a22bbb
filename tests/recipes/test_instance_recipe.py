"""Instance and panoptic segmentation by models of the hub: true architectures at random weights, and hand-made outputs."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from small_hub_models import Hub
from toys import drawing

from retrieval.errors import ConfigurationError
from retrieval.models.hub_images import content_hw, prepared
from retrieval.models.passes import Device
from retrieval.recipes import instance, recipe_spec, semantic
from retrieval.recipes.network import EMBEDDER, frame_size
from retrieval.recipes.protocols import Recipe
from retrieval.segment.instances import InstanceParameters, ScoredMasks, instance_segments
from retrieval.segment.query_masks import query_masks
from retrieval.segment.sam_masks import Padding
from retrieval.types import RgbImage

CPU = Device(torch.device("cpu"), None)
ANYTHING = InstanceParameters(frame_side=64, min_score=0.0, max_overlap=1.0)
KINDS = ["mask2former", "maskformer", "eomt", "eomt_dinov3", "rf_detr"]
SIZES = [(90, 60), (64, 64), (60, 90), (7, 80)]


def photo(seed: int, size: tuple[int, int]) -> RgbImage:
    return np.asarray(drawing(seed, size))


def packed(masks: np.ndarray[Any, Any], scores: list[float], kinds: list[int]) -> ScoredMasks:
    bits = np.packbits(masks.reshape(len(masks), -1), axis=1)
    return ScoredMasks(bits, np.array(scores, np.float32), np.array(kinds, np.int64), masks.shape[1:])


class Output(dict[str, Any]):
    """As the outputs of transformers: a dictionary with attributes."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


class TestNames:
    def test_a_model_has_to_be_named(self) -> None:
        with pytest.raises(ConfigurationError, match="OWNER/MODEL"):
            recipe_spec.__wrapped__("instance")

    def test_vectors_are_lites_and_the_model_is_in_the_fingerprint(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SEGSEARCH_WEIGHTS", raising=False)
        one, other = (recipe_spec.__wrapped__(f"instance:a/{name}") for name in "bc")
        assert one.fingerprint != other.fingerprint
        assert one.fingerprint.startswith("instance-1:")
        assert one.space == recipe_spec(EMBEDDER).space
        monkeypatch.setattr(instance, "PARAMETERS", replace(instance.PARAMETERS, min_score=0.4))
        assert recipe_spec.__wrapped__("instance:a/b").fingerprint != one.fingerprint

    @pytest.mark.parametrize("kind", ["segformer", "oneformer", "videomt", "bert"])
    def test_models_that_tell_no_instances_apart(self, kind: str) -> None:
        with pytest.raises(ConfigurationError, match=f"type {kind}.*mask2former"):
            instance._kind(SimpleNamespace(model_type=kind))


class TestSegments:
    def test_neighbours_of_a_class_stay_apart_and_parts_stay(self) -> None:
        masks = np.zeros((4, 10, 20), bool)
        masks[0, :, :10] = masks[1, :, 10:] = masks[2, :4, :4] = True
        masks[3, :, :9] = True  # the first once more
        found = instance_segments(packed(masks, [0.7, 0.9, 0.6, 0.65], [1, 1, 2, 1]), (None, "cat", None), ANYTHING)
        assert len(found) == 4
        found = instance_segments(
            packed(masks, [0.7, 0.9, 0.6, 0.65], [1, 1, 2, 1]), (None, "cat", None), replace(ANYTHING, max_overlap=0.8)
        )
        assert found.labels == ("cat", "cat", None)
        assert found.areas.tolist() == [100, 100, 16]
        assert found.quality == pytest.approx([0.9, 0.7, 0.6])
        assert found.label_scores == pytest.approx([0.9, 0.7, 0.0])

    def test_unsure_and_empty_ones_go(self) -> None:
        masks = np.zeros((3, 5, 7), bool)
        masks[0, 1, 1] = masks[1, 2, 2] = True
        found = instance_segments(packed(masks, [0.5, 0.2, 0.9], [0, 0, 0]), ("cat",), replace(ANYTHING, min_score=0.3))
        assert found.boxes_xyxy.tolist() == [[1, 1, 2, 2]]

    def test_nothing_found(self) -> None:
        found = instance_segments(ScoredMasks.joined([], (6, 7)), ("cat",), ANYTHING)
        assert (len(found), found.size_hw) == (0, (6, 7))


class TestQueries:
    def test_classes_of_universal_models_leave_out_no_object(self) -> None:
        classes = torch.tensor([[[0.0, 3.0, 9.0], [4.0, 0.0, -9.0]]])
        masks = torch.zeros((1, 2, 4, 4))
        outputs = Output(class_queries_logits=classes, masks_queries_logits=masks)
        scores, kinds, found, by_mask = instance.query_classes(outputs, 2)
        assert kinds.tolist() == [[1, 0]]
        assert scores[0, 0] < 0.01
        assert scores[0, 1] > 0.9
        assert by_mask
        assert found is masks

    def test_those_of_rf_detr_are_independent(self) -> None:
        outputs = Output(logits=torch.tensor([[[2.0, 2.0, 9.0]]]), pred_masks=torch.zeros((1, 1, 4, 4)))
        scores, kinds, _, by_mask = instance.query_classes(outputs, 2)  # the third is of no class
        assert (kinds.item(), by_mask) == (0, False)
        assert scores.item() == pytest.approx(0.881, abs=1e-3)

    def test_padding_is_cut_off_and_masks_lie_where_they_are(self) -> None:
        logits = torch.full((2, 16, 16), -9.0)
        logits[0, :4, 8:] = 9.0  # the right half of a photo in the upper half of the input
        logits[1, 12:] = 9.0  # in the padding
        padding = Padding((32, 64), (64, 64))
        found = query_masks(logits, torch.tensor([0.9, 0.8]), torch.tensor([3, 4]), padding, (20, 40), ANYTHING)
        segments = instance_segments(found, (None,) * 5, ANYTHING)
        assert len(segments) == 1
        assert np.abs(segments.boxes_xyxy[0] - [20, 0, 40, 10]).max() <= 1
        assert found.kinds.tolist() == [3, 4]

    def test_the_score_of_a_mask_counts_if_it_should(self) -> None:
        logits = torch.full((1, 8, 8), -9.0)
        logits[0, :4] = 0.5
        padding, wanted = Padding((8, 8), (8, 8)), float(torch.tensor(0.5).sigmoid()) * 0.8
        asked = logits, torch.tensor([0.8]), torch.tensor([0]), padding, (8, 8), ANYTHING
        assert query_masks(*asked, by_mask=True).scores == pytest.approx([wanted], abs=1e-3)
        assert query_masks(*asked).scores == pytest.approx([0.8])

    def test_no_more_than_the_best(self) -> None:
        chosen = replace(ANYTHING, limit=3)
        scores = torch.linspace(0.1, 1, 20)
        found = query_masks(torch.ones((20, 4, 4)), scores, torch.arange(20), Padding((4, 4), (4, 4)), (4, 4), chosen)
        assert found.kinds.tolist() == [19, 18, 17, 16, 15, 14]
        none = query_masks(
            torch.ones((20, 4, 4)), scores, scores.long(), Padding((4, 4), (4, 4)), (5, 7), replace(chosen, min_score=2)
        )
        assert none.bits.shape == (0, 5)


@pytest.mark.slow
class TestModels:
    @pytest.mark.parametrize("kind", KINDS)
    def test_segments_of_any_picture_alone_as_in_a_batch(self, kind: str, hub: Hub) -> None:
        network = instance._build(hub(kind), "cpu", None, ANYTHING)
        assert network.class_names == (None, None, "wall", "sky", "tree", "cat")
        images = [photo(seed, size) for seed, size in enumerate(SIZES)]
        for image, together in zip(images, network.extract(images), strict=True):
            (alone,) = network.extract([image])
            np.testing.assert_array_equal(together.kinds, alone.kinds)
            np.testing.assert_allclose(together.scores, alone.scores, atol=1e-5)
            np.testing.assert_array_equal(together.bits, alone.bits)
            segments = network.segment(image, together)
            assert segments.size_hw == frame_size(image, 64)
            assert 1 <= len(segments) <= 6
            assert set(segments.labels) <= set(network.class_names)
            assert network.class_map(image, together).shape == segments.size_hw
        assert list(network.extract([])) == []

    @pytest.mark.parametrize("kind", KINDS)
    def test_several_photos_of_one_pass_are_as_those_of_their_own(
        self, kind: str, hub: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        network = instance._build(hub(kind), "cpu", None, ANYTHING)
        images = [photo(seed, (70, 50)) for seed in range(3)]
        alone = [network.extract([image])[0] for image in images]
        monkeypatch.setattr(Device, "groups", lambda _, keys: [list(range(len(keys)))])
        for one, together in zip(alone, network.extract(images), strict=True):
            np.testing.assert_allclose(together.scores, one.scores, atol=1e-4)
            np.testing.assert_array_equal(together.kinds, one.kinds)

    @pytest.mark.parametrize("kind", KINDS)
    def test_masks_and_scores_are_those_of_the_processor_of_the_model(self, kind: str, hub: Hub) -> None:
        """The best by transformers' own post-processing, of a photo that fills its input."""
        network = instance._build(hub(kind), "cpu", None, replace(ANYTHING, frame_side=1024))
        image = photo(4, (64, 64))
        inputs = prepared(network.processor, image)
        asked = {key: inputs[key] for key in ("pixel_values", "pixel_mask") if key in inputs}
        with torch.inference_mode():
            outputs = network.network(**asked)
        options: dict[str, Any] = {"target_sizes": [(64, 64)], "threshold": 0.0}
        has_masks = kind in ("mask2former", "maskformer", "rf_detr")
        if has_masks:
            options["return_binary_maps"] = True
        (theirs,) = network.processor.post_process_instance_segmentation(outputs, **options)
        best = max(theirs["segments_info"], key=lambda each: each["score"])
        (found,) = network.extract([image])
        own = int(found.scores.argmax())
        assert found.scores[own] == pytest.approx(best["score"], abs=0.03)  # theirs is of enlarged masks
        assert found.kinds[own] == best["label_id"] + 1
        if has_masks:
            at = theirs["segments_info"].index(best)
            mask = np.unpackbits(found.bits[own]).reshape(64, 64).astype(bool)
            assert (mask == np.asarray(theirs["segmentation"][at], bool)).mean() > 0.9

    def test_labels_are_kept_and_vectors_are_lites(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        hub("rf_detr", "owner/model")
        monkeypatch.setattr(instance, "PARAMETERS", ANYTHING)
        recipe: Recipe = recipe_spec.__wrapped__("instance:owner/model").build("cpu", 1)
        image = photo(5, (120, 90))
        (features,) = recipe.extract([image])
        segments = recipe.segment(image, features)
        found = recipe.embed(image, features, segments)
        assert len(segments)
        assert found.vectors.shape == (len(segments), recipe_spec(EMBEDDER).segment_dim)
        for own, label in zip(segments.labels, found.segments.labels, strict=True):
            assert own is None or own == label

    def test_what_an_input_shows_of_the_photo(self, hub: Hub) -> None:
        network = instance._build(hub("eomt"), "cpu", None, ANYTHING)
        image = photo(0, (90, 45))
        inputs = prepared(network.processor, image)
        assert tuple(inputs["pixel_values"].shape) == (1, 3, 64, 64)
        assert content_hw(network.processor, image, inputs) == (32, 64)
        assert inputs["pixel_values"][0, :, 34:].std(dim=(1, 2)).max() < 1e-6
        assert inputs["pixel_values"][0, :, :32].std() > 0.1

    def test_a_processor_that_cuts_photos_into_pieces(self, hub: Hub) -> None:
        from transformers import EomtImageProcessor

        processor = EomtImageProcessor(size={"shortest_edge": 64, "longest_edge": None}, do_split_image=True)
        network = replace(instance._build(hub("eomt"), "cpu", None, ANYTHING), processor=processor)
        with pytest.raises(ConfigurationError, match=r"cuts a photo into .* instance"):
            network.extract([photo(0, (90, 45))])

    def test_a_semantic_map_of_a_padded_input_has_no_padding(self, hub: Hub) -> None:
        network = semantic._build(hub("eomt"), "cpu", None, semantic.PARAMETERS)
        assert isinstance(network, semantic.SemanticNetwork)
        image = photo(0, (90, 45))
        inputs = prepared(network.processor, image)
        chances = network._pass([inputs])[0]
        (found,) = network.extract([image])
        middle = chances[:, : chances.shape[1] // 2].argmax(0)
        large = np.kron(middle.numpy(), np.ones((12, 12)))[:45, :90]
        assert (large == found.classes).mean() > 0.6
