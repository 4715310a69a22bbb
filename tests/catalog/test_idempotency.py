"""Answers of requests, by the keys that came with them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from toys import ToyLibrary

from retrieval.catalog import IdempotencyKeys, KeptAnswer
from retrieval.catalog import idempotency as module
from retrieval.catalog.owners import new_owner
from retrieval.errors import IdempotencyKeyInUseError, IdempotencyKeyReusedError

ANSWER = KeptAnswer(201, "application/json", b'{"id": 1}')
OWNER = new_owner()


@pytest.fixture
def keys(toys: ToyLibrary) -> IdempotencyKeys:
    return IdempotencyKeys(toys.sessions)


def begun(keys: IdempotencyKeys, key: str = "k", user: str = "", request: str = "r", owner: str = OWNER) -> int:
    found = keys.claim(user, key, request, owner)
    assert isinstance(found, int)
    return found


def test_the_first_answer_comes_again(keys: IdempotencyKeys) -> None:
    keys.finish(begun(keys), OWNER, ANSWER)
    assert keys.claim("", "k", "r", OWNER) == keys.claim("", "k", "r", new_owner()) == ANSWER


def test_another_request_is_refused_before_and_after_the_answer(keys: IdempotencyKeys) -> None:
    claimed = begun(keys)
    for _ in range(2):
        with pytest.raises(IdempotencyKeyReusedError, match="make a new key"):
            keys.claim("", "k", "other", OWNER)
        keys.finish(claimed, OWNER, ANSWER)


def test_users_and_keys_are_apart(keys: IdempotencyKeys) -> None:
    keys.finish(begun(keys), OWNER, ANSWER)
    assert len({begun(keys, user="anna"), begun(keys, user="bert"), begun(keys, key="K")}) == 3


def test_while_it_is_answered(keys: IdempotencyKeys) -> None:
    claimed = begun(keys)
    with pytest.raises(IdempotencyKeyInUseError, match="in some seconds"):
        keys.claim("", "k", "r", new_owner())
    keys.release(claimed, OWNER)
    assert begun(keys, request="corrected") != claimed


def test_what_a_dead_process_began_can_begin_again(keys: IdempotencyKeys) -> None:
    host, _, rest = OWNER.split(":", 2)
    dead = f"{host}:{2**22 - 1}:{rest}"
    claimed = begun(keys, owner=dead)
    assert begun(keys) == claimed
    keys.finish(claimed, dead, KeptAnswer(500, "", b"late"))
    keys.finish(claimed, OWNER, ANSWER)
    assert keys.claim("", "k", "r", OWNER) == ANSWER


def test_what_nobody_can_tell_of_can_begin_again_in_time(
    keys: IdempotencyKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed = begun(keys, owner="elsewhere:1:2:3")
    with pytest.raises(IdempotencyKeyInUseError):
        keys.claim("", "k", "r", OWNER)
    monkeypatch.setattr(module, "LEASE", timedelta(0))
    assert begun(keys) == claimed


def test_a_day_later_it_is_over(keys: IdempotencyKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.finish(begun(keys), OWNER, ANSWER)
    keys.expire(datetime.now(UTC) + module.RETENTION - timedelta(minutes=5))
    assert keys.claim("", "k", "r", OWNER) == ANSWER
    assert keys.expired() == 0
    monkeypatch.setattr(module, "RETENTION", timedelta(0))
    assert keys.expired() == 1
    begun(keys, request="another")  # although nothing was removed yet
    keys.expire()
    assert keys.expired() == 0


@pytest.mark.parametrize(("limit", "value"), [("MOST_KEPT", 3), ("MOST_KEPT_BYTES", 60)])
def test_there_are_never_too_many(
    keys: IdempotencyKeys, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(module, limit, value)
    for number in range(6):
        keys.finish(begun(keys, key=str(number)), OWNER, ANSWER)
    kept = [isinstance(keys.claim("", str(number), "r", OWNER), KeptAnswer) for number in range(6)]
    assert kept == [False, False, False, True, True, True]


def test_of_many_at_once_one_begins(keys: IdempotencyKeys) -> None:
    results: list[object] = []
    ready = threading.Barrier(8)

    def claim() -> None:
        ready.wait()
        try:
            results.append(keys.claim("", "k", "r", OWNER))
        except IdempotencyKeyInUseError as error:
            results.append(error)

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(type(each).__name__ for each in results) == ["IdempotencyKeyInUseError"] * 7 + ["int"]
