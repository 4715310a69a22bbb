"""Files of a home that are spoilt or gone: each command says in one sentence what to do, or cures it."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from toys import Ingested, close

from indexer.publish import Publisher, rebuild
from indexer.verify import verify
from retrieval.assembly import Assembly
from retrieval.errors import RetrievalError
from retrieval.query.request import Ref, SearchRequest
from retrieval.settings import Settings

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
PLACES = 12
"""Damages of each file."""

pytestmark = pytest.mark.sqlite("its file is damaged")


def spoil(path: Path, lot: random.Random) -> str:
    """Do one thing to a file that a disk, a copy or a person may do; returns what."""
    content = bytearray(path.read_bytes())
    start = lot.randrange(max(1, len(content)))
    end = min(len(content), start + lot.choice((1, 8, 64, len(content))))
    what = lot.choice(("flipped", "zeroed", "overwritten", "cut", "longer", "empty", "gone", "zeroed after its head"))
    if what == "gone":
        path.unlink()
        return what
    changed = {
        "flipped": lambda: content[:start] + bytes([content[start] ^ (1 << lot.randrange(8))]) + content[start + 1 :],
        "zeroed": lambda: content[:start] + bytes(end - start) + content[end:],
        "overwritten": lambda: content[:start] + lot.randbytes(end - start) + content[end:],
        "cut": lambda: content[:start],
        "longer": lambda: content + lot.randbytes(16),
        "empty": bytes,
        "zeroed after its head": lambda: content[:128] + bytes(max(0, len(content) - 128)),
    }[what]()
    path.write_bytes(bytes(changed))
    return f"{what} at {start} of {len(content)}"


@pytest.mark.slow
def test_spoilt_index_files_never_spoil_a_search(ingested: Ingested, tmp_path: Path) -> None:
    """Drawn by a seed, over every file: a search finds what it should or says what to do, and a rebuild cures all."""
    ingested.assembly.catalog.images.delete(ingested.ids[2])
    Publisher(ingested.assembly).publish()  # so that there is a list of what is gone
    folder = ingested.assembly.settings.index_dir
    kept = shutil.copytree(folder, tmp_path / "kept")
    names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.suffix in (".json", ".npy", ".faiss"))
    assert {path.name[:4] for path in names} == {"mani", "part", "gone"}
    request = SearchRequest(positive=(Ref(segment=1),), limit=100)
    right = [match.image_id for match in ingested.assembly.engine().search(request).results]
    lot = random.Random(3)
    for name in names:
        for _ in range(PLACES):
            shutil.rmtree(folder)
            shutil.copytree(kept, folder)
            what = f"{name}: {spoil(folder / name, lot)}"
            try:
                found = [match.image_id for match in ingested.assembly.engine().search(request).results]
                assert found == right or verify(ingested.assembly), what
                assert set(found) <= set(right), what
            except RetrievalError as error:
                assert "`segsearch " in str(error), what
            rebuild(ingested.assembly)
            assert verify(ingested.assembly) == [], what


# ---- the real commands


def run(home: Path, *arguments: str) -> tuple[int, str]:
    """The exit code of a command, and what it says."""
    environment = {**os.environ, "SEGSEARCH_DATA_DIR": str(home), "SEGSEARCH_RECIPE": "grid", "SEGSEARCH_DEVICE": "cpu"}
    program = [sys.executable, str(MANAGE), *arguments]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


def sql(*statements: str) -> Callable[[Path], None]:
    def change(home: Path) -> None:
        with closing(sqlite3.connect(home / "catalog.db")) as database, database:
            for statement in statements:
                database.execute(statement)

    return change


def smash_pages(home: Path) -> None:
    path = home / "catalog.db"
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


def zero_ids(home: Path) -> None:
    """As a disk that lost a block: head and size are as they were."""
    for path in home.glob("index/*/segments/part-*.ids.npy"):
        path.write_bytes(path.read_bytes()[:128] + bytes(path.stat().st_size - 128))


def lose_name(home: Path) -> None:
    (path,) = home.glob("index/*/segments/manifest.json")
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({**stored, "parts": [{**stored["parts"][0], "name": None}]}))


SEARCH = ("search", "--segment", "1")
DAMAGES: dict[str, tuple[Callable[[Path], None], list[tuple[tuple[str, ...], int, str]]]] = {
    "newer schema": (
        sql("UPDATE alembic_version SET version_num = '9999'", "UPDATE schema_support SET oldest = '9999'"),
        [(("status",), 1, "made by a newer SegSearch.*upgrade"), (("migrate",), 1, "made by a newer SegSearch")],
    ),
    "no version": (
        sql("DELETE FROM alembic_version"),
        [(SEARCH, 1, "run `python manage.py migrate`"), (("migrate",), 0, "has schema"), (("status",), 0, "indexed")],
    ),
    "smashed pages": (
        smash_pages,
        [(("verify",), 1, "is damaged.*restore a backup"), (("migrate",), 1, "is damaged.*restore a backup")],
    ),
    "empty catalogue": (
        lambda home: (home / "catalog.db").write_bytes(b""),
        [(("status",), 1, "is empty or gone, but the index"), (("migrate",), 1, "is empty or gone, but the index")],
    ),
    "no catalogue": (
        lambda home: (home / "catalog.db").unlink(),
        [(("ingest", "."), 1, "is empty or gone, but the index")],
    ),
    "zeroed ids": (
        zero_ids,
        [
            (SEARCH, 0, "until then searches use vectors read"),
            (("verify",), 1, "ids.npy is not as it was written.*rebuild-index"),
        ],
    ),
    "nameless part": (
        lose_name,
        [(SEARCH, 0, "manifest.json is incomplete"), (("verify",), 1, "manifest.json is incomplete.*rebuild-index")],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DAMAGES)
def test_each_command_says_what_to_do(ingested: Ingested, name: str) -> None:
    close(ingested.assembly)
    home = ingested.assembly.settings.data_dir
    damage, expected = DAMAGES[name]
    damage(home)
    for arguments, code, sentence in expected:
        found, told = run(home, *arguments)
        assert "Traceback" not in told
        assert (found, bool(re.search(sentence, told))) == (code, True), told
        if code == 1 and arguments != ("verify",):
            assert len(told.splitlines()) == 1, told


@pytest.mark.slow
def test_a_server_comes_up_with_spoilt_ids(ingested: Ingested) -> None:
    close(ingested.assembly)
    home = ingested.assembly.settings.data_dir
    zero_ids(home)
    environment = {**os.environ, "SEGSEARCH_DATA_DIR": str(home), "SEGSEARCH_RECIPE": "grid", "SEGSEARCH_DEVICE": "cpu"}
    program = [sys.executable, str(MANAGE), "serve", "--port", "0", "--no-worker"]
    with subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as it:
        try:
            assert it.stdout is not None
            address = re.findall(r"http://\S+", it.stdout.readline())[0]
            body = json.dumps({"positive": [{"segment": 1}]}).encode()
            headers = {"Content-Type": "application/json"}
            with urllib.request.urlopen(urllib.request.Request(f"{address}api/v1/search", body, headers)) as answer:
                assert len(json.load(answer)["results"]) == 5
        finally:
            it.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("sign", ["?", "%41", "#", " ", "\n", "?mode=memory", "&", "é", "'", ";"])
def test_a_home_of_any_name_holds_its_catalogue(tmp_path: Path, sign: str) -> None:
    home = tmp_path / f"a{sign}b"
    for settings in (Settings.in_data_dir(home, recipe="grid"), Settings.from_env({"SEGSEARCH_DATA_DIR": str(home)})):
        made = Assembly(settings)
        made.ingest_queue.pause()
        close(made)
    assert (home / "catalog.db").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [home.name]
