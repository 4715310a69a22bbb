"""The model of large collections: its fit, its plans, and what the command says of them."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.scale import main, turbopuffer
from benchmarks.scale_model import FREE_DISK, RESULTS, Machine, Measured, Model, Workload, plan


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.fit(Measured.read())


def run(*args: str) -> dict[str, Any]:
    found = CliRunner().invoke(main, args)
    assert found.exit_code == 0, found.output
    return dict(json.loads(found.output))


class TestModel:
    def test_a_fit_finds_what_made_the_times(self, model: Model) -> None:
        speeds = tuple(
            {"segments": size, "lists": 2 * size**0.5, "nprobe": 4 * size**0.25, "ms": 5 + 4e-5 * 2 * size**0.75}
            for size in (1e5, 1e6, 1e7)
        )
        found = Model.fit(replace(model.measured, speeds=speeds))
        assert (found.base_ms, found.code_ms) == pytest.approx((5, 4e-5))
        assert (found.probe_factor, found.probe_power) == pytest.approx((4, 0.25))
        assert found.example_ms(1e8) == pytest.approx(5 + 4e-5 * 2e6)

    def test_measured_times_are_met(self, model: Model) -> None:
        for each in model.measured.speeds:
            assert model.example_ms(each["segments"]) == pytest.approx(each["ms"], rel=0.15)

    def test_a_search_never_looks_at_more_than_all(self, model: Model) -> None:
        assert model.scanned(2) == 2

    def test_a_kind_of_search_is_as_long_as_it_was_beside_an_example(self, model: Model) -> None:
        none_scanned = replace(model, code_ms=0.0)
        (middle,) = none_scanned.search_ms("word", 1e6, np.array([0.5]))
        of = model.measured.search_ms
        assert middle / model.base_ms == pytest.approx(np.median(of["word"]) / np.median(of["example"]))

    def test_the_slowest_of_several_shards_is_slower_than_one(self, model: Model) -> None:
        one, many = (float(np.median(model.mixed_ms(1e8, shards))) for shards in (1, 50))
        assert one < many < 3 * one

    def test_the_largest_has_the_median_that_is_allowed(self, model: Model) -> None:
        assert np.median(model.mixed_ms(model.largest(80))) == pytest.approx(80, rel=0.02)

    def test_missing_figures_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"service-times\.json is missing: make it by the command"):
            Measured.read(tmp_path)


class TestPlans:
    @pytest.mark.parametrize("segments", [10**5, 10**7, 10**8, 10**9, 10**10])
    @pytest.mark.parametrize("searches", [0.5, 30.0])
    def test_nothing_is_full(self, model: Model, segments: int, searches: float) -> None:
        found = plan(model, Workload(segments, searches, 10_000, 0), 100)
        cores = found.search_cores + found.ingest_cores
        assert cores == found.machines * found.machine.cores
        assert searches * model.mixed_ms(found.shard_segments).mean() / 1000 <= 0.6 * found.search_cores
        assert sum(model.bytes(found.shard_segments).values()) <= (1 - FREE_DISK) * found.machine.disk
        assert model.bytes(found.shard_segments)["index"] < found.machine.memory
        assert np.median(model.mixed_ms(found.shard_segments)) <= 100
        assert 0 <= found.in_memory <= 1
        assert found.price == found.shards * found.machines * found.machine.price

    def test_more_segments_and_more_searches_cost_more(self, model: Model) -> None:
        prices = [plan(model, Workload(10**power, 20, 1000, 0), 100).price for power in (6, 8, 9, 10)]
        assert prices == sorted(prices)
        assert prices[0] < prices[-1]
        assert plan(model, Workload(10**8, 200, 1000, 0), 100).price > prices[1]

    def test_a_price_is_that_of_the_machine(self, model: Model) -> None:
        work = Workload(10**8, 20, 1000, 0)
        assert plan(model, work, 100, 500).price == 2 * plan(model, work, 100, 250).price
        assert Machine(32).price == 8000

    def test_rows_on_disk_take_time(self, model: Model) -> None:
        found = plan(model, Workload(10**8, 1, 1000, 0), 100)
        assert found.machine.times == 1
        assert 0 < found.in_memory < 1
        assert found.disk_ms == pytest.approx(21 * (1 - found.in_memory))

    def test_a_median_below_what_any_search_takes_is_refused(self, model: Model) -> None:
        with pytest.raises(ValueError, match="at any size: allow more than 2 ms"):
            plan(model, Workload(10**6, 1, 1, 0), 2)

    def test_a_collection_that_fits_nowhere_is_refused(self, model: Model) -> None:
        with pytest.raises(ValueError, match="do not fit on one machine"):
            plan(model, Workload(10**12, 1e-6, 1, 0), 1e6)


def test_turbopuffers_list_by_hand() -> None:
    small = Workload(10**6, 0, 0, 0)
    assert turbopuffer(small, 80) == 16
    stored = 10**9 * 512 / 1e9
    counted = 32 + 0.2 * 96 + 0.04 * (stored - 128)
    a_month = 10 * 0.55 * 730 * 3600
    assert turbopuffer(Workload(10**9, 10, 0, 0), 80) == pytest.approx(stored * 0.33 + a_month * counted / 1e6)
    written = 1000 * 730 / 24 * 80 * 1024 / 1e9
    assert turbopuffer(Workload(10**9, 0, 1000, 0), 80) == pytest.approx(stored * 0.33 + 2 * written)


class TestCommand:
    def test_what_cannot_be_planned_is_an_error_without_a_traceback(self, tmp_path: Path) -> None:
        for args in (["--median-ms", "1"], ["--from", str(tmp_path)]):
            found = CliRunner().invoke(main, args)
            assert found.exit_code == 1
            assert found.output.startswith("Error: ")
            assert "Traceback" not in found.output

    @pytest.mark.slow
    def test_the_simulation_agrees_with_the_model_where_little_waits(self) -> None:
        found = run("--seed", "7")
        for size in found["sizes"]:
            model, simulated = size["searches"]["model"], size["searches"]["simulated"]
            used = "cores used at the busiest time"
            assert simulated[used] == pytest.approx(model[used], rel=0.15)
            assert simulated["p50, ms"] == pytest.approx(model["p50, ms"], rel=0.2)
        for cores, loads in found["rising load, 1e+08 segments"].items():
            for each in loads:
                assert each["simulated"] == pytest.approx(each["cores used, model"], rel=0.05), cores
            assert loads[-1]["p50, ms"] > 3 * loads[0]["p50, ms"]
        assert found == run("--seed", "7"), "a seed decides all"

    def test_the_figures_that_are_kept_are_those_of_the_kept_measurements(self, model: Model) -> None:
        kept = json.loads((RESULTS / "scale.json").read_text(encoding="utf-8"))
        assert kept["a search by an example"]["base, ms"] == pytest.approx(model.base_ms, rel=1e-3)
        assert kept["where one machine ends, segments"]["a median of 100 ms"] == pytest.approx(
            model.largest(100), rel=0.02
        )
        for size in kept["sizes"]:
            of = Workload(
                size["segments"], size["searches a second, at most"], size["photos a day"], size["photos at once"]
            )
            assert math.isclose(plan(model, of, 100).price, size["US dollars a month"], rel_tol=1e-3)

    def test_the_page_says_what_the_figures_say(self) -> None:
        kept = json.loads((RESULTS / "scale.json").read_text(encoding="utf-8"))
        page = (RESULTS.parents[1] / "docs" / "scale.md").read_text(encoding="utf-8")
        row = next(line for line in page.splitlines() if line.startswith("| US dollars a month"))
        said = [float(each.replace(",", "")) for each in re.findall(r"\d[\d,]*", row)]
        assert said == [size["US dollars a month"] for size in kept["sizes"]]
        row = next(line for line in page.splitlines() if line.startswith("| half of the searches within"))
        ends = [kept["where one machine ends, segments"][f"a median of {most} ms"] / 1e6 for most in (50, 100, 200)]
        assert f"| {ends[0]:.0f} / {ends[1]:.0f} / {ends[2]:.0f} million" in row
