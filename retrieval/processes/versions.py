"""Versions of the packages that are installed."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("segsearch", "openvino", "torch", "faiss-cpu", "faiss-gpu-cuvs", "numpy", "pillow", "sqlalchemy", "flask")
"""What one asks for first where something does not work."""


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Versions by name, in the order of `packages`; those that are not installed are left out."""
    found = {}
    for package in packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def own_version() -> str:
    """Version of SegSearch; empty in a checkout that is not installed."""
    return versions(("segsearch",)).get("segsearch", "")
