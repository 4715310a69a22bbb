"""Analyses that leave one library, and another that they come to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from databases import Files, Server
from toys import Ingested, close

from indexer.commands.export import export
from retrieval.assembly import Assembly
from retrieval.recipes.grid import GridRecipe
from retrieval.settings import Settings


@pytest.fixture
def analyses(ingested: Ingested) -> Path:
    """The analyses of six photos of 25 segments each."""
    target = ingested.photos.parent / "analyses.parquet"
    done = CliRunner().invoke(export, ["--format", "parquet", str(target)], obj=ingested.assembly.settings)
    assert done.exit_code == 0, done.output
    return target


@pytest.fixture
def copies(ingested: Ingested, tmp_path: Path) -> Path:
    """The photos in another folder, in another order of names."""
    folder = tmp_path / "copies"
    folder.mkdir()
    for number, path in enumerate(reversed(ingested.paths)):
        shutil.copy(path, folder / f"{number}.png")
    return folder


@pytest.fixture
def other(tmp_path: Path, databases: Files | Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Assembly]:
    """Another installation, without photos, whose recipe cannot run."""
    home = tmp_path / "other"
    home.mkdir()
    databases.blank(home)
    made = Assembly(Settings.in_data_dir(home, device="cpu", recipe="grid"))

    def run(*_: object) -> None:
        raise AssertionError("no network may run")

    monkeypatch.setattr(GridRecipe, "extract", run)
    yield made
    close(made)
