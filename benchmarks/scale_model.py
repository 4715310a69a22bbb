"""What a collection of any size needs and costs, from figures that were measured on small ones.

Sizes are segments. Times are of one core of the machine in the results files. What is assumed says so.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from .queueing import MEAN_RATE, Floats

RESULTS = Path(__file__).parent / "results"

DAY, MONTH = 86_400.0, 730 * 3600.0
GB = 1e9

MOST_USED = 0.6
"""Share of the cores that a plan gives to the busiest time; waits grow steeply above .7."""
FREE_DISK = 0.3
"""Share of a disk that stays free: a rebuilt index lies beside the old one."""
ROWS = 210
"""Rows of the catalogue that a search reads (docs/benchmarks.md, Search: 160 for exact scores, 50 of metadata)."""
DISK_READ_MS = 0.1
"""A random read of an NVMe disk. Assumed, not measured: turbopuffer.com/docs/architecture has the same 100 µs."""

GRID = 500
"""Quantiles by which the times of searches are described."""

QUERY_SHARES = {"example": 1.0, "word": 1 / 2, "word and example": 1 / 3}
"""How often each kind of search is asked, up to a factor: Zipf's law. Assumed: nobody's log was counted."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine for rent: AWS's i4i.xlarge, or so many of it in one, as larger sizes of the family are.

    Attributes
    ----------
    times : int
        1, 2, 4, 8, 16 or 32.
    month_usd : float
        Price of one; 250 is what VectorChord's README names for it (commit 0493c818, read in 2026).
    """

    times: int = 1
    month_usd: float = 250.0

    @property
    def cores(self) -> int:
        """Hardware threads, 4 for one; taken for cores as the two of the measurements are."""
        return 4 * self.times

    @property
    def memory(self) -> float:
        """Bytes."""
        return 32 * 2**30 * self.times

    @property
    def disk(self) -> float:
        """Bytes of NVMe."""
        return 937 * GB * self.times

    @property
    def price(self) -> float:
        """US dollars a month."""
        return self.month_usd * self.times


SIZES = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class Workload:
    """What is asked of a collection.

    Attributes
    ----------
    segments : int
    searches : float
        A second, at the busiest time; a day's mean is `MEAN_RATE` of it.
    photos : float
        New ones a day.
    bulk : int
        Photos that come at once on the simulated day.
    """

    segments: int
    searches: float
    photos: float
    bulk: int


@dataclass(frozen=True, eq=False, slots=True)
class Measured:
    """Figures of the results files, each named by its file in `read`."""

    segments_a_photo: float
    catalogue_bytes: float
    index_bytes: float
    rendition_bytes: float
    photo_ms: Floats
    store_ms: float
    search_ms: dict[str, Floats]
    lists: dict[str, Floats]
    speeds: tuple[dict[str, float], ...]
    spread: float
    server_memory: float
    worker_memory: float
    analyzer_memory: float
    indexed_a_second: float

    @classmethod
    def read(cls, folder: Path = RESULTS) -> Measured:
        """From service-times, two-checkouts, search-100k, search-1m, search-10m, ingest and runtimes.

        A photo's time is that of the whole program (two-checkouts), spread as its analysis alone (service-times).

        Raises
        ------
        FileNotFoundError
            A file is missing; the message names the command that makes it.
        """
        single, worker, analyzer = (_read(folder, name) for name in ("service-times", "ingest", "runtimes"))
        whole, alone = _read(folder, "two-checkouts")["new"], single["photo, processor ms"]
        searches = [_read(folder, f"search-{size}") for size in ("100k", "1m", "10m")]
        kinds = {name: single["searches"][name] for name in QUERY_SHARES}
        return cls(
            segments_a_photo=single["segments a photo"],
            catalogue_bytes=single["bytes a segment, catalogue"],
            index_bytes=searches[-1]["bytes a segment, index"],
            rendition_bytes=single["bytes a photo, renditions"],
            photo_ms=_quantiles(alone) * whole["processor ms a photo"] / alone["mean"],
            store_ms=single["storing a photo, ms"]["p50"],
            search_ms={name: _quantiles(of["processor ms"]) for name, of in kinds.items()},
            lists={name: _quantiles(of["lists, times those of an example"]) for name, of in kinds.items()},
            speeds=tuple(_speed(each) for each in searches),
            spread=_log_spread(searches[-1]["HTTP, 1 client, ms"]),
            server_memory=1e6 * searches[-1]["server's own memory afterwards, MB"],
            worker_memory=1e6 * max(worker["memory of the process tree by thirds, PSS, MB"]),
            analyzer_memory=1e6 * analyzer["analyzer"]["openvino"]["PSS, MB"],
            indexed_a_second=searches[-1]["segments indexed a second"],
        )


def _read(folder: Path, name: str) -> dict[str, Any]:
    path = folder / f"{name}.json"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: make it by the command that benchmarks/README.md names for it")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _quantiles(of: dict[str, float]) -> Floats:
    return np.array([value for name, value in of.items() if name.startswith("p")])


def _log_spread(of: dict[str, float]) -> float:
    """Standard deviation of the logarithm of times of searches that are alike, from their median and p95."""
    return math.log(of["p95"] / of["p50"]) / NormalDist().inv_cdf(0.95)


def _speed(figures: dict[str, Any]) -> dict[str, float]:
    (part,) = figures["parts"]
    return {
        "segments": figures["segments"],
        "lists": part["lists"],
        "nprobe": part["nprobe"],
        "ms": figures["HTTP, 1 client, ms"]["p50"],
        "eight clients, ms": figures["HTTP, 8 clients, ms"]["p50"],
    }


def _even(count: int) -> Floats:
    return (np.arange(count) + 0.5) / count


@dataclass(frozen=True, eq=False, slots=True)
class Model:
    """Times and bytes of any number of segments.

    A search of one direction takes ``base_ms + code_ms · scanned``, where ``scanned`` codes lie in the lists that it
    looks at. The number of lists is the program's rule, 2·√N, without its rounding to a power of two, which makes up
    to √2 times as many or as few. Those searched are ``probe_factor · N ** probe_power``, fitted to the index's own
    choices.
    """

    measured: Measured
    base_ms: float
    code_ms: float
    probe_factor: float
    probe_power: float

    @classmethod
    def fit(cls, measured: Measured) -> Model:
        """Least squares of relative errors of the three indexes of short codes."""
        sizes, lists, probes, times = (
            np.array([each[name] for each in measured.speeds]) for name in ("segments", "lists", "nprobe", "ms")
        )
        power, factor = np.polyfit(np.log(sizes), np.log(probes), 1)
        scanned = sizes * probes / lists
        terms = np.stack([np.ones_like(scanned), scanned], axis=1) / times[:, None]
        (base, code), *_ = np.linalg.lstsq(terms, np.ones_like(times), rcond=None)
        return cls(measured, float(base), float(code), float(np.exp(factor)), float(power))

    def scanned(self, segments: float) -> float:
        """Codes that a search of one direction looks at."""
        lists, probes = 2 * math.sqrt(segments), self.probe_factor * segments**self.probe_power
        return segments * min(1.0, probes / lists)

    def example_ms(self, segments: float) -> float:
        """Median of a search by an example, over HTTP, where all is in memory."""
        return self.base_ms + self.code_ms * self.scanned(segments)

    def search_ms(self, kind: str, segments: float, shares: Floats) -> Floats:
        """Times of a kind of search at quantiles in [0, 1].

        The base is longer by what the kind takes on a library of 39,271 segments, and more lists are looked at; both
        are taken to be long for the same searches.
        """
        of, at = self.measured, np.linspace(0, 1, len(self.measured.search_ms[kind]))
        longer = np.interp(shares, at, of.search_ms[kind]) / np.median(of.search_ms["example"])
        more = np.interp(shares, at, of.lists[kind])
        return self.base_ms * longer + self.code_ms * self.scanned(segments) * more

    def mixed_ms(self, segments: float, shards: int = 1) -> Floats:
        """Times of searches of all kinds in their shares, at even quantiles; the slowest of some shards that are alike.

        What differs between searches that are alike is taken to be log-normal, as `Measured.spread` says.
        """
        total = sum(QUERY_SHARES.values())
        numbers = [round(GRID * share / total) for share in QUERY_SHARES.values()]
        kinds = [
            self.search_ms(kind, segments, _even(number)) for kind, number in zip(QUERY_SHARES, numbers, strict=True)
        ]
        slowest = [NormalDist().inv_cdf(share ** (1 / shards)) for share in _even(GRID // 10)]
        return np.outer(np.concatenate(kinds), np.exp(self.measured.spread * np.array(slowest))).ravel()

    def photos(self, segments: float) -> float:
        """How many photos so many segments are of."""
        return segments / self.measured.segments_a_photo

    def bytes(self, segments: float) -> dict[str, float]:
        """Of catalogue, index and renditions; originals stay where they are."""
        of = self.measured
        return {
            "catalogue": of.catalogue_bytes * segments,
            "index": of.index_bytes * segments,
            "renditions": of.rendition_bytes * self.photos(segments),
        }

    def largest(self, median_ms: float) -> float:
        """Most segments of which the median search takes no longer, by bisection to 1 %."""
        low, high = 1e5, 1e12
        while high > 1.01 * low:
            middle = math.sqrt(low * high)
            fits = float(np.median(self.mixed_ms(middle))) <= median_ms
            low, high = (middle, high) if fits else (low, middle)
        return low


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """Machines for a workload: shards that each hold a part of the segments, all asked by every search.

    Attributes
    ----------
    workload : Workload
    shards : int
        1 is what exists; a search over several shards does not.
    machine : Machine
        Of each shard.
    machines : int
        Of each shard; more than one if its searches or new photos need more cores than the largest machine has.
    search_cores, ingest_cores : int
        Of each shard: photos get what they need, and searches all others.
    in_memory : float
        Share of the shard's catalogue that the memory holds beside index and processes.
    disk_ms : float
        What reading the other rows adds to a search. Assumed: see `DISK_READ_MS`.
    """

    workload: Workload
    shards: int
    machine: Machine
    machines: int
    search_cores: int
    ingest_cores: int
    in_memory: float
    disk_ms: float

    @property
    def shard_segments(self) -> float:
        """Segments of a shard."""
        return self.workload.segments / self.shards

    @property
    def price(self) -> float:
        """US dollars a month."""
        return self.shards * self.machines * self.machine.price


def plan(model: Model, workload: Workload, median_ms: float, month_usd: float = 250.0) -> Plan:
    """The cheapest machines by which the median search of a shard takes at most so long, and nothing is full.

    Raises
    ------
    ValueError
        No number of shards is enough, since a small collection takes longer already.
    """
    if model.base_ms >= median_ms:
        raise ValueError(f"a search takes {model.base_ms:.0f} ms at any size: allow more than {median_ms:g} ms")
    shards = math.ceil(workload.segments / model.largest(median_ms))
    of, segments = model.measured, workload.segments / shards
    searching = workload.searches * float(model.mixed_ms(segments).mean()) / 1000
    analysing = workload.photos / shards / (MEAN_RATE * DAY) * float(of.photo_ms.mean()) / 1000
    ingest_cores, needed = (max(1, math.ceil(load / MOST_USED)) for load in (analysing, searching))
    sizes, choices = model.bytes(segments), [Machine(times, month_usd) for times in SIZES]
    machines = math.ceil((ingest_cores + needed) / choices[-1].cores)
    for machine in choices:
        search_cores = machine.cores * machines - ingest_cores
        left = machine.memory - sizes["index"] - of.worker_memory - of.analyzer_memory
        left -= search_cores / machines * of.server_memory
        if search_cores >= needed and left >= 0 and machine.disk * (1 - FREE_DISK) >= sum(sizes.values()):
            in_memory = min(1.0, left / sizes["catalogue"])
            disk_ms = ROWS * DISK_READ_MS * (1 - in_memory)
            return Plan(workload, shards, machine, machines, search_cores, ingest_cores, in_memory, disk_ms)
    raise ValueError(f"{segments:,.0f} segments do not fit on one machine: allow less than {median_ms:g} ms")
