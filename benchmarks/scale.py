"""Sizes, times, machines and prices of 10⁶, 10⁸ and 10¹⁰ segments: ``python -m benchmarks.scale --help``.

The model (`benchmarks.scale_model`) reads figures of small collections from ``benchmarks/results`` and proposes
machines. A simulation then sends them a day of searches and a day of photos, one by one, with the measured service
times, and is put beside the model: for each size, for rising loads, and for eight clients, whose times were measured.

A day of searches is a Poisson process with a daily curve, compressed until it has `SEARCHES` of them; their rates stay.
Photos come in uploads over a whole day, and many at once in the morning. A seed decides every draw.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from indexer.bench.results import OUT, report

from .queueing import MEAN_RATE, Floats, Served, daily, mean_wait, poisson, simulate, simulate_clients, uploads
from .scale_model import (
    DAY,
    FREE_DISK,
    GB,
    MONTH,
    MOST_USED,
    QUERY_SHARES,
    RESULTS,
    SIZES,
    Machine,
    Measured,
    Model,
    Plan,
    Workload,
    plan,
)

WORKLOADS = (
    Workload(10**6, searches=2, photos=500, bulk=1_000),
    Workload(10**8, searches=2, photos=2_000, bulk=20_000),
    Workload(10**8, searches=20, photos=20_000, bulk=20_000),
    Workload(10**10, searches=200, photos=1_000_000, bulk=1_000_000),
)
SEARCHES = 20_000
MANY = 400_000
"""Searches at one load: the more servers are used, the longer a mean takes to settle."""
AT_ONCE = 50
"""Photos of an upload, in the mean."""
MORNING = 0.25
LOADS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95)

TURBOPUFFER = {"storage, GB-month": 0.33, "searched, PB": 1.0, "written, GB": 2.0, "least, month": 16.0}
"""US dollars, from turbopuffer.com/pricing.md as of September 2026: theirs, without discounts for batches."""


@click.command(help=__doc__)
@click.option("--from", "folder", type=click.Path(exists=True, path_type=Path), default=RESULTS, help="Results files.")
@click.option("--median-ms", default=100.0, show_default=True, help="What half of the searches may take.")
@click.option("--month-usd", default=250.0, show_default=True, help="Price of 4 cores with 32 GiB and 937 GB of NVMe.")
@click.option("--seed", default=0, show_default=True, help="Of the simulation.")
@OUT
def main(folder: Path, median_ms: float, month_usd: float, seed: int, out: Path | None) -> None:
    """Model, simulate, compare."""
    try:
        model = Model.fit(Measured.read(folder))
        plans = [plan(model, each, median_ms, month_usd) for each in WORKLOADS]
    except (FileNotFoundError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    rng = np.random.default_rng(seed)
    figures = {
        "a search by an example": _fit(model),
        "photos a second": _speeds(model),
        "where one machine ends, segments": _ends(model),
        "sizes": [_size(model, each, rng) for each in plans],
        "rising load, 1e+08 segments": {f"{cores} for searches": _rising(model, 1e8, cores, rng) for cores in (1, 8)},
        "eight clients": _clients(model, rng),
    }
    report(_rounded(figures), out)


def _fit(model: Model) -> dict[str, Any]:
    return {
        "base, ms": model.base_ms,
        "a code, ns": 1e6 * model.code_ms,
        "lists searched grow with the power": model.probe_power,
        "measured and fitted, ms": [
            {
                "segments": each["segments"],
                "measured": each["ms"],
                "fitted": model.base_ms + model.code_ms * each["segments"] * each["nprobe"] / each["lists"],
            }
            for each in model.measured.speeds
        ],
        "fitted without one size, ms": [
            {
                "left out": each["segments"],
                **{f"{size:.0e}": _without(model, each).example_ms(size) for size in (1e7, 1e8, 1e10)},
            }
            for each in model.measured.speeds
        ],
        "by size": {
            f"{size:.0e}": {"example, ms": model.example_ms(size), "a second of one core": _of_one_core(model, size)}
            | {f"all kinds, {name}": each for name, each in _percentiles(model.mixed_ms(size)).items()}
            for size in (10.0**power for power in range(5, 11))
        },
    }


def _of_one_core(model: Model, segments: float) -> float:
    return 1000 / float(model.mixed_ms(segments).mean())


def _without(model: Model, left_out: dict[str, float]) -> Model:
    """Fitted to the other sizes."""
    others = tuple(each for each in model.measured.speeds if each is not left_out)
    return Model.fit(replace(model.measured, speeds=others))


def _ends(model: Model) -> dict[str, float]:
    """Segments at which something is full, by what it is."""
    of, bytes_each = model.measured, sum(model.bytes(1).values())
    ends = {f"a median of {most} ms": model.largest(most) for most in (50, 100, 200)}
    for machine in (Machine(SIZES[0]), Machine(SIZES[-1])):
        name, left = f"{machine.cores} cores", machine.memory - of.worker_memory - of.analyzer_memory
        ends[f"disk, {name}"] = machine.disk * (1 - FREE_DISK) / bytes_each
        ends[f"index in memory, {name}"] = left / of.index_bytes
        ends[f"index and catalogue in memory, {name}"] = left / (of.index_bytes + of.catalogue_bytes)
    a_day = DAY * 1000 / of.store_ms
    return ends | {
        "stored a day, one writer": a_day * of.segments_a_photo,
        "indexed anew in a day": of.indexed_a_second * DAY,
    }


def _speeds(model: Model) -> dict[str, float]:
    """Photos a second; no file has any of a GPU."""
    of = model.measured
    return {
        "analysed by one core": 1000 / float(of.photo_ms.mean()),
        "stored by the one writer": 1000 / of.store_ms,
        "cores that keep the writer busy": float(of.photo_ms.mean()) / of.store_ms,
    }


def _size(model: Model, of: Plan, rng: np.random.Generator) -> dict[str, Any]:
    """A plan, and what the simulation makes of it."""
    workload, photo_s = of.workload, float(model.measured.photo_ms.mean()) / 1000
    photos = model.photos(workload.segments)
    analysed = of.machines * of.machine.cores * MOST_USED / photo_s
    filling = of.shards * min(analysed, 1000 / model.measured.store_ms)
    return {
        "segments": workload.segments,
        "photos": photos,
        "searches a second of one core": _of_one_core(model, of.shard_segments),
        "GB": {name: size / GB for name, size in model.bytes(workload.segments).items()},
        "searches a second, at most": workload.searches,
        "photos a day": workload.photos,
        "photos at once": workload.bulk,
        "shards": of.shards,
        "machines": of.shards * of.machines,
        "each": {
            "cores": of.machine.cores,
            "memory, GB": of.machine.memory / GB,
            "for searches": of.search_cores,
            "for photos": of.ingest_cores,
            "catalogue in memory": of.in_memory,
        },
        "US dollars a month": of.price,
        "of a million segments": of.price / workload.segments * 1e6,
        "all analysed and stored in days": photos / filling / DAY,
        "all indexed in days": of.shard_segments / model.measured.indexed_a_second / DAY,
        "searches": _searches(model, of, rng),
        "ingest, a shard": _ingest(model, of, rng),
        "turbopuffer's list, US dollars a month": turbopuffer(workload, model.measured.segments_a_photo),
    }


def _searches(model: Model, of: Plan, rng: np.random.Generator) -> dict[str, Any]:
    """A day of searches by the model and by the simulation; the busiest tenth of it for shares of the cores."""
    rate, seconds = of.workload.searches, SEARCHES / of.workload.searches / MEAN_RATE
    arrivals = daily(rng, rate, seconds)
    answered = _fan_out(model, of, arrivals, rng)
    expected = (model.mixed_ms(of.shard_segments) + of.disk_ms) / 1000
    slowest = model.mixed_ms(of.shard_segments, of.shards) + of.disk_ms
    busiest = 0.45 * seconds, 0.55 * seconds
    responses = np.max([each.responses for each in answered], axis=0)
    within = (arrivals >= busiest[0]) & (arrivals < busiest[1])
    wait = mean_wait(of.search_cores, rate, expected)
    return {
        "model": {
            **_percentiles(slowest),
            "mean at the busiest time, one shard, ms": 1000 * (float(expected.mean()) + wait),
            "cores used at the busiest time": rate * float(expected.mean()) / of.search_cores,
        },
        "simulated": {
            **_percentiles(1000 * responses),
            "mean at the busiest time, one shard, ms": 1000 * float(answered[0].responses[within].mean()),
            "cores used at the busiest time": float(np.mean([each.utilisation(*busiest) for each in answered])),
            "searches": len(arrivals),
        },
    }


def _percentiles(times_ms: Floats) -> dict[str, float]:
    return {f"p{share}, ms": float(np.percentile(times_ms, share)) for share in (50, 95, 99)}


def _fan_out(model: Model, of: Plan, arrivals: Floats, rng: np.random.Generator) -> list[Served]:
    """Every search at every shard: as broad at all of them, and each as fast as its shard happens to be."""
    services, spread = _services(model, of.shard_segments, len(arrivals), rng), model.measured.spread
    return [
        simulate(arrivals, services * rng.lognormal(0, spread, len(arrivals)) + of.disk_ms / 1000, of.search_cores)
        for _ in range(of.shards)
    ]


def _services(model: Model, segments: float, count: int, rng: np.random.Generator) -> Floats:
    """Seconds of searches whose kinds are drawn by their shares, and their times from what was measured."""
    shares = np.array(list(QUERY_SHARES.values()))
    kinds = rng.choice(len(shares), count, p=shares / shares.sum())
    broad, found = rng.uniform(size=count), np.empty(count)
    for number, kind in enumerate(QUERY_SHARES):
        found[kinds == number] = model.search_ms(kind, segments, broad[kinds == number]) / 1000
    return found


def _ingest(model: Model, of: Plan, rng: np.random.Generator) -> dict[str, Any]:
    """A day of photos at one shard: analysed by its cores for that, then stored one after the other."""
    workload, measured = of.workload, model.measured
    daily_photos = uploads(rng, workload.photos / of.shards, AT_ONCE, DAY)
    bulk = np.full(math.ceil(workload.bulk / of.shards), MORNING * DAY)
    arrivals = np.concatenate([daily_photos, bulk])
    order = np.argsort(arrivals, kind="stable")
    shares = rng.uniform(size=len(arrivals))
    services = np.interp(shares, np.linspace(0, 1, len(measured.photo_ms)), measured.photo_ms) / 1000
    analysed = simulate(arrivals[order], services, of.ingest_cores)
    done = np.sort(analysed.ends)
    stored = simulate(done, np.full(len(done), measured.store_ms / 1000), 1)
    moments = np.linspace(0, DAY, 24 * 60)
    waits = analysed.responses[order < len(daily_photos)]
    load = workload.photos / of.shards / DAY * float(measured.photo_ms.mean()) / 1000
    return {
        "model: cores used, without the bulk": load / of.ingest_cores,
        "cores used": analysed.utilisation(0, DAY),
        "the writer used": stored.utilisation(0, DAY),
        "photos waiting, most": int(analysed.backlog(moments).max()),
        "waiting after the day": int(analysed.backlog(np.array([DAY]))[0]),
        "until a photo is analysed, p50 / p95, s": [float(np.percentile(waits, share)) for share in (50, 95)],
        "the bulk is done after, hours": float(analysed.ends[order >= len(daily_photos)].max() - MORNING * DAY) / 3600,
        "photos": len(arrivals),
    }


def _rising(model: Model, segments: float, cores: int, rng: np.random.Generator) -> list[dict[str, float]]:
    """Constant rates: where waiting makes the model's median wrong."""
    expected, found = model.mixed_ms(segments) / 1000, []
    for load in LOADS:
        rate = load * cores / float(expected.mean())
        services = _services(model, segments, MANY, rng) * rng.lognormal(0, model.measured.spread, MANY)
        served = simulate(poisson(rng, rate, MANY), services, cores)
        found.append(
            {
                "cores used, model": load,
                "simulated": served.utilisation(0, float(served.arrivals[-1])),
                "p50 without waiting, ms": 1000 * float(np.median(expected)),
                "p50, ms": 1000 * float(np.median(served.responses)),
                "p95, ms": 1000 * float(np.percentile(served.responses, 95)),
                "mean, model, ms": 1000 * (float(expected.mean()) + mean_wait(cores, rate, expected)),
                "mean, ms": 1000 * float(served.responses.mean()),
            }
        )
    return found


