"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path

from .calls import StrPath


@contextmanager
def replacing(target: StrPath) -> Iterator[tuple[Path, BufferedWriter]]:
    """A file that takes the place of another when the block ends well; otherwise it is removed.

    Parameters
    ----------
    target : path

    Yields
    ------
    (Path, file)
        The target, and what is to be written to.

    Raises
    ------
    OSError
        It cannot be written.
    """
    path = Path(target)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as file:
            yield path, file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
