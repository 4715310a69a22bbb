"""The progress bar of an ingest."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import environment_of
from rich.console import Console
from toys import Pictures

from indexer.commands import progress as module
from indexer.commands.progress import IngestProgress
from indexer.report import Failure, Tally
from retrieval.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Console", lambda **_: Console(force_terminal=True, width=100, quiet=True))


def until(holds: Callable[[], bool]) -> None:
    """Wait for it."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.usefixtures("_terminal")
def test_the_total_is_known_before_the_files_are(tmp_path: Path) -> None:
    for name in ("a.jpg", "b/c.jpg", "b/d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    tally = Tally()
    with IngestProgress(tally, [tmp_path]) as progress:
        until(lambda: progress._so_far() == (0, 3))
        tally.count("skipped")
        tally.entered(1, tmp_path / "a.jpg")
        assert progress._so_far() == (1, 3), "that photo is not analysed yet"
        progress.advance()
        tally.failed(Failure(str(tmp_path / "b" / "c.jpg"), "broken"))
        assert progress._so_far() == (3, 3)
        (task,) = progress._bar.tasks
        until(lambda: (task.completed, task.total) == (3, 3))


@pytest.mark.usefixtures("_terminal")
def test_photos_that_waited_before_are_more_than_the_files(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    with IngestProgress(Tally(), [tmp_path]) as progress:
        progress.advance()
        progress.advance()
        until(lambda: progress._so_far() == (2, 2))


def test_nothing_is_counted_where_nobody_looks(tmp_path: Path) -> None:
    with IngestProgress(Tally(), [tmp_path]) as progress:
        assert progress._so_far() == (0, None)


@pytest.mark.slow
def test_on_a_terminal(settings: Settings, pictures: Pictures) -> None:
    pictures.many(3)
    (pictures.folder / "notes.txt").write_text("not a picture")
    environment = {
        **os.environ, **environment_of(settings.data_dir), "SEGSEARCH_RECIPE": "grid", "SEGSEARCH_MIN_FREE": "0",
        "TERM": "xterm", "COLUMNS": "100",
    }  # fmt: skip
    ours, theirs = pty.openpty()
    command = [sys.executable, str(ROOT / "manage.py"), "ingest", str(pictures.folder)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=theirs) as run:
        os.close(theirs)
        shown = "".join(read(ours))
        assert run.stdout is not None
        assert "4 files in" in run.stdout.read().decode()
    assert run.returncode == 0
    assert "4/4" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)


def read(terminal: int) -> Iterator[str]:
    """What is written to a terminal until nobody has it open any more."""
    with open(terminal, encoding="utf-8", newline="") as stream:
        try:
            yield from stream
        except OSError:  # Linux says so at its end
            return
