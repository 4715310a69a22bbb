"""What web servers of several machines share in the database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from databases import execute, fetched
from toys import ToyLibrary

from retrieval.catalog import Shared, open_sessions
from retrieval.catalog.shared import SECRET_BYTES


@pytest.fixture
def shared(toys: ToyLibrary) -> Shared:
    return Shared(toys.sessions)


def test_all_get_one_secret(toys: ToyLibrary, shared: Shared) -> None:
    others = [open_sessions(toys.url) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        found = set(threads.map(lambda each: Shared(each).secrets.get("session"), others))
    assert found == {shared.secrets.get("session")}
    assert [len(each) for each in found] == [SECRET_BYTES]
    assert shared.secrets.get("another") not in found
    for each in others:
        each.engine.dispose()


def test_counts_are_of_all_together_and_begin_again(toys: ToyLibrary, shared: Shared) -> None:
    other = open_sessions(toys.url)
    counts = shared.request_counts
    assert counts.add("sign-in/192.0.2.1", 60) == 1
    assert Shared(other).request_counts.add("sign-in/192.0.2.1", 60) == 2
    assert counts.add("sign-in/192.0.2.2", 60, amount=5) == 5
    assert counts.get("sign-in/192.0.2.1")[0] == 2
    assert counts.get("nobody") == (0, None)
    execute(toys.url, "UPDATE request_count SET expires_at = '2020-01-01 00:00:00'")
    assert counts.get("sign-in/192.0.2.1") == (0, None)
    assert counts.add("sign-in/192.0.2.1", 60) == 1
    assert fetched(toys.url, "SELECT count(*) FROM request_count") == [(1,)], "what has passed is removed"
    other.engine.dispose()


def test_no_count_is_lost_among_threads(shared: Shared) -> None:
    with ThreadPoolExecutor(4) as threads:
        found = sorted(threads.map(lambda _: shared.request_counts.add("key", 600), range(20)))
    assert found == list(range(1, 21))


def test_addresses_are_not_kept(toys: ToyLibrary, shared: Shared) -> None:
    shared.request_counts.add("sign-in/192.0.2.1", 60)
    assert "192.0.2" not in str(fetched(toys.url, "SELECT * FROM request_count"))
    assert shared.request_counts.forget("sign-in/192.0.2.1") == 1
    assert shared.request_counts.forget() == 0
