"""Shell completion of the program."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from segsearch.cli import cli


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell(shell: str) -> None:
    done = CliRunner().invoke(cli, ["completion", shell])
    assert done.exit_code == 0
    assert f"_SEGSEARCH_COMPLETE={shell}_complete" in done.output


def test_commands_and_options_are_completed() -> None:
    for words, position, completed in (("segsearch doc", "1", "doctor"), ("segsearch search --det", "2", "--details")):
        environment = {"COMP_WORDS": words, "COMP_CWORD": position, "_SEGSEARCH_COMPLETE": "bash_complete"}
        done = subprocess.run(
            [sys.executable, "-c", "from segsearch.cli import cli; cli(prog_name='segsearch')"],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert f"plain,{completed}" in done.stdout.splitlines(), done.stderr


def test_other_shells_are_refused() -> None:
    done = CliRunner().invoke(cli, ["completion", "cmd"])
    assert done.exit_code == 2
    assert "bash" in done.output
