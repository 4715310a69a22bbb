"""Processes of a Ray cluster that misbehave; what they do is told by files in the folder `FOLDER` of the environment."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from indexer.ray.actor import Facts, Found, Photo, PhotoAnalyzer

FOLDER = "SEGSEARCH_TEST_RAY"
DEADLY = "deadly"
"""A file with the digest of a photo that kills the process."""


def folder() -> Path:
    return Path(os.environ[FOLDER])


class HeldAnalyzer(PhotoAnalyzer):
    """Tells on which machine it is busy, and goes on once the file ``go`` is there."""

    def analyze(self, photos: Sequence[Photo]) -> list[Found]:
        import ray

        node = ray.get_runtime_context().get_node_id()
        (folder() / f"busy-{node}-{photos[0]['image_id']}").touch()
        until = time.monotonic() + 120
        while not (folder() / "go").exists() and time.monotonic() < until:
            time.sleep(0.02)
        return super().analyze(photos)


class DeadlyAnalyzer(PhotoAnalyzer):
    """Dies over one photo."""

    def analyze(self, photos: Sequence[Photo]) -> list[Found]:
        if (folder() / DEADLY).read_text() in [photo["sha256"] for photo in photos]:
            with (folder() / "deaths").open("a") as file:
                file.write(f"{len(photos)}\n")
            os._exit(1)
        return super().analyze(photos)


class OtherAnalyzer(PhotoAnalyzer):
    """Has another version of the program."""

    def facts(self) -> Facts:
        return {**super().facts(), "version": "0.0.1"}


class UnableAnalyzer(PhotoAnalyzer):
    """Cannot start."""

    def __init__(self, *arguments: object) -> None:
        raise RuntimeError("there is no such device")
