"""Several worker processes of one command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from databases import environment_of
from toys import drawing

from indexer import several_workers
from indexer.several_workers import devices_for
from retrieval.assembly import Assembly
from retrieval.settings import Settings

MANAGE = Path(__file__).parents[2] / "manage.py"


@pytest.mark.parametrize(
    ("device", "gpus", "torch", "expected"),
    [
        ("auto", 2, True, ["cuda:0", "cuda:1", "cuda:0"]),
        ("auto", 2, False, ["auto", "auto", "auto"]),
        ("auto", 0, True, ["auto", "auto", "auto"]),
        ("cpu", 2, True, ["cpu", "cpu", "cpu"]),
        ("cuda:1", 2, True, ["cuda:1", "cuda:1", "cuda:1"]),
    ],
)
def test_gpus_are_taken_in_turn(
    monkeypatch: pytest.MonkeyPatch, device: str, gpus: int, torch: bool, expected: list[str]
) -> None:
    monkeypatch.setattr(several_workers, "cuda_devices", lambda: gpus)
    monkeypatch.setattr(several_workers, "find_spec", lambda _: object() if torch else None)
    assert devices_for(device, 3) == expected


def wait_for(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command with two workers on a home of its own, in a group of its own."""
    own = {**environment_of(tmp_path / "home"), "SEGSEARCH_RECIPE": "grid", "SEGSEARCH_DEVICE": "cpu"}
    with (tmp_path / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, str(MANAGE), "worker", "--workers", "2"],
            env={**os.environ, **own},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.slow
def test_they_work_until_they_are_told_to_stop(running: subprocess.Popen[bytes], tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(60):
        drawing(number).save(folder / f"{number}.png")
    this = psutil.Process(running.pid)
    wait_for(lambda: len(this.children()) == 2)
    first, second = this.children()
    if len(os.sched_getaffinity(0)) > 1:
        wait_for(lambda: not set(first.cpu_affinity()) & set(second.cpu_affinity()))

    assembly = Assembly(Settings.in_data_dir(tmp_path / "home", recipe="grid", device="cpu"))
    from indexer.report import Tally
    from indexer.scan import register_files

    register_files(assembly, [folder], Tally())
    queue = assembly.ingest_queue
    wait_for(lambda: not queue.unfinished(assembly.recipe_spec.fingerprint))
    assert assembly.catalog.vectors.contents(assembly.recipe_spec.space).photos == 60

    first.kill()
    wait_for(lambda: len({each.pid for each in this.children()} - {first.pid}) == 2)  # another takes its place

    children = this.children()
    os.killpg(running.pid, signal.SIGTERM)  # as a service manager ends it
    assert running.wait(60) == 0
    assert not [each for each in children if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
