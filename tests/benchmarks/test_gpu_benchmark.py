"""The GPU's benchmark runs without a GPU, says what it left out, and keeps what it has when a part fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.device import Clock
from benchmarks.gpu import main, section


def measured(out: Path, *arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(main, ["--device", "cpu", "--quick", "--out", str(out), *arguments])
    assert done.exit_code == 0, done.output
    figures: dict[str, Any] = json.loads(out.read_text())
    return figures


@pytest.mark.slow
def test_all_of_it_runs_on_the_processor(tmp_path: Path) -> None:
    figures = measured(tmp_path / "gpu.json", "--recipe", "lite")
    assert figures["device"] == {"name": "cpu"}
    assert figures["lite: agreement with the CPU"]["segments with IoU ≥ 0.98"] == 1
    assert figures["lite: agreement with the CPU"]["their cosine, least"] > 0.9999
    assert figures["searches over 5,000"]["replica"]["recall"] == 1
    assert {"batch of 1", "batch of 2"} <= {key.partition(", ")[2] for key in figures["lite: photos a second"]}
    assert "left out" in figures["lite: batches that do not fit"]
    assert figures["memory given back"]["left out"] == "there is no GPU"
    assert not any("failed" in each for each in figures.values())


def test_without_time_everything_is_left_out(tmp_path: Path) -> None:
    figures = measured(tmp_path / "gpu.json", "--seconds", "0")
    assert "s were left" in figures["lite: photos a second"]["left out"]
    assert "s were left" in figures["lite: agreement with the CPU"]["left out"]


def test_a_part_that_fails_says_why() -> None:
    def failing() -> dict[str, Any]:
        raise RuntimeError("CUDA error: an illegal memory access")

    assert section("a part", 1, Clock(60), failing)["failed"] == "RuntimeError: CUDA error: an illegal memory access"


def test_a_device_that_is_not_there() -> None:
    done = CliRunner().invoke(main, ["--device", "cuda:9"])
    assert done.exit_code != 0
    assert "cuda:9" in str(done.exception)
