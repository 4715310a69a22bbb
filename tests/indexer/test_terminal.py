"""What names hold, the commands print so that it only shows: run as a user runs them, and looked at byte by byte."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from databases import environment_of
from toys import Ingested, drawing

from retrieval.processes.terminal import PrintableFormatter, printable

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "\x1b]0;owned\x07\n\x9b31m\u202egpj.exe\u2066\x7f\r\t"
SOURCES = [
    *ROOT.glob("indexer/**/*.py"),
    *ROOT.glob("webui/**/*.py"),
    *ROOT.glob("retrieval/evaluation/*.py"),
    ROOT / "manage.py",
]

UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]")
"""But for line ends, and tabs between columns."""


@pytest.fixture
def hostile(ingested: Ingested) -> Ingested:
    """An installation with a photo in a folder, and a concept and a broken file, that have such names."""
    folder = ingested.photos / f"in{HOSTILE}"
    folder.mkdir()
    drawing(50).save(folder / f"{HOSTILE}.png")
    (folder / f"{HOSTILE}.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    (ingested.photos / os.fsdecode(b"\xe9\x9b.jpg")).write_bytes(b"\xff\xd8\xff\xe0 broken too")
    engine = ingested.assembly.engine()
    segment = ingested.assembly.catalog.segments.of_image(ingested.ids[0])[0].id
    ingested.assembly.trainer(engine).teach("Cat \x1b[31m\u202e\x07", [segment], [])
    return ingested


def run(where: Ingested, *arguments: str, code: int = 0) -> str:
    """What a command prints to both streams; nothing of it steers a terminal, whatever is in the names."""
    settings = where.assembly.settings
    environment = {
        **os.environ, **environment_of(settings.data_dir), "SEGSEARCH_RECIPE": "grid", "SEGSEARCH_MIN_FREE": "0",
        "COLUMNS": "1000",
    }  # fmt: skip
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=120)
    assert done.returncode == code, done.stderr
    for stream in (done.stdout, done.stderr):
        assert not UNPRINTABLE.search(stream.decode()), stream
        assert b"\n.jpg" not in stream
    return (done.stdout + done.stderr).decode()


@pytest.mark.slow
def test_ingest_and_its_log(hostile: Ingested) -> None:
    told = run(hostile, "-v", "ingest", str(hostile.photos))
    assert r"\x1b]0;owned\x07\n\x9b31m\u202egpj.exe\u2066\x7f\r\t.jpg" in told
    assert r"\xe9\x9b.jpg" in told
    again = json.loads(run(hostile, "ingest", "--json", str(hostile.photos)))
    assert again["unchanged"] == 6 + 3
    words = run(hostile, "search", "--text", "cat \x1b[31m\u202e\x07")
    assert r"\x1b" in words
    assert json.loads(run(hostile, "search", "--segment", "1", "--json", "--facets"))["results"]
    assert r"\x1b]0;owned" in run(hostile, "search", "--segment", "1", "--facets", "--limit", "50")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["concepts", "list"], 0, r"\x1b[31m\u202e\x07"),
        (["concepts", "list", "--json"], 0, r"\u001b[31m\u202e\u0007"),
        (["concepts", "export"], 0, r"\u001b[31m\u202e\u0007"),
        (["concepts", "delete", "no\x1b[31m\u202esuch"], 2, r"no\x1b[31m\u202esuch"),
        (["ingest", "no\x1b]0;owned\x07such"], 2, r"\x1b]0;owned\x07such"),
        (["search", "--text", "cat", "--relation", "\x1b[2J"], 2, r"\x1b[2J"),
        (["no\x1b[31msuch"], 2, r"no\x1b[31msuch"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_other_commands(hostile: Ingested, arguments: list[str], code: int, told: str) -> None:
    assert told in run(hostile, *arguments, code=code)


def test_what_is_printable() -> None:
    assert printable("Grüße, 東京 👩‍👩‍👧 naïve") == "Grüße, 東京 👩‍👩‍👧 naïve"
    assert printable(HOSTILE) == r"\x1b]0;owned\x07\n\x9b31m\u202egpj.exe\u2066\x7f\r\t"
    assert printable(os.fsdecode(b"caf\xe9")) == r"caf\xe9"
    every = printable("".join(map(chr, range(0x3000))))
    assert not UNPRINTABLE.search(every)
    every.encode()


def test_log_records_take_a_line_each() -> None:
    formatter = PrintableFormatter("%(levelname)s %(message)s")
    try:
        raise KeyError("\x1b") from RuntimeError(HOSTILE)
    except KeyError as error:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "%s", (HOSTILE,), (KeyError, error, error.__traceback__))
    lines = formatter.format(record).split("\n")
    assert lines[0] == rf"ERROR {printable(HOSTILE)}"
    assert not UNPRINTABLE.search("".join(lines))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_prints_past_it(path: Path) -> None:
    """Only JSON, and what was made here, may go to the terminal by other ways."""
    if path.name == "tables.py":
        return
    source = path.read_text()
    assert not re.search(r"rich\.(console|table)", source)
    for line in re.findall(r".*click\.echo\(.*", source):
        assert re.search(r"click\.echo\((text|secret)\)", line), line
