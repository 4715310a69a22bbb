"""Small runs of the stress tests: random kills of every process, and spoilt picture files."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from toys import Ingested, Pictures, drawing

from benchmarks import attack, fuzz, kills
from benchmarks.deployment import Deployment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.sqlite(
        "they make data directories of their own, with catalogues in files; benchmarks/hosts.py uses a server"
    ),
]

ROOT = Path(__file__).parents[2]


def test_random_kills() -> None:
    found = kills.run(3, seed=28, photos=4, filled=500)
    assert found["faults"] == []
    assert found["killed"] == {"worker": 1, "decoder": 1, "web server": 1}
    assert found["photos in the catalogue"] == 5 + found["files"] + found["uploads"] >= 29
    assert found["segments in catalogue and index"] == 500 + 25 * (found["files"] + found["uploads"])


def test_random_kills_of_two_of_each() -> None:
    found = kills.run(2, seed=3, photos=4, copies=2)
    assert found["faults"] == []
    assert found["photos in the catalogue"] == found["files"] + found["uploads"] >= 16


def test_random_requests() -> None:
    found = attack.run(400, seed=5, servers=2, photos=8)
    assert found["faults"] == []
    assert found["requests"] == 400
    assert {"200", "202", "400", "404", "405", "415", "422"} <= found["statuses"].keys()


@pytest.fixture
def account(ingested: Ingested) -> Deployment:
    """The account of an installation in which nothing was killed."""
    assert ingested.assembly.settings.data_dir.is_dir()
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in ingested.paths}
    return Deployment(ingested.assembly.settings.data_dir, ingested.photos, files=digests)


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("DELETE FROM image WHERE id = 2", "1 photos lost"),
        ("DELETE FROM segment WHERE id = 30", "1 segments lost or doubled"),
        ("UPDATE segment SET mask_counts = x'00', x0 = 0, y0 = 0, x1 = 1, y1 = 1 WHERE id IN (3, 4)", "segment twice"),
        ("UPDATE image SET state = 'working' WHERE id = 1", "1 photos not entered"),
        ("DELETE FROM location WHERE id = 1", "1 places lost or doubled"),
        ("UPDATE image SET sha256 = 'x' WHERE id = 1", "1 photos that nobody gave"),
    ],
)
def test_the_account_would_notice(account: Deployment, damage: str, fault: str) -> None:
    assert kills.faults_of(account) == []
    account.rows(damage)
    assert any(fault in each for each in kills.faults_of(account))


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A picture file of each of several formats."""
    folder = tmp_path / "sources"
    folder.mkdir()
    for number, suffix in enumerate(("jpg", "png", "webp", "tif", "bmp", "gif", "avif", "heic", "ppm")):
        drawing(number).save(folder / f"whole.{suffix}")
    frames = [drawing(number) for number in (20, 21)]
    frames[0].save(folder / "animated.gif", save_all=True, append_images=frames[1:])
    Image.new("I;16", (64, 48)).save(folder / "deep.png")
    return folder


def test_spoilt_files_are_all_accounted_for(sources: Path, tmp_path: Path) -> None:
    """In a process of its own, whose handles, threads and children are those of the run alone."""
    out = tmp_path / "found.json"
    command = ["-m", "benchmarks.fuzz", "--from", sources, "--count", "66", "--seed", "5", "--out", out]
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(out.read_text())
    assert found["faults"] == []
    assert sum(found["states"].values()) == 66
    assert {"indexed", "failed"} <= found["states"].keys()
    assert sum(found["reasons"].values()) == found["states"]["failed"]


def test_the_same_seed_spoils_the_same(sources: Path, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b", "c")]
    made = []
    for folder, seed in zip(folders, (1, 1, 2), strict=True):
        folder.mkdir()
        made.append({path.name: path.read_bytes() for path in fuzz.mutate(sources, folder, 40, seed)})
    assert made[0] == made[1] != made[2]


def test_what_is_unaccounted_for_is_noticed(ingested: Ingested, pictures: Pictures) -> None:
    lost = pictures("new.png")
    states, faults = fuzz.account(ingested.assembly, [*ingested.paths, lost], [])
    assert states == {"indexed": 6, "skipped": 1}
    assert "0 files are accounted for, of 7" in faults
