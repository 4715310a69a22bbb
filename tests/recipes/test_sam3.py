"""SAM 3: the list of words, true architectures at random weights, and where masks lie."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from small_hub_models import Hub
from tiny_models import save_tokenizer
from toys import drawing

from retrieval.errors import ConfigurationError, WeightsMissingError
from retrieval.models.passes import Device
from retrieval.recipes import recipe_spec, sam3
from retrieval.recipes.concept_detector import ConceptDetector, ConceptParameters, Examples, Texts
from retrieval.recipes.network import EMBEDDER, frame_size
from retrieval.recipes.protocols import Recipe
from retrieval.recipes.sam3 import Sam3, concepts
from retrieval.segment.instances import InstanceParameters
from retrieval.types import RgbImage

CPU = Device(torch.device("cpu"), None)
ANYTHING = ConceptParameters(instances=InstanceParameters(frame_side=64, min_score=0.0, max_overlap=1.0))
WORDS = ("dog", "red car", "zorgle")


def photo(seed: int, size: tuple[int, int]) -> RgbImage:
    return np.asarray(drawing(seed, size))


class TestWords:
    @pytest.mark.parametrize("environ", [{}, {"SEGSEARCH_CONCEPTS": ""}, {"SEGSEARCH_CONCEPTS": "  "}])
    def test_things_and_stuff_unless_said_otherwise(self, environ: Mapping[str, str]) -> None:
        found = concepts(environ)
        assert {"person", "dog", "sky"} <= set(found)
        assert len(found) == len(set(found)) == 43

    def test_between_commas(self) -> None:
        assert concepts({"SEGSEARCH_CONCEPTS": "Dog, red  car,dog,, fence "}) == ("dog", "red car", "fence")

    def test_in_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "words.txt"
        path.write_text("dog\nrote Tür\n\ncat, bird\n", encoding="utf-8")
        assert concepts({"SEGSEARCH_CONCEPTS": f"@{path}"}) == ("dog", "rote tür", "cat", "bird")

    def test_what_is_no_list(self, tmp_path: Path) -> None:
        latin = tmp_path / "latin"
        latin.write_bytes(b"T\xfcr")
        for text, told in (
            (f"@{tmp_path / 'none'}", "cannot be read"),
            (f"@{tmp_path}", "cannot be read"),
            (f"@{latin}", "cannot be read"),
            (",,", "no words"),
            (",".join(map(str, range(1001))), "1001 words"),
            ("dog," + "x" * 101, "more than 100 letters"),
        ):
            with pytest.raises(ConfigurationError, match=f"SEGSEARCH_CONCEPTS.*{told}"):
                concepts({"SEGSEARCH_CONCEPTS": text})


class TestNames:
    def test_words_and_model_are_in_the_fingerprint(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SEGSEARCH_WEIGHTS", raising=False)
        monkeypatch.delenv("SEGSEARCH_CONCEPTS", raising=False)
        before = recipe_spec.__wrapped__("sam3")
        assert recipe_spec.__wrapped__("sam3:facebook/sam3").fingerprint == before.fingerprint
        assert recipe_spec.__wrapped__("sam3:owner/other").fingerprint != before.fingerprint
        monkeypatch.setenv("SEGSEARCH_CONCEPTS", "dog,cat")
        after = recipe_spec.__wrapped__("sam3")
        assert after.fingerprint != before.fingerprint
        assert after.space == before.space == recipe_spec(EMBEDDER).space

    def test_missing_weights(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SEGSEARCH_WEIGHTS", str(tmp_path))
        with pytest.raises(WeightsMissingError, match="facebook/sam3"):
            recipe_spec.__wrapped__("sam3")


class Seen(SimpleNamespace):
    """Features of photos."""


class WordNetwork:
    """A stub that finds word 1 left and word 2 right, and is sure that the photo shows no word 3."""

    def get_vision_features(self, pixels: torch.Tensor) -> Any:
        return Seen(fpn_hidden_states=(pixels,), fpn_position_encoding=(pixels,))

    def __call__(self, *, vision_embeds: Any, text_embeds: Any, attention_mask: torch.Tensor) -> Any:
        words = text_embeds.pooler_output[:, 0, 0].long()
        assert len(vision_embeds.fpn_hidden_states[0]) == len(words) == len(attention_mask)
        masks = torch.full((len(words), 2, 16, 16), -9.0)
        for row, word in enumerate(words.tolist()):
            masks[row, 0, :, slice(0, 8) if word == 1 else slice(8, 16)] = 9.0
        presence = torch.where(words == 3, -9.0, 9.0)[:, None]
        logits = torch.tensor([[3.0, -9.0]]).expand(len(words), -1)
        return SimpleNamespace(pred_masks=masks, pred_logits=logits, presence_logits=presence)


@pytest.mark.parametrize("at_once", [1, 2, 8])
def test_each_word_has_its_masks_where_they_are(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "on_cuda", property(lambda _: at_once > 1))
    monkeypatch.setattr(Device, "running", lambda *_: torch.inference_mode())
    texts = torch.arange(1.0, 4.0)[:, None, None], torch.ones((3, 1))
    chosen = replace(ANYTHING, words_at_once=at_once, instances=replace(ANYTHING.instances, min_score=0.3))
    processor: Any = lambda **_: {"pixel_values": torch.zeros((1, 3, 56, 56))}  # noqa: E731
    network = Sam3(ConceptDetector(chosen, WordNetwork(), processor, None, CPU), (None, *WORDS), Texts(*texts))
    image = photo(0, (128, 64))
    for found in network.extract([image, image]):
        segments = network.segment(image, found)
        assert segments.size_hw == (32, 64)
        assert segments.labels == ("dog", "red car")
        assert np.abs(segments.boxes_xyxy - [[0, 0, 32, 32], [32, 0, 64, 32]]).max() <= 1
        assert segments.quality == pytest.approx([0.952, 0.952], abs=2e-3)
        painted = network.class_map(image, found)
        assert (painted[5, 5], painted[5, 60]) == (1, 2)


@pytest.mark.slow
class TestModels:
    @pytest.mark.parametrize("kind", ["sam3", "sam3_lite_text"])
    def test_segments_of_any_picture_alone_as_in_a_batch(self, kind: str, hub: Hub) -> None:
        model = hub(kind)
        save_tokenizer(model.place, 12)  # type: ignore[arg-type]
        network = sam3._build(model, WORDS, "cpu", None, ANYTHING)
        assert network.class_names == (None, *WORDS)
        images = [photo(seed, size) for seed, size in enumerate([(90, 60), (64, 64), (7, 80)])]
        for image, together in zip(images, network.extract(images), strict=True):
            (alone,) = network.extract([image])
            np.testing.assert_array_equal(together.bits, alone.bits)
            np.testing.assert_allclose(together.scores, alone.scores, atol=1e-5)
            segments = network.segment(image, together)
            assert segments.size_hw == frame_size(image, 64)
            assert len(segments)
            assert set(segments.labels) <= set(WORDS)
        assert set(together.kinds) == {1, 2, 3}
        assert list(network.extract([])) == []

    def test_masks_are_those_of_the_whole_model_and_its_processor(self, hub: Hub) -> None:
        model = hub("sam3")
        save_tokenizer(model.place, 12)  # type: ignore[arg-type]
        network = sam3._build(model, WORDS, "cpu", None, ANYTHING)
        image = photo(3, (64, 48)).copy()
        (found,) = network.extract([image])
        from transformers import AutoTokenizer, Sam3Processor

        processor = Sam3Processor(network.detector.processor, AutoTokenizer.from_pretrained(model.place))
        inputs = processor.image_processor(image, return_tensors="pt", input_data_format="channels_last")
        text = processor.tokenizer("red car", padding="max_length", max_length=12, return_tensors="pt")
        with torch.inference_mode():
            outputs = network.detector.network(pixel_values=inputs["pixel_values"], **text)
        (theirs,) = processor.post_process_instance_segmentation(outputs, threshold=0.0, target_sizes=[(48, 64)])
        own = np.flatnonzero(found.kinds == 2)
        order = np.argsort(-theirs["scores"].numpy(), kind="stable")
        np.testing.assert_allclose(found.scores[own], theirs["scores"].numpy()[order], atol=1e-5)
        masks = np.unpackbits(found.bits[own], axis=1, count=48 * 64).reshape(-1, 48, 64)
        assert (masks == theirs["masks"].numpy()[order]).mean() > 0.95

    @pytest.mark.parametrize("word", ["visual", "red car"])
    def test_examples_are_those_of_the_processor(self, hub: Hub, word: str) -> None:
        """Boxes in shares of the photo, wanted ones and others, go where the processor puts boxes in pixels."""
        model = hub("sam3")
        save_tokenizer(model.place, 12)  # type: ignore[arg-type]
        detector = ConceptDetector.load(model, "cpu", None, ANYTHING)
        image = photo(3, (64, 48)).copy()
        corners = np.array([[4, 6, 30, 40], [35, 2, 60, 20]], np.float32)
        examples = Examples(corners / np.array([64, 48, 64, 48], np.float32), np.array([True, False]))
        (found,) = detector.find([image], detector.read([word]), examples)
        (without,) = detector.find([image], detector.read([word]))
        assert np.abs(np.sort(found.scores) - np.sort(without.scores)).max() > 1e-6
        from transformers import AutoTokenizer, Sam3Processor

        processor = Sam3Processor(detector.processor, AutoTokenizer.from_pretrained(model.place))
        boxes = {"input_boxes": [corners.tolist()], "input_boxes_labels": [[1, 0]]}
        inputs = processor(images=[image.transpose(2, 0, 1)], **boxes, return_tensors="pt")
        text = processor.tokenizer([word], padding="max_length", max_length=12, return_tensors="pt")
        with torch.inference_mode():
            outputs = detector.network(**{name: inputs[name] for name in ("pixel_values", *boxes)}, **text)
        (theirs,) = processor.post_process_instance_segmentation(outputs, threshold=0.0, target_sizes=[(48, 64)])
        np.testing.assert_allclose(np.sort(found.scores), np.sort(theirs["scores"].numpy()), atol=1e-5)

    def test_weights_of_the_video_model(self, hub: Hub) -> None:
        """The published files are those of the video model: a detector beside a tracker."""
        from safetensors.numpy import load_file, save_file

        model = hub("sam3")
        assert model.place is not None
        save_tokenizer(model.place, 12)
        before = sam3._build(model, WORDS, "cpu", None, ANYTHING).extract([photo(1, (64, 64))])[0]
        path = model.place / "model.safetensors"
        tensors = {f"detector_model.{name}": each for name, each in load_file(path).items()}
        tensors["tracker_model.mask_decoder.weight"] = np.zeros(4, np.float32)
        save_file(tensors, path, metadata={"format": "pt"})
        described = json.loads((model.place / "config.json").read_text())
        (model.place / "config.json").write_text(json.dumps({"model_type": "sam3_video", "detector_config": described}))
        after = sam3._build(model, WORDS, "cpu", None, ANYTHING).extract([photo(1, (64, 64))])[0]
        np.testing.assert_allclose(after.scores, before.scores, atol=1e-6)

    def test_words_are_kept_and_vectors_are_lites(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        model = hub("sam3", "facebook/sam3")
        save_tokenizer(model.place, 12)  # type: ignore[arg-type]
        monkeypatch.setattr(sam3, "PARAMETERS", ANYTHING)
        monkeypatch.setenv("SEGSEARCH_CONCEPTS", "dog,car")
        recipe: Recipe = recipe_spec.__wrapped__("sam3").build("cpu", 1)
        image = photo(5, (120, 90))
        (features,) = recipe.extract([image])
        found = recipe.embed(image, features, recipe.segment(image, features))
        assert set(found.segments.labels) == {"dog", "car"}
        assert found.vectors.shape == (len(found.segments), recipe_spec(EMBEDDER).segment_dim)
