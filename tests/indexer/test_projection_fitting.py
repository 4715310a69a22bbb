"""``recipes fit-projection``: from a collection's vectors to a recipe whose vectors pass the map."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from click.testing import CliRunner
from PIL import Image
from toys import drawing

from indexer import projection_fitting
from retrieval.embed.collection_projection import CollectionProjection, fit_whitening
from retrieval.embed.projection import LinearMap, unit
from retrieval.errors import ConfigurationError, WeightsCorruptError, WeightsMissingError
from retrieval.recipes import load, recipe_spec
from retrieval.recipes.protocols import TextEmbedder
from segsearch.cli import cli


def directions(count: int, dim: int = 8) -> np.ndarray:
    """Unit vectors with a mean in common, and much variation along the first axis."""
    rng = np.random.default_rng(0)
    return unit(rng.normal(size=(count, dim)) * [6, *[1] * (dim - 1)] + [0, 5, *[0] * (dim - 2)])


class TestWhitening:
    def test_in_batches_as_at_once(self) -> None:
        vectors = directions(500)
        one, other = (fit_whitening(each, 0.5) for each in ([vectors], np.array_split(vectors, 7)))
        np.testing.assert_allclose(one.components, other.components, atol=1e-5)
        np.testing.assert_allclose(one.mean, vectors.mean(axis=0), atol=1e-6)

    def test_what_varies_much_counts_less(self) -> None:
        vectors = directions(2000)
        spread = (vectors - vectors.mean(axis=0)).std(axis=0)
        found = fit_whitening([vectors], power=1.0, shrinkage=0.0)
        mapped = (vectors - found.mean) @ found.components
        assert spread[0] / spread[2] > 2
        assert mapped.std(axis=0).max() / mapped.std(axis=0).min() == pytest.approx(1, abs=0.01)
        assert np.abs(np.corrcoef(mapped.T) - np.eye(8)).max() < 0.01

    def test_without_power_it_is_centred_only(self) -> None:
        found = fit_whitening([directions(100)], power=0.0)
        np.testing.assert_allclose(found.components, np.eye(8), atol=1e-6)

    def test_with_fewer_vectors_than_numbers(self) -> None:
        found = fit_whitening([directions(3, 16)], 0.5)
        assert np.isfinite(found.apply(directions(3, 16))).all()
        for few in ([], [directions(1)]):
            with pytest.raises(ValueError, match="no covariance"):
                fit_whitening(few)


class TestFile:
    def kept(self, path: Path, space: str = "a") -> CollectionProjection:
        zero = np.zeros(8, np.float32)
        found = CollectionProjection(space, fit_whitening([directions(100)]), zero + 0.1, zero + 0.2)
        found.save(path)
        return found

    def test_there_and_back(self, tmp_path: Path) -> None:
        before, after = self.kept(tmp_path / "x"), CollectionProjection.load(tmp_path / "x")
        vectors = directions(20)
        assert after.space == "a"
        for name in ("segments", "photos", "texts"):
            mapped = getattr(after, name)(vectors)
            np.testing.assert_array_equal(mapped, getattr(before, name)(vectors))
            np.testing.assert_allclose(np.linalg.norm(mapped, axis=1), 1, atol=1e-5)

    def test_what_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(WeightsMissingError, match="fit it again"):
            CollectionProjection.load(tmp_path / "none")
        (tmp_path / "text").write_text("no tensors")
        with pytest.raises(WeightsCorruptError, match="no projection of a collection"):
            CollectionProjection.load(tmp_path / "text")
        LinearMap(np.zeros(8, np.float32), np.eye(8, dtype=np.float32)).save(tmp_path / "other")
        with pytest.raises(WeightsCorruptError, match="no projection of a collection"):
            CollectionProjection.load(tmp_path / "other")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGSEARCH_WEIGHTS", str(tiny_models.save_all(tmp_path_factory.mktemp("weights"))))
        yield


class TestNames:
    @pytest.mark.parametrize(
        ("name", "told"),
        [
            ("grid+dinov2:tiny/dinov2+projection:x", "absolute path"),
            ("grid+dinov2:tiny/dinov2+projection:", "absolute path"),
            ("grid+projection:/x", "none of timm"),
        ],
    )
    def test_what_is_none(self, weights: None, name: str, told: str) -> None:
        with pytest.raises(ConfigurationError, match=told):
            recipe_spec.__wrapped__(name)

    def test_one_that_was_fitted_to_other_vectors(self, weights: None, tmp_path: Path) -> None:
        TestFile().kept(tmp_path / "x", "clip-space-1:0123456789ab")
        with pytest.raises(ConfigurationError, match="fitted to vectors of clip-space-1"):
            recipe_spec.__wrapped__(f"grid+dinov2:tiny/dinov2+projection:{tmp_path}/x")


@pytest.mark.slow
@pytest.mark.parametrize("embedder", ["dinov2:tiny/dinov2", "clip:tiny/clip"])
def test_from_a_collection_to_a_recipe(
    embedder: str, weights: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, data_dir = f"grid+{embedder}", tmp_path / "data"
    environment = {"SEGSEARCH_DATA_DIR": str(data_dir), "SEGSEARCH_RECIPE": name, "SEGSEARCH_DEVICE": "cpu"}
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(5):
        Image.fromarray(np.asarray(drawing(number, (160, 120)))).save(photos / f"{number}.png")
    run = CliRunner()
    assert run.invoke(cli, ["ingest", str(photos)], env=environment).exit_code == 0
    refused = run.invoke(cli, ["recipes", "fit-projection"], env=environment)
    assert refused.exit_code != 0
    assert "1,000 are needed" in refused.output + str(refused.exception)
    monkeypatch.setattr(projection_fitting, "LEAST_SEGMENTS", 10)
    found = run.invoke(cli, ["recipes", "fit-projection", "--whitening", "0.5", "--json"], env=environment)
    assert found.exit_code == 0, found.output + str(found.exception)
    told = json.loads(found.stdout)
    assert told["photos"] == 5
    assert Path(told["path"]).parent == data_dir / "projections"
    assert told["recipe"] == f"{name}+projection:{told['path']}"
    before, after = recipe_spec(name), recipe_spec(told["recipe"])
    assert after.space != before.space
    assert after.fingerprint != before.fingerprint
    assert after.is_centred
    assert not before.is_centred
    image = np.asarray(drawing(1, (160, 120)))
    plain, mapped = (load(each, "cpu") for each in (name, told["recipe"]))
    assert isinstance(mapped, TextEmbedder) == after.reads_text
    ((one,), (two,)) = (each.extract([image]) for each in (plain, mapped))
    first = plain.embed(image, one, plain.segment(image, one))
    second = mapped.embed(image, two, mapped.segment(image, two))
    projection = CollectionProjection.load(Path(told["path"]))
    np.testing.assert_allclose(second.vectors, projection.segments(first.vectors), atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(second.vectors, axis=1), 1, atol=1e-4)
    assert second.photo_vector.shape == (after.photo_dim,)
    similar = [float((each.vectors @ each.vectors.T).mean()) for each in (first, second)]
    assert similar[1] < similar[0], "what all have in common is gone"
    if isinstance(mapped, TextEmbedder):
        assert mapped.embed_texts(["dog", "red car"]).shape == (2, after.segment_dim)
    again = run.invoke(cli, ["recipes", "fit-projection"], env={**environment, "SEGSEARCH_RECIPE": told["recipe"]})
    assert "behind a plus sign" in again.output + str(again.exception)
    assert run.invoke(cli, ["resegment"], env={**environment, "SEGSEARCH_RECIPE": told["recipe"]}).exit_code == 0


def test_recipes_without_an_embedder_of_their_own(tmp_path: Path) -> None:
    environment = {"SEGSEARCH_DATA_DIR": str(tmp_path), "SEGSEARCH_RECIPE": "lite"}
    found = CliRunner().invoke(cli, ["recipes", "fit-projection"], env=environment)
    assert found.exit_code != 0
    assert "lite has a projection of its own" in found.output + str(found.exception)
