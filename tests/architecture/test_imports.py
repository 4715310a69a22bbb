"""What a process loads: naming things must stay light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter has after a statement."""
    program = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
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
            "from retrieval.recipes import card; [card(name) for name in ('lite', 'maskrcnn', 'sam2')]",
            {"torch", "timm", "torchvision", "transformers"},
        ),
        ("import webui.application", {"torch", "timm", "torchvision", "transformers"}),
        ("import retrieval.evaluate.regions, retrieval.evaluate.boundaries", {"torch", "faiss"}),
        ("import manage", {"torch", "faiss", "flask"}),
    ],
)
def test_what_is_not_loaded(statement: str, never: set[str]) -> None:
    assert not loaded_by(statement) & never


def test_what_is_loaded_would_be_seen() -> None:
    assert "torch" in loaded_by("import retrieval.backbone")


def test_a_pair_is_named_without_its_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "owner" / "model"
    place.mkdir(parents=True)
    (place / "config.json").write_text('{"model_type": "clip"}')
    (place / "model.safetensors").write_bytes(b"")
    monkeypatch.setenv("SEGSEARCH_WEIGHTS", str(tmp_path))
    loaded = loaded_by(
        "from retrieval.recipes import card; assert card('sam2:owner/model+clip:owner/model').reads_text"
    )
    assert not loaded & {"torch", "timm", "torchvision", "transformers"}
