"""A home that cannot be written: what is asked is refused in one sentence, what can be looked at is shown."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from installation import Library, drawing, encoded
from read_only import read_only

from retrieval.analysis.local import LocalAnalyzer
from retrieval.images.decoder_pool import DecoderPool
from retrieval.storage import disk as storage
from retrieval.storage import file_names
from webui import create_app


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at is looked at each time."""
    monkeypatch.setattr(storage, "LOOK_SECONDS", 0.0)


@pytest.mark.parametrize(("address", "folder"), [("images", "uploads"), ("queries", "queries")])
def test_uploads(client: FlaskClient, library: Library, address: str, folder: str) -> None:
    there = library.assembly.settings.data_dir / folder
    there.mkdir(exist_ok=True)
    picture = encoded(drawing(("red", "white")))
    with read_only(there):
        answer = client.post(f"/api/v1/{address}", data={"file": (io.BytesIO(picture), "x.png")})
        assert (answer.status_code, answer.mimetype) == (507, "application/problem+json")
        assert f"{there} cannot be written" in answer.get_json()["detail"]
    answer = client.post(f"/api/v1/{address}", data={"file": (io.BytesIO(picture), "x.png")})
    assert answer.status_code in (200, 201, 202)


def test_a_thumbnail_that_was_lost(client: FlaskClient, library: Library) -> None:
    settings = library.assembly.settings
    path = settings.files_dir / file_names.thumbnail(library.assembly.catalog.images.get(1).sha256)
    path.unlink()
    with read_only(path.parent):
        answer = client.get("/api/v1/images/1/thumbnail")
        assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
        assert "cannot be written (Read-only file system)" in answer.get_json()["detail"]
    assert client.get("/api/v1/images/1/thumbnail").status_code == 200


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own for a home."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.sqlite("its file is on the full disk")
def test_deleting_on_a_full_disk(
    copy_template: Callable[[Path], Library], small_disk: Path, decoders: DecoderPool
) -> None:
    """It needs a little room itself, and says so; the photo is as it was, and goes once there is some."""
    library = copy_template(small_disk)
    app = create_app(library.assembly, LocalAnalyzer(library.assembly.recipe, decoders), follow=False)
    client = app.test_client()
    assert client.get("/api/v1/images/1").status_code == 200
    with (small_disk / "rest").open("wb", buffering=0) as rest:
        with pytest.raises(OSError, match="No space left"):
            while True:
                rest.write(bytes(1 << 12))
    answer = client.delete("/api/v1/images/1")
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert "the disk of the catalogue is full: free some space first; even deleting" in answer.get_json()["detail"]
    assert client.get("/api/v1/images/1").status_code == 200
    (small_disk / "rest").unlink()
    assert client.delete("/api/v1/images/1").status_code == 204
    library.assembly._sessions.engine.dispose()
