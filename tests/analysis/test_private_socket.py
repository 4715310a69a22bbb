"""Sockets of one user: who is on the other side is asked of the kernel."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

import pytest

from retrieval.analysis import private_socket
from retrieval.errors import ConfigurationError

NOBODY = 65534


def test_a_process_of_the_same_user_is_own() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert private_socket.is_own(one)
        assert private_socket.is_own(other)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user, too")
def test_a_process_of_another_user_is_not() -> None:
    address = f"\0{secrets.token_hex(8)}"  # in no folder, so that everybody reaches it
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        child = os.fork()
        if child == 0:
            os.setuid(NOBODY)
            wire = socket.socket(socket.AF_UNIX)
            wire.connect(address)
            os._exit(int(private_socket.is_own(wire)))
        listener.settimeout(30)
        accepted, _ = listener.accept()
        with accepted:
            assert not private_socket.is_own(accepted), "who listens sees it"
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "who connects sees it"


def test_an_own_folder_is_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "sockets"
    folder.mkdir(mode=0o755)
    private_socket.make(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_no_folder_is_told(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "sockets"
    if kind == "file":
        place.touch()
    else:
        (tmp_path / "elsewhere").mkdir()
        place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(
        ConfigurationError, match=r"cannot be closed to other users .*: remove it, or move SEGSEARCH_DATA_DIR"
    ):
        private_socket.make(place)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "sockets"
    folder.mkdir(mode=0o700)
    os.chown(folder, NOBODY, NOBODY)
    with pytest.raises(ConfigurationError):
        private_socket.make(folder)
