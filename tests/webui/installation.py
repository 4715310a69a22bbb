"""An installation on the `grid` recipe, with pictures drawn here, entered without a worker."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

from flask.testing import FlaskClient
from PIL import Image, ImageDraw
from werkzeug.test import TestResponse

from retrieval.analysis.batch import analyze_batch
from retrieval.assembly import Assembly
from retrieval.images.decode import decode_with_renditions
from retrieval.settings import Settings
from retrieval.storage import file_names
from retrieval.storage.locations import SeenFile, path_of, uri_of

SIZE = (640, 480)
PASSWORD = "correct horse battery"
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
        return self.assembly.catalog.locations.register([seen])[0].image_id

    def process(self) -> None:
        """Analyse what is pending."""
        recipe, settings = self.assembly.recipe, self.assembly.settings
        for job in self.assembly.ingest_queue.claim("test", 100):
            decoded = decode_with_renditions(
                path_of(job.uris[0]),
                long_side=1024,
                preview=settings.files_dir / file_names.preview(job.sha256),
                thumbnail=settings.files_dir / file_names.thumbnail(job.sha256),
            )
            (analyzed,) = analyze_batch(recipe, [decoded])
            self.assembly.ingest_queue.finish("test", {job.image_id: analyzed}, recipe.fingerprint, recipe.space)

    def add(self, name: str, content: bytes) -> int:
        """Write a photo and enter it to the end."""
        path = self.photos / name
        path.write_bytes(content)
        image_id = self.register(path)
        self.process()
        return image_id


def library_in(folder: Path) -> Library:
    """The installation in a folder; empty if there is none."""
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    return Library(Assembly(Settings.in_data_dir(folder / "home", device="cpu", recipe="grid")), folder / "photos")


def sign_in(client: FlaskClient, name: str, password: str = PASSWORD, **query: str) -> TestResponse:
    """Fill in the form."""
    form = {"name": name, "password": password}
    return client.post("/login", data=form, query_string=query, headers={"Origin": "http://localhost"})
