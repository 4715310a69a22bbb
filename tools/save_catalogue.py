"""``python -m tools.save_catalogue VERSION``: saves a small catalogue, for later versions to be upgraded from.

Written to ``tests/catalog/released/VERSION.sql``. It has something of everything that people make: photos from folders
and uploads, one that failed and one in the trash, tags, a concept, a refined search, a kept query, users and a token.
"""

from __future__ import annotations

import argparse
import io
import re
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from PIL import Image, ImageDraw
from werkzeug.test import TestResponse

RELEASED = Path(__file__).parents[1] / "tests" / "catalog" / "released"
COLORS = ("red", "green", "blue", "orange", "purple", "brown")


def main() -> None:
    """Make the catalogue and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", help="such as 0.2.0")
    version = parser.parse_args().version
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        parser.error(f"{version!r} is no version such as 0.2.0")
    RELEASED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder))
        path = RELEASED / f"{version}.sql"
        path.write_text(dumped(Path(folder)), encoding="utf-8")
    print(f"{path.name}: {path.stat().st_size // 1024} KiB")


def dumped(folder: Path) -> str:
    """The catalogue as SQL, with photos in ``/photos``."""
    with closing(sqlite3.connect(folder / "home" / "catalog.db")) as database:
        return "\n".join(database.iterdump()).replace(folder.as_uri(), "file://") + "\n"


def fill(folder: Path) -> None:
    """Make a data directory in ``home`` and photos in ``photos``."""
    import retrieval
    from retrieval.analysis.local import LocalAnalyzer
    from retrieval.assembly import Assembly
    from retrieval.images.decoder_pool import DecoderPool
    from retrieval.settings import Settings
    from webui import create_app
    from webui.auth import passwords

    (folder / "photos").mkdir()
    for number, color in enumerate(COLORS):
        drawing(color, number).save(folder / "photos" / f"{color}.png")
    (folder / "photos" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    with retrieval.open(folder / "home", device="cpu", recipe="grid") as library:
        library.ingest(folder / "photos")
    assembly = Assembly(Settings.in_data_dir(folder / "home", device="cpu", recipe="grid"))
    with DecoderPool(1) as decoders:
        client = create_app(assembly, LocalAnalyzer(assembly.recipe, decoders)).test_client()

        def post(path: str, body: object) -> dict[str, int]:
            return checked(client.post(f"/api/v1/{path}", json=body))

        def send(path: str, color: str, number: int) -> dict[str, int]:
            photo = io.BytesIO()
            drawing(color, number).save(photo, "PNG")
            photo.seek(0)
            return checked(client.post(f"/api/v1/{path}", data={"file": (photo, f"{color}.png")}))

        send("images", "pink", 8)
        query = send("queries", "grey", 9)["id"]
        post(f"queries/{query}/keep", {})
        post("images/tags", {"ids": [1, 2], "add": ["holiday"]})
        refined = post("feedback", {"positive": [{"segment": 1}]})["id"]
        post(f"feedback/{refined}/rounds", {"relevant": [26], "irrelevant": [51]})
        post("concepts", {"name": "patch", "positive": [1, 26], "negative": [51]})
        post("images/delete", {"ids": [4]})
    for name in ("admin", "viewer"):
        assembly.accounts.add(name, name, passwords.hashed("a long password"))


def checked(answer: TestResponse) -> dict[str, int]:
    """The JSON of an answer that went well."""
    if answer.status_code >= 300:
        raise RuntimeError(answer.get_data(as_text=True))
    found: dict[str, int] = answer.get_json(silent=True) or {}
    return found


def drawing(color: str, number: int) -> Image.Image:
    """A square on a plain ground."""
    picture = Image.new("RGB", (120, 80), "white")
    ImageDraw.Draw(picture).rectangle((10 + 4 * number, 10, 60 + 4 * number, 60), fill=color)
    return picture


if __name__ == "__main__":
    main()
