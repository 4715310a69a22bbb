"""How processes end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import signal, sys, threading, time
from retrieval.processes.lifetime import stop_on_signals

ending = threading.Event()
stop_on_signals(ending.set)

def send():
    time.sleep(0.3)
    signal.pthread_kill(threading.get_ident(), getattr(signal, sys.argv[1]))

threading.Thread(target=send, daemon=True).start()
print(ending.wait(5))
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_that_does_not_wake_the_main_thread_stops_it_too(name: str) -> None:
    """As one does not that comes just before the main thread starts to wait."""
    ended = subprocess.run([sys.executable, "-c", PROGRAM, name], cwd=ROOT, capture_output=True, text=True)
    assert ended.stdout.split() == ["True"], ended.stderr
