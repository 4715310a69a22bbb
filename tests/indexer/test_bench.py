"""The benchmarks that users have: what they report is there and adds up; how fast anything is, is not tested."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from skimage import data
from toys import close

from indexer.bench.synthetic import BLOCK, PER_PHOTO, fill, synthetic_blocks, synthetic_vectors
from manage import cli
from retrieval.assembly import Assembly
from retrieval.settings import Settings


def test_synthetic_vectors_are_made_blockwise_and_are_always_the_same() -> None:
    blocks = list(synthetic_blocks(BLOCK + 5, 16, seed=3))
    assert [each.shape for each in blocks] == [(BLOCK, 16), (5, 16)]
    whole = synthetic_vectors(BLOCK + 5, 16, seed=3)
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-5)
    assert not np.allclose(whole[:5], synthetic_vectors(5, 16, seed=4))


def test_synthetic_vectors_have_neighbours_at_all_distances() -> None:
    vectors = synthetic_vectors(4800, 64)
    scores = np.sort(vectors[::97] @ vectors.T, axis=1)[:, ::-1]
    nearly_same, parts, thing, others = (scores[:, rank].mean() for rank in (1, 6, 20, 2000))
    assert nearly_same > parts > thing > others + 0.2


@pytest.mark.parametrize("size", [PER_PHOTO * 3, PER_PHOTO * 2 + 50, 7])
def test_a_collection_is_filled_to_the_last_segment(tmp_path: Path, size: int) -> None:
    assembly = Assembly(Settings.in_data_dir(tmp_path, recipe="grid"))
    fill(assembly, size)
    ids, image_ids = assembly.catalog.vectors.segment_image_ids(assembly.recipe_spec.space)
    assert ids.tolist() == list(range(1, size + 1))
    assert image_ids.tolist() == [1 + row // PER_PHOTO for row in range(size)]
    stored = assembly.catalog.vectors.of_segments(ids.tolist()).vectors
    np.testing.assert_allclose(stored, synthetic_vectors(size, assembly.recipe_spec.segment_dim), atol=1e-3)
    close(assembly)


@pytest.mark.sqlite("it makes a data directory of its own, with a catalogue in a file")
def test_searches(tmp_path: Path) -> None:
    """With a server of its own and its clients."""
    out = tmp_path / "figures.json"
    arguments = ["bench", "search", "--size", "1000", "--home", str(tmp_path / "home"), "--out", str(out)]
    ran = CliRunner().invoke(cli, arguments, env={"SEGSEARCH_RECIPE": "grid"}, catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    figures = json.loads(out.read_text())
    assert figures["segments"] == 1000
    assert figures["parts"] == ["exact"]
    assert figures["recall@50"] == 1
    assert figures["machine"]["faiss-gpu-cuvs"]
    for name in ("engine", "engine, flat", "raw FAISS, exact"):
        assert 0 < figures["ms"][name]["p50"] <= figures["ms"][name]["p99"]
    for name in ("HTTP, 1 client, ms", "HTTP, 8 clients, ms", "round of feedback, ms"):
        assert 0 < figures[name]["p50"] <= figures[name]["p99"]


def test_an_ingest(tmp_path: Path) -> None:
    from PIL import Image

    for name in ("astronaut", "coffee", "rocket"):
        Image.fromarray(getattr(data, name)()).save(tmp_path / f"{name}.png")
    ran = CliRunner().invoke(
        cli, ["bench", "ingest", "--folder", str(tmp_path)], env={"SEGSEARCH_RECIPE": "grid"}, catch_exceptions=False
    )
    assert ran.exit_code == 0, ran.output
    figures = json.loads(ran.output)
    assert figures["photos"] == 3
    assert set(figures["CPU ms a photo, alone"]) == {"decode", "network", "segment", "embed", "write"}
    assert figures["use of the cores"] > 0
    assert len(figures["memory of the process tree by thirds, PSS, MB"]) == 3