def _clients(model: Model, rng: np.random.Generator) -> list[dict[str, float]]:
    """What `bench search` measured of eight clients, beside eight at one core and at two."""
    found = []
    for each in model.measured.speeds:
        services = each["ms"] * rng.lognormal(0, model.measured.spread, SEARCHES // 10)
        simulated = {
            f"simulated, {name}, ms": float(np.median(simulate_clients(8, services, cores).responses))
            for cores, name in ((1, "one core"), (2, "two cores"))
        }
        found.append({"segments": each["segments"], "measured, ms": each["eight clients, ms"], **simulated})
    return found


def turbopuffer(workload: Workload, segments_a_photo: float, dim: int = 256) -> float:
    """What turbopuffer's list says for the vectors alone as float16: stored, searched and written for a month.

    A search counts the whole namespace, at least 1.28 GB; what is between 32 and 128 GB counts a fifth, what is above a
    twenty-fifth. Vectors are written as float32.
    """
    stored = workload.segments * 2 * dim / GB
    counted = max(1.28, min(stored, 32) + 0.2 * min(max(stored - 32, 0), 96) + 0.04 * max(stored - 128, 0))
    searched = workload.searches * MEAN_RATE * MONTH * counted / 1e6
    written = workload.photos * MONTH / DAY * segments_a_photo * 4 * dim / GB
    usd = (
        stored * TURBOPUFFER["storage, GB-month"]
        + searched * TURBOPUFFER["searched, PB"]
        + written * TURBOPUFFER["written, GB"]
    )
    return max(usd, TURBOPUFFER["least, month"])


def _rounded(figures: Any) -> Any:
    """Floats to four digits."""
    if isinstance(figures, dict):
        return {name: _rounded(each) for name, each in figures.items()}
    if isinstance(figures, list):
        return [_rounded(each) for each in figures]
    return float(f"{figures:.4g}") if isinstance(figures, float) else figures


if __name__ == "__main__":
    main()
