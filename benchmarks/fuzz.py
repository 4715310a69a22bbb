"""Mutated picture files, by a seed: all accounted for, no leak, no hang.

::

    python -m benchmarks.fuzz --from FOLDER [--count 1000] [--seed 0] [--out FILE]

Each file of the folder is spoilt in ways that disks, cameras and attackers spoil them, and the spoilt ones are entered
with recipe `grid`, some at a time. Afterwards every file has a state and a reason, the index equals the catalogue, and
the process has no more handles, threads, children, temporary files or memory than after the first of them.
"""

from __future__ import annotations

import multiprocessing.util
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import psutil

from indexer.bench.results import OUT, report
from indexer.report import IngestReport, Tally
from indexer.verify import verify
from indexer.worker import Worker, ingest
from retrieval.assembly import Assembly
from retrieval.settings import Settings
from retrieval.storage.locations import uri_of

HEADER = 512
LARGEST = 4 * 1024**2
"""Larger files are left out: it is the decoders that are to be tried, not the disk."""

GROWTH_BYTES = 16 * 1024**2
ENDING_SECONDS = 10.0

Mutator = Callable[[bytearray, random.Random, Sequence[bytes]], bytearray]


def flip_bits(content: bytearray, rng: random.Random, _: Sequence[bytes]) -> bytearray:
    """A few bits anywhere."""
    for _flip in range(rng.randint(1, 16)):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return content


def truncate(content: bytearray, rng: random.Random, _: Sequence[bytes]) -> bytearray:
    """The end is missing."""
    return content[: rng.randrange(len(content))]


def splice(content: bytearray, rng: random.Random, others: Sequence[bytes]) -> bytearray:
    """The beginning of one file and the end of another."""
    other = rng.choice(others)
    return content[: rng.randrange(len(content))] + other[rng.randrange(len(other)) :]


def edit_header(content: bytearray, rng: random.Random, _: Sequence[bytes]) -> bytearray:
    """Random bytes where formats keep their headers, past the signature."""
    end = min(HEADER, len(content))
    for _edit in range(rng.randint(1, 8)):
        content[rng.randrange(min(4, end - 1), end)] = rng.randrange(256)
    return content


def edit_size(content: bytearray, rng: random.Random, _: Sequence[bytes]) -> bytearray:
    """A number in the header becomes one that is at a limit."""
    width = rng.choice((2, 4))
    value = rng.choice((0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)) & ((1 << 8 * width) - 1)
    start = rng.randrange(max(1, min(HEADER, len(content)) - width))
    content[start : start + width] = value.to_bytes(width, rng.choice(("little", "big")))
    return content


def append(content: bytearray, rng: random.Random, _: Sequence[bytes]) -> bytearray:
    """Data behind the end."""
    return content + rng.randbytes(rng.randint(1, 4096))


def repeat(content: bytearray, rng: random.Random, _: Sequence[bytes]) -> bytearray:
    """A piece occurs twice."""
    start = rng.randrange(len(content))
    end = min(len(content), start + rng.randint(1, 2048))
    return content[:end] + content[start:end] + content[end:]


def blank(content: bytearray, rng: random.Random, _: Sequence[bytes]) -> bytearray:
    """A sector of zeros, as a disk leaves it."""
    start = rng.randrange(len(content)) // 512 * 512
    end = min(len(content), start + 512)
    content[start:end] = bytes(end - start)
    return content


MUTATORS: tuple[Mutator, ...] = (flip_bits, truncate, splice, edit_header, edit_size, append, repeat, blank)


def mutate(folder: Path, out: Path, count: int, seed: int) -> list[Path]:
    """Write so many spoilt files, one to three mutations each; their names tell which."""
    sources = [path for path in sorted(folder.rglob("*")) if path.is_file() and 16 <= path.stat().st_size <= LARGEST]
    contents = {path: path.read_bytes() for path in sources}
    others, rng, made = list(contents.values()), random.Random(seed), []
    for number in range(count):
        source = sources[number % len(sources)]
        content, chosen = bytearray(contents[source]), rng.choices(MUTATORS, k=rng.choice((1, 1, 1, 2, 3)))
        for mutator in chosen:
            content = mutator(content, rng, others) if len(content) > 1 else content
        name = "+".join(mutator.__name__ for mutator in chosen)
        made.append(out / f"{number:04}-{name}-{source.name}")
        made[-1].write_bytes(content)
    return made


