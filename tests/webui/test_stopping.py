"""Servers and their companions that are told to end, as a service manager does it: the whole group, and more than once."""

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

MANAGE = Path(__file__).parents[2] / "manage.py"

pytestmark = pytest.mark.slow


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a command in a group of its own, with its output in ``log``."""
    started: list[subprocess.Popen[bytes]] = []
    own = {"SEGSEARCH_DATA_DIR": str(tmp_path / "home"), "SEGSEARCH_RECIPE": "grid", "SEGSEARCH_DEVICE": "cpu"}

    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in the background of a shell; processes would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def run(*arguments: str) -> subprocess.Popen[bytes]:
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(MANAGE), *arguments],
                env={**os.environ, **own},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) & 1 << (number - 1))


def members(group: int) -> list[psutil.Process]:
    """Processes of a group."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.Error):
            continue
    return found


@pytest.mark.parametrize("command", [["analyzer"], ["serve", "--port", "0"]])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_group_ends_in_order(
    start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, command: list[str], number: signal.Signals
) -> None:
    process = start(*command)
    sockets = tmp_path / "home" / "analyzers"
    wait_for(lambda: any(sockets.glob("*")))
    for _ in range(1 if number == signal.SIGINT else 4):
        os.killpg(process.pid, number)
        time.sleep(0.001)
    assert process.wait(60) in (0, 1)
    wait_for(lambda: not members(process.pid))
    assert "Traceback" not in (tmp_path / "log").read_text()
    assert list(sockets.iterdir()) == []


def test_a_worker_that_is_told_twice_finishes(start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> None:
    process = start("worker")
    wait_for(lambda: catches(process.pid, signal.SIGTERM))
    for _ in range(3):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.02)
    assert process.wait(60) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_worker_that_is_still_loading_ends_without_a_traceback(
    start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    process = start("worker")
    wait_for(lambda: catches(process.pid, signal.SIGINT))
    wait_for(lambda: not catches(process.pid, signal.SIGINT))
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == -signal.SIGINT
    assert (tmp_path / "log").read_text() == ""
