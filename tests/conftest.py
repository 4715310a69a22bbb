"""What all tests share: a clean environment, drawn pictures, and installations on the `grid` recipe."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path

import hypothesis
import pytest
from toys import Ingested, Pictures, ToyLibrary, close

from retrieval.assembly import Assembly
from retrieval.catalog import open_sessions
from retrieval.recipes.protocols import Recipe
from retrieval.settings import Settings

SETTINGS = (
    "SEGSEARCH_HOME", "SEGSEARCH_DATA_DIR", "SEGSEARCH_DATABASE_URL", "SEGSEARCH_DEVICE", "SEGSEARCH_RECIPE", "SEGSEARCH_WEIGHTS",
    "SEGSEARCH_INDEX", "SEGSEARCH_PARENT", "SEGSEARCH_MIN_FREE", "SEGSEARCH_QUOTA",
)  # fmt: skip
INGESTED_PHOTOS = 6

hypothesis.settings.register_profile("segsearch", deadline=None, database=None)
hypothesis.settings.load_profile("segsearch")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport]:
    """Have what was captured be UTF-8: some tests print names that are not, and xdist can send no others."""
    report = yield
    report.sections = [
        (title, content.encode(errors="backslashreplace").decode()) for title, content in report.sections
    ]
    return report


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> Iterator[None]:
    """No setting of whoever runs the tests reaches them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in SETTINGS:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    """Draws pictures into ``tmp_path/photos``."""
    return Pictures(tmp_path / "photos")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where an installation may be."""
    return tmp_path / "home"


@pytest.fixture
def settings(home: Path) -> Settings:
    """Settings of an installation on the `grid` recipe."""
    return Settings.in_data_dir(home, device="cpu", recipe="grid")


@pytest.fixture
def assembly(settings: Settings, blank_catalog: Path) -> Iterator[Assembly]:
    """An installation without photos."""
    settings.data_dir.mkdir(parents=True)
    shutil.copy(blank_catalog, settings.data_dir / "catalog.db")
    made = Assembly(settings)
    yield made
    close(made)


@pytest.fixture(scope="session")
def blank_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the schema and nothing else, to be copied."""
    path = tmp_path_factory.mktemp("blank") / "catalog.db"
    open_sessions(f"sqlite:///{path}").kw["bind"].dispose()
    return path


@pytest.fixture(scope="session")
def ingested_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation with ingested photos, to be copied."""
    from indexer.report import Tally
    from indexer.worker import Worker, ingest

    folder = tmp_path_factory.mktemp("ingested")
    Pictures(folder / "photos").many(INGESTED_PHOTOS)
    made = Assembly(Settings.in_data_dir(folder / "home", device="cpu", recipe="grid"))
    report = ingest(made, Worker(made), [folder / "photos"], Tally())
    close(made)
    assert report.counts["indexed"] == INGESTED_PHOTOS
    return folder


@pytest.fixture
def ingested(ingested_template: Path, tmp_path: Path) -> Iterator[Ingested]:
    """An installation with six photos of 25 segments each, index published; ``tmp_path/photos`` and ``…/home``."""
    for part in ("photos", "home"):
        shutil.copytree(ingested_template / part, tmp_path / part)
    with closing(sqlite3.connect(tmp_path / "home" / "catalog.db")) as database, database:
        names = ingested_template.as_uri(), tmp_path.as_uri()
        database.execute("UPDATE location SET uri = replace(uri, ?, ?)", names)
    made = Assembly(Settings.in_data_dir(tmp_path / "home", device="cpu", recipe="grid"))
    yield Ingested(made, tmp_path / "photos", sorted((tmp_path / "photos").iterdir()))
    close(made)


@pytest.fixture
def toys(blank_catalog: Path, tmp_path: Path) -> Iterator[ToyLibrary]:
    """A catalogue to be filled by hand."""
    shutil.copy(blank_catalog, tmp_path / "catalog.db")
    library = ToyLibrary(tmp_path)
    yield library
    library.close()


@pytest.fixture
def more_toys(blank_catalog: Path, tmp_path: Path) -> Iterator[Callable[[str], ToyLibrary]]:
    """Makes further catalogues, by name."""
    made: list[ToyLibrary] = []

    def make(name: str) -> ToyLibrary:
        (tmp_path / name).mkdir()
        shutil.copy(blank_catalog, tmp_path / name / "catalog.db")
        made.append(ToyLibrary(tmp_path / name))
        return made[-1]

    yield make
    for library in made:
        library.close()


@pytest.fixture(scope="session")
def lite() -> Recipe:
    """The default recipe on the processor; the network is loaded once for all tests."""
    from retrieval.recipes import load

    return load("lite", "cpu")
