"""The simulation of queues against what is known of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.queueing import (
    MEAN_RATE,
    daily,
    day_curve,
    erlang_c,
    mean_wait,
    poisson,
    simulate,
    simulate_clients,
    uploads,
)


class TestSimulation:
    def test_two_servers_by_hand(self) -> None:
        found = simulate(np.array([0.0, 1, 2, 3]), np.array([5.0, 1, 4, 1]), 2)
        assert found.starts.tolist() == [0, 1, 2, 5]
        assert found.ends.tolist() == [5, 2, 6, 6]
        assert found.responses.tolist() == [5, 1, 4, 3]
        assert found.backlog(np.array([2.5, 3, 4.9, 5])).tolist() == [0, 1, 1, 0]
        assert found.utilisation(0, 6) == pytest.approx(11 / 12)

    @pytest.mark.parametrize("until", [0.0, 3.3, 20.0, 90.0, math.inf])
    def test_what_arrives_is_served_in_service_or_waits(self, until: float) -> None:
        rng = np.random.default_rng(0)
        arrivals = poisson(rng, 10, 800)
        found = simulate(arrivals, rng.exponential(0.4, 800), 3, until)
        assert int((arrivals <= until).sum()) == found.served + found.in_service + found.waiting
        assert found.in_service <= 3
        assert math.isinf(until) is (found.served == 800)

    @pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (1, 0.8), (4, 0.7), (16, 0.8)])
    def test_waits_are_those_of_erlangs_formula(self, servers: int, load: float) -> None:
        rng = np.random.default_rng(1)
        count = 200_000
        found = simulate(poisson(rng, load * servers, count), rng.exponential(1, count), servers)
        wait = erlang_c(servers, load * servers) / (servers * (1 - load))
        assert found.waits.mean() == pytest.approx(wait, rel=0.06)
        assert (found.waits > 0).mean() == pytest.approx(erlang_c(servers, load * servers), rel=0.03)
        assert found.utilisation(0, found.arrivals[-1]) == pytest.approx(load, rel=0.02)

    def test_other_service_times_wait_as_allen_and_cunneen_say(self) -> None:
        rng = np.random.default_rng(2)
        services = rng.gamma(0.5, 2, 200_000)  # a mean of 1, and a variance of 2
        found = simulate(poisson(rng, 0.7, len(services)), services, 1)
        assert mean_wait(1, 0.7, services) == pytest.approx(found.waits.mean(), rel=0.06)

    def test_clients_that_wait_for_their_answers_share_a_server(self) -> None:
        found = simulate_clients(8, np.ones(80), 1)
        assert found.responses[8:].tolist() == [8] * 72
        assert simulate_clients(8, np.ones(80), 8).responses.tolist() == [1] * 80

    @pytest.mark.parametrize(
        ("arrivals", "services", "servers", "said"),
        [
            ([0, 1], [1], 1, "one for each job"),
            ([0], [1], 0, "at least one"),
            ([1, 0], [1, 1], 1, "must rise"),
            ([0], [-1], 1, "must not be negative"),
        ],
    )
    def test_a_trace_that_cannot_be_is_refused(
        self, arrivals: list[float], services: list[float], servers: int, said: str
    ) -> None:
        with pytest.raises(ValueError, match=said):
            simulate(np.array(arrivals, float), np.array(services, float), servers)


class TestErlang:
    def test_known_values(self) -> None:
        assert erlang_c(1, 0.6) == pytest.approx(0.6)
        assert erlang_c(2, 1.0) == pytest.approx(1 / 3)

    def test_full_servers_never_catch_up(self) -> None:
        assert erlang_c(3, 3) == 1
        assert math.isinf(mean_wait(3, 3, np.ones(2)))


class TestTraces:
    def test_a_seed_decides_them(self) -> None:
        first, second = (uploads(np.random.default_rng(3), 1000, 20, 86_400) for _ in range(2))
        assert first.tolist() == second.tolist()

    def test_a_day_has_its_mean_and_its_busiest_time_in_the_middle(self) -> None:
        moments = daily(np.random.default_rng(4), 20, 10_000)
        assert len(moments) == pytest.approx(20 * 10_000 * MEAN_RATE, rel=0.02)
        middle = ((moments > 4500) & (moments < 5500)).sum()
        assert middle == pytest.approx(20_000, rel=0.05)
        assert day_curve(np.array([0.0, 0.5])).tolist() == pytest.approx([0.1, 1])

    def test_photos_come_in_uploads(self) -> None:
        photos = uploads(np.random.default_rng(5), 50_000, 25, 86_400)
        assert len(photos) == pytest.approx(50_000, rel=0.1)
        assert len(photos) / len(np.unique(photos)) == pytest.approx(25, rel=0.1)
        assert (np.diff(photos) >= 0).all()
