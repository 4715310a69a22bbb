"""Features of the segments under a click, the ranker over them, and its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from toys import segment_record

from retrieval.errors import WeightsCorruptError, WeightsMissingError
from retrieval.search.click_ranking import FEATURES, ClickRanker, SegmentsUnderClick

SIZE = 40, 60


def square(x0: int, y0: int, side: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[y0 : y0 + side, x0 : x0 + side] = True
    return mask


class TestFeatures:
    def at(self, mask: np.ndarray, point: tuple[float, float], quality: float = 0.5) -> dict[str, float]:
        under = SegmentsUnderClick.at([segment_record(mask, quality=quality)], SIZE, point)
        assert len(under) == 1
        return dict(zip(FEATURES, under.features[0].tolist(), strict=True))

    def test_of_a_square(self) -> None:
        found = self.at(square(10, 10, 11), (15, 15), quality=0.9)
        assert found["quality"] == pytest.approx(np.log(9))
        assert found["centrality"] == 1
        assert found["area"] == pytest.approx(np.log(121 / 2400))
        assert found["sides"] == 0

    def test_centrality_falls_to_the_border(self) -> None:
        found = [self.at(square(10, 10, 11), (x, 15))["centrality"] for x in (15, 13, 11, 10)]
        assert found == sorted(found, reverse=True)
        assert found[-1] == pytest.approx(1 / 6, abs=0.02)

    def test_the_frame_is_a_border(self) -> None:
        assert self.at(square(0, 0, 11), (5, 5))["centrality"] == 1
        assert self.at(square(0, 0, 11), (0, 5))["centrality"] < 0.3

    @pytest.mark.parametrize(("x0", "y0", "side", "sides"), [(5, 5, 8, 0), (0, 5, 8, 1), (0, 0, 8, 2), (20, 0, 40, 3)])
    def test_sides(self, x0: int, y0: int, side: int, sides: int) -> None:
        assert self.at(square(x0, y0, side), (x0 + 1, y0 + 1))["sides"] == sides

    @pytest.mark.parametrize("quality", [0.0, 1.0])
    def test_certain_qualities_stay_finite(self, quality: float) -> None:
        assert np.isfinite(self.at(square(5, 5, 8), (6, 6), quality)["quality"])

    def test_a_photo_of_another_size_than_the_masks(self) -> None:
        record = segment_record(square(10, 10, 11), scale=7)
        large = SegmentsUnderClick.at([record], (SIZE[0] * 7, SIZE[1] * 7), (15.5 * 7, 15.5 * 7))
        assert large.features[0].tolist() == pytest.approx(list(self.at(square(10, 10, 11), (15, 15)).values()))

    def test_nothing_under_the_click(self) -> None:
        under = SegmentsUnderClick.at([segment_record(square(5, 5, 8))], SIZE, (30, 30))
        assert len(under) == 0
        assert under.features.shape == (0, len(FEATURES))
        assert ClickRanker.load()(under).shape == (0,)


class TestRanker:
    def test_chances(self) -> None:
        records = [segment_record(square(10, 10, side), quality=0.3) for side in (5, 11, 21)]
        chances = ClickRanker.load()(SegmentsUnderClick.at(records, SIZE, (12, 12)))
        assert chances.sum() == pytest.approx(1)
        assert (chances > 0).all()

    def test_better_quality_and_the_middle_are_likelier(self) -> None:
        """Whatever it is fitted to."""
        weights = dict(zip(FEATURES, ClickRanker.load().weights.tolist(), strict=True))
        assert weights["quality"] > 0
        assert weights["centrality"] > 0

    def test_its_file(self, tmp_path: Path) -> None:
        ranker = ClickRanker(np.array([1, 2, 3, 4], np.float32))
        ranker.save(tmp_path / "ranker")
        assert ClickRanker.load(tmp_path / "ranker").weights.tolist() == [1, 2, 3, 4]

    def test_broken_files(self, tmp_path: Path) -> None:
        with pytest.raises(WeightsMissingError, match="restore it"):
            ClickRanker.load(tmp_path / "none")
        (tmp_path / "text").write_text("no tensors")
        save_file({"other": np.zeros(4, np.float32)}, tmp_path / "other")
        save_file({"weights": np.zeros(5, np.float32)}, tmp_path / "longer")
        save_file({"weights": np.full(4, np.nan, np.float32)}, tmp_path / "nan")
        for name in ("text", "other", "longer", "nan"):
            with pytest.raises(WeightsCorruptError, match="restore it"):
                ClickRanker.load(tmp_path / name)
