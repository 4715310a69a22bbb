"""Exports in the background, by the client: ordered, waited for, fetched, and a download that goes on."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from indexer.exports import Exporter
from segsearch.client import Client, ConflictError, ExportFailedError, ExportJob, Retries

WHOLE = bytes(range(256)) * 40


@pytest.mark.slow
def test_an_export_is_waited_for_and_fetched(served, either, tmp_path: Path) -> None:
    told: list[ExportJob] = []
    ended = threading.Event()

    def work() -> None:
        exporter = Exporter(served.library.assembly, lambda: False)
        while not ended.wait(0.05):
            exporter.write_next()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        target = tmp_path / "all.json"
        found = either.ask(served.url, lambda client: client.export(target, progress=told.append, photos=[1, 2]))
    finally:
        ended.set()
        worker.join()
    assert found == target
    assert len(json.loads(target.read_text())["images"]) == 2
    assert (told[0].state, told[-1].state) == ("queued", "done")
    assert either.ask(served.url, lambda client: client.exports.all()) == []


@pytest.mark.slow
def test_one_that_fails_says_why(served, either, tmp_path: Path) -> None:
    jobs = served.library.assembly.export_jobs

    def fail(job: ExportJob) -> None:
        if job.state == "queued":
            jobs.claim("w")
            jobs.fail(job.id, "w", "the disk is full: free some space")

    with pytest.raises(ExportFailedError, match="the disk is full"):
        either.ask(served.url, lambda client: client.export(tmp_path / "x.json", progress=fail))
    assert not (tmp_path / "x.json").exists()


@pytest.mark.slow
def test_too_many(served, either) -> None:
    for _ in range(4):
        either.ask(served.url, lambda client: client.exports.order(format="csv"))
    with pytest.raises(ConflictError, match="delete one"):
        either.ask(served.url, lambda client: client.exports.order())


class Broken(httpx.SyncByteStream):
    """An answer of which some bytes come before the connection breaks."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content
        raise httpx.ReadError("reset")


def saved(tmp_path: Path, answers: list[httpx.Response]) -> tuple[bytes, list[httpx.Request]]:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return answers.pop(0)

    retries = Retries(attempts=4, base=0.0)
    with Client("http://test", transport=httpx.MockTransport(answer), retries=retries) as client:
        client.exports.save(tmp_path / "file", 1)
    return (tmp_path / "file").read_bytes(), requests


def broken(status: int, content: bytes, **headers: str) -> httpx.Response:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=told, stream=Broken(content))


def test_a_download_that_breaks_off_goes_on(tmp_path: Path) -> None:
    tags = {"ETag": '"a"', "Accept_Ranges": "bytes"}
    answers = [
        broken(200, WHOLE[:1000], **tags),
        broken(206, WHOLE[1000:3000], **tags),
        httpx.Response(206, content=WHOLE[3000:], headers={"ETag": '"a"', "Accept-Ranges": "bytes"}),
    ]
    content, requests = saved(tmp_path, answers)
    assert content == WHOLE
    asked = [(each.headers.get("Range"), each.headers.get("If-Range")) for each in requests]
    assert asked == [(None, None), ("bytes=1000-", '"a"'), ("bytes=3000-", '"a"')]
    assert {each.headers["Accept-Encoding"] for each in requests} == {"identity"}


def test_one_that_changed_begins_again(tmp_path: Path) -> None:
    answers = [
        broken(200, WHOLE[:1000], ETag='"a"', Accept_Ranges="bytes"),
        httpx.Response(200, content=WHOLE[::-1], headers={"ETag": '"b"', "Accept-Ranges": "bytes"}),
    ]
    assert saved(tmp_path, answers)[0] == WHOLE[::-1]


@pytest.mark.parametrize("headers", [{}, {"ETag": '"a"'}, {"ETag": 'W/"a"', "Accept_Ranges": "bytes"}], ids=str)
def test_a_server_that_cannot_go_on_is_asked_for_all(tmp_path: Path, headers: dict[str, str]) -> None:
    answers = [broken(200, WHOLE[:1000], **headers), httpx.Response(200, content=WHOLE)]
    content, requests = saved(tmp_path, answers)
    assert content == WHOLE
    assert "Range" not in requests[1].headers
