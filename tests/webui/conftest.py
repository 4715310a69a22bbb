"""An application on the `grid` recipe, with pictures drawn here, entered without a worker."""

from __future__ import annotations

import hashlib
import io
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image, ImageDraw

from retrieval.analyzer import LocalAnalyzer
from retrieval.assembly import Assembly
from retrieval.catalog.records import Entry, SeenFile, uri_of
from retrieval.decoding import DecoderPool
from retrieval.images import decode_with_renditions
from retrieval.settings import Settings
from webui import create_app
from webui.context import EXTENSION, WebContext

SIZE = (640, 480)
PALETTES = (("red", "blue"), ("green", "yellow"), ("black", "orange"), ("purple", "white"))


def drawing(colors: tuple[str, str], size: tuple[int, int] = SIZE) -> Image.Image:
    """A picture of one colour with a rectangle of another in its upper left quarter."""
    picture = Image.new("RGB", size, colors[0])
    ImageDraw.Draw(picture).rectangle((0, 0, size[0] // 2 - 1, size[1] // 2 - 1), fill=colors[1])
    return picture


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The bytes of a picture file."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@dataclass(frozen=True)
class Library:
    """What a worker would do, and where the photos are."""

    assembly: Assembly
    photos: Path

    def register(self, path: Path) -> int:
        """Enter a file as pending."""
        status = path.stat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        seen = SeenFile(uri_of(path), digest, status.st_size, status.st_mtime_ns)
        return self.assembly.intake.register([seen])[0].image_id

    def process(self) -> None:
        """Analyse what is pending."""
        recipe, settings = self.assembly.recipe, self.assembly.settings
        for job in self.assembly.intake.claim("test", 100):
            decoded = decode_with_renditions(
                job.paths[0],
                long_side=1024,
                preview=settings.preview(job.sha256),
                thumbnail=settings.thumbnail(job.sha256),
            )
            features = recipe.extract([decoded.rgb])[0]
            segments = recipe.segment(decoded.rgb, features)
            entry = Entry(
                image_id=job.image_id,
                format=decoded.format,
                size_hw=decoded.size_hw,
                taken_at=decoded.taken_at,
                analysis=recipe.embed(decoded.rgb, features, segments),
            )
            self.assembly.intake.finish("test", [entry], recipe.fingerprint)

    def add(self, name: str, content: bytes) -> int:
        """Write a photo and enter it to the end."""
        path = self.photos / name
        path.write_bytes(content)
        image_id = self.register(path)
        self.process()
        return image_id


@pytest.fixture(scope="session")
def decoders() -> Iterator[DecoderPool]:
    """Processes that decode, for all tests."""
    with DecoderPool(1) as pool:
        yield pool


def library_in(folder: Path) -> Library:
    """The installation in a folder; empty if there is none."""
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    return Library(Assembly(Settings.in_home(folder / "home", device="cpu", recipe="grid")), folder / "photos")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation with four photos, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    library = library_in(folder)
    for number, colors in enumerate(PALETTES, 1):
        library.add(f"photo{number}.png", encoded(drawing(colors)))
    return folder


@pytest.fixture(scope="session")
def copy_template(template: Path) -> Callable[[Path], Library]:
    """Makes an installation with four photos, ids 1 to 4, each with 25 segments, in a folder."""

    def copy(parent: Path) -> Library:
        folder = parent / "installation"
        shutil.copytree(template, folder)
        with closing(sqlite3.connect(folder / "home" / "catalog.db")) as database, database:
            database.execute("UPDATE location SET uri = replace(uri, ?, ?)", (template.as_uri(), folder.as_uri()))
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
    app.extensions[EXTENSION].renditions.close()


@pytest.fixture
def parts(app: Flask) -> WebContext:
    """What the views of the application use."""
    found: WebContext = app.extensions[EXTENSION]
    return found


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of the application."""
    return app.test_client()


@pytest.fixture(scope="session")
def reader(template: Path, decoders: DecoderPool) -> FlaskClient:
    """A client of one application for all tests that change nothing."""
    assembly = library_in(template).assembly
    app = create_app(assembly, LocalAnalyzer(assembly.recipe, decoders), follow=False)
    app.testing = True
    return app.test_client()
