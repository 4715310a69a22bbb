"""Catalogues of released versions are upgraded: `python -m tools.save_catalogue VERSION` saves one at each release."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory

import retrieval
from retrieval.assembly import Assembly
from retrieval.catalog import migrate
from retrieval.catalog.schema import alembic_config
from retrieval.settings import Settings
from webui.auth import passwords

RELEASED = sorted((Path(__file__).parent / "released").glob("*.sql"))

pytestmark = [pytest.mark.slow, pytest.mark.sqlite("they are its files")]


@pytest.fixture(params=RELEASED, ids=lambda path: path.stem)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A data directory with the catalogue of a released version, as it was."""
    with closing(sqlite3.connect(tmp_path / "catalog.db")) as database:
        database.executescript(request.param.read_text(encoding="utf-8"))
    return tmp_path


@pytest.fixture
def migrated(home: Path) -> Path:
    """The same, brought up to date as the command `migrate` does it."""
    migrate(f"sqlite:///{home / 'catalog.db'}")
    return home


def test_the_schema_becomes_that_of_now(home: Path) -> None:
    url = f"sqlite:///{home / 'catalog.db'}"
    assert migrate(url) == ScriptDirectory.from_config(alembic_config(url)).get_current_head()
    command.check(alembic_config(url))


def test_everything_that_people_made_is_there(migrated: Path) -> None:
    assembly = Assembly(Settings.in_data_dir(migrated, device="cpu", recipe="grid"))
    counts = {state: count for state, count in assembly.catalog.images.counts().items() if count}
    assert counts == {"indexed": 5, "failed": 1, "pending": 1}
    assert assembly.tags.counts() == [("holiday", 2)]
    concept = assembly.concepts.get(*assembly.concepts.known())
    assert (concept.name, concept.model.positive, concept.model.negative) == ("patch", (1, 26), (51,))
    assert {user.name for user in assembly.accounts.all()} == {"admin", "viewer"}
    admin = assembly.accounts.named("admin")
    assert admin is not None
    assert passwords.matches("a long password", admin.password_hash)


def test_it_is_searched_with_an_index_made_anew(migrated: Path) -> None:
    with retrieval.open(migrated, device="cpu", recipe="grid") as library:
        found = library.search(text="patch")
        assert any(hit.likely for hit in found)
        assert {hit.path.parent for hit in found} == {Path("/photos")}
        library.restore(4)
        assert "orange.png" in {photo.path.name for photo in library.images() if photo.path is not None}
