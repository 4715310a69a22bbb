"""What ``status`` says of an installation."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from toys import Ingested

from indexer.commands import status_output
from indexer.commands.maintenance import status, verify
from retrieval.settings import Settings


def run(settings: Settings, *options: str) -> Result:
    return CliRunner().invoke(status, options, obj=settings, env={"COLUMNS": "80"}, catch_exceptions=False)


def test_a_fresh_data_directory_is_no_fault(tmp_path: Path) -> None:
    settings = Settings.in_data_dir(tmp_path / "new", recipe="grid")
    told = run(settings).output
    assert "none yet: run `" in told
    assert "ingest FOLDER" in told
    assert "error" not in told
    assert "no index" not in told
    assert json.loads(run(settings, "--json").output)["index"] == {"segments": 0}
    done = CliRunner().invoke(verify, obj=settings)
    assert (done.exit_code, done.output) == (0, "index and catalogue agree\n")


def test_photos_segments_and_index(ingested: Ingested) -> None:
    told = run(ingested.assembly.settings).output
    assert "6 indexed" in told
    assert "150 segments, " in told
    assert "waiting" not in told
    assert all(len(line) <= 80 for line in told.splitlines())


@pytest.mark.parametrize(
    ("pending", "told"), [(0, ""), (40, ", 40 of them not in its graph yet: searches miss more of these")]
)
def test_what_a_server_has_not_put_into_its_graph(
    ingested: Ingested, monkeypatch: pytest.MonkeyPatch, pending: int, told: str
) -> None:
    index = {"name": "milvus", "segments": 150, "pending": pending}
    monkeypatch.setattr(status_output, "_index", lambda *_: index)
    words = run(ingested.assembly.settings).output.replace("│", "").split()
    assert f"index 150 segments in milvus{told} analyzer" in " ".join(words)


def test_segments_without_an_index_are_a_fault(ingested: Ingested) -> None:
    shutil.rmtree(ingested.assembly.settings.index_dir)
    assert "run `" in json.loads(run(ingested.assembly.settings, "--json").output)["index"]["error"]
    assert "there is no index" in run(ingested.assembly.settings).output


def test_other_recipes_and_the_trash_are_told(ingested: Ingested) -> None:
    ingested.assembly.trash.put(ingested.ids[:1])
    told = run(Settings.in_data_dir(ingested.assembly.settings.data_dir)).output
    assert "5 by grid" in told
    assert "resegment" in told
    assert "1 photo " in told
