"""Processes of this program that it starts itself, from a checkout as well as installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def own_command(*arguments: str) -> list[str]:
    """A command of this program, to be run in `own_environment`.

    Parameters
    ----------
    *arguments : str
        The command's name and what follows it.
    """
    return [sys.executable, "-P", "-m", "segsearch", *arguments]


def own_environment(**changes: str) -> dict[str, str]:
    """The environment of this process, in which a child imports from the same places as this one.

    Parameters
    ----------
    **changes : str
        Variables that are set besides.
    """
    places = os.pathsep.join(str(Path(place).absolute()) for place in sys.path)
    return {**os.environ, "PYTHONPATH": places, **changes}
