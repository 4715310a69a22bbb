"""Discovery from the command line, by the worker, and measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from toys import close

from indexer.commands.discover import discover
from indexer.commands.evaluate import evaluate
from indexer.report import Tally
from indexer.worker import Worker, ingest
from retrieval.assembly import Assembly
from retrieval.evaluation.clusters import Shown, figures_of
from retrieval.settings import Settings


def halves(folder: Path, kinds: int = 2, copies: int = 4) -> Path:
    """Photos of one colour each that hold a half of another; some of each kind, that differ by a shade."""
    folder.mkdir(parents=True, exist_ok=True)
    palette = [((200, 30, 30), (30, 30, 200)), ((20, 160, 20), (240, 240, 30)), ((10, 10, 10), (250, 120, 20))]
    for kind in range(kinds):
        for copy in range(copies):
            pixels = np.full((96, 128, 3), palette[kind][0], np.uint8) + np.uint8(copy)
            pixels[:, :64] = np.array(palette[kind][1], np.uint8) + np.uint8(copy)
            Image.fromarray(pixels).save(folder / f"{kind}-{copy}.png")
    return folder


@pytest.fixture
def found(settings: Settings, tmp_path: Path) -> Settings:
    """An installation whose worker has entered eight photos."""
    made = Assembly(settings)
    ingest(made, Worker(made), [halves(tmp_path / "photos")], Tally())
    close(made)
    return settings


def run(settings: Settings, *arguments: str) -> str:
    done = CliRunner().invoke(discover, list(arguments), obj=settings, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def listed(settings: Settings, *options: str) -> Any:
    return json.loads(run(settings, "--json", *options))


def test_the_worker_has_looked_already(found: Settings) -> None:
    answer = listed(found)
    assert answer["total"] >= 2
    assert (answer["update"]["founded"], answer["update"]["joined"]) == (0, 0)
    for cluster in answer["clusters"]:
        assert cluster["photos"] >= 3
        assert len(cluster["typical"]) == cluster["photos"]


def test_a_failing_search_for_clusters_stops_no_worker(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from retrieval.errors import ClustersChangedError
    from retrieval.learning.discovery import Discoverer

    def fail(_: Discoverer) -> None:
        raise ClustersChangedError("others were quicker")

    monkeypatch.setattr(Discoverer, "update", fail)
    made = Assembly(settings)
    report = ingest(made, Worker(made), [halves(tmp_path / "photos")], Tally())
    close(made)
    assert report.counts["indexed"] == 8


def test_named_dismissed_restored_merged_and_split(found: Settings) -> None:
    first, second, *_ = (cluster["id"] for cluster in listed(found)["clusters"])
    assert "Red half labels" in run(found, "name", str(first), "Red half")
    assert [cluster["id"] for cluster in listed(found, "--state", "named")["clusters"]] == [first]
    run(found, "dismiss", str(second))
    assert [cluster["id"] for cluster in listed(found, "--state", "dismissed")["clusters"]] == [second]
    run(found, "restore", str(second))
    others = [cluster["id"] for cluster in listed(found)["clusters"]]
    assert second in others
    assert str(min(others[:2])) in run(found, "merge", *map(str, others[:2]))
    assert f"clusters {min(others[:2])} and" in run(found, "split", str(min(others[:2])))
    assert "photos" in run(found)


def test_discovery_is_measured(settings: Settings, tmp_path: Path) -> None:
    """Photos whose halves are objects: the clusters are found, and pure."""
    photos = halves(tmp_path / "mine" / "photos")
    masks = tmp_path / "mine" / "masks"
    masks.mkdir()
    labels = {}
    for path in sorted(photos.iterdir()):
        mask = np.zeros((96, 128), np.uint8)
        mask[:, :64] = 1
        mask[:, 64:] = 2
        Image.fromarray(mask).save(masks / path.name)
        kind = path.stem[0]
        labels[path.stem] = {"1": f"left{kind}", "2": f"right{kind}"}
    (tmp_path / "mine" / "labels.json").write_text(json.dumps(labels))
    out = tmp_path / "out"
    done = CliRunner().invoke(
        evaluate, [str(tmp_path / "mine"), "--discovery", "--json", "--out", str(out)], obj=settings,
        catch_exceptions=False,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures == json.loads((out / "discovery.json").read_text())
    assert figures["clusters"] >= 2
    assert set(figures["top"]) == {"20", "50", "100"}


def test_purity_and_recall_by_hand() -> None:
    shown = [
        Shown(4, ("cup", "cup", "cup", "dog")),
        Shown(5, ("dog", "dog", "fork")),
        Shown(3, ("fork",)),
        Shown(5, ("cat", "cat", "cow", "ant", "bee")),
    ]
    figures = figures_of(shown, {"cup", "dog", "fork", "cat", "owl"}, {"fork", "cup"})
    assert figures["clusters"] == 4
    assert figures["purity"] == pytest.approx((3 + 2 + 2) / (4 + 3 + 5))
    assert figures["members that fit an object"] == pytest.approx((4 / 4 + 3 / 5 + 1 / 3 + 5 / 5) / 4)
    assert figures["classes found"] == 2, "cat is less than half, and one fork is no majority"
    assert figures["recall of classes"] == pytest.approx(2 / 5)
    assert figures["found without a word"] == ["cup"]
    assert figures_of([], set(), set())["purity"] == 0


@pytest.mark.parametrize("command", ["dismiss", "restore", "merge", "split", "name"])
def test_ids_that_no_database_holds(found: Settings, command: str) -> None:
    name = ["x"] if command == "name" else []
    done = CliRunner().invoke(discover, [command, "9" * 30, *name], obj=found)
    assert (done.exit_code, "is not in the range" in done.output) == (2, True)
