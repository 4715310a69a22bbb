"""Figures as JSON, with the machine and the versions."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

import click
import psutil

from retrieval.processes.versions import versions

PACKAGES = ("faiss-gpu-cuvs", "numpy", "openvino", "sqlalchemy", "torch", "waitress")

OUT = click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Also write the figures to this JSON file."
)


def report(figures: dict[str, Any], out: Path | None) -> None:
    """Print figures, and write them to a file if given."""
    text = as_json(figures)
    click.echo(text)
    if out is not None:
        out.write_text(f"{text}\n", encoding="utf-8")


def as_json(figures: dict[str, Any]) -> str:
    """Figures with `machine`."""
    return json.dumps({**figures, "machine": machine()}, indent=1)


def machine() -> dict[str, Any]:
    """The machine and the versions."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory, GiB": round(psutil.virtual_memory().total / 2**30),
        "system": platform.platform(),
        "python": platform.python_version(),
        **versions(PACKAGES),
    }


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
