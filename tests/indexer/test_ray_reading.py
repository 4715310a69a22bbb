"""What a driver sends to a Ray cluster of a photo, and what it keeps to itself."""

from __future__ import annotations

import io
import queue
from typing import Any

import pytest

from indexer.claims import Claims
from indexer.ray.pipeline import RayPipeline
from indexer.stages import Stages
from retrieval.assembly import Assembly
from retrieval.catalog.records import Job
from retrieval.errors import StoreUnavailableError

VIDEO = b"\0\0\0\x18ftypisom\0\0\2\0isommp41" + bytes(64)


@pytest.fixture
def pipeline(assembly: Assembly) -> RayPipeline:
    made = RayPipeline(assembly, None, "test")
    made._stages = Stages(1)
    return made


def test_a_video_in_a_bucket_is_no_photo(pipeline: RayPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Claims, "open", lambda *_: io.BytesIO(VIDEO))
    films: queue.Queue[Job | None] = queue.Queue()
    job = Job(1, "0" * 64, ("s3://kept/uploads/00/" + "0" * 64 + ".MP4",))
    assert pipeline._read(job, films) is None
    assert films.get_nowait() == job


def test_a_photo_in_a_bucket_is_read_by_the_cluster(pipeline: RayPipeline) -> None:
    sent = pipeline._read(Job(1, "0" * 64, ("s3://photos/x.jpg",)), queue.Queue())
    assert sent is not None
    assert (sent["content"], sent["renditions"]) == (None, True)


def test_renditions_that_cannot_be_looked_for_now(pipeline: RayPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(_: str) -> Any:
        raise StoreUnavailableError("the bucket is out of reach")

    aside: list[tuple[Job, str]] = []
    monkeypatch.setattr(pipeline._files, "look", look)
    monkeypatch.setattr(Claims, "put_aside", lambda _, job, error: aside.append((job, str(error))))
    job = Job(1, "0" * 64, ("s3://photos/x.jpg",))
    assert pipeline._read(job, queue.Queue()) is None
    assert aside == [(job, "the bucket is out of reach")]
