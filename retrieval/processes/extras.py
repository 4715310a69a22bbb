"""Optional libraries, which an extra installs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import ConfigurationError


def required(module: str, extra: str) -> Any:
    """A module of a library that an extra installs.

    Parameters
    ----------
    module, extra : str

    Raises
    ------
    ConfigurationError
        It is not installed; the message names the extra.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        library = module.partition(".")[0]
        if error.name != library:
            raise
        raise ConfigurationError(f"{library} is not installed: run `pip install 'segsearch[{extra}]'`") from error
