"""Child processes that run a command of this program as long as this process lives."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

from .lifetime import PARENT_VARIABLE
from .program import own_command, own_environment

logger = logging.getLogger(__name__)

STOPPING_SECONDS = 0.2
"""Ctrl-C reaches all processes of a terminal; this one may notice it after the others have ended."""


class Companion:
    """A child process that is restarted when it dies, and ends with this process.

    Parameters
    ----------
    command : str
        Name of a command of this program.
    settings : mapping of str to str
        Environment variables of the process, besides those of this one.
    cores : sequence of int, optional
        It runs on these alone, where the system can bind processes to cores.
    """

    def __init__(
        self, command: str, settings: Mapping[str, str] = MappingProxyType({}), cores: Sequence[int] | None = None
    ) -> None:
        self.command, self._settings, self._cores = command, settings, cores
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
        environment = own_environment(**{PARENT_VARIABLE: str(os.getpid()), **self._settings})
        process = subprocess.Popen(own_command(self.command), env=environment)
        if self._cores is not None and hasattr(os, "sched_setaffinity"):
            with suppress(ProcessLookupError):  # it has ended already
                os.sched_setaffinity(process.pid, self._cores)
        return process

    def _watch(self) -> None:
        pause = 1.0
        while True:
            started = time.monotonic()
            code = self._process.wait()
            if self._ending.wait(STOPPING_SECONDS):
                return
            pause = 1.0 if time.monotonic() - started > 60 else min(pause * 2, 60.0)
            logger.error("the %s exited with code %d; restarting it in %.0f s", self.command, code, pause)
            self._ending.wait(pause)
            with self._starting:
                if self._ending.is_set():
                    return
                self._process = self._start()
