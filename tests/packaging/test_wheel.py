"""What pip installs works away from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PLACED_BY_PIP = {"retrieval", "indexer", "webui", "demo", "segsearch"}

pytestmark = pytest.mark.slow
pytest.importorskip("hatchling", reason="hatchling is in the group dev: run `make setup`")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def run(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a program of an environment that has the wheel, and the libraries that it needs from the one of the tests."""
    place = tmp_path_factory.mktemp("installed")
    venv.create(place / "venv", with_pip=True)
    python = place / "venv" / "bin" / "python"
    own = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    Path(own, "libraries.pth").write_text("\n".join(place for place in sys.path if place.endswith("site-packages")))
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH" and "SEGSEARCH" not in name}

    def run(program: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python.with_name(program), *arguments], cwd=place, env=kept | variables, capture_output=True, text=True
        )

    return run


def test_everything_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", *sorted(PLACED_BY_PIP)], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    with ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert set(tracked) <= packed
    assert {name.partition("/")[0] for name in packed} == PLACED_BY_PIP, "nothing else comes along"
    assert {
        "retrieval/py.typed",
        "retrieval/data/lite.safetensors",
        "retrieval/catalog/migrations/env.py",
        "retrieval/catalog/migrations/versions/0001_catalogue.py",
        "webui/templates/search.html",
        "webui/static/js/search.js",
    } <= packed


def test_it_is_the_installed_library_that_is_imported(run: Run) -> None:
    told = run("python", "-c", "import retrieval, webui; print(retrieval.__file__, webui.__file__)")
    assert told.returncode == 0, told.stderr
    assert str(ROOT) not in told.stdout
    assert "site-packages" in told.stdout


def test_the_program_says_what_it_can_do(run: Run) -> None:
    told = run("segsearch", "--help")
    assert told.returncode == 0, told.stderr
    assert "Usage: segsearch" in told.stdout
    assert {"ingest", "serve", "quickstart"} <= set(told.stdout.split())


def test_a_new_home_gets_its_schema(run: Run, tmp_path: Path) -> None:
    made = run("segsearch", "migrate", SEGSEARCH_DATA_DIR=str(tmp_path))
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "catalog.db").is_file()
    told = run("segsearch", "status", "--json", SEGSEARCH_DATA_DIR=str(tmp_path), SEGSEARCH_RECIPE="grid")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["segments"] == 0


def test_pages_are_served(run: Run, tmp_path: Path) -> None:
    program = """
from pathlib import Path
from retrieval.analysis.remote import RemoteAnalyzer
from retrieval.assembly import Assembly
from retrieval.settings import Settings
from webui import create_app
import sys
settings = Settings.in_data_dir(Path(sys.argv[1]), recipe="grid")
client = create_app(Assembly(settings), RemoteAnalyzer(settings.analyzers_dir)).test_client()
print(client.get("/").status_code, client.get("/static/css/base.css").status_code)
"""
    told = run("python", "-c", program, str(tmp_path))
    assert told.stdout.split() == ["200", "200"], told.stderr
