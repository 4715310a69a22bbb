"""Names of workers: whether the process that gave itself one is still there."""

from __future__ import annotations

import os

import pytest

from retrieval.catalog import owners
from retrieval.catalog.owners import is_gone, new_owner


def test_this_process_is_there() -> None:
    one, other = new_owner(), new_owner()
    assert one != other
    assert max(len(one), len(other)) <= 64
    assert one.split(":")[1] == str(os.getpid())
    assert not is_gone(one)


def test_another_process_with_the_same_id_is_not_the_one() -> None:
    host, pid, birth, token = new_owner().split(":")
    boot, started = birth.split("-")
    assert is_gone(f"{host}:{pid}:{boot}-{int(started) + 1}:{token}")
    assert is_gone(f"{host}:{pid}:00000000-{started}:{token}"), "the machine was started again since"


@pytest.mark.parametrize("name", ["", "w", "host:1", "host:1:abc", "a:b:c:d", "host:1:x-1:t", ":::", "host:-1:x-1:t"])
def test_of_other_names_nothing_is_known(name: str) -> None:
    assert not is_gone(name)


def test_nothing_is_known_of_other_machines() -> None:
    _, pid, birth, token = new_owner().split(":")
    assert not is_gone(f"elsewhere-01234567:{pid}:0{birth[1:]}:{token}")


def test_nothing_is_known_where_starts_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = new_owner()
    monkeypatch.setattr(owners, "_started", lambda _: None)
    assert not is_gone(mine)
    assert not is_gone(new_owner())
