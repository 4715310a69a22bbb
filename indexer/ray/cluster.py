"""Joins a Ray cluster."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from retrieval.errors import ConfigurationError
from retrieval.processes.extras import required

LOCAL = "local"
AUTO = "auto"
CONNECT_SECONDS = 5.0

ENVIRONMENT = {
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # else what `uv run` started sends its folder to all machines
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # as it will be, without a warning
}
"""What this process tells Ray, unless the user said otherwise."""


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """The library Ray, connected to a cluster while the block runs.

    Parameters
    ----------
    address : str
        ``HOST:PORT`` of a cluster that this machine belongs to, ``auto`` for the one that runs on this machine, or
        ``local``, which starts one on this machine for this process alone.

    Raises
    ------
    ConfigurationError
        Ray is not installed, the address is malformed, or there is no cluster that this machine belongs to.
    """
    _check(address)
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    ray = required("ray")
    logging.getLogger("ray").setLevel(logging.ERROR)
    options = {"include_dashboard": False} if address == LOCAL else {}
    try:
        ray.init(address, log_to_driver=False, configure_logging=False, **options)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise ConfigurationError(_told(address, error)) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check(address: str) -> None:
    """Refuse what is no address, and one that nobody answers at: Ray would try for minutes."""
    if address in (LOCAL, AUTO):
        return
    host, colon, port = address.rpartition(":")
    if "://" in address or not (colon and host and port.isdecimal() and 0 < int(port) < 65536):
        raise ConfigurationError(f"--ray {address} must be `local`, `auto`, or HOST:PORT of a cluster's head node")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except OSError as error:
        raise ConfigurationError(
            f"no Ray cluster answers at {address} ({error.strerror or error}): check the address, "
            "or start one with `ray start --head`"
        ) from error


def _told(address: str, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if address == LOCAL:
        return f"Ray cannot be started on this machine: {reason}"
    if address == AUTO:
        return f"no Ray cluster can be joined on this machine ({reason}): run `ray start`, or use `--ray local`"
    return (
        f"the Ray cluster at {address} cannot be joined ({reason}): this machine must belong to it, "
        f"see `ray start --address={address}`"
    )
