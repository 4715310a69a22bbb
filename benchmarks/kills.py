"""Kill -9 at moments drawn by a seed: whatever dies, nothing is lost, nothing doubled, index equal to catalogue.

::

    python -m benchmarks.kills [--kills 50] [--copies 2] [--seed 0] [--filled 60000] [--from FOLDER] [--out FILE]

Web servers with their analyzers, workers with their decoders and ``ingest``, two of each, run on one home, while photos
are uploaded, put into a folder and searched with. One of the processes is killed, what nobody restarts is started
again, and when all is entered the catalogue is held against the files and the index against the catalogue. Then the
next one. The home is filled with synthetic photos before, so that it has an index of inverted lists, too.
"""

from __future__ import annotations

import hashlib
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from indexer.bench.results import OUT, report
from indexer.publish import Publisher
from indexer.verify import verify
from retrieval.assembly import Assembly
from retrieval.catalog.ingest_queue import GIVEN_UP
from retrieval.settings import Settings
from retrieval.storage import file_names

from .deployment import PATIENCE, Deployment, HangError, kind_of, until
from .servers import drawn

KINDS = ("worker", "decoder", "web server", "analyzer", "ingest")
SHORT_LIVED = ("decoder", "ingest")
"""Those that end by themselves where all is done."""


def contents(source: Path | None, seed: int) -> Iterator[bytes]:
    """Pictures without end, no two alike: those of a folder first, drawn ones after them."""
    seen: set[str] = set()
    for path in sorted(source.rglob("*.jpg")) if source else ():
        content = path.read_bytes()
        if (digest := hashlib.sha256(content).hexdigest()) not in seen:
            seen.add(digest)
            yield content
    number = seed * 1_000_000
    while True:
        yield drawn(number)
        number += 1


def faults_of(deployment: Deployment) -> list[str]:
    """What is lost, doubled or different; nothing if all is well."""
    assembly = Assembly(deployment.settings)
    try:
        Publisher(assembly).publish()
        found = verify(assembly)
    finally:
        assembly._sessions.kw["bind"].dispose()
    wanted = deployment.before | deployment.uploaded | deployment.files
    digests = [digest for (digest,) in deployment.rows("SELECT sha256 FROM image")]
    places = {uri for (uri,) in deployment.rows("SELECT uri FROM location")}
    segments = deployment.rows("SELECT count(*) FROM segment WHERE NOT is_fallback")[0][0]
    counted = deployment.rows("SELECT coalesce(sum(segment_count), 0) FROM image")[0][0]
    per_photo = "SELECT image_id FROM segment GROUP BY image_id, mask_counts, x0, y0, x1, y1 HAVING count(*) > 1"
    unfinished = "SELECT count(*) FROM image WHERE state NOT IN ('indexed', 'empty')"
    checks = {
        "photos lost": len(wanted - set(digests)),
        "photos doubled": len(digests) - len(set(digests)),
        "photos that nobody gave": len(set(digests) - wanted),
        "places lost or doubled": abs(len(places) - len(wanted)),
        "photos not entered": deployment.rows(unfinished)[0][0],
        "segments lost or doubled": abs(segments - counted),
        "photos with a segment twice": len(deployment.rows(per_photo)),
        "segments without photo": deployment.rows(
            "SELECT count(*) FROM segment WHERE image_id NOT IN (SELECT id FROM image)"
        )[0][0],
        "renditions missing": sum(
            not _renditions(assembly.settings, digest) for digest in set(digests) - deployment.before
        ),
    }
    return found + [f"{count} {what}" for what, count in checks.items() if count]


def _renditions(settings: Settings, digest: str) -> bool:
    names = file_names.preview(digest), file_names.thumbnail(digest)
    return all((settings.files_dir / name).is_file() for name in names)


def _parts(deployment: Deployment) -> list[str]:
    """How many segments each part of the written index has, and whether they are in inverted lists."""
    parts = Assembly(deployment.settings).indexes.segment_files.manifest().parts
    return [f"{part.count} {'inverted' if part.tuning else 'exact'}" for part in parts]


def kill_one(deployment: Deployment, name: str, wait: float) -> bool:
    """Kill a process after some seconds, or as soon as it is there; whether it was killed."""
    time.sleep(wait)
    end = time.monotonic() + (5.0 if kind_of(name) in SHORT_LIVED else PATIENCE)
    while (process := deployment.victim(name)) is None:
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    process.kill()
    if name in deployment.processes:
        deployment.processes[name].wait(PATIENCE)
    return True


def work(deployment: Deployment, source: Iterator[bytes], photos: int, number: int) -> threading.Thread:
    """Put photos into the folder, and begin to give as many by upload; each third is asked for as well."""
    for index in range(photos):
        content = next(source)
        deployment.files.add(hashlib.sha256(content).hexdigest())
        (deployment.photos / f"{number:03}-{index:03}.jpg").write_bytes(content)
    uploads = [next(source) for _ in range(photos)]

    def give() -> None:
        for index, content in enumerate(uploads):
            deployment.upload(content)
            if index % 3 == 0:
                deployment.ask(content)

    thread = threading.Thread(target=give, daemon=True)
    thread.start()
    return thread


