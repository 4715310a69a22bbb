"""What all tests share: a clean environment, drawn pictures, and installations on the `grid` recipe."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
from databases import ON_POSTGRESQL, Files, Server, on_server, running_server
from milvus_server import running_milvus
from remote_stores import Bucket, WebFiles, new_bucket, running_s3, running_web
from toys import Ingested, Pictures, ToyLibrary, close

from retrieval.assembly import Assembly
from retrieval.recipes.protocols import Recipe
from retrieval.settings import Settings

SETTINGS = (
    "SEGSEARCH_HOME", "SEGSEARCH_DATA_DIR", "SEGSEARCH_DATABASE_URL", "SEGSEARCH_DEVICE", "SEGSEARCH_RECIPE", "SEGSEARCH_WEIGHTS",
    "SEGSEARCH_FRAME_SECONDS", "SEGSEARCH_FILES",
    "SEGSEARCH_INDEX", "SEGSEARCH_INDEX_URL", "SEGSEARCH_PARENT", "SEGSEARCH_MIN_FREE", "SEGSEARCH_QUOTA",
    "SEGSEARCH_CACHE", "SEGSEARCH_SIGNED_SECONDS", "SEGSEARCH_ANALYZER_URL", "SEGSEARCH_ANALYZER_TOKEN",
    "SEGSEARCH_LIMITS_URL",
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


@pytest.fixture(scope="session", autouse=True)
def databases(tmp_path_factory: pytest.TempPathFactory, clean_environment: None) -> Iterator[Files | Server]:
    """Where catalogues are."""
    if not ON_POSTGRESQL:
        yield Files(tmp_path_factory.mktemp("blank"))
        return
    with running_server() as server, on_server(server):
        yield server


@pytest.fixture(scope="session")
def server(databases: Files | Server) -> Iterator[Server]:
    """A PostgreSQL server, wherever the other catalogues are."""
    if isinstance(databases, Server):
        yield databases
        return
    with running_server() as started:
        yield started


@pytest.fixture(scope="session")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Milvus server, which is started if an environment for it is named."""
    with running_milvus(tmp_path_factory.mktemp("milvus")) as url:
        yield url


@pytest.fixture(autouse=True)
def forgotten(request: pytest.FixtureRequest, databases: Files | Server) -> Iterator[None]:
    """A test's catalogues end with it."""
    if ON_POSTGRESQL and (found := request.node.get_closest_marker("sqlite")):
        pytest.skip(f"of SQLite alone: {found.args[0]}")
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder is not None:
        databases.forget(folder)


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
def assembly(settings: Settings, databases: Files | Server) -> Iterator[Assembly]:
    """An installation without photos."""
    settings.data_dir.mkdir(parents=True)
    databases.blank(settings.data_dir)
    made = Assembly(settings)
    yield made
    close(made)


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
def ingested(ingested_template: Path, tmp_path: Path, databases: Files | Server) -> Iterator[Ingested]:
    """An installation with six photos of 25 segments each, index published; ``tmp_path/photos`` and ``…/home``."""
    for part in ("photos", "home"):
        shutil.copytree(ingested_template / part, tmp_path / part)
    databases.copy(ingested_template / "home", tmp_path / "home")
    names = {"old": ingested_template.as_uri(), "new": tmp_path.as_uri()}
    databases.execute(tmp_path / "home", "UPDATE location SET uri = replace(uri, :old, :new)", **names)
    made = Assembly(Settings.in_data_dir(tmp_path / "home", device="cpu", recipe="grid"))
    yield Ingested(made, tmp_path / "photos", sorted((tmp_path / "photos").iterdir()))
    close(made)


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of a stand-in for S3."""
    pytest.importorskip("moto")
    with running_s3() as url:
        yield url


@pytest.fixture
def bucket(s3: str) -> Iterator[Bucket]:
    """An empty bucket of its own."""
    with new_bucket(s3, f"photos-{secrets.token_hex(4)}") as made:
        yield made


@pytest.fixture
def web() -> Iterator[WebFiles]:
    """A web server without files."""
    with running_web() as files:
        yield files


@pytest.fixture
def toys(databases: Files | Server, tmp_path: Path) -> Iterator[ToyLibrary]:
    """A catalogue to be filled by hand."""
    databases.blank(tmp_path)
    library = ToyLibrary(tmp_path)
    yield library
    library.close()


@pytest.fixture
def more_toys(databases: Files | Server, tmp_path: Path) -> Iterator[Callable[[str], ToyLibrary]]:
    """Makes further catalogues, by name."""
    made: list[ToyLibrary] = []

    def make(name: str) -> ToyLibrary:
        (tmp_path / name).mkdir()
        databases.blank(tmp_path / name)
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
