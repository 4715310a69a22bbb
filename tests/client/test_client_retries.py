"""What is sent again, and what is not."""

from __future__ import annotations

import random
from email.utils import formatdate
from pathlib import Path
from time import time

import httpx
import pytest

from segsearch.client import BusyError, Client, ConflictError, ConnectionFailedError, Retries, SignInError
from segsearch.client.exchange import PROBLEM, Reply

STATUS = {
    "counts": dict.fromkeys(("pending", "working", "indexed", "empty", "failed"), 0),
    "segments": 0, "lag": 0, "recipe": "grid", "fingerprint": "g", "analyzer_up": True,
}  # fmt: skip


def problem(status: int, **headers: str) -> httpx.Response:
    told = {"Content-Type": PROBLEM, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx.Response(status, headers=told, json={"detail": f"told {status}"})


def client_of(answers: list[httpx.Response | Exception], requests: list[httpx.Request], **options: object) -> Client:
    def answer(request: httpx.Request) -> httpx.Response:
        request.read()
        requests.append(request)
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    told: dict = {"retries": Retries(attempts=4, base=0.0), **options}
    return Client("http://test", transport=httpx.MockTransport(answer), **told)


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.ReadTimeout("slow"), 503, 429], ids=str
)
def test_a_request_is_sent_again(failure: Exception | int) -> None:
    requests: list[httpx.Request] = []
    first = problem(failure) if isinstance(failure, int) else failure
    client = client_of([first, httpx.Response(200, json=STATUS)], requests)
    assert client.installation.status().recipe == "grid"
    assert len(requests) == 2
    assert "Idempotency-Key" not in requests[0].headers


def test_a_write_keeps_its_key_and_another_has_another() -> None:
    requests: list[httpx.Request] = []
    done = httpx.Response(200, json={"photos": 1})
    client = client_of([httpx.ReadError("reset"), problem(503), done, done], requests)
    client.photos.tag([1], add=["a"])
    client.photos.tag([1], add=["a"])
    first, again, once_more, other = (request.headers["Idempotency-Key"] for request in requests)
    assert first == again == once_more != other
    assert requests[0].content == requests[2].content != b""


def test_a_file_is_sent_whole_each_time(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8" * 1000)
    requests: list[httpx.Request] = []
    client = client_of([httpx.WriteError("reset"), httpx.Response(202, json={"id": 1, "state": "pending"})], requests)
    assert client.photos.upload(photo).is_new
    assert all(photo.read_bytes() in request.content for request in requests)


@pytest.mark.parametrize("status", [400, 404, 409, 422, 500, 507])
def test_what_a_retry_cannot_help_is_told_at_once(status: int) -> None:
    requests: list[httpx.Request] = []
    with pytest.raises(Exception, match=f"told {status}"):
        client_of([problem(status)], requests).installation.status()
    assert len(requests) == 1


def test_the_same_write_that_still_runs_is_waited_for() -> None:
    requests: list[httpx.Request] = []
    answers = [problem(409, Retry_After="0.0"), problem(409)]
    with pytest.raises(ConflictError):
        client_of(answers, requests).photos.tag([1], add=["a"])
    assert len(requests) == 1, "without a time there is nothing to wait for"
    reply = Reply(409, httpx.Headers({"Retry-After": "2"}), b"")
    assert Retries(base=0.0).pause(1, reply) == 2


def test_it_gives_up_in_the_end() -> None:
    requests: list[httpx.Request] = []
    with pytest.raises(BusyError, match="told 503"):
        client_of([problem(503)] * 4, requests).installation.status()
    assert len(requests) == 4
    with pytest.raises(ConnectionFailedError, match="tried 4 times"):
        client_of([httpx.ConnectError("refused")] * 4, []).installation.status()


def test_pauses_grow_and_are_drawn() -> None:
    retries = Retries(attempts=10, base=1.0, most=8.0)
    random.seed(1)
    longest = [max(retries.pause(n, httpx.ReadError("reset")) or 0 for _ in range(200)) for n in range(1, 7)]
    for pause, limit in zip(longest, (1, 2, 4, 8, 8, 8), strict=True):
        assert limit * 0.9 < pause <= limit
    assert retries.pause(10, httpx.ReadError("reset")) is None


def test_what_the_server_asks_for_is_waited() -> None:
    def pause(told: str) -> float | None:
        return Retries(base=0.0).pause(1, Reply(503, httpx.Headers({"Retry-After": told}), b""))

    assert pause("7") == 7
    assert pause(formatdate(time() + 60, usegmt=True)) == pytest.approx(60, abs=2)
    assert pause(formatdate(time() - 60, usegmt=True)) == 0
    assert pause("soon") == 0
    assert pause("3600") is None, "longer than its patience"


def test_a_session_that_ended_is_begun_again() -> None:
    requests: list[httpx.Request] = []
    answers = [httpx.Response(303), problem(401), httpx.Response(303), httpx.Response(200, json=STATUS)]
    client = client_of(answers, requests, user="ann", password="secret words")
    assert client.installation.status().recipe == "grid"
    assert [request.url.path for request in requests] == ["/login", "/api/v1/status"] * 2
    assert requests[0].headers["Origin"] == "http://test"
    refused = client_of(
        [httpx.Response(303), problem(401), httpx.Response(303), problem(401)], [], user="a", password="b"
    )
    with pytest.raises(SignInError):
        refused.installation.status()


def test_a_download_that_breaks_off_begins_again(tmp_path: Path) -> None:
    def broken() -> object:
        yield b"half of "
        raise httpx.ReadError("reset")

    requests: list[httpx.Request] = []
    target = tmp_path / "export.json"
    client = client_of([httpx.Response(200, content=broken()), httpx.Response(200, content=b"all of it")], requests)
    client.photos.export(target)
    assert target.read_bytes() == b"all of it"
    client = client_of([httpx.Response(200, content=broken()) for _ in range(4)], requests)
    with pytest.raises(ConnectionFailedError):
        client.photos.export(target)
    assert target.read_bytes() == b"all of it", "what was there is kept"
    assert [path.name for path in tmp_path.iterdir()] == ["export.json"]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("segsearch.client.files.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        client_of([httpx.Response(200, content=b"all of it")], []).photos.export(tmp_path / "export.json")
    assert not list(tmp_path.iterdir())
