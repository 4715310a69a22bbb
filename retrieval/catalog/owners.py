"""Owners of leases: names of workers, from which the same machine can tell whether the process still runs.

A name is ``host:pid:birth:token``. The host stands for the name and id of this machine and its namespace of processes;
the birth for the machine's start and the process's, neither of which is a time of the clock.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from functools import cache
from pathlib import Path

_GONE = frozenset("ZXx")
"""States of a process that has ended and that nobody has waited for."""


def new_owner() -> str:
    """A name for a worker of this process, of 64 characters at most."""
    pid = os.getpid()
    return f"{_host()}:{pid}:{_boot()}-{_started(pid) or 0}:{secrets.token_hex(4)}"


def host_and_pid(owner: str) -> tuple[str, int | None]:
    """The machine's name and the process's number in the name of an owner; empty and None if they are not in it."""
    host, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    return (host.rpartition("-")[0], int(pid)) if pid.isdecimal() else ("", None)


def is_gone(owner: str) -> bool:
    """Whether the process with this name has certainly ended.

    False where that cannot be known: of other machines, of names that were made otherwise, and without ``/proc``.
    """
    host, _, rest = owner.partition(":")
    pid, _, rest = rest.partition(":")
    boot, _, started = rest.partition(":")[0].partition("-")
    if host != _host() or not (pid.isdecimal() and started.isdecimal()) or started == "0" or not _boot():
        return False
    return boot != _boot() or not _lives(int(pid), started)


def _lives(pid: int, started: str) -> bool:
    try:
        os.kill(pid, 0)  # tells whether it is there, and sends nothing
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # it is there, and somebody else's
    return _started(pid) in (started, None)


def _started(pid: int) -> str | None:
    """Ticks from the machine's start to the process's; empty if it has ended, None if that cannot be known."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return "" if Path("/proc/self/stat").exists() and _sees_all() else None
    except OSError:
        return None
    return "" if fields[0] in _GONE else fields[19]


def _sees_all() -> bool:
    """Whether ``/proc`` shows the processes of others, too."""
    return Path("/proc/1/stat").exists()


@cache
def _host() -> str:
    parts = [socket.gethostname(), _first_line("/etc/machine-id")]
    try:
        parts.append(os.readlink("/proc/self/ns/pid"))  # noqa: PTH115  # no path
    except OSError:
        parts.append("")
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    plain = "".join(sign for sign in parts[0] if sign.isalnum() or sign in "-.")
    return f"{plain[:15]}-{digest[:8]}"


@cache
def _boot() -> str:
    return _first_line("/proc/sys/kernel/random/boot_id")[:8]


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
