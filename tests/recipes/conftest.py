"""Small models of the hub, in a folder of weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_hub_models import SMALL_MODELS, Hub

from retrieval.models.weights import HubModel


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folders of the small models, each made once."""
    folder = tmp_path_factory.mktemp("made")

    def make(kind: str) -> Path:
        if not (folder / kind).is_dir():
            torch.manual_seed(3)
            network, processor = SMALL_MODELS[kind]()
            network.save_pretrained(folder / kind)
            processor.save_pretrained(folder / kind)
        return folder / kind

    return make


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[[str], Path]) -> Hub:
    """Puts a small model into a folder of weights, under a name of the hub's."""
    monkeypatch.setenv("SEGSEARCH_WEIGHTS", str(tmp_path / "weights"))

    def put(kind: str, name: str = "") -> HubModel:
        model = HubModel(name or f"owner/{kind}")
        assert model.place is not None
        shutil.copytree(made(kind), model.place)
        return model

    return put
