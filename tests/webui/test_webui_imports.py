"""The web process is light: it loads no network, and needs none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MAKE_APP = """
import sys
from pathlib import Path
from retrieval.analysis.remote import RemoteAnalyzer
from retrieval.assembly import Assembly
from retrieval.settings import Settings
from webui import create_app
assembly = Assembly(Settings.in_data_dir(Path(sys.argv[1]), recipe=sys.argv[2]))
app = create_app(assembly, RemoteAnalyzer(assembly.settings.analyzers_dir), follow=False)
assert app.test_client().post("/api/v1/search", json={"text": "dog"}).status_code == 200
"""


def loaded(program: str, *arguments: str) -> set[str]:
    """The modules that a program has loaded when it ends."""
    program += "\nimport sys; print(*sys.modules, sep='\\n')"
    command = [sys.executable, "-c", program, *arguments]
    return set(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split())


@pytest.mark.parametrize("recipe", ["grid", "lite"])
def test_no_network_is_loaded(tmp_path: Path, recipe: str) -> None:
    assert not loaded(MAKE_APP, str(tmp_path), recipe) & {"torch", "torchvision", "timm", "transformers"}


def test_the_package_alone_loads_nothing() -> None:
    assert not loaded("import webui") & {"flask", "pydantic", "sqlalchemy", "faiss", "PIL", "torch"}