@dataclass
class Footprint:
    """What a process has open: greatest values are kept apart from the first."""

    handles: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    def look(self) -> None:
        """Note what there is, once what is ending has ended."""
        this, end = psutil.Process(), time.monotonic() + ENDING_SECONDS
        while time.monotonic() < end and (threading.active_count() > 1 or _decoders()):
            time.sleep(0.1)
        self.handles.append(this.num_fds())
        self.threads.append(threading.active_count())
        held = this.memory_info()
        self.memory.append(held.rss - held.shared)  # the mapped catalogue grows, as it should

    def faults(self) -> list[str]:
        """What grew in the second half of the looks."""
        found, half = [], len(self.handles) // 2
        if max(self.handles[half:]) > max(self.handles[:half]):
            found.append(f"file handles grew: {self.handles}")
        if max(self.threads[half:]) > max(self.threads[:half]):
            found.append(f"threads grew: {self.threads}")
        if max(self.memory[half:]) > max(self.memory[:half]) + GROWTH_BYTES:
            found.append(f"memory grew: {[value >> 20 for value in self.memory]} MiB")
        if left := _decoders():
            found.append(f"decoders left: {[process.pid for process in left]}")
        return found


def _decoders() -> list[psutil.Process]:
    """Children of the fork server, which itself stays."""
    return [grandchild for child in psutil.Process().children() for grandchild in child.children()]


def account(
    assembly: Assembly, files: Sequence[Path], reports: Sequence[IngestReport]
) -> tuple[Counter[str], list[str]]:
    """States of the files, and what is not in order with them."""
    known = assembly.catalog.locations.known([uri_of(path) for path in files])
    failures = {failure.path: failure.reason for report in reports for failure in report.failures}
    states, faults = Counter[str](), []
    for path in files:
        place = known.get(uri_of(path))
        state = place.state if place is not None else "failed" if str(path) in failures else "skipped"
        states[state] += 1
        if state in ("pending", "working"):
            faults.append(f"{path.name} is left {state}")
        elif place is not None and state == "failed" and not assembly.catalog.images.get(place.image_id).error:
            faults.append(f"{path.name} failed without a reason")
    counted = sum((Counter(report.counts) for report in reports), Counter())
    if counted.total() != len(files):
        faults.append(f"{counted.total()} files are accounted for, of {len(files)}")
    if counted["skipped"] != states["skipped"]:
        faults.append(f"{counted['skipped']} files are told as skipped, {states['skipped']} are")
    return states, faults


def run(
    folder: Path, count: int, seed: int, parts: int = 10, tell: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Enter so many spoilt files; returns what they came to and what was wrong.

    Parameters
    ----------
    folder : Path
        Of files to spoil.
    count, seed : int
    parts : int
        How many ingests they are entered by.
    tell : callable
        Called with a line an ingest.
    """
    started, footprint, reports = time.monotonic(), Footprint(), list[IngestReport]()
    with tempfile.TemporaryDirectory(prefix="segsearch-fuzz-") as place:
        spoilt, scratch = Path(place) / "spoilt", Path(place) / "tmp"
        spoilt.mkdir()
        scratch.mkdir()
        files = mutate(folder, spoilt, count, seed)
        assembly = Assembly(Settings.in_data_dir(Path(place) / "home", device="cpu", recipe="grid"))
        multiprocessing.util.get_temp_dir()  # of the fork server, as long as this process lives
        tempfile.tempdir, before = str(scratch), tempfile.tempdir
        try:
            for part in range(parts):
                share = files[part::parts]
                reports.append(ingest(assembly, Worker(assembly), share, Tally()))
                footprint.look()
                tell(f"{part + 1}/{parts}: {reports[-1].counts}, {reports[-1].seconds:.1f} s")
        finally:
            tempfile.tempdir = before
        states, faults = account(assembly, files, reports)
        faults += verify(assembly) + footprint.faults()
        faults += [f"left behind: {path.name}" for path in _temporary(Path(place) / "home", scratch)]
        reasons = Counter(_kind(failure.reason) for report in reports for failure in report.failures)
        assembly._sessions.kw["bind"].dispose()
    return {
        "files": count,
        "seed": seed,
        "states": dict(sorted(states.items())),
        "reasons": dict(reasons.most_common(20)),
        "slowest ingest of a part, seconds": round(max(report.seconds for report in reports), 1),
        "memory after each part, MiB": [value >> 20 for value in footprint.memory],
        "file handles after each part": footprint.handles,
        "faults": faults,
        "seconds": round(time.monotonic() - started, 1),
    }


def _temporary(home: Path, scratch: Path) -> list[Path]:
    return list(scratch.rglob("*")) + [path for path in home.rglob("*") if path.name.endswith((".partial", ".tmp"))]


def _kind(reason: str) -> str:
    """A reason without what differs from file to file."""
    return re.split(r"[(:;]", reason)[0].strip()


@click.command()
@click.option("--from", "folder", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--count", default=1000, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=0, show_default=True)
@OUT
def main(folder: Path, count: int, seed: int, out: Path | None) -> None:
    """Spoil, enter, count; exits with 1 if anything is unaccounted for or left behind."""
    found = run(folder, count, seed, tell=click.echo)
    report(found, out)
    sys.exit(1 if found["faults"] else 0)


if __name__ == "__main__":
    main()
