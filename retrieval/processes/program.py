"""How this program is called, and child processes that run its commands, from a checkout as well as installed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

PROGRAM_VARIABLE = "SEGSEARCH_PROGRAM"


def program_name(started_as: str, environ: Mapping[str, str]) -> str:
    """What the user types before a command.

    Parameters
    ----------
    started_as : str
        The path of the script that was started, ``sys.argv[0]``.
    environ : mapping of str to str
        Of a child process; names the program that the user started.

    Returns
    -------
    str
        ``python manage.py`` in a checkout, otherwise ``segsearch``.
    """
    inherited = environ.get(PROGRAM_VARIABLE)
    return inherited or ("python manage.py" if Path(started_as).name == "manage.py" else "segsearch")


PROGRAM = program_name(sys.argv[0], os.environ)
"""For messages that tell the user which command to run."""


def own_command(*arguments: str) -> list[str]:
    """A command of this program, to be run in `own_environment`.

    Parameters
    ----------
    *arguments : str
        The command's name and its arguments.
    """
    return [sys.executable, "-P", "-m", "segsearch", *arguments]


def own_environment(**changes: str) -> dict[str, str]:
    """The environment of this process, in which a child imports from the same places as this one.

    Parameters
    ----------
    **changes : str
        Variables to set in addition.
    """
    places = os.pathsep.join(str(Path(place).absolute()) for place in sys.path)
    return {**os.environ, "PYTHONPATH": places, PROGRAM_VARIABLE: PROGRAM, **changes}
