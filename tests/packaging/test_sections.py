"""The sections of ``segsearch --help``."""

from __future__ import annotations

from click.testing import CliRunner

from segsearch.cli import cli
from segsearch.sections import SECTIONS


def test_every_command_is_in_one_section() -> None:
    placed = [name for names in SECTIONS.values() for name in names]
    assert sorted(placed) == sorted(name for name, command in cli.commands.items() if not command.hidden)


def test_help_begins_with_what_one_needs_first() -> None:
    told = CliRunner().invoke(cli, ["--help"], terminal_width=80).output
    assert told.index("Begin:") < told.index("quickstart") < told.index("ingest") < told.index("Photos:")
    assert "Others:" not in told
    assert "  demo " not in told
    assert all(len(line) <= 80 for line in told.splitlines())


def test_the_former_name_of_quickstart_works() -> None:
    assert "--no-serve" in CliRunner().invoke(cli, ["demo", "--help"]).output
