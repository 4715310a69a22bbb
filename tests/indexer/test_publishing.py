"""Index files and catalogue: every way they can differ is found, and a rebuild cures it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text
from toys import Ingested, Pictures

from indexer.publish import Publisher, rebuild
from indexer.verify import verify
from retrieval.assembly import Assembly
from retrieval.catalog import open_sessions
from retrieval.errors import CatalogError, IndexFileError, IndexLockedError, IndexMismatchError
from retrieval.index.faiss_index import FaissIndex
from retrieval.index.files import IndexFiles

SEGMENTS, PHOTOS = 150, 6


def part_of(files: IndexFiles) -> Path:
    return files.folder / files.manifest().parts[0].name


def delete_photo(where: Ingested) -> None:
    where.assembly.catalog.images.delete(where.ids[0])


def forget_index(where: Ingested) -> None:
    (where.assembly.indexes.segment_files.folder / "manifest.json").unlink()


def flip_byte(where: Ingested) -> None:
    part = part_of(where.assembly.indexes.segment_files)
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)


def truncate(where: Ingested) -> None:
    part = part_of(where.assembly.indexes.photo_files)
    part.write_bytes(part.read_bytes()[:-3])


def remove_part(where: Ingested) -> None:
    part_of(where.assembly.indexes.segment_files).unlink()


def change_vectors(where: Ingested) -> None:
    with where.assembly._sessions.begin() as session:
        other = np.eye(6, dtype="<f2")[0].tobytes()
        session.execute(text("UPDATE segment SET vector = :vector"), {"vector": other})


def lose_segments(where: Ingested) -> None:
    """As if the index had been written before the last photo."""
    files, name = where.assembly.indexes.segment_files, where.assembly.recipe_spec.fingerprint
    _, (part,) = files.load(name)
    assert isinstance(part.index, FaissIndex)
    older = FaissIndex(part.index.dim)
    older.add(part.ids[:-25], part.index.vectors(part.ids[:-25]))
    with files.writing():
        entry = files.write_shard(older, part.ids[:-25], part.image_ids[:-25], None)
        files.commit([(entry, part.tombstones)], fingerprint=name, dim=older.dim, recall=0.95)


def other_recipe(where: Ingested) -> None:
    path = where.assembly.indexes.segment_files.folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "fingerprint": "other:1"}))


DRIFTS: list[tuple[Callable[[Ingested], None], list[str]]] = [
    (delete_photo, ["segments: 25 were deleted but are still", "photos: 1 were deleted but are still"]),
    (lose_segments, ["segments: 25 are not in the index files yet"]),
    (change_vectors, ["segments: .* disagrees with the catalogue about vectors"]),
    (forget_index, ["segments: there is no index in"]),
    (flip_byte, ["segments: .* is not as it was written"]),
    (truncate, ["photos: .* bytes instead of"]),
    (remove_part, ["segments: .* is missing"]),
    (other_recipe, ["segments: .* was made by recipe other:1"]),
]


def test_after_an_ingest_they_agree(ingested: Ingested) -> None:
    assert verify(ingested.assembly) == []


@pytest.mark.parametrize(("drift", "messages"), DRIFTS, ids=[drift.__name__ for drift, _ in DRIFTS])
def test_every_drift_is_found_and_cured(
    ingested: Ingested, drift: Callable[[Ingested], None], messages: list[str]
) -> None:
    import re

    drift(ingested)
    faults = verify(ingested.assembly)
    assert len(faults) == len(messages)
    for fault, message in zip(faults, messages, strict=True):
        assert re.search(message, fault)
        assert "run `segsearch" in fault, "its cure"
    sizes = rebuild(ingested.assembly)
    contents = ingested.assembly.catalog.vectors.contents(ingested.assembly.recipe_spec.fingerprint)
    assert sizes == {"segments": contents.segments, "photos": contents.photos}
    assert verify(ingested.assembly) == []


@pytest.mark.parametrize("drift", [change_vectors, other_recipe])
def test_what_is_wrong_is_not_served(ingested: Ingested, drift: Callable[[Ingested], None]) -> None:
    drift(ingested)
    with pytest.raises(IndexMismatchError, match="segsearch"):
        ingested.assembly.engine()


@pytest.mark.parametrize("drift", [delete_photo, lose_segments, forget_index, flip_byte, truncate, remove_part])
def test_what_lags_is_caught_up_with(ingested: Ingested, drift: Callable[[Ingested], None]) -> None:
    drift(ingested)
    engine = ingested.assembly.engine()
    contents = ingested.assembly.catalog.vectors.contents(ingested.assembly.recipe_spec.fingerprint)
    assert engine.segments.stats().count == contents.segments
    assert engine.photos.stats().count == contents.photos
    Publisher(ingested.assembly).publish()
    assert verify(ingested.assembly) == [], "a worker makes new files"


def test_an_empty_installation(assembly: Assembly) -> None:
    assert all("there is no index" in fault for fault in verify(assembly))
    assert rebuild(assembly) == {"segments": 0, "photos": 0}
    assert verify(assembly) == []


def test_a_rebuild_waits_for_nobody(ingested: Ingested) -> None:
    before = ingested.assembly.indexes.segment_files.manifest()
    with (
        ingested.assembly.indexes.photo_files.writing(),
        pytest.raises(IndexLockedError, match="another process is writing"),
    ):
        rebuild(ingested.assembly)
    assert ingested.assembly.indexes.segment_files.manifest() == before, "nothing was thrown away"
    assert verify(ingested.assembly) == []


class TestPublisher:
    def test_it_publishes_what_is_new(self, ingested: Ingested) -> None:
        publisher = Publisher(ingested.assembly)
        delete_photo(ingested)
        publisher.publish()
        assert ingested.assembly.indexes.segment_files.manifest().count == SEGMENTS - 25
        assert ingested.assembly.indexes.photo_files.manifest().count == PHOTOS - 1
        assert verify(ingested.assembly) == []

    def test_it_leaves_the_files_to_who_writes_them(self, ingested: Ingested) -> None:
        publisher = Publisher(ingested.assembly)
        delete_photo(ingested)
        with ingested.assembly.indexes.segment_files.writing():
            publisher.publish()
        assert ingested.assembly.indexes.segment_files.manifest().count == SEGMENTS
        publisher.publish()
        assert ingested.assembly.indexes.segment_files.manifest().count == SEGMENTS - 25

    def test_a_full_disk_is_told_and_tried_again(self, ingested: Ingested, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        publisher = Publisher(ingested.assembly)
        delete_photo(ingested)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(IndexFileError, match="No space left"):
                publisher.publish()
        assert ingested.assembly.indexes.segment_files.manifest().count == SEGMENTS
        publisher.publish()
        assert verify(ingested.assembly) == []

    def test_wrong_files_are_not_written_over(self, ingested: Ingested) -> None:
        other_recipe(ingested)
        with pytest.raises(IndexMismatchError):
            Publisher(ingested.assembly).publish()
        assert ingested.assembly.indexes.segment_files.manifest().fingerprint == "other:1"


@pytest.mark.sqlite("it deletes the file of the catalogue")
def test_a_new_catalogue_beside_an_old_index(ingested: Ingested, pictures: Pictures) -> None:
    """The database was deleted, the index was not, and other photos were entered."""
    from toys import close

    from indexer.report import Tally
    from indexer.worker import Worker, ingest

    close(ingested.assembly)
    for path in ingested.assembly.settings.data_dir.glob("catalog.db*"):
        path.unlink()
    refused = Assembly(ingested.assembly.settings)
    with pytest.raises(CatalogError, match="is empty or gone, but the index in .* has photos: restore a backup of it"):
        refused.catalog.images.counts()
    with pytest.raises(CatalogError, match="is empty or gone, but"):
        refused.migrate()
    open_sessions(ingested.assembly.settings.database_url).engine.dispose()  # as nobody should
    fresh = Assembly(ingested.assembly.settings)
    pictures("zz.png", seed=77)
    ingest(fresh, Worker(fresh), [pictures.folder / "zz.png"], Tally())
    try:
        assert verify(fresh) != []
        with pytest.raises(IndexMismatchError, match="rebuild-index"):
            fresh.engine()
        rebuild(fresh)
        assert verify(fresh) == []
        assert fresh.engine().segments.stats().count == 25
    finally:
        close(fresh)
