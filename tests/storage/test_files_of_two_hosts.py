"""Two machines, each with a data directory of its own, add and delete the same bytes at once in one bucket."""

from __future__ import annotations

import hashlib
import multiprocessing
import secrets
from contextlib import closing
from pathlib import Path

import pytest
from databases import Server
from remote_stores import Bucket

from retrieval.data_directory import DataDirectory
from retrieval.errors import UnknownImageError
from retrieval.settings import Settings
from retrieval.storage import file_names

pytestmark = pytest.mark.slow

CONTENT = b"\x89PNG the same on both"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
NAME = file_names.upload(DIGEST, "png")
ROUNDS = 40


def settings_of(folder: Path, database_url: str, files: str) -> Settings:
    return Settings(data_dir=folder, database_url=database_url, files=files, cache=0)


def add_and_delete(settings: Settings, start: object, faults: object) -> None:
    """What one machine does; each time when a row is there, its object is looked for."""
    with closing(DataDirectory(settings)) as here:
        folder = here.files.incoming(file_names.UPLOADS)
        folder.mkdir(parents=True)
        start.wait(300)  # type: ignore[attr-defined]
        for _ in range(ROUNDS):
            partial = folder / f".upload-{secrets.token_hex(8)}"
            partial.write_bytes(CONTENT)
            here.own_files.enter_upload(partial, DIGEST, "png")
            with here.file_locks.held(file_names.folder(file_names.UPLOADS, DIGEST), alone=False):
                photo = here.catalog.images.of_digest(DIGEST)
                if photo is not None and here.files.look(NAME) is None:
                    faults.put("there is a row and no object")  # type: ignore[attr-defined]
            if photo is not None:
                try:
                    here.catalog.images.delete(photo.id)
                except UnknownImageError:
                    continue
                here.own_files.remove_photo(DIGEST, [place.uri for place in photo.locations])


def test_an_object_is_there_while_a_row_is(server: Server, bucket: Bucket, tmp_path: Path) -> None:
    url, spawning = server.url_of(tmp_path), multiprocessing.get_context("spawn")
    start, faults = spawning.Barrier(2), spawning.SimpleQueue()
    machines = [
        spawning.Process(
            target=add_and_delete, args=(settings_of(tmp_path / name, url, f"{bucket.uri}/kept"), start, faults)
        )
        for name in ("one", "other")
    ]
    for machine in machines:
        machine.start()
    for machine in machines:
        machine.join(500)
    assert [machine.exitcode for machine in machines] == [0, 0]
    assert faults.empty()
    with closing(DataDirectory(settings_of(tmp_path / "third", url, f"{bucket.uri}/kept"))) as third:
        photo = third.catalog.images.of_digest(DIGEST)
        assert (photo is None) == (third.files.look(NAME) is None)
