"""Child processes that run a command of this program as long as this process lives."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time

from .lifetime import PARENT_VARIABLE
from .program import own_command, own_environment

logger = logging.getLogger(__name__)


class Companion:
    """A child process that is restarted when it dies, and ends with this process.

    Parameters
    ----------
    command : str
        Name of a command of this program.
    """

    def __init__(self, command: str) -> None:
        self.command = command
        self._ending = threading.Event()
        self._starting = threading.Lock()
        self._process = self._start()
        threading.Thread(target=self._watch, name=command, daemon=True).start()

    def end(self) -> None:
        """Stop it; it has ten seconds to finish its current work."""
        with self._starting:  # otherwise a process that is just being started would be left
            self._ending.set()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _start(self) -> subprocess.Popen[bytes]:
        environment = own_environment(**{PARENT_VARIABLE: str(os.getpid())})
        return subprocess.Popen(own_command(self.command), env=environment)

    def _watch(self) -> None:
        pause = 1.0
        while True:
            started = time.monotonic()
            code = self._process.wait()
            if self._ending.is_set():
                return
            pause = 1.0 if time.monotonic() - started > 60 else min(pause * 2, 60.0)
            logger.error("the %s exited with code %d; restarting it in %.0f s", self.command, code, pause)
            self._ending.wait(pause)
            with self._starting:
                if self._ending.is_set():
                    return
                self._process = self._start()
