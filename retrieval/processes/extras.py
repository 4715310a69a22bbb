"""Optional libraries, which an extra installs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import ConfigurationError

EXTRAS = {
    "aiohttp": "stores",
    "faiss": "cpu",
    "fsspec": "stores",
    "httpx": "client",
    "matplotlib": "plot",
    "mcp": "mcp",
    "pyarrow": "formats",
    "pymilvus": "milvus",
    "ray": "ray",
    "s3fs": "stores",
    "skimage": "demo",
    "sklearn": "demo",
    "textual_image": "terminal",
    "timm": "families",
    "torch": "families",
    "torchvision": "families",
    "transformers": "hub",
    "yaml": "formats",
}
"""The extra that installs each library, by the name that it is imported by."""


def missing(error: ModuleNotFoundError) -> ConfigurationError | None:
    """What to install, for an import that failed; None if no extra has the library."""
    library = (error.name or "").partition(".")[0]
    if library not in EXTRAS:
        return None
    alternative = " (or segsearch[gpu], with CUDA)" if library == "faiss" else ""
    return ConfigurationError(
        f"{library} is not installed: run `pip install 'segsearch[{EXTRAS[library]}]'`{alternative}"
    )


def required(module: str) -> Any:
    """A module of a library that an extra installs.

    Parameters
    ----------
    module : str
        Of a library in `EXTRAS`.

    Raises
    ------
    ConfigurationError
        It is not installed; the message names the extra.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        told = missing(error)
        if told is None or error.name != module.partition(".")[0]:
            raise
        raise told from error
