"""What `benchmarks.service_times` counts, on a library that is empty and by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.service_times import _lists, main, quantiles
from retrieval.query.request import Ref, SearchRequest


def test_quantiles_of_a_hundred_and_one_values() -> None:
    found = quantiles([float(each) for each in range(101)])
    assert (found["p0"], found["p5"], found["p50"], found["p100"], found["mean"]) == (0, 5, 50, 100, 50)


@pytest.mark.parametrize(("directions", "lists"), [(1, 1), (3, 3), (4, 4), (100, 20)])
def test_directions_of_a_word_share_their_lists(directions: int, lists: float) -> None:
    engine: Any = SimpleNamespace(start_of=lambda request: np.zeros((directions, 2)))
    assert _lists(engine, SearchRequest(text="dog")) == lists
    assert _lists(engine, SearchRequest(text="dog", positive=(Ref(segment=1),))) == lists + 1
    assert _lists(engine, SearchRequest(positive=(Ref(segment=1),))) == 1


@pytest.mark.slow
def test_an_empty_library_is_refused(tmp_path: Path) -> None:
    found = CliRunner().invoke(main, [str(tmp_path), "--photos", str(tmp_path)])
    assert found.exit_code == 1
    assert "has no segments: ingest photos there first" in found.output
