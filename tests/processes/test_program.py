"""How the program is called in messages: as the user started it, also in its child processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from retrieval.processes.program import PROGRAM_VARIABLE, program_name

ROOT = Path(__file__).parents[2]
CHILD = "import subprocess, sys; from retrieval.processes.program import own_command, own_environment; "
CHILD += "sys.exit(subprocess.run(own_command('pause'), env=own_environment(**{!r})).returncode)"


@pytest.mark.parametrize(
    ("started_as", "environ", "name"),
    [
        ("manage.py", {}, "python manage.py"),
        ("/somewhere/manage.py", {}, "python manage.py"),
        ("/usr/bin/segsearch", {}, "segsearch"),
        ("/lib/segsearch/__main__.py", {}, "segsearch"),
        ("/lib/segsearch/__main__.py", {PROGRAM_VARIABLE: "python manage.py"}, "python manage.py"),
        ("a_program_of_the_user.py", {}, "segsearch"),
        ("", {}, "segsearch"),
    ],
)
def test_the_name_is_the_one_that_the_user_typed(started_as: str, environ: dict[str, str], name: str) -> None:
    assert program_name(started_as, environ) == name


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (["manage.py", "pause"], "python manage.py"),
        (["-m", "segsearch", "pause"], "segsearch"),
    ],
)
@pytest.mark.slow
def test_messages_and_usage_call_it_so(start: list[str], name: str, tmp_path: Path) -> None:
    assert f"`{name} resume`" in run(start, tmp_path)
    assert f"Usage: {name} pause" in run([*start, "--help"], tmp_path)


@pytest.mark.slow
def test_a_child_calls_it_as_its_parent_was_started(tmp_path: Path) -> None:
    script = tmp_path / "manage.py"
    script.write_text(CHILD.format({"SEGSEARCH_DATA_DIR": str(tmp_path)}))
    assert "`python manage.py resume`" in run([str(script)], tmp_path)


def run(arguments: list[str], home: Path) -> str:
    """What a command prints."""
    environ = {key: value for key, value in os.environ.items() if key != PROGRAM_VARIABLE}
    environ |= {"SEGSEARCH_DATA_DIR": str(home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout
