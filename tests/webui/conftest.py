"""An application on the `grid` recipe over four drawn photos."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import Files, Server
from flask import Flask
from flask.testing import FlaskClient
from installation import PALETTES, PASSWORD, Library, drawing, encoded, library_in
from toys import close

from retrieval.analysis.local import LocalAnalyzer
from retrieval.catalog.accounts import ROLES, Accounts
from retrieval.images.decoder_pool import DecoderPool
from webui import create_app
from webui.auth import passwords
from webui.context import EXTENSION, WebContext
from webui.serving.server import listen


@pytest.fixture(scope="session")
def decoders() -> Iterator[DecoderPool]:
    """Processes that decode, for all tests."""
    with DecoderPool(1) as pool:
        yield pool


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation with four photos, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    library = library_in(folder)
    for number, colors in enumerate(PALETTES, 1):
        library.add(f"photo{number}.png", encoded(drawing(colors)))
    close(library.assembly)
    return folder


@pytest.fixture(scope="session")
def copy_template(template: Path, databases: Files | Server) -> Callable[[Path], Library]:
    """Makes an installation with four photos, ids 1 to 4, each with 25 segments, in a folder."""

    def copy(parent: Path) -> Library:
        folder = parent / "installation"
        shutil.copytree(template, folder)
        databases.copy(template / "home", folder / "home")
        names = {"old": template.as_uri(), "new": folder.as_uri()}
        databases.execute(folder / "home", "UPDATE location SET uri = replace(uri, :old, :new)", **names)
        return library_in(folder)

    return copy


@pytest.fixture
def library(copy_template: Callable[[Path], Library], tmp_path: Path) -> Library:
    """An installation with four photos."""
    return copy_template(tmp_path)


@pytest.fixture
def app(library: Library, decoders: DecoderPool) -> Iterator[Flask]:
    """An application that does not follow the catalogue by itself."""
    app = create_app(library.assembly, LocalAnalyzer(library.assembly.recipe, decoders), follow=False)
    app.testing = True
    yield app
    app.extensions[EXTENSION].own.renditions.close()


@pytest.fixture
def parts(app: Flask) -> WebContext:
    """What the views of the application use."""
    found: WebContext = app.extensions[EXTENSION].own
    return found


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of the application."""
    return app.test_client()


@pytest.fixture
def served(app: Flask) -> Iterator[str]:
    """The address of the application under the server that `serve` runs, as strict with headers as that is."""
    app.testing = False
    listening = listen(app, "127.0.0.1", 0)
    threading.Thread(target=listening.run, daemon=True).start()
    yield f"http://127.0.0.1:{listening.port}"
    listening.stop()


@pytest.fixture(scope="session")
def reader(
    copy_template: Callable[[Path], Library], tmp_path_factory: pytest.TempPathFactory, decoders: DecoderPool
) -> FlaskClient:
    """A client of one application for all tests that change nothing."""
    assembly = copy_template(tmp_path_factory.mktemp("read")).assembly
    app = create_app(assembly, LocalAnalyzer(assembly.recipe, decoders), follow=False)
    app.testing = True
    return app.test_client()


@pytest.fixture(scope="session")
def password_hash() -> str:
    """What is kept of `PASSWORD`; it takes a while to make, as it should."""
    return passwords.hashed(PASSWORD)


@pytest.fixture
def users(library: Library, password_hash: str) -> Accounts:
    """A user of each role, named by it, all with the same password."""
    accounts = library.assembly.accounts
    for role in reversed(ROLES):
        accounts.add(role, role, password_hash)
    return accounts
