"""A catalogue is copied to another database, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from databases import Server, execute, fetched
from toys import ToyLibrary, analysis

from indexer.commands.maintenance import copy_catalogue as command
from retrieval.catalog import Accounts, Concepts, Judgements, Tags, copy_catalogue, copying, open_sessions
from retrieval.catalog.copying import PASSING
from retrieval.catalog.models import Base
from retrieval.catalog.records import ConceptModel
from retrieval.errors import CatalogDamagedError, CatalogError, CatalogUnavailableError, ConfigurationError
from retrieval.query.request import Ref, SearchRequest
from retrieval.settings import Settings

X, Y, Z = (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0)

pytestmark = pytest.mark.slow


@pytest.fixture
def filled(toys: ToyLibrary) -> ToyLibrary:
    """Photos, one of which was deleted, and what people made of them."""
    for vectors in ([X, Y], [Y, Z], [Z]):
        toys.add(analysis(vectors, labels=("cup", "ünïcode 😀")[: len(vectors)]))
    toys.register("waits")
    toys.queries.add("0" * 64, (80, 400), analysis([X]), toys.recipe)
    directions = np.array([X], np.float32)
    model = ConceptModel(
        space=toys.recipe, directions=directions, threshold=0.25, query=None, positive=(1,), negative=(3,)
    )
    Concepts(toys.sessions).add("mug", model)
    judgements = Judgements(toys.sessions)
    judgements.add_round(judgements.begin(SearchRequest(positive=(Ref(segment=1),)), toys.recipe), [1], [3], [2])
    Tags(toys.sessions).change([1, 2], add=["Holiday"])
    Accounts(toys.sessions).add("admin", "admin", "hash")
    toys.catalog.images.delete(3)  # with the highest ids
    return toys


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def target(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> Iterator[str]:
    """The URL of a new database."""
    folder = tmp_path / "target"
    yield f"sqlite:///{folder / 'catalog.db'}" if request.param == "SQLite" else server.empty(folder)
    server.forget(folder)


def content(url: str) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    return {
        table.name: fetched(url, f'SELECT * FROM "{table.name}" ORDER BY {", ".join(table.primary_key.columns.keys())}')
        for table in Base.metadata.sorted_tables
    }


def test_everything_is_there_and_is_used_as_before(filled: ToyLibrary, target: str, tmp_path: Path) -> None:
    before = content(filled.url)
    copied = copy_catalogue(filled.url, target)
    assert content(filled.url) == before, "the source is not changed"
    assert {each.name: each.rows for each in copied} == {
        name: len(rows) for name, rows in before.items() if name not in PASSING
    }
    assert {name for name, rows in before.items() if rows} >= {"image", "segment", "location", "judgement", "concept"}
    sessions = open_sessions(target)
    assert Concepts(sessions).digest() == Concepts(filled.sessions).digest()
    assert Tags(sessions).counts() == [("Holiday", 2)]
    sessions.engine.dispose()


def test_back_again_is_the_same(filled: ToyLibrary, target: str, tmp_path: Path) -> None:
    there = copy_catalogue(filled.url, target)
    back = copy_catalogue(target, f"sqlite:///{tmp_path / 'back.db'}")
    assert back == there


def test_ids_are_not_used_again(filled: ToyLibrary, target: str, tmp_path: Path) -> None:
    """Also those of what was deleted before."""
    copy_catalogue(filled.url, target)
    copy_catalogue(target, f"sqlite:///{tmp_path / 'back.db'}")
    highest = max(filled.segment_ids(2))
    for url in (target, f"sqlite:///{tmp_path / 'back.db'}"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Settings, "in_data_dir", lambda folder, url=url: Settings(data_dir=folder, database_url=url))
            library = ToyLibrary(tmp_path)
        library._names = filled._names
        assert library.add(analysis([X])) == 5
        assert library.segment_ids(5) == [highest + 2], "the photo that was deleted had one segment"
        assert Concepts(library.sessions).all()[0].id == 1
        library.close()


def test_a_target_that_is_not_empty(filled: ToyLibrary, target: str) -> None:
    copy_catalogue(filled.url, target)
    before = content(target)
    with pytest.raises(ConfigurationError, match="the target .* is not empty, .*: give the URL of a new database"):
        copy_catalogue(filled.url, target)
    assert content(target) == before
    open_sessions(target).engine.dispose()


def test_a_new_catalogue_is_an_empty_target(filled: ToyLibrary, target: str) -> None:
    open_sessions(target).engine.dispose()
    assert len(copy_catalogue(filled.url, target)) == len(Base.metadata.tables) - len(PASSING)


def test_a_copy_that_is_interrupted_is_not_taken_for_a_catalogue(
    filled: ToyLibrary, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(table: copying.CopiedTable) -> None:
        if table.name == "segment":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_catalogue(filled.url, target, interrupt)
    assert fetched(target, "SELECT count(*) FROM image") == [(0,)]
    with pytest.raises(
        CatalogError, match="was not finished, and nothing is in it: run `segsearch copy-catalogue` again"
    ):
        open_sessions(target)
    with pytest.raises(CatalogError, match="was not finished"):
        copy_catalogue(target, filled.url)
    copy_catalogue(filled.url, target)
    open_sessions(target).engine.dispose()


def test_a_copy_that_differs_is_not_kept(filled: ToyLibrary, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(copying, "_values", lambda batch: [{**dict(row._mapping), **spoilt(row)} for row in batch])
        with pytest.raises(CatalogDamagedError, match="the copy of segment differs from its source and was not kept"):
            copy_catalogue(filled.url, target)
    assert fetched(target, "SELECT count(*) FROM image") == [(0,)]


def spoilt(row: object) -> dict[str, object]:
    return {"quality": 0.123} if hasattr(row, "quality") and hasattr(row, "mask_counts") else {}


def test_what_cannot_be_copied(filled: ToyLibrary, target: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name the same catalogue"):
        copy_catalogue(filled.url, filled.url)
    with pytest.raises(CatalogUnavailableError, match="is gone: put it back"):
        copy_catalogue(f"sqlite:///{tmp_path / 'nothing.db'}", target)
    assert not (tmp_path / "nothing.db").exists()
    (tmp_path / "empty.db").touch()
    with pytest.raises(ConfigurationError, match="there is no catalogue in .*: check the URL of the source"):
        copy_catalogue(f"sqlite:///{tmp_path / 'empty.db'}", target)
    execute(filled.url, "UPDATE alembic_version SET version_num = '0007'")
    with pytest.raises(CatalogError, match="run `segsearch migrate`"):
        copy_catalogue(filled.url, target)


def test_the_command(filled: ToyLibrary, target: str, tmp_path: Path) -> None:
    settings = Settings.in_data_dir(tmp_path / "home")
    done = CliRunner().invoke(command, [filled.url, target], obj=settings)
    assert done.exit_code == 0, done.output
    assert "segment: 4 rows, SHA-256 " in done.output
    assert "all tables are the same in both" in done.output
    assert "SEGSEARCH_DATABASE_URL" in done.output
