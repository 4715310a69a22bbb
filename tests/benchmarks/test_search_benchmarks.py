"""What the benchmarks of searches compute and draw, on data whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from benchmarks import index_codes, likeness, perfect_masks, plots


class TestPerfectMasks:
    OWNERS = np.array([0, 0, 1, 2, 3])
    NAMES = np.array(["dog", "cat", "dog", "dog", "cat"])

    def test_vectors_that_tell_classes_apart_are_worth_one(self) -> None:
        vectors = np.eye(2, dtype=np.float32)[(self.NAMES == "dog").astype(int)]
        photos, objects = perfect_masks.measured(vectors, self.OWNERS, self.NAMES)
        assert photos == {"dog": [1.0, 1.0, 1.0]}, "a cat is on one other photo only, which is too few to be asked for"
        assert objects == photos

    def test_what_comes_too_late_counts_less(self) -> None:
        vectors = np.array([[1, 0], [0, 1], [0.6, 0.8], [1, 0], [0.8, 0.6]], np.float32)
        photos, objects = perfect_masks.measured(vectors, self.OWNERS, self.NAMES)
        assert photos["dog"][0] == pytest.approx((1 + 2 / 3) / 2), "photo 2, then the cat of photo 3, then photo 1"
        assert objects["dog"][0] == pytest.approx((1 + 2 / 3) / 2)

    def test_gains_are_over_the_first(self) -> None:
        good = np.eye(2, dtype=np.float32)[(self.NAMES == "dog").astype(int)]
        found = perfect_masks.compared({"plain": np.ones_like(good), "good": good}, self.OWNERS, self.NAMES)
        assert found["plain"]["photos"]["gain"] == 0
        assert found["good"]["photos"]["mAP"] == 1
        assert found["good"]["photos"]["gain"] == pytest.approx(1 - found["plain"]["photos"]["mAP"])
        low, high = found["good"]["photos"]["interval"]
        assert 0 <= low <= found["good"]["photos"]["gain"] <= high


def test_likeness_of_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness, "LISTS", 8)
    monkeypatch.setattr(likeness, "PROBES", (1, 8))
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((8, 32)).astype(np.float32)
    vectors = np.repeat(centres, 200, axis=0) + 0.1 * rng.standard_normal((1600, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines, photos, lists, codes = likeness.likeness(vectors, np.arange(1600) // 20).values()
    assert cosines[2] >= cosines[50] > 0.9
    assert 1 < photos[50] <= photos[150] <= 10, "a cluster is on ten photos"
    assert photos[400] > 10
    assert lists[8] == 1
    assert 0 < codes[100] <= codes[250] <= 1


@pytest.mark.slow
def test_codes_are_compared_at_one_recall(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    arguments = ["--size", "5000", "--rounds", "1", "--recall", "0.8", "--out", str(out)]
    ran = CliRunner().invoke(index_codes.main, arguments, catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    found = json.loads(out.read_text())
    assert {each["kind"] for each in found["kinds"]} == set(index_codes.KINDS)
    for each in found["kinds"]:
        assert each["recall"] >= 0.8
        assert each["p50, ms"] > 0
        assert each["bytes a vector"] < 256
    errors = [each["mean squared distance"] for each in found["training of the lists"].values()]
    assert errors[1] == pytest.approx(errors[0], rel=0.02)


class TestPlots:
    def test_the_kept_results_can_be_drawn(self, tmp_path: Path) -> None:
        ran = CliRunner().invoke(plots.main, ["--out", str(tmp_path / "search.png")], catch_exceptions=False)
        assert ran.exit_code == 0, ran.output
        with Image.open(tmp_path / "search.png") as picture:
            assert picture.width > 1000

    def test_a_run_that_was_not_filled_anew_has_no_speeds(self, tmp_path: Path) -> None:
        run = json.loads(next(plots.RESULTS.glob("search-*.json")).read_text())
        kept = {name: value for name, value in run.items() if "a second" not in name}
        (tmp_path / "search-1.json").write_text(json.dumps(kept))
        out = tmp_path / "search.png"
        ran = CliRunner().invoke(plots.main, ["--from", str(tmp_path), "--out", str(out)], catch_exceptions=False)
        assert ran.exit_code == 0
        assert out.stat().st_size > 0

    def test_without_results(self, tmp_path: Path) -> None:
        ran = CliRunner().invoke(plots.main, ["--from", str(tmp_path)])
        assert ran.exit_code == 1
        assert "bench search --out" in ran.output
