"""Indexes of other packages: checked, filled, and told of where they cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toys import Ingested, close

import retrieval
from indexer.publish import rebuild
from indexer.verify import verify
from retrieval.assembly import Assembly
from retrieval.catalog.records import VectorBatch
from retrieval.errors import ConfigurationError, PluginError
from retrieval.settings import Settings

Install = Callable[..., None]

HERE = Path(__file__).parent

INDEX = """
class Index:
    is_shared, dim = False, 6
    search = get = image_ids_of = ids_of_images = image_counts = sample = stats = upsert = delete = refresh = flush = None
def index(config):
    return Index()
"""


class TestIndexes:
    @pytest.fixture
    def elsewhere(self, settings: Settings, assembly: Assembly) -> Assembly:
        """An installation whose index another package brings."""
        return Assembly(replace(settings, index="elsewhere"))

    @pytest.mark.parametrize(
        ("code", "message"),
        [
            ("import nothing_of_this_name", "cannot be imported"),
            ("def index(config): raise OSError('no server')", r"cannot be opened \(OSError: no server"),
            ("del Index.upsert, Index.get", "lacks get, upsert"),
            ("Index.dim = 7", "takes vectors of length 7, and was opened for 6"),
        ],
    )
    def test_what_cannot_be_used_is_told_with_its_package(
        self, install: Install, elsewhere: Assembly, code: str, message: str
    ) -> None:
        install("spoilt-part", INDEX + code, indexes={"elsewhere": "index"})
        with pytest.raises(PluginError, match=f"the index 'elsewhere' of spoilt-part 2.0 {message}"):
            elsewhere.indexes.segments()
        close(elsewhere)

    def test_an_unknown_one(self, install: Install, elsewhere: Assembly) -> None:
        install("other-part", INDEX, indexes={"other": "index"})
        with pytest.raises(
            ConfigurationError, match="SEGSEARCH_INDEX='elsewhere' is none of local, pgvector, milvus, other"
        ):
            elsewhere.engine()
        close(elsewhere)

    def test_it_is_checked_and_made_anew(self, ingested: Ingested, install: Install) -> None:
        install("held", (HERE / "plain" / "segsearch_plain.py").read_text(), indexes={"held": "open_index"})
        assembly = Assembly(replace(ingested.assembly.settings, index="held"))
        assert [fault.partition(":")[0] for fault in verify(assembly)] == ["segments", "photos"]
        assert rebuild(assembly) == {"segments": 150, "photos": 6}
        assert verify(assembly) == []
        with retrieval.open(assembly.settings.data_dir, recipe="grid", device="cpu", index="held") as library:
            hits = library.search(image=ingested.paths[2], point=(20, 30))
            assert hits[0].path == ingested.paths[2]
        with pytest.raises(ConfigurationError, match="--recall is for the local index"):
            rebuild(assembly, 0.9)
        segments, photos = assembly.indexes.segments().index, assembly.indexes.photos().index
        segments.delete(np.array([1, 2]))
        segments.upsert(VectorBatch(np.array([10**6]), np.array([1]), segments.get(np.array([3]))))
        segments.upsert(VectorBatch(np.array([4]), np.array([2]), -segments.get(np.array([4]))))
        photos.delete(np.array([1]))
        segments.flush()
        photos.flush()
        assert [fault.partition(": run")[0] for fault in verify(assembly)] == [
            "segments: 2 are not in the index yet",
            "segments: 1 were deleted and are still in the index",
            "segments: the index has other image_ids than the catalogue",
            "segments: the index has other vectors than the catalogue",
            "photos: 1 are not in the index yet",
        ]
        assert rebuild(assembly) == {"segments": 150, "photos": 6}
        assert verify(assembly) == []
        close(assembly)
