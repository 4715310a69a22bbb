"""Bulk analysis on a Ray cluster of several machines, which are processes of this one."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray_analyzers
from click.testing import CliRunner
from databases import Files, Server, environment_of, fetched
from PIL import Image
from remote_stores import ENVIRONMENT, Bucket, WebFiles
from toys import Ingested, Pictures, close

from indexer.commands.import_ import import_annotations
from indexer.commands.ingest import resegment
from indexer.ray import pool
from indexer.ray.cluster import ENVIRONMENT as FOR_RAY
from indexer.ray.cluster import connected
from indexer.ray.pipeline import RayPipeline
from indexer.report import IngestReport, Tally
from indexer.scan import register_files
from indexer.scan_stores import register_objects
from indexer.worker import Worker, ingest
from retrieval.assembly import Assembly
from retrieval.errors import ConfigurationError
from retrieval.settings import Settings

ray = pytest.importorskip("ray", reason="needs the extra `ray`")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        os.environ.get("SEGSEARCH_TEST_RAY_CLUSTER") != "1", reason="starts a cluster: `make test-services`"
    ),
]

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
PHOTOS = 24


@dataclass
class Machines:
    """A cluster of two machines with one core each, and the one of this process with none."""

    cluster: Any
    address: str
    nodes: list[Any]
    folder: Path

    def clear(self) -> None:
        for path in self.folder.iterdir():
            path.unlink()

    def kill(self, node_id: str) -> None:
        (node,) = [each for each in self.nodes if each.node_id == node_id]
        self.nodes.remove(node)
        self.cluster.remove_node(node, allow_graceful=False)

    def complete(self) -> None:
        """Have two machines again."""
        while len(self.nodes) < 2:
            self.nodes.append(self.cluster.add_node(num_cpus=1))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, s3: str) -> Iterator[Machines]:
    from ray.cluster_utils import Cluster

    folder = tmp_path_factory.mktemp("ray")
    root = MANAGE.parent
    environment = {
        **FOR_RAY, **ENVIRONMENT, "AWS_ENDPOINT_URL": s3, ray_analyzers.FOLDER: str(folder),
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")]),
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        machines = Machines(made, made.address, [], folder)
        try:
            yield machines
        finally:
            made.shutdown()


@pytest.fixture
def machines(running: Machines) -> Machines:
    running.complete()
    running.clear()
    return running


def on_ray(assembly: Assembly, machines: Machines, *paths: Path, uris: tuple[str, ...] = ()) -> IngestReport:
    with connected(machines.address) as library:
        return ingest(assembly, Worker(assembly, ray=library), paths, Tally(), uris=uris)


def found(assembly: Assembly) -> dict[str, Any]:
    """All that an analysis stored, by the digests of the photos, bit for bit."""
    stored = {}
    url = assembly.settings.database_url
    for key, digest, *rest in fetched(
        url, "SELECT id, sha256, state, error, width, height, format, taken_at, recipe, space, photo_vector FROM image"
    ):
        segments = assembly.catalog.segments.of_image(key)
        vectors = assembly.catalog.vectors.of_segments([each.id for each in segments]).vectors
        each_segment = [
            (each.box_xyxy, each.mask_counts, each.quality, each.label, each.is_imported, vector.tobytes())
            for each, vector in zip(segments, vectors, strict=True)
        ]
        stored[digest] = ([bytes(each) if isinstance(each, memoryview) else each for each in rest], each_segment)
    return stored


@pytest.fixture
def other(tmp_path: Path, databases: Files | Server) -> Iterator[Assembly]:
    """A second installation."""
    (tmp_path / "other").mkdir()
    databases.blank(tmp_path / "other")
    made = Assembly(Settings.in_data_dir(tmp_path / "other", device="cpu", recipe="grid"))
    yield made
    close(made)


def renditions(assembly: Assembly) -> dict[str, bytes]:
    folder = assembly.settings.renditions_dir
    return {path.name: path.read_bytes() for path in folder.glob("*/*")}


def test_the_same_as_here(assembly: Assembly, other: Assembly, machines: Machines, pictures: Pictures) -> None:
    """Segments, vectors, previews and faults are those of a worker without a cluster."""
    pictures.many(PHOTOS)
    pictures.flat()
    (pictures.folder / "torn.png").write_bytes(pictures("whole.png").read_bytes()[:200])
    (pictures.folder / "tiny.png").write_bytes(b"")
    Image.new("RGB", (8, 8)).save(pictures.folder / "small.png")
    ours = on_ray(assembly, machines, pictures.folder)
    theirs = ingest(other, Worker(other), [pictures.folder], Tally())
    assert ours.counts == theirs.counts
    assert ours.counts["indexed"] == PHOTOS + 1
    assert ours.counts["failed"] >= 2
    assert found(assembly) == found(other)
    assert renditions(assembly) == renditions(other)
    assert len(renditions(assembly)) == 2 * (PHOTOS + 2)


def test_a_machine_dies_while_it_is_busy(
    assembly: Assembly, other: Assembly, machines: Machines, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost, and nothing doubled."""
    monkeypatch.setattr(pool, "PhotoAnalyzer", ray_analyzers.HeldAnalyzer)
    monkeypatch.setattr(pool, "CALL_PHOTOS", 2)  # so that both machines get some
    pictures.many(PHOTOS)

    def busy() -> set[str]:
        return {path.name.split("-")[1] for path in machines.folder.glob("busy-*")}

    killed: list[str] = []

    def kill() -> None:
        until = time.monotonic() + 120
        while len(busy()) < 2:
            if time.monotonic() > until:
                return
            time.sleep(0.05)
        killed.append(min(busy()))
        machines.kill(killed[0])
        (machines.folder / "go").touch()

    killing = threading.Thread(target=kill)
    killing.start()
    report = on_ray(assembly, machines, pictures.folder)
    killing.join()
    assert killed
    assert report.counts["indexed"] == PHOTOS
    ingest(other, Worker(other), [pictures.folder], Tally())
    assert found(assembly) == found(other)
    url = assembly.settings.database_url
    assert fetched(url, "SELECT state, count(*) FROM image GROUP BY state") == [("indexed", PHOTOS)]
    assert fetched(url, "SELECT count(*), sum(attempts) FROM image") == [(PHOTOS, PHOTOS)]
    assert fetched(url, "SELECT count(*) FROM segment") == [(25 * PHOTOS,)]


