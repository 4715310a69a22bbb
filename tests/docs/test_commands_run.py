"""The shell commands of the README, of CONTRIBUTING and of what is in docs run, each document's in its order, in a folder of their own.

A block that cannot run says why, in a comment before it: ``<!-- not run: needs a GPU -->``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.drawings import draw_scenes

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"(?P<before>[^\n]*)\n```(?P<language>sh|bash|shell|console)\n(?P<commands>.*?)```", re.DOTALL)
NOT_RUN = re.compile(r"<!-- not run: (?P<reason>\S.*) -->")
REASONS = re.compile(
    r"runs until it is stopped|needs|asks for a password|downloads|builds|installs|measures for|was taught in the browser"
)
PHOTOS = 6
PICTURED = {"tutorial.md"}
"""These have photos of their own: nothing is ingested before."""


def blocks(document: Path) -> Iterator[tuple[str, str | None]]:
    """The commands of each block, and why they are not run."""
    for found in BLOCK.finditer(document.read_text()):
        reason = NOT_RUN.fullmatch(found["before"].strip())
        yield found["commands"], reason["reason"] if reason else None


DOCUMENTS = [
    path
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
    if any(blocks(path))
]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    draw_scenes(folder)
    return folder


@pytest.fixture
def shell(tmp_path: Path, drawn: Path) -> dict[str, str]:
    """The environment of a user with photos in two folders, in a folder with a query photo."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, line in (("python", '"$@"'), ("segsearch", f'{ROOT / "manage.py"} "$@"')):
        (programs / name).write_text(f"#!/bin/sh\nexec {sys.executable} {line}\n")
        (programs / name).chmod(0o755)
    (tmp_path / "manage.py").symlink_to(ROOT / "manage.py")
    for number, photo in enumerate(sorted(drawn.iterdir())[:PHOTOS]):
        folder = tmp_path / "Pictures" / ("garden", "misc")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, folder)
    shutil.copy(sorted(drawn.iterdir())[PHOTOS], tmp_path / "query.jpg")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEGSEARCH_")}
    return kept | {
        "HOME": str(tmp_path),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }


def run(commands: str, environment: dict[str, str]) -> None:
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=environment["HOME"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, f"{commands}\n{ended.stdout}\n{ended.stderr}"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_run(document: Path, shell: dict[str, str]) -> None:
    runnable = [commands for commands, reason in blocks(document) if reason is None]
    if runnable and document.name not in PICTURED:
        run("segsearch ingest ~/Pictures", shell)
    for commands in runnable:
        run(commands, shell)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_is_not_run_has_a_reason(document: Path) -> None:
    for _, reason in blocks(document):
        assert reason is None or REASONS.search(reason), reason
    left_out = document.read_text().count("<!-- not run:")
    assert left_out == sum(reason is not None for _, reason in blocks(document)), "a reason stands before no block"


@pytest.mark.slow
def test_a_block_without_a_reason_is_run(tmp_path: Path, shell: dict[str, str]) -> None:
    document = tmp_path / "page.md"
    document.write_text("text\n```sh\nfalse\n```\n\n<!-- not run: needs a GPU -->\n```sh\nfalse\n```\n")
    (first, second) = blocks(document)
    assert (first, second) == (("false\n", None), ("false\n", "needs a GPU"))
    with pytest.raises(AssertionError, match="false"):
        run(first[0], shell)
