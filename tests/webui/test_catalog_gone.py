"""A catalogue that cannot be read, under the server that `serve` runs: 503 everywhere, until it is there again."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from installation import Library, drawing, encoded

from retrieval.catalog import Accounts

pytestmark = pytest.mark.sqlite("its file is moved, replaced and spoilt")

PAGES = (
    "/",
    "/worst",
    "/photos/1",
    "/search",
    "/search?segment=1",
    "/concepts",
    "/discover",
    "/account",
)
CALLS = (
    "images",
    "images/1",
    "images/1/file",
    "images/1/thumbnail",
    "segments/1/crop",
    "segments/1/cutout.png",
    "segments/1/mask.png",
    "status",
    "concepts",
    "queries/1",
)


def moved(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def a_folder(path: Path) -> None:
    moved(path)
    path.mkdir()


def nothing(path: Path) -> None:
    moved(path)
    path.touch()


def garbage(path: Path) -> None:
    moved(path)
    path.write_bytes(b"no database at all " * 1000)


def overwritten(path: Path) -> None:
    """In the same file, which is open in the server."""
    path.with_name("elsewhere.db").write_bytes(path.read_bytes())
    with path.open("r+b") as file:
        file.write(b"no database at all " * (path.stat().st_size // 19))


def answers(served: str) -> list[requests.Response]:
    """What the pages and the calls answer."""
    return [
        *(requests.get(served + page) for page in PAGES),
        *(requests.get(f"{served}/api/v1/{call}") for call in CALLS),
        requests.post(f"{served}/api/v1/search", json={"positive": [{"segment": 1}]}),
        requests.post(f"{served}/api/v1/search", json={"positive": [{"image": 1}], "filters": {"folder": "/"}}),
        requests.post(f"{served}/api/v1/images", files={"file": io.BytesIO(encoded(drawing(("teal", "pink"))))}),
        requests.delete(f"{served}/api/v1/images/1"),
        requests.post(f"{served}/api/v1/concepts", json={"name": "x", "positive": [1]}),
        requests.post(f"{served}/login", data={"name": "x", "password": "y"}, headers={"Origin": served}),
    ]


@pytest.mark.parametrize("spoil", [moved, a_folder, nothing, garbage, overwritten])
def test_a_catalogue_that_is_gone(served: str, library: Library, spoil: Callable[[Path], None]) -> None:
    path = library.assembly.settings.data_dir / "catalog.db"
    requests.post(f"{served}/api/v1/search", json={"positive": [{"segment": 1}]})  # connections are open
    for beside in ("catalog.db-wal", "catalog.db-shm"):
        (path.parent / beside).unlink(missing_ok=True) if spoil is not overwritten else None
    spoil(path)
    for answer in answers(served):
        where = (answer.request.method, answer.url, answer.text[:300])
        assert answer.status_code == 503, where
        assert int(answer.headers["Retry-After"]) > 0, where
        assert "catalogue" in answer.text, where
        kind = "application/problem+json" if "/api/" in answer.url else "text/html"
        assert answer.headers["Content-Type"].startswith(kind), where
    assert requests.get(f"{served}/healthz").status_code == 200
    assert requests.get(f"{served}/readyz").status_code == 503


def test_it_is_used_again_once_it_is_back(served: str, library: Library) -> None:
    path = library.assembly.settings.data_dir / "catalog.db"
    assert requests.get(f"{served}/api/v1/images/1").status_code == 200
    moved(path)
    assert requests.get(f"{served}/api/v1/images/1").status_code == 503
    path.with_name("elsewhere.db").rename(path)
    assert requests.get(f"{served}/api/v1/images/1").status_code == 200
    assert requests.post(f"{served}/api/v1/search", json={"positive": [{"segment": 1}]}).status_code == 200
    assert requests.get(f"{served}/").status_code == 200


def test_no_new_catalogue_takes_its_place(served: str, library: Library) -> None:
    path = library.assembly.settings.data_dir / "catalog.db"
    moved(path)
    answers(served)
    assert not path.exists()


def test_nobody_is_let_in_meanwhile(served: str, library: Library, users: Accounts) -> None:
    assert requests.get(f"{served}/api/v1/images").status_code == 401
    moved(library.assembly.settings.data_dir / "catalog.db")
    assert requests.get(f"{served}/api/v1/images").status_code == 503
    assert requests.get(f"{served}/api/v1/images", headers={"Authorization": "Bearer x"}).status_code == 503
