"""The families of transformers: small true architectures at seeded random weights, and outputs made by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from small_hub_models import Hub
from toys import drawing

from retrieval.errors import ConfigurationError, WeightsCorruptError, WeightsMissingError
from retrieval.models.hub_images import prepared
from retrieval.models.passes import Device
from retrieval.models.weights import HubModel
from retrieval.recipes import recipe_spec, sam, semantic
from retrieval.recipes.network import EMBEDDER, NetworkRecipe, frame_size
from retrieval.recipes.protocols import Recipe
from retrieval.recipes.sam import Proposals, proposal_segments
from retrieval.recipes.semantic import SemanticParameters, class_chances
from retrieval.segment.class_map import ComponentParameters
from retrieval.segment.sam_masks import MaskPool, Padding, stability
from retrieval.segment.sam_parameters import SamParameters
from retrieval.types import RgbImage

CPU = Device(torch.device("cpu"), None)
ANYTHING = SamParameters(points=4, min_iou=-9.0, min_stability=0.0, frame_side=64, min_area=0.0)
SMALL = SemanticParameters(input_side=96, components=ComponentParameters(frame_side=64, min_area=0.0))
SIZES = [(90, 60), (64, 64), (300, 5), (5, 300), (1, 1)]


def photo(seed: int, size: tuple[int, int]) -> RgbImage:
    """A drawing, or noise where there is no room for one; `size` is width and height."""
    if min(size) < 5:
        return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return np.asarray(drawing(seed, size))


class TestNames:
    @pytest.mark.parametrize(
        "name", ["semantic", "semantic:", "semantic:a/b/c", "semantic:../b", "sam:/etc", "sam2:a b"]
    )
    def test_what_names_no_model(self, name: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            recipe_spec.__wrapped__(name)
        assert "OWNER/MODEL" in str(caught.value)
        assert "SEGSEARCH_RECIPE" in str(caught.value)

    def test_other_recipes_take_no_model(self) -> None:
        with pytest.raises(ConfigurationError, match="maskrcnn takes no model"):
            recipe_spec.__wrapped__("maskrcnn:owner/model")

    @pytest.mark.parametrize("text", ["owner/model", "owner/model@abc123"])
    def test_a_revision(self, text: str) -> None:
        model = HubModel.read(text, setting="x")
        assert model.name == "owner/model"
        assert model.revision == ("abc123" if "@" in text else "main")


class TestCards:
    def test_model_and_revision_are_in_the_fingerprint(self) -> None:
        names = ["sam", "sam2", "sam:owner/other", "semantic:a/b", "semantic:a/c", "semantic:a/b@12"]
        prints = [recipe_spec.__wrapped__(name).fingerprint for name in names]
        assert len(set(prints)) == len(names)
        assert [each.partition(":")[0] for each in prints] == ["sam-1", "sam2-1", "sam-1", *["semantic-1"] * 3]
        assert max(map(len, prints)) <= 64
        assert (
            recipe_spec.__wrapped__("sam").fingerprint
            == recipe_spec.__wrapped__("sam:facebook/sam-vit-base").fingerprint
        )
        assert {recipe_spec.__wrapped__(name).space for name in names} == {recipe_spec(EMBEDDER).space}

    def test_parameters_are_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = [recipe_spec.__wrapped__(name).fingerprint for name in ("sam", "semantic:a/b")]
        monkeypatch.setattr(sam, "PARAMETERS", SamParameters(points=16))
        monkeypatch.setattr(semantic, "PARAMETERS", SemanticParameters(input_side=512))
        after = [recipe_spec.__wrapped__(name).fingerprint for name in ("sam", "semantic:a/b")]
        assert not set(before) & set(after)

    def test_and_the_files_of_a_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        place = tmp_path / "a" / "b"
        place.mkdir(parents=True)
        (place / "config.json").write_text("{}")
        (place / "model.safetensors").write_bytes(b"one")
        monkeypatch.setenv("SEGSEARCH_WEIGHTS", str(tmp_path))
        before = recipe_spec.__wrapped__("semantic:a/b").fingerprint
        assert recipe_spec.__wrapped__("semantic:a/b").fingerprint == before
        (place / "model.safetensors").write_bytes(b"two")
        assert recipe_spec.__wrapped__("semantic:a/b").fingerprint != before


@pytest.mark.slow
class TestWeights:
    @pytest.mark.parametrize("name", ["sam", "sam2", "semantic:nvidia/segformer-b0"])
    def test_missing_ones_are_named_with_place_and_address(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SEGSEARCH_WEIGHTS", str(tmp_path))
        model = name.partition(":")[2] or sam.MODELS[name]
        with pytest.raises(WeightsMissingError) as caught:
            recipe_spec.__wrapped__(name)
        assert str(tmp_path / model) in str(caught.value)
        assert HubModel(model).url in str(caught.value)
        assert "config.json" in str(caught.value)

    def test_without_weights_the_folder_is_incomplete(self, hub: Hub) -> None:
        model = hub("segformer")
        (model.place / "model.safetensors").unlink()  # type: ignore[operator]
        with pytest.raises(WeightsMissingError, match="incomplete"):
            semantic._build(model, "cpu", None, SMALL)

    def test_a_hub_that_does_not_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[dict[str, Any]] = []

        class Kind:
            @staticmethod
            def from_pretrained(name: str, **options: Any) -> None:
                asked.append({"name": name, **options})
                raise OSError("We couldn't connect\nand much more")

        monkeypatch.delenv("SEGSEARCH_WEIGHTS", raising=False)
        with pytest.raises(WeightsMissingError) as caught:
            HubModel("owner/model", "v1").load(Kind)
        assert asked == [{"name": "owner/model", "revision": "v1"}]
        for part in ("FOLDER/owner/model", "SEGSEARCH_WEIGHTS", "We couldn't connect", HubModel("owner/model").url):
            assert part in str(caught.value)
        assert "much more" not in str(caught.value)

    def test_weights_on_request_and_names_that_are_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import httpx
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

        monkeypatch.delenv("SEGSEARCH_WEIGHTS", raising=False)
        answer = httpx.Response(403, request=httpx.Request("GET", "https://example.org"))

        def kind(error: Exception) -> Any:
            def from_pretrained(name: str, **_: Any) -> None:
                raise OSError("it cannot be loaded") from error

            return type("Kind", (), {"from_pretrained": staticmethod(from_pretrained)})

        with pytest.raises(WeightsMissingError, match=r"accept its licence on .*owner/model.*hf auth login"):
            HubModel("owner/model").load(kind(GatedRepoError("no", response=answer)))
        with pytest.raises(WeightsMissingError, match=r"owner/model has no model of this name: check how it is spelt"):
            HubModel("owner/model").load(kind(RepositoryNotFoundError("no", response=answer)))

    def test_a_truncated_file(self, hub: Hub) -> None:
        model = hub("segformer")
        path = model.place / "model.safetensors"  # type: ignore[operator]
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(WeightsCorruptError, match="download it again"):
            semantic._build(model, "cpu", None, SMALL)

    def test_a_broken_description(self, hub: Hub) -> None:
        model = hub("segformer")
        (model.place / "config.json").write_text("{")  # type: ignore[operator]
        with pytest.raises(WeightsCorruptError, match=r"AutoConfig|config\.json"):
            semantic._build(model, "cpu", None, SMALL)

    def test_a_network_that_would_be_partly_random_is_refused(self, hub: Hub) -> None:
        from safetensors.numpy import load_file, save_file

        model = hub("segformer")
        path = model.place / "model.safetensors"  # type: ignore[operator]
        tensors = load_file(path)
        kept = {name: tensor for name, tensor in tensors.items() if "decode_head" not in name}
        assert 0 < len(kept) < len(tensors)
        save_file(kept, path, metadata={"format": "pt"})
        with pytest.raises(WeightsCorruptError, match="decode_head"):
            semantic._build(model, "cpu", None, SMALL)

    def test_a_model_for_something_else(self, hub: Hub) -> None:
        model = hub("segformer")
        path = model.place / "config.json"  # type: ignore[operator]
        path.write_text(json.dumps({"model_type": "bert"}))
        with pytest.raises(ConfigurationError, match="type bert"):
            semantic._build(model, "cpu", None, SMALL)

    def test_one_that_wants_a_text(self) -> None:
        with pytest.raises(ConfigurationError, match="oneformer"):
            semantic._kind(SimpleNamespace(model_type="oneformer"))


class TestChances:
    class Output(dict[str, Any]):
        """As the outputs of transformers: a dictionary with attributes."""

        def __getattr__(self, name: str) -> Any:
            return self[name]

    def test_of_semantic_models(self) -> None:
        logits = torch.tensor([2.0, 0.0, -1.0]).reshape(1, 3, 1, 1)
        found = class_chances(self.Output(logits=logits))
        torch.testing.assert_close(found, logits.softmax(1))

    def test_masks_vote_for_their_classes(self) -> None:
        masks = torch.full((1, 3, 1, 2), -20.0)
        masks[0, 0, 0, 0] = masks[0, 1, 0, 1] = masks[0, 2] = 20.0
        classes = torch.full((1, 3, 3), -20.0)
        classes[0, 0, 0] = classes[0, 1, 1] = classes[0, 2, 2] = 20.0  # the third finds no object
        found = class_chances(self.Output(class_queries_logits=classes, masks_queries_logits=masks))
        assert found.shape == (1, 2, 1, 2)
        torch.testing.assert_close(found[0, :, 0], torch.eye(2), atol=1e-4, rtol=0)

    def test_of_neither(self) -> None:
        with pytest.raises(ConfigurationError):
            class_chances(self.Output(logits=torch.zeros((1, 5))))


@pytest.mark.slow
class TestSemantic:
    @pytest.mark.parametrize("kind", ["segformer", "upernet", "mask2former"])
    def test_segments_of_any_picture_alone_as_in_a_batch(self, kind: str, hub: Hub) -> None:
        network = semantic._build(hub(kind), "cpu", None, SMALL)
        assert network.class_names == (None, "wall", "sky", "tree", "cat")
        images = [photo(seed, size) for seed, size in enumerate(SIZES)]
        for image, together in zip(images, network.extract(images), strict=True):
            (alone,) = network.extract([image])
            np.testing.assert_array_equal(together.classes, alone.classes)
            np.testing.assert_allclose(together.chances, alone.chances, atol=1e-5)
            segments = network.segment(image, together)
            assert segments.size_hw == frame_size(image, 64)
            assert len(segments) >= 1
            assert segments.quality.min() > 0.19
            assert set(segments.labels) <= set(network.class_names)
        assert list(network.extract([])) == []

    def test_several_of_one_size_in_one_pass(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        network = semantic._build(hub("segformer"), "cpu", None, SMALL)
        inputs = [prepared(network.processor, photo(seed, (70, 50))) for seed in range(3)]
        together = network._pass(inputs)
        for one, chances in zip(inputs, together, strict=True):
            torch.testing.assert_close(network._pass([one])[0], chances, atol=1e-5, rtol=1e-4)

    def test_padding_is_cut_off(self) -> None:
        """A stub whose right class is right of the middle of the photo, in an input padded to twice the size."""
        logits = torch.zeros((1, 2, 16, 32))
        logits[:, 0, :8, :8] = logits[:, 1, :8, 8:16] = 9.0
        mask = torch.zeros((1, 16, 32), dtype=torch.long)
        mask[:, :8, :16] = 1
        network = semantic.SemanticNetwork(
            SMALL,
            lambda **_: TestChances.Output(logits=logits),
            lambda **_: {"pixel_values": torch.zeros((1, 3, 16, 32)), "pixel_mask": mask},
            CPU,
            (None, "cat"),
        )
        (found,) = network.extract([photo(0, (64, 32))])
        assert found.classes.shape == (32, 64)
        assert (found.classes[:, 36:] == 1).all()
        assert (found.classes[:, :28] == 0).all()
        assert found.chances[:, 40:].min() > 0.99

    def test_labels_are_kept_and_vectors_are_lites(self, hub: Hub) -> None:
        hub("segformer", "owner/segformer")
        recipe: Recipe = recipe_spec.__wrapped__("semantic:owner/segformer").build("cpu", 1)
        image = photo(5, (120, 90))
        (features,) = recipe.extract([image])
        segments = recipe.segment(image, features)
        found = recipe.embed(image, features, segments)
        named = recipe_spec(EMBEDDER)
        assert found.vectors.shape == (len(segments), named.segment_dim)
        np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, rtol=1e-4)
        for own, label in zip(segments.labels, found.segments.labels, strict=True):
            assert own is None or own == label
        assert any(segments.labels)

    def test_a_huge_flat_picture(self, hub: Hub) -> None:
        hub("segformer", "owner/segformer")
        recipe: Recipe = recipe_spec.__wrapped__("semantic:owner/segformer").build("cpu", None)
        image = np.full((4000, 6000, 3), 90, np.uint8)
        (features,) = recipe.extract([image])
        assert features.own.classes.shape == (341, 512)
        segments = recipe.segment(image, features)
        assert (len(segments), segments.size_hw) == (0, (341, 512))


def packed(masks: Any, predicted: Any) -> Proposals:
    """Hand-made proposals."""
    array = np.asarray(masks, bool)
    bits = np.packbits(array.reshape(len(array), array.shape[1] * array.shape[2]), axis=1)
    return Proposals(bits, np.asarray(predicted, np.float32), array.shape[1:])


class TestProposals:
    CHOSEN = SamParameters(min_area=0.0)

    def test_best_first_and_without_labels(self) -> None:
        masks = np.zeros((3, 9, 11), bool)
        masks[0, :2, :2], masks[1, 3:6, 3:6], masks[2, 7:, 5:] = True, True, True
        segments = proposal_segments(packed(masks, [0.89, 0.97, 1.02]), self.CHOSEN)
        assert segments.quality == pytest.approx([1.0, 0.97, 0.89])
        for row, source in enumerate((2, 1, 0)):
            np.testing.assert_array_equal(segments.mask(row), masks[source])
        assert segments.labels == ()

    def test_doubles_go_and_parts_stay(self) -> None:
        masks = np.zeros((3, 20, 20), bool)
        masks[0, :10, :10], masks[1, :10, :9], masks[2, :5, :5] = True, True, True
        segments = proposal_segments(packed(masks, [0.95, 0.96, 0.9]), self.CHOSEN)
        assert segments.areas.tolist() == [90, 25]

    def test_small_and_empty_ones_go(self) -> None:
        masks = np.zeros((3, 10, 10), bool)
        masks[0, 0, 0], masks[1, :3, :3] = True, True
        segments = proposal_segments(packed(masks, [0.9, 0.9, 0.9]), replace(self.CHOSEN, min_area=0.05))
        assert segments.areas.tolist() == [9]

    def test_no_more_than_the_limit(self) -> None:
        segments = proposal_segments(
            packed(np.eye(30, dtype=bool)[:, None], np.linspace(0.5, 1, 30)), replace(self.CHOSEN, limit=4)
        )
        assert len(segments) == 4
        assert segments.boxes_xyxy[:, 0].tolist() == [29, 28, 27, 26]

    def test_nothing_found(self) -> None:
        segments = proposal_segments(packed(np.zeros((0, 6, 7)), []), self.CHOSEN)
        assert (len(segments), segments.size_hw) == (0, (6, 7))


class TestMasks:
    WHOLE = Padding((32, 32), (32, 32))

    def discs(self, radii: list[float], sharp: float = 5.0) -> torch.Tensor:
        y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
        far = ((x - 15.5) ** 2 + (y - 15.5) ** 2).sqrt()
        return torch.stack([(radius - far) * sharp for radius in radii])

    def test_stability_falls_with_a_soft_edge(self) -> None:
        found = stability(torch.cat([self.discs([10], 5.0), self.discs([10], 0.2), torch.full((1, 32, 32), -9.0)]), 1.0)
        assert found[0] > 0.9
        assert found[1] < 0.5
        assert found[2] == 0

    def test_the_unsure_and_the_unstable_go(self) -> None:
        pool = MaskPool(SamParameters(min_stability=0.8, max_box_overlap=1.0), self.WHOLE)
        logits = torch.cat([self.discs([10, 12]), self.discs([8], 0.2)])
        pool.add(logits, torch.tensor([0.95, 0.5, 0.99]))
        bits, predicted = pool.survivors((32, 32))
        assert predicted == pytest.approx([0.95])
        mask = np.unpackbits(bits[0]).reshape(32, 32).astype(bool)
        np.testing.assert_array_equal(mask, (logits[0] > 0).numpy())

    def test_of_boxes_alike_the_best_stays(self) -> None:
        pool = MaskPool(SamParameters(min_stability=0.0), self.WHOLE)
        pool.add(self.discs([10, 10.6]), torch.tensor([0.9, 0.95]))
        pool.add(self.discs([4]), torch.tensor([0.99]))
        assert pool.survivors((32, 32))[1] == pytest.approx([0.99, 0.95])

    def test_only_the_best_wait(self) -> None:
        pool = MaskPool(SamParameters(min_stability=0.0, max_box_overlap=1.0, candidates=2), self.WHOLE)
        for score in (0.9, 0.97, 0.95):
            pool.add(self.discs([10]), torch.tensor([score]))
        assert pool.survivors((32, 32))[1] == pytest.approx([0.97, 0.95])

    def test_nothing_survives(self) -> None:
        pool = MaskPool(SamParameters(), self.WHOLE)
        assert pool.survivors((5, 7))[0].shape == (0, 5)
        pool.add(self.discs([10]), torch.tensor([0.1]))
        assert pool.survivors((5, 7))[0].shape == (0, 5)


class PointNetwork:
    """A stub of SAM that finds the square of 32 by 32 pixels of its input around each point; the second is the surest."""

    def get_image_embeddings(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels

    def __call__(self, *, image_embeddings: Any, input_points: Any, input_labels: Any, multimask_output: bool) -> Any:
        assert input_points.shape == (1, input_labels.shape[1], 1, 2)
        assert (input_labels == 1).all()
        cells = torch.arange(64.0) * 2 + 1
        x, y = input_points[0, :, 0, 0], input_points[0, :, 0, 1]
        inside = ((cells[None, None] - x[:, None, None]).abs() < 16) & (
            (cells[None, :, None] - y[:, None, None]).abs() < 16
        )
        masks = torch.where(inside, 9.0, -9.0)[None, :, None].expand(-1, -1, 3, -1, -1)
        scores = torch.tensor([0.1, 0.9, 0.2]).expand(1, len(x), 3)
        return SimpleNamespace(pred_masks=masks, iou_scores=scores)


class TestWhereMasksLie:
    @pytest.mark.parametrize("pads", [True, False])
    def test_a_point_s_mask_is_where_the_point_is(self, pads: bool) -> None:
        def processor(images: RgbImage, **_: Any) -> dict[str, Any]:
            content = {"reshaped_input_sizes": torch.tensor([[64, 128]])} if pads else {}
            return {"pixel_values": torch.zeros((1, 3, 128, 128)), **content}

        chosen = SamParameters(points=2, frame_side=64)
        network = sam.Sam(chosen, PointNetwork(), processor, CPU)
        image = photo(0, (128, 64))
        (found,) = network.extract([image])
        segments = network.segment(image, found)
        assert segments.size_hw == (32, 64)
        assert len(segments) == 4
        middles = (segments.boxes_xyxy[:, :2] + segments.boxes_xyxy[:, 2:]) / 2
        wanted = [(x, y) for y in (8, 24) for x in (16, 48)]
        for middle in wanted:
            assert np.abs(middles - middle).max(axis=1).min() <= 1
        side = 16 if pads else 8  # without padding the photo is stretched to a square
        np.testing.assert_allclose(segments.areas, 16 * side, rtol=0.15)


@pytest.mark.slow
class TestSam:
    @pytest.mark.parametrize("version", ["sam", "sam2"])
    def test_segments_of_any_picture_alone_as_in_a_batch(self, version: str, hub: Hub) -> None:
        network = sam._build(version, hub(version), "cpu", None, ANYTHING)
        images = [photo(seed, size) for seed, size in enumerate(SIZES)]
        for image, together in zip(images, network.extract(images), strict=True):
            (alone,) = network.extract([image])
            np.testing.assert_allclose(together.predicted_iou, alone.predicted_iou, atol=1e-5)
            np.testing.assert_array_equal(together.bits, alone.bits)
            segments = network.segment(image, together)
            assert segments.size_hw == frame_size(image, 64)
            assert len(together.bits) >= 1
        assert list(network.extract([])) == []

    @pytest.mark.parametrize("version", ["sam", "sam2"])
    def test_embeddings_of_a_batch_are_those_of_single_images(self, version: str, hub: Hub) -> None:
        network = sam._build(version, hub(version), "cpu", None, ANYTHING)
        pixels = torch.cat([prepared(network.processor, photo(seed, (90, 60)))["pixel_values"] for seed in range(2)])
        together = network.network.get_image_embeddings(pixels)
        for row in range(2):
            one, alone = sam._one(together, row), network.network.get_image_embeddings(pixels[row : row + 1])
            for mine, theirs in zip(one, alone, strict=True):
                torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=1e-3)

    def test_lite_names_the_segments(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        hub("sam", sam.MODELS["sam"])
        monkeypatch.setattr(sam, "PARAMETERS", ANYTHING)
        recipe: Recipe = recipe_spec.__wrapped__("sam").build("cpu", 1)
        image = photo(5, (120, 90))
        (features,) = recipe.extract([image])
        masks = np.zeros((2, 48, 64), bool)
        masks[0, 5:20, 5:20], masks[1, 25:40, 30:60] = True, True
        features = replace(features, own=packed(masks, [0.9, 0.8]))
        found = recipe.embed(image, features, recipe.segment(image, features))
        assert len(found.segments.labels) == len(found.vectors) == 2
        assert (found.segments.label_scores > 0).all(), "lite's confidence, whether or not it gives a name"
        assert found.segments.quality == pytest.approx([0.9, 0.8])
        assert isinstance(recipe, NetworkRecipe)
        assert recipe.class_names == ()
        with pytest.raises(TypeError, match="does not classify pixels"):
            recipe.class_map(image, features)
        counted = sum(each.numel() for each in recipe.network.network.parameters())
        assert recipe.size.parameters == counted + recipe.lite.size.parameters

    def test_a_huge_flat_picture(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        hub("sam2", sam.MODELS["sam2"])
        monkeypatch.setattr(sam, "PARAMETERS", replace(ANYTHING, frame_side=512))
        recipe: Recipe = recipe_spec.__wrapped__("sam2").build("cpu", None)
        image = np.full((4000, 6000, 3), 90, np.uint8)
        (features,) = recipe.extract([image])
        assert features.own.size_hw == (341, 512)
        segments = recipe.segment(image, features)
        assert (len(segments), segments.size_hw) == (0, (341, 512))
