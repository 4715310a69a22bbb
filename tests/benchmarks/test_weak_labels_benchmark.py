"""The sample that is judged by eye, and the share that comes of the verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.weak_labels import draw, wilson
from benchmarks.weak_labels import share as print_share


def test_one_photo_of_each_of_some_tags_always_the_same_ones() -> None:
    photos = {f"tag{number:02}": [10 * number + each for each in range(10)] for number in range(20)}
    drawn = draw(photos, 12, 0)
    assert len(drawn) == 12
    assert all(key in photos[name] for name, key in drawn.items())
    assert drawn == draw(dict(reversed(photos.items())), 12, 0)
    assert drawn != draw(photos, 12, 1)


def test_wilson() -> None:
    assert wilson(85, 100) == pytest.approx((0.767, 0.907), abs=5e-4)
    assert wilson(100, 100)[1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("verdicts", "status", "said"),
    [
        (["right", "right", "wrong", "right"], 0, "3 of 4 right: 0.75 (0.30 to 0.95)"),
        (["right", ""], 1, "every row needs"),
    ],
)
def test_the_share_of_right_verdicts(tmp_path: Path, verdicts: list[str], status: int, said: str) -> None:
    file = tmp_path / "verdicts.csv"
    file.write_text("\n".join(["number,verdict", *(f"{number},{each}" for number, each in enumerate(verdicts))]))
    outcome = CliRunner().invoke(print_share, [str(file)])
    assert outcome.exit_code == status
    assert said in outcome.output


def test_the_verdicts_that_are_kept_are_complete() -> None:
    file = Path(__file__).parents[2] / "benchmarks" / "results" / "weak-labels-caltech.csv"
    outcome = CliRunner().invoke(print_share, [str(file)])
    assert "of 100 right" in outcome.output