def one_round(
    deployment: Deployment, source: Iterator[bytes], victim: str, photos: int, wait: float, number: int
) -> list[str]:
    """Work, a kill in the middle of it, and the account afterwards."""
    giving = work(deployment, source, photos, number)
    for name in deployment.names("web server", "worker", "ingest"):
        deployment.start(name)
    while not kill_one(deployment, victim, wait):
        if kind_of(victim) not in SHORT_LIVED:
            raise HangError(f"there is no {victim} to kill")
        if kind_of(victim) == "ingest":  # it was faster than its death
            deployment.start(victim)
        else:
            deployment.upload(next(source))
        wait = wait / 2
    for name in deployment.names("web server", "worker"):
        deployment.start(name)
    if kind_of(victim) == "ingest":
        deployment.start(victim)
    giving.join(PATIENCE)
    if giving.is_alive():
        raise HangError("uploads are not acknowledged")
    until(deployment.is_settled, "everything is entered")
    faults = faults_of(deployment)
    count = deployment.rows("SELECT count(*) FROM segment")[0][0]
    for name in deployment.names("web server"):
        try:
            until(lambda name=name: deployment.searchable(name) == (count, 0), f"{name} finds every segment")
        except HangError as error:
            faults.append(f"{error}: {deployment.searchable(name)} of {count}")
    return faults


def run(
    kills: int,
    seed: int,
    photos: int = 12,
    source: Path | None = None,
    *,
    filled: int = 0,
    copies: int = 1,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Kill so many times; returns what was given, killed and found wrong.

    Parameters
    ----------
    kills, seed : int
    photos : int
        New files a round, and as many uploads.
    source : Path, optional
        A folder of photos; drawn ones if absent.
    filled : int
        Synthetic segments to begin with.
    copies : int
        Processes of each kind.
    tell : callable
        Called with a line a round.
    """
    rng, started = random.Random(seed), time.monotonic()
    kinds = [kind for _ in range(-(-kills // len(KINDS))) for kind in rng.sample(KINDS, len(KINDS))][:kills]
    killed, faults, given_up = Counter[str](), list[str](), 0
    with tempfile.TemporaryDirectory(prefix="segsearch-kills-") as folder:
        deployment = Deployment(Path(folder) / "home", Path(folder) / "photos", copies=copies)
        deployment.photos.mkdir()
        supply = contents(source, seed)
        if filled:
            deployment.fill(filled)
        try:
            for number, kind in enumerate(kinds):
                wait, name = rng.uniform(0.0, 3.0), f"{kind} {rng.randint(1, copies)}"
                found = one_round(deployment, supply, name, photos, wait, number)
                again = deployment.rows("SELECT count(*) FROM image WHERE error = ?", GIVEN_UP)[0][0]
                given_up += again
                killed[kind] += 1
                faults += [f"kill {number}, of {name}: {fault}" for fault in found]
                tell(f"{number + 1}/{kills} {name} killed after {wait:.2f} s: {'; '.join(found) or 'all is well'}")
        except HangError as error:
            raise HangError(f"{error}\n{deployment.abort()}") from error
        finally:
            deployment.stop()
        try:
            until(lambda: not deployment.leftovers(), "all processes end")
        except HangError:
            faults += [f"left behind: {each}" for each in deployment.leftovers()]
        faults += [f"{count} answers: {name}" for name, count in deployment.answers.items() if name.endswith(" 500")]
        return {
            "kills": sum(killed.values()),
            "seed": seed,
            "processes of each kind": copies,
            "killed": dict(sorted(killed.items())),
            "files": len(deployment.files),
            "uploads": len(deployment.uploaded),
            "photos in the catalogue": deployment.rows("SELECT count(*) FROM image")[0][0],
            "parts of the index": _parts(deployment),
            "segments in catalogue and index": deployment.rows("SELECT count(*) FROM segment")[0][0],
            "given up as killers of workers": given_up,
            "answers": dict(sorted(deployment.answers.items())),
            "faults": faults,
            "seconds": round(time.monotonic() - started, 1),
        }


@click.command()
@click.option("--kills", default=50, show_default=True, type=click.IntRange(1))
@click.option("--copies", default=2, show_default=True, type=click.IntRange(1, 4), help="Processes of each kind.")
@click.option("--seed", default=0, show_default=True)
@click.option("--photos", default=12, show_default=True, help="New files a round, and as many uploads.")
@click.option("--filled", default=60_000, show_default=True, help="Synthetic segments to begin with.")
@click.option("--from", "source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@OUT
def main(kills: int, copies: int, seed: int, photos: int, filled: int, source: Path | None, out: Path | None) -> None:
    """Kill, restart, count; exits with 1 if anything was lost, doubled or different."""
    found = run(kills, seed, photos, source, filled=filled, copies=copies, tell=click.echo)
    report(found, out)
    sys.exit(1 if found["faults"] else 0)


if __name__ == "__main__":
    main()