def test_a_photo_that_kills_processes(
    assembly: Assembly, machines: Machines, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given up, and takes no other with it."""
    monkeypatch.setattr(pool, "PhotoAnalyzer", ray_analyzers.DeadlyAnalyzer)
    paths = pictures.many(12)
    deadly = hashlib.sha256(paths[5].read_bytes()).hexdigest()
    (machines.folder / ray_analyzers.DEADLY).write_text(deadly)
    report = on_ray(assembly, machines, pictures.folder)
    assert (report.counts["indexed"], report.counts["failed"]) == (11, 1)
    states = fetched(assembly.settings.database_url, f"SELECT state, error FROM image WHERE sha256 = '{deadly}'")
    assert states == [
        ("failed", "given up: 2 processes died while analysing this photo; try again with `retry-failed`")
    ]
    together, *alone = (machines.folder / "deaths").read_text().split()
    assert int(together) > 1
    assert alone == ["1", "1"]


def test_a_bucket(assembly: Assembly, machines: Machines, bucket: Bucket, pictures: Pictures) -> None:
    """The machines of the cluster read its objects."""
    paths = pictures.many(9)
    for path in paths:
        bucket.put(path.name, path.read_bytes())
    sent: list[Any] = []

    with connected(machines.address) as library, pytest.MonkeyPatch.context() as patch:
        add = pool.RayPool.add

        def noting(self: Any, photos: Any) -> None:
            sent.extend(photos)
            add(self, photos)

        patch.setattr(pool.RayPool, "add", noting)
        report = ingest(assembly, Worker(assembly, ray=library), [], Tally(), uris=(bucket.uri,))
    assert report.counts["indexed"] == len(paths)
    assert [photo["content"] for photo in sent] == [None] * len(paths)
    assert len(renditions(assembly)) == 2 * len(paths)


def test_objects_that_changed_or_are_gone(
    assembly: Assembly, machines: Machines, bucket: Bucket, pictures: Pictures
) -> None:
    paths = pictures.many(3)
    for path in paths:
        bucket.put(path.name, path.read_bytes())
    register_objects(assembly, [bucket.uri], Tally())
    bucket.delete(paths[0].name)
    bucket.put(paths[1].name, pictures("new.png").read_bytes())
    assert on_ray(assembly, machines).counts["indexed"] == 0
    url = assembly.settings.database_url
    states = fetched(url, "SELECT state, error FROM image ORDER BY id")
    assert [state for state, _ in states] == ["failed", "failed", "indexed"]
    assert "cannot be opened" in states[0][1]
    assert "has changed" in states[1][1]


def test_a_store_that_cannot_be_read(assembly: Assembly, machines: Machines, web: WebFiles, pictures: Pictures) -> None:
    """Its photos wait, and others go on."""
    web.files = {f"/{n}.png": pictures(f"{n}.png").read_bytes() for n in range(3)}
    register_objects(assembly, [f"{web.url}{path}" for path in web.files], Tally())
    web.statuses["/1.png"] = 503
    on_ray(assembly, machines)
    url = assembly.settings.database_url
    assert fetched(url, "SELECT state, attempts FROM image ORDER BY id") == [
        ("indexed", 1), ("pending", 0), ("indexed", 1),
    ]  # fmt: skip
    web.statuses.clear()
    on_ray(assembly, machines)
    assert fetched(url, "SELECT DISTINCT state FROM image") == [("indexed",)]


def test_resegment_with_imported_segments(ingested: Ingested, databases: Files | Server, machines: Machines) -> None:
    """Vectors of imported segments are made anew, too; previews are not."""
    made, path = ingested.assembly, ingested.paths[0]
    square = [20.0, 10.0, 60.0, 10.0, 60.0, 40.0, 20.0, 40.0]
    annotations = {
        "images": [{"id": 1, "file_name": path.name, "width": 96, "height": 72}],
        "categories": [{"id": 0, "name": "cow"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 0, "segmentation": [square]}],
    }
    file = ingested.photos.parent / "instances.json"
    file.write_text(json.dumps(annotations))
    assert CliRunner().invoke(import_annotations, [str(file)], obj=made.settings).exit_code == 0
    before, pictures_before = found(made), renditions(made)
    databases.execute(made.settings.data_dir, "UPDATE image SET recipe = 'older:1'")
    done = CliRunner().invoke(resegment, ["--ray", machines.address], obj=made.settings)
    assert done.exit_code == 0, done.output + str(done.exception)
    assert f"analysed {len(ingested.paths)} photos" in done.output
    after = found(made)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert [each for each in after[digest][1] if each[4]] == [each for each in before[digest][1] if each[4]]
    assert sorted(map(str, after[digest][1])) == sorted(map(str, before[digest][1]))
    assert renditions(made) == pictures_before
    assert not ray.is_initialized()


@pytest.mark.parametrize(
    ("analyzer", "told"),
    [
        (ray_analyzers.OtherAnalyzer, "has SegSearch 0.0.1, this machine"),
        (ray_analyzers.UnableAnalyzer, "cannot analyse photos: RuntimeError: there is no such device"),
    ],
)
def test_machines_that_cannot_help(
    assembly: Assembly,
    machines: Machines,
    pictures: Pictures,
    monkeypatch: pytest.MonkeyPatch,
    analyzer: Any,
    told: str,
) -> None:
    monkeypatch.setattr(pool, "PhotoAnalyzer", analyzer)
    pictures.many(3)
    with pytest.raises(ConfigurationError, match=told):
        on_ray(assembly, machines, pictures.folder)
    assert fetched(assembly.settings.database_url, "SELECT DISTINCT state FROM image") == [("pending",)]


def test_another_recipe_there(assembly: Assembly, machines: Machines, pictures: Pictures) -> None:
    pictures.many(1)
    register_files(assembly, [pictures.folder], Tally())
    with connected(machines.address) as library:
        pipeline = RayPipeline(assembly, library, "test")
        pipeline._new_pool = lambda: pool.RayPool(library, "grid", "cpu", "grid:another")  # type: ignore[assignment]
        with pytest.raises(ConfigurationError, match="has another recipe grid: give it the same weights"):
            pipeline.run()


def test_what_is_stopped_is_given_back(
    assembly: Assembly, machines: Machines, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "PhotoAnalyzer", ray_analyzers.HeldAnalyzer)
    monkeypatch.setattr(pool, "CALL_PHOTOS", 1)
    pictures.many(PHOTOS)
    register_files(assembly, [pictures.folder], Tally())

    def stop() -> None:
        until = time.monotonic() + 120
        while not list(machines.folder.glob("busy-*")) and time.monotonic() < until:
            time.sleep(0.05)
        worker.stop()
        (machines.folder / "go").touch()

    with connected(machines.address) as library:
        worker = Worker(assembly, ray=library)
        stopping = threading.Thread(target=stop)
        stopping.start()
        done = worker.work(lambda: False)
        stopping.join()
    url = assembly.settings.database_url
    assert 0 < done < PHOTOS
    states = dict(fetched(url, "SELECT state, count(*) FROM image GROUP BY state"))
    assert states == {"indexed": done, "pending": PHOTOS - done}
    assert fetched(url, "SELECT sum(attempts) FROM image WHERE state = 'pending'") == [(0,)]


def test_ctrl_c(pictures: Pictures, home: Path) -> None:
    """A cluster that was started for one command ends with it, also by Ctrl-C in a terminal."""
    pictures.many(300)
    process = subprocess.Popen(
        [sys.executable, str(MANAGE), "ingest", "--ray", "local", str(pictures.folder)],
        env={**os.environ, **environment_of(home), "SEGSEARCH_RECIPE": "grid", "PYTHONPATH": str(MANAGE.parent)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    url = Settings.in_data_dir(home).database_url

    def states() -> dict[str, int]:
        try:
            return dict(fetched(url, "SELECT state, count(*) FROM image GROUP BY state"))
        except Exception:  # there are no tables yet
            return {}

    until = time.monotonic() + 120
    while not states().get("indexed") and time.monotonic() < until:
        time.sleep(0.05)
    started = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    output = process.communicate(timeout=120)[0]
    assert "finishing the photos in progress" in output
    assert process.returncode == 0, output
    left = states()
    assert left.keys() <= {"indexed", "pending"}
    assert 0 < left["indexed"]
    _, alive = psutil.wait_procs(started, timeout=30)
    assert not alive
