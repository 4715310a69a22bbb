"""Where an analyzer listens, and whom it lets in: processes of its user on this machine, or hosts that know a token."""

from __future__ import annotations

import contextlib
import hmac
import logging
import os
import secrets
import socket
from pathlib import Path
from typing import Protocol

from ..errors import ConfigurationError
from . import private_socket
from .private_socket import SUFFIX, PrivateFolder

logger = logging.getLogger(__name__)

LEAST_TOKEN = 16
"""Characters that a token has at least: whoever has it may use the analyzer."""

_BACKLOG = 64


class Door(Protocol):
    """A listening socket, and who may come in."""

    @property
    def listener(self) -> socket.socket:
        """The socket that listens."""
        ...

    def admits(self, wire: socket.socket) -> bool:
        """Whether to talk to who is at the other end at all."""
        ...

    def knows(self, authorization: str) -> bool:
        """Whether a request with this header ``Authorization`` may be answered."""
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


class PrivateDoor:
    """A Unix socket, for processes of this user on this machine.

    Parameters
    ----------
    folder : Path
        Where to listen; only its owner may enter it. Sockets of dead processes are removed from it.
    owner : int, optional
        Number of the process that the analyzer belongs to; this process if absent.

    Raises
    ------
    ConfigurationError
        The folder cannot be closed to others, or does not support sockets.
    """

    def __init__(self, folder: Path, owner: int | None = None) -> None:
        self._folder = folder
        self._name = f"{os.getpid() if owner is None else owner}-{secrets.token_hex(4)}{SUFFIX}"
        private_socket.make(folder)
        with private_socket.opened(folder) as there:
            there.sweep()
            self._listener = self._listen(there)

    @property
    def listener(self) -> socket.socket:
        """The socket that listens."""
        return self._listener

    def admits(self, wire: socket.socket) -> bool:
        """Whether the other end is a process of this user."""
        if private_socket.is_own(wire):
            return True
        logger.warning("refused a connection from another user's process")
        return False

    def knows(self, authorization: str) -> bool:  # noqa: ARG002  # the kernel has told who it is
        """Whoever was admitted may ask."""
        return True

    def close(self) -> None:
        """Remove the socket and stop listening."""
        with contextlib.suppress(OSError), private_socket.opened(self._folder) as folder:
            folder.remove(self._name)
        self._listener.close()

    def _listen(self, folder: PrivateFolder) -> socket.socket:
        try:
            return folder.listen(self._name)
        except OSError as error:
            raise ConfigurationError(
                f"{self._folder} cannot hold a socket ({error}): move SEGSEARCH_DATA_DIR to a local file system"
            ) from error


class NetworkDoor:
    """A TCP port, for hosts that send a token with each request.

    The token and the photos are not encrypted: put a proxy with TLS in front where others can listen to the network.

    Parameters
    ----------
    host : str
        Name or address of this machine.
    port : int
        0 lets the system choose.
    token : str
        What each request must have as ``Authorization: Bearer …``; compared in constant time.

    Raises
    ------
    ConfigurationError
        There is no token or it is short, or the address cannot be listened on.
    """

    def __init__(self, host: str, port: int, token: str) -> None:
        if len(token) < LEAST_TOKEN:
            raise ConfigurationError(
                f"an analyzer on the network needs a token of {LEAST_TOKEN} characters or more: set "
                "SEGSEARCH_ANALYZER_TOKEN, on the web servers, too; `openssl rand -hex 32` makes one"
            )
        self._expected = bearer(token).encode()
        try:
            family, *_, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
            self._listener = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
        except (OSError, UnicodeError) as error:
            raise ConfigurationError(
                f"cannot listen on {host}:{port} ({error}): choose another --listen HOST:PORT"
            ) from error

    @property
    def listener(self) -> socket.socket:
        """The socket that listens."""
        return self._listener

    @property
    def url(self) -> str:
        """Where this door is."""
        host, port = self._listener.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def admits(self, wire: socket.socket) -> bool:  # noqa: ARG002  # only the token tells
        """Everyone may ask; see `knows`."""
        return True

    def knows(self, authorization: str) -> bool:
        """Whether the header has the token."""
        return hmac.compare_digest(authorization.encode("utf-8", "surrogateescape"), self._expected)

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()


def bearer(token: str) -> str:
    """The value of the header ``Authorization`` for a token."""
    return f"Bearer {token}"
