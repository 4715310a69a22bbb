"""Embedders behind a plus sign: small true architectures at seeded random weights, in a folder of weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import tiny_models
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from toys import drawing

from retrieval.embed.towers import clip_tower, siglip_tower, tipsv2_tower
from retrieval.errors import ConfigurationError, WeightsCorruptError, WeightsMissingError
from retrieval.models.passes import Device
from retrieval.models.patches import PatchInput
from retrieval.models.weights import HubModel
from retrieval.recipes import embedders, load, recipe_spec
from retrieval.recipes.composed import PairedRecipe, ReadingPairedRecipe
from retrieval.recipes.embedders import FAMILIES, embedder_spec
from retrieval.types import RgbImage, Segments

SIZES = [(90, 60), (64, 64), (300, 1), (1, 300), (1, 1), (2000, 1200)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all the small models."""
    return tiny_models.save_all(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def weights(made: Path) -> Iterator[Path]:
    """The folder is that of the setting."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGSEARCH_WEIGHTS", str(made))
        yield made


@pytest.fixture
def own(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Copies a model into a folder of weights that a test may spoil."""
    monkeypatch.setenv("SEGSEARCH_WEIGHTS", str(tmp_path))

    def copy(name: str) -> Path:
        return Path(shutil.copytree(made / name, tmp_path / name))

    return copy


def photo(seed: int, size: tuple[int, int]) -> RgbImage:
    """A drawing, or noise where there is no room for one; `size` is width and height."""
    if min(size) < 5:
        return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return np.asarray(drawing(seed, size))


class TestNames:
    @pytest.mark.parametrize(
        ("name", "told"),
        [
            ("lite+resnet", "'resnet' is none of timm, dinov2, siglip2, clip, tipsv2"),
            ("lite+", "'' is none of timm"),
            ("lite+dinov2+clip", "is not a model's name|is none of timm"),
            ("lite+timm", "OWNER/MODEL"),
            ("lite+clip:a b", "OWNER/MODEL"),
            ("lite+clip:../x", "OWNER/MODEL"),
            ("lite+dinov2:/etc", "OWNER/MODEL"),
            ("+dinov2", "'.dinov2' is none of lite"),
            ("lyte+dinov2", r"'lyte\+dinov2' is none of lite"),
            ("lite-crops+dinov2", r"use lite\+dinov2"),
            ("maskrcnn:a/b+dinov2", "maskrcnn takes no model"),
        ],
    )
    def test_what_is_none(self, name: str, told: str) -> None:
        with pytest.raises(ConfigurationError, match=told) as caught:
            recipe_spec.__wrapped__(name)
        assert "SEGSEARCH_RECIPE" in str(caught.value)

    def test_a_model_of_another_kind(self, own: Callable[[str], Path]) -> None:
        own("tiny/dinov2")
        with pytest.raises(ConfigurationError, match="tiny/dinov2 is a model of type dinov2, but clip takes clip"):
            recipe_spec.__wrapped__("lite+clip:tiny/dinov2")

    def test_naflex_models_are_refused_by_their_type(self, own: Callable[[str], Path]) -> None:
        (own("tiny/siglip") / "config.json").write_text(json.dumps({"model_type": "siglip2"}))
        with pytest.raises(ConfigurationError, match="type siglip2, but siglip2 takes siglip"):
            embedder_spec("siglip2:tiny/siglip")


@pytest.mark.slow
class TestCards:
    def test_segmenters_of_all_kinds_can_be_paired(self, own: Callable[[str], Path]) -> None:
        own("tiny/siglip")
        pair = "siglip2:tiny/siglip"
        cards = [recipe_spec.__wrapped__(f"{name}+{pair}") for name in ("lite", "grid", "maskrcnn", "fcn-resnet50-crf")]
        assert len({each.fingerprint for each in cards}) == len(cards)
        assert len({each.space for each in cards}) == 1, "photos cut by one are found by segments of another"
        assert max(len(each.fingerprint) for each in cards) <= 64
        assert all(each.reads_text and each.word_vectors is None for each in cards)
        assert cards[0].name == f"lite+{pair}"

    def test_a_model_of_the_hub_on_either_side(self, own: Callable[[str], Path], tmp_path: Path) -> None:
        own("tiny/dinov2")
        with pytest.raises(WeightsMissingError, match="nvidia/segformer"):
            recipe_spec.__wrapped__("semantic:nvidia/segformer+dinov2:tiny/dinov2")

    @pytest.mark.parametrize(("name", "dim"), tiny_models.EMBEDDERS.items())
    def test_every_one_has_its_own_space_and_length(self, weights: Path, name: str, dim: int) -> None:
        found = embedder_spec(name)
        others = [embedder_spec(other) for other in tiny_models.EMBEDDERS if other != name]
        assert found.space not in {other.space for other in [*others, recipe_spec("lite"), recipe_spec("grid")]}
        assert found.dim == dim
        assert found.reads_text == (found.family in ("clip", "siglip2", "tipsv2"))

    def test_other_weights_are_another_space(self, own: Callable[[str], Path]) -> None:
        path = own("tiny/dinov2") / "model.safetensors"
        before = recipe_spec.__wrapped__("lite+dinov2:tiny/dinov2")
        path.write_bytes(path.read_bytes() + b" ")
        after = recipe_spec.__wrapped__("lite+dinov2:tiny/dinov2")
        assert before.space != after.space
        assert before.fingerprint != after.fingerprint

    def test_other_inputs_are_another_space(self, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from dataclasses import replace

        before = embedder_spec("dinov2:tiny/dinov2").space
        monkeypatch.setitem(FAMILIES, "dinov2", replace(FAMILIES["dinov2"], long_side=700))
        assert embedder_spec("dinov2:tiny/dinov2").space != before

    def test_what_a_description_leaves_out_is_the_library_s_default(self) -> None:
        import transformers as hub

        defaults = {
            "dinov2": hub.Dinov2Config().hidden_size,
            "clip": hub.CLIPConfig().projection_dim,
            "siglip2": hub.SiglipConfig().vision_config.hidden_size,
            "tipsv2": hub.Tipsv2Config().vision_config.hidden_size,
        }
        assert {kind: FAMILIES[kind].dim({}) for kind in defaults} == defaults


@pytest.mark.slow
class TestWeights:
    @pytest.mark.parametrize("kind", ["dinov2", "siglip2", "clip", "tipsv2", "timm:resnet50.a1_in1k"])
    def test_missing_ones_are_named_with_place_and_address(
        self, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SEGSEARCH_WEIGHTS", str(tmp_path))
        model = FAMILIES[kind].default if kind in FAMILIES else "timm/resnet50.a1_in1k"
        with pytest.raises(WeightsMissingError) as caught:
            recipe_spec.__wrapped__(f"lite+{kind}")
        for part in (str(tmp_path / model), HubModel(model).url, "config.json"):
            assert part in str(caught.value)

    def test_a_hub_that_does_not_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[bool] = []

        def download(name: str, file: str, *, revision: str, local_files_only: bool = False) -> str:
            asked.append(local_files_only)
            assert (name, file, revision) == ("owner/model", "config.json", "v1")
            raise LocalEntryNotFoundError("not here") if local_files_only else OSError("no route\nand more")

        monkeypatch.delenv("SEGSEARCH_WEIGHTS", raising=False)
        monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
        with pytest.raises(WeightsMissingError, match=r"FOLDER/owner/model") as caught:
            recipe_spec.__wrapped__("lite+dinov2:owner/model@v1")
        assert asked == [True, False]
        assert "no route" in str(caught.value)

    def test_what_was_fetched_once_is_not_asked_for_again(self, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def download(name: str, file: str, *, revision: str, local_files_only: bool) -> str:
            assert local_files_only
            return str(made / name / file)

        monkeypatch.delenv("SEGSEARCH_WEIGHTS", raising=False)
        monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
        assert embedder_spec("clip:tiny/clip").dim == 24

    @pytest.mark.parametrize("content", ["{", "[1]", "7", "\xff"])
    def test_a_broken_description(self, own: Callable[[str], Path], content: str) -> None:
        (own("tiny/dinov2") / "config.json").write_text(content, encoding="latin-1")
        with pytest.raises(WeightsCorruptError, match=r"config\.json.*download it again"):
            embedder_spec("dinov2:tiny/dinov2")

    @pytest.mark.parametrize("config", [{}, {"num_features": None}, {"num_features": "many"}])
    def test_a_description_without_a_length(self, own: Callable[[str], Path], config: Any) -> None:
        (own("timm/resnet18.tiny") / "config.json").write_text(json.dumps(config))
        with pytest.raises(WeightsCorruptError, match="the length of its vectors"):
            embedder_spec("timm:resnet18.tiny")

    def test_a_description_of_another_network(self, own: Callable[[str], Path]) -> None:
        path = own("timm/resnet18.tiny") / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "num_features": 7}))
        recipe = recipe_spec.__wrapped__("grid+timm:resnet18.tiny").build("cpu", 1)
        with pytest.raises(WeightsCorruptError, match="512 numbers, its config.json says 7"):
            recipe.extract([photo(0, (64, 64))])

    @pytest.mark.parametrize(
        ("name", "file", "told"),
        [
            ("clip:tiny/clip", "tokenizer.json", "tokenizer.json is missing"),
            ("clip:tiny/clip", "preprocessor_config.json", "preprocessor_config.json is missing"),
            ("timm:resnet18.tiny", "model.safetensors", "missing or incomplete"),
        ],
    )
    def test_a_missing_file(self, own: Callable[[str], Path], name: str, file: str, told: str) -> None:
        kind, _, model = name.partition(":")
        place = own(embedders._on_hub(kind, model))
        found = embedder_spec(name)
        (place / file).unlink()
        with pytest.raises(WeightsMissingError, match=told):
            embedder_spec(name).build("cpu", 1) if file.startswith("model") else found.build("cpu", 1)

    @pytest.mark.parametrize("name", ["timm:resnet18.tiny", "clip:tiny/clip"])
    def test_a_truncated_file(self, own: Callable[[str], Path], name: str) -> None:
        kind, _, model = name.partition(":")
        path = own(embedders._on_hub(kind, model)) / "model.safetensors"
        path.write_bytes(path.read_bytes()[:-1000])
        with pytest.raises(WeightsCorruptError, match="download it again"):
            embedder_spec(name).build("cpu", 1)

    def test_means_that_are_not_there(self, own: Callable[[str], Path]) -> None:
        (own("tiny/dinov2") / "preprocessor_config.json").write_text("{}")
        with pytest.raises(WeightsCorruptError, match="image_mean"):
            embedder_spec("dinov2:tiny/dinov2").build("cpu", 1)


@pytest.mark.slow
class TestInput:
    ENTRY = PatchInput(mean=(0.5,) * 3, std=(0.5,) * 3, step=14, long_side=518)

    @pytest.mark.parametrize(
        ("size_hw", "expected"),
        [((1200, 1600), (392, 518)), ((1600, 1200), (518, 392)), ((1, 1), (518, 518)), ((1, 9999), (14, 518))],
    )
    def test_whole_patches_at_the_photo_s_proportions(
        self, size_hw: tuple[int, int], expected: tuple[int, int]
    ) -> None:
        assert self.ENTRY.size_of(size_hw) == expected

    def test_a_network_of_one_size(self, weights: Path) -> None:
        entry = embedder_spec("timm:vit_tiny_patch16_224.tiny").build("cpu", 1).patches.entry
        assert entry.fixed_hw == (224, 224)
        assert entry.size_of((10, 500)) == (224, 224)


@pytest.mark.slow
class TestPasses:
    @pytest.mark.parametrize(("name", "dim"), tiny_models.EMBEDDERS.items())
    def test_any_picture_alone_as_in_a_batch(
        self, weights: Path, name: str, dim: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        patches = embedder_spec(name).build("cpu", 1).patches
        images = [photo(seed, size) for seed, size in enumerate([*SIZES, SIZES[0]])]
        together = patches.extract(images)
        monkeypatch.setattr(
            Device,
            "groups",
            lambda _, keys: [[row for row in range(len(keys)) if keys[row] == key] for key in dict.fromkeys(keys)],
        )
        several = patches.extract(images)
        assert patches.extract([]) == []
        for one, two, image in zip(together, several, images, strict=True):
            assert one.cells.shape[2] == len(one.whole) == dim
            assert one.cells.dtype == one.whole.dtype == np.float32
            assert np.isfinite(one.cells).all()
            height, width = patches.entry.size_of(image.shape)
            assert one.cells.shape[0] / one.cells.shape[1] == pytest.approx(height / width, rel=0.01)
            np.testing.assert_allclose(one.cells, two.cells, atol=1e-4)
            np.testing.assert_allclose(one.whole, two.whole, atol=1e-4)

    @pytest.mark.parametrize("name", tiny_models.EMBEDDERS)
    def test_cells_lie_where_the_picture_changes(self, weights: Path, name: str) -> None:
        patches = embedder_spec(name).build("cpu", 1).patches
        image = photo(1, (640, 320))
        changed = image.copy()
        changed[:96, -96:] = 255 - changed[:96, -96:]
        one, two = (each.cells for each in patches.extract([image, changed]))
        moved = np.linalg.norm(one - two, axis=2)
        row, column = np.unravel_index(moved.argmax(), moved.shape)
        assert (row + 0.5) / moved.shape[0] < 0.5
        assert (column + 0.5) / moved.shape[1] > 0.7


@pytest.mark.slow
class TestTowers:
    def network(self, weights: Path, name: str) -> Any:
        return embedder_spec(name).build("cpu", 1).patches.network

    @torch.inference_mode()
    def test_a_patch_of_clip_attends_to_itself_in_the_last_layer(self, weights: Path) -> None:
        network = self.network(weights, "clip:tiny/clip")
        pixels = torch.randn((2, 3, 64, 96), generator=torch.Generator().manual_seed(0))
        cells, wholes = clip_tower(network, pixels)
        vision = network.vision_model
        tokens = vision.pre_layrnorm(vision.embeddings(pixels, interpolate_pos_encoding=True))
        for layer in vision.encoder.layers[:-1]:
            tokens = layer(tokens, None)
        alone = torch.full((1, 1, tokens.shape[1], tokens.shape[1]), float("-inf"))
        alone[0, 0].fill_diagonal_(0)
        expected = network.visual_projection(vision.post_layernorm(vision.encoder.layers[-1](tokens, alone)))[:, 1:]
        expected = torch.nn.functional.normalize(expected, dim=-1).reshape(2, 2, 3, -1)
        torch.testing.assert_close(cells, expected, atol=1e-5, rtol=1e-4)
        features = network.get_image_features(pixels, interpolate_pos_encoding=True).pooler_output
        torch.testing.assert_close(wholes, features, atol=1e-5, rtol=1e-4)

    @torch.inference_mode()
    def test_of_a_photo_of_one_patch_siglip_s_cell_is_the_whole(self, weights: Path) -> None:
        network = self.network(weights, "siglip2:tiny/siglip")
        pixels = torch.randn((3, 3, 16, 16), generator=torch.Generator().manual_seed(0))
        cells, wholes = siglip_tower(network, pixels)
        torch.testing.assert_close(cells[:, 0, 0], torch.nn.functional.normalize(wholes, dim=-1))
        torch.testing.assert_close(
            wholes, network.get_image_features(pixels, interpolate_pos_encoding=True).pooler_output
        )

    def test_texts_are_those_of_the_model_under_the_prompt(self, weights: Path) -> None:
        text = embedder_spec("siglip2:tiny/siglip").build("cpu", 1).text
        assert text is not None
        tokens = text.tokenizer(["a photo of a red car"], padding="max_length", max_length=12, return_tensors="pt")
        with torch.inference_mode():
            expected = text.network.get_text_features(input_ids=tokens["input_ids"]).pooler_output[0].numpy()
        np.testing.assert_allclose(text.embed_texts(["Red Car"])[0], expected / np.linalg.norm(expected), atol=1e-6)


@pytest.mark.slow
class TestTipsv2:
    NAME = "tipsv2:tiny/tipsv2"

    @torch.inference_mode()
    def test_cells_are_the_patches_behind_both_class_tokens(self, weights: Path) -> None:
        network = embedder_spec(self.NAME).build("cpu", 1).patches.network
        pixels = torch.rand((2, 3, 28, 42), generator=torch.Generator().manual_seed(0))
        cells, wholes = tipsv2_tower(network, pixels)
        assert cells.shape == (2, 2, 3, 32)
        every = network.vision_model(pixels).last_hidden_state
        assert every.shape[1] == 2 + 6
        torch.testing.assert_close(cells[0, 1, 2], torch.nn.functional.normalize(every[0, -1], dim=-1))
        torch.testing.assert_close(wholes, network.get_image_features(pixels).pooler_output)

    def test_pixels_are_not_normalised_unless_the_files_say_so(self, own: Callable[[str], Path]) -> None:
        folder = own("tiny/tipsv2")
        entry = embedder_spec(self.NAME).build("cpu", 1).patches.entry
        assert (entry.mean, entry.std) == ((0, 0, 0), (1, 1, 1))
        said = {"do_normalize": True, "image_mean": [0.5] * 3, "image_std": [0.25] * 3}
        (folder / "preprocessor_config.json").write_text(json.dumps(said))
        entry = embedder_spec(self.NAME).build("cpu", 1).patches.entry
        assert (entry.mean, entry.std) == ((0.5,) * 3, (0.25,) * 3)

    def test_a_text_is_averaged_over_its_own_tokens(self, weights: Path) -> None:
        text = embedder_spec(self.NAME).build("cpu", 1).text
        found = text.tokenizer(["a photo of a red car"], return_tensors="pt")
        with torch.inference_mode():
            expected = text.network.get_text_features(input_ids=found["input_ids"]).pooler_output[0].numpy()
        np.testing.assert_allclose(text.embed_texts(["Red Car"])[0], expected / np.linalg.norm(expected), atol=1e-5)

    def test_published_files_hold_no_temperature(self, own: Callable[[str], Path]) -> None:
        from safetensors.numpy import load_file, save_file

        path = own("tiny/tipsv2") / "model.safetensors"
        tensors = load_file(path)
        del tensors["temperature"]
        save_file(tensors, path, metadata={"format": "pt"})
        assert embedder_spec(self.NAME).build("cpu", 1).size.parameters > 0

    def test_the_published_architecture(self) -> None:
        """The authors' counts for B/14: 85.7 million for pictures, 109.6 for texts."""
        import transformers as hub

        with torch.device("meta"):
            network = hub.AutoModel.from_config(hub.Tipsv2Config())
        counted = [
            sum(each.numel() for each in part.parameters()) for part in (network.vision_model, network.text_model)
        ]
        assert counted == pytest.approx([85.7e6, 109.6e6], rel=0.01)


@pytest.mark.slow
class TestPaired:
    def test_a_segment_is_the_mean_of_its_patches(self, weights: Path) -> None:
        recipe = load("grid+clip:tiny/clip", "cpu")
        assert isinstance(recipe, ReadingPairedRecipe)
        image = photo(3, (448, 448))
        (features,) = recipe.extract([image])
        cells = features.embedder.cells
        side = cells.shape[0]
        atoms = np.zeros((16 * side, 16 * side), np.int32)
        atoms[: 16 * 5, : 16 * 7] = 1
        segments = Segments(atoms, np.array([[False, True], [True, True]]), np.ones(2, np.float32))
        found = recipe.embed(image, features, segments)
        whole = cells.mean(axis=(0, 1))
        np.testing.assert_allclose(found.vectors[1], whole / np.linalg.norm(whole), atol=1e-5)
        part = cells[:5, :7].mean(axis=(0, 1))
        assert float(found.vectors[0] @ part) / np.linalg.norm(part) > 0.98, "but for the interpolation at its border"
        np.testing.assert_allclose(
            found.photo_vector, features.embedder.whole / np.linalg.norm(features.embedder.whole), atol=1e-5
        )

    def test_names_are_those_of_the_segmenter(self, weights: Path) -> None:
        recipe, lite = load("lite+dinov2:tiny/dinov2", "cpu"), load("lite", "cpu")
        image = photo(5, (320, 240))
        assert isinstance(recipe, PairedRecipe)
        assert not isinstance(recipe, ReadingPairedRecipe)
        (mine,), (theirs,) = recipe.extract([image]), lite.extract([image])
        one = recipe.embed(image, mine, recipe.segment(image, mine))
        two = lite.embed(image, theirs, lite.segment(image, theirs))
        np.testing.assert_array_equal(one.segments.atoms, two.segments.atoms)
        assert one.segments.labels == two.segments.labels
        assert one.vectors.shape == (len(two.vectors), 32)
