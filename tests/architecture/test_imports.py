"""What a process loads: naming things must stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter has after a statement."""
    program = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in tuple(sys.modules)}})"
    return set(
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.split()
    )


@pytest.mark.parametrize(
    ("statement", "never"),
    [
        ("import retrieval", {"torch", "faiss", "sqlalchemy", "flask", "timm", "transformers"}),
        (
            "from retrieval.recipes import recipe_spec; [recipe_spec(name) for name in ('lite', 'maskrcnn', 'sam2')]",
            {"torch", "timm", "torchvision", "transformers"},
        ),
        ("import webui.application", {"torch", "timm", "torchvision", "transformers"}),
        ("import retrieval.evaluation.regions, retrieval.evaluation.boundaries", {"torch", "faiss"}),
        ("import manage", {"torch", "faiss", "flask"}),
        (
            "import segsearch.client",
            {"retrieval", "indexer", "webui", "torch", "faiss", "flask", "sqlalchemy", "numpy", "cv2", "mcp"},
        ),
        (
            "from retrieval.recipes import load; "
            "[load(name, 'cpu') for name in ('lite', 'lite-crops', 'lite-unlearned')]",
            {"torch", "timm", "torchvision", "transformers", "openvino_telemetry"},
        ),
    ],
)
@pytest.mark.slow
def test_what_is_not_loaded(statement: str, never: set[str]) -> None:
    assert not loaded_by(statement) & never


@pytest.mark.slow
def test_what_is_loaded_would_be_seen() -> None:
    assert "torch" in loaded_by("import retrieval.models.torch_runtime")


UNPICKLING = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "multiprocessing.connection"}
HARMLESS = {"pickle.UnpicklingError", "multiprocessing.connection.Connection"}
"""The latter in `retrieval.images.decoder_pool`, of pipes to children of its own."""
READER = ROOT / "retrieval" / "models" / "torch_file.py", "pickle.Unpickler"
"""Reads weights that are installed as a package, and knows no name but those of tensors."""


def imported_by(path: Path) -> set[str]:
    """Full names of what a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found.update(each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.update(f"{node.module}.{each.name}" for each in node.names)
    return found


def test_no_process_unpickles_what_another_sent() -> None:
    faults = [
        f"{path.relative_to(ROOT)}: {name}"
        for package in ("retrieval", "indexer", "webui")
        for path in (ROOT / package).rglob("*.py")
        for name in imported_by(path) - HARMLESS
        if (name in UNPICKLING or name.rpartition(".")[0] in UNPICKLING) and (path, name) != READER
    ]
    assert faults == []


def test_a_pair_is_named_without_its_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "owner" / "model"
    place.mkdir(parents=True)
    (place / "config.json").write_text('{"model_type": "clip"}')
    (place / "model.safetensors").write_bytes(b"")
    monkeypatch.setenv("SEGSEARCH_WEIGHTS", str(tmp_path))
    loaded = loaded_by(
        "from retrieval.recipes import recipe_spec; assert recipe_spec('sam2:owner/model+clip:owner/model').reads_text"
    )
    assert not loaded & {"torch", "timm", "torchvision", "transformers"}
