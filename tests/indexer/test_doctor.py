"""What ``doctor`` finds on installations that work and on ones that do not."""

from __future__ import annotations

import json
import re
import shutil
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from databases import ON_POSTGRESQL
from toys import Ingested

from indexer import doctor as room
from indexer.commands.maintenance import doctor
from indexer.doctor import Finding, examine
from retrieval.assembly import Assembly
from retrieval.models import runtimes
from retrieval.settings import Settings


def findings(assembly: Assembly, port: int | None = None) -> dict[str, Finding]:
    """By their names; a free port unless one is given."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    return {each.name: each for each in examine(assembly, port or free)}


@pytest.mark.slow
def test_all_is_well(ingested: Ingested) -> None:
    found = findings(ingested.assembly)
    assert {name: each.told for name, each in found.items() if each.state != "ok"} == {}
    assert "Python 3" in found["versions"].told
    assert re.fullmatch(r"6 photos in (SQLite|PostgreSQL) [\d.]+, [\d.]+ ms away", found["catalogue"].told)
    assert "25 segments of a drawn photo" in found["recipe"].told
    assert "150 segments" in found["index"].told
    assert "AVIF" in found["image formats"].told


@pytest.mark.slow
def test_what_is_wrong_is_told_with_its_cure(ingested: Ingested, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(ingested.assembly.settings.index_dir)
    monkeypatch.setattr(room, "FORMATS", {"PNG": "png", "no such format": "abc"})
    monkeypatch.setattr(room, "_file_system_of", lambda _: "nfs4")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        found = findings(ingested.assembly, other.getsockname()[1])
    assert found["index"].state == "fault"
    assert "rebuild-index" in found["index"].told
    assert found["image formats"].state == "warning"
    assert "no such format cannot be read: reinstall" in found["image formats"].told
    if not ON_POSTGRESQL:  # whose catalogue is not on that disk
        assert found["data directory"].state == "warning"
        assert "is on a network disk (nfs4)" in found["data directory"].told
    assert found["port"].state == "warning"
    assert "choose another with `serve --port`" in found["port"].told


@pytest.mark.slow
def test_a_fault_ends_no_other_check(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = Settings.in_data_dir(tmp_path / "file" / "home", recipe="grid")
    found = findings(Assembly(settings))
    assert found["data directory"].state == "fault"
    assert "set SEGSEARCH_DATA_DIR to another folder" in found["data directory"].told
    assert found["catalogue"].state == "fault"
    assert found["recipe"].state == found["image formats"].state == found["port"].state == "ok"


def test_a_gpu_that_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runtimes, "has_cuda", lambda: True)
    monkeypatch.setattr(runtimes, "find_spec", lambda _: None)
    told = room._device(Assembly(Settings.in_data_dir(tmp_path)))
    assert told.state == "warning"
    assert "pip install 'segsearch[gpu]'" in told.told
    told = room._device(Assembly(Settings.in_data_dir(tmp_path, device="cpu")))
    assert "leave it unset to use the GPU" in told.told
    monkeypatch.setattr(runtimes, "find_spec", lambda name: name)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: False)))
    assert "built without CUDA" in room._device(Assembly(Settings.in_data_dir(tmp_path))).told


@pytest.mark.slow
def test_the_command(ingested: Ingested, tmp_path: Path) -> None:
    done = CliRunner().invoke(doctor, ["--port", "65000"], obj=ingested.assembly.settings)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1] == "everything works"
    broken = Settings.in_data_dir(tmp_path / "new", recipe="grid", index="no-such-index")
    done = CliRunner().invoke(doctor, ["--json"], obj=broken)
    found = json.loads(done.output)
    assert done.exit_code == 1
    assert found["faults"] == sum(each["state"] == "fault" for each in found["findings"]) > 0
