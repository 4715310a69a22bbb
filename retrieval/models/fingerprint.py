"""Short names for what made a vector: algorithm, weights and parameters in one digest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any


def fingerprint(name: str, *parts: Any) -> str:
    """A digest that changes whenever the name or any part does.

    Parameters
    ----------
    name : str
        Of the algorithm, with its version.
    *parts
        Dataclasses, strings, numbers; anything JSON can hold.

    Examples
    --------
    >>> fingerprint("grid-1", {"cells": 4}) == fingerprint("grid-1", {"cells": 4})
    True
    >>> fingerprint("grid-1", {"cells": 4}) == fingerprint("grid-1", {"cells": 5})
    False
    """
    values = [asdict(part) if is_dataclass(part) and not isinstance(part, type) else part for part in parts]
    digest = hashlib.sha256(json.dumps([name, values], sort_keys=True).encode()).hexdigest()
    return f"{name}:{digest[:12]}"


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
