"""Examining an installation: whether what it needs is there and works, and what to do where it does not."""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Literal

import numpy as np
import psutil
from PIL import Image

from retrieval.analysis.local import ANALYSIS_SIDE
from retrieval.analysis.remote import RemoteAnalyzer
from retrieval.assembly import Assembly
from retrieval.errors import AnalyzerUnavailableError, RetrievalError
from retrieval.images.decoder_pool import DecoderPool
from retrieval.models.runtimes import gpu_unused, runtime_name
from retrieval.processes.cores import usable_cores
from retrieval.processes.program import PROGRAM
from retrieval.processes.versions import versions
from retrieval.storage.bucket_files import places_of
from retrieval.storage.disk import obstacle_of, size
from retrieval.storage.locations import displayed

from .verify import verify

State = Literal["ok", "warning", "fault"]

FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "AVIF": "avif", "HEIF": "heic", "TIFF": "tif"}
"""Formats whose decoders are tried, and the suffixes of their files."""

NETWORK_DISKS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "fuse.rclone", "afs", "ceph"})
"""File systems on which SQLite's write-ahead log does not work among machines."""

TRIED_SIDE = 512
"""Long side of the drawn photo that is analysed, in pixels."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    name : str
        What was checked.
    state : {'ok', 'warning', 'fault'}
        With a fault something does not work; with a warning it works worse than it could.
    told : str
        What was found and, unless it is ok, what to do.
    """

    name: str
    state: State
    told: str


def examine(assembly: Assembly, port: int) -> Iterator[Finding]:
    """Check an installation; each finding comes as soon as it is known.

    The recipe is loaded and tried, which takes some seconds. Nothing but a small temporary file is written.

    Parameters
    ----------
    assembly : Assembly
    port : int
        Where the web server is to listen, on the loopback address.
    """
    checks: dict[str, Callable[[Assembly], Finding]] = {
        "versions": _versions,
        "data directory": _data_directory,
        "disk": _disk,
        "files": _files,
        "catalogue": _catalogue,
        "image formats": _formats,
        "device": _device,
        "recipe": _recipe,
        "index": _index,
        "background duties": _duties,
        "processes": _processes,
        "analyzer": _analyzer,
    }
    for name, check in checks.items():
        try:
            yield check(assembly)
        except RetrievalError as error:
            yield Finding(name, "fault", str(error))
        except OSError as error:
            yield Finding(name, "fault", obstacle_of(error) or str(error))
    yield _port(port)


def _versions(_: Assembly) -> Finding:
    found = ", ".join(f"{name} {number}" for name, number in versions().items())
    system = f"{platform.system()} {platform.release()} on {platform.machine()}, {len(usable_cores())} cores"
    return Finding("versions", "ok", f"Python {platform.python_version()}, {found}; {system}")


def _data_directory(assembly: Assembly) -> Finding:
    """Whether files can be written there, and whether the disk is one that a database can be on."""
    folder = assembly.settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        told = f"{folder} cannot be created ({error.strerror}): set SEGSEARCH_DATA_DIR to another folder"
        return Finding("data directory", "fault", told)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"SegSearch")
        file.flush()
        os.fsync(file.fileno())
    kind = _file_system_of(folder)
    if kind in NETWORK_DISKS and assembly.settings.database_url.startswith("sqlite"):
        told = (
            f"{folder} is on a network disk ({kind}), where SQLite can lose data: choose a folder on a local disk, or "
            "have the catalogue on PostgreSQL"
        )
        return Finding("data directory", "warning", told)
    return Finding("data directory", "ok", f"{folder} can be written")


def _file_system_of(folder: Path) -> str:
    """The kind of file system that a folder is on, as the kernel names it; empty if unknown."""
    mounts = {Path(each.mountpoint): each.fstype for each in psutil.disk_partitions(all=True)}
    return next((mounts[place] for place in (folder, *folder.parents) if place in mounts), "")


def _disk(assembly: Assembly) -> Finding:
    shortage = assembly.storage.shortage()
    if shortage is not None:
        return Finding("disk", "fault", shortage)
    settings = assembly.settings
    free = size(shutil.disk_usage(settings.data_dir).free)
    quota = f", a quota of {size(settings.quota)}" if settings.quota else ""
    return Finding("disk", "ok", f"{free} free; ingest stops below {size(settings.min_free)}{quota}")


def _files(assembly: Assembly) -> Finding:
    """Whether uploads, renditions and query photos can be written, read and removed where they are kept."""
    place = displayed(places_of(assembly.settings)[0])
    fault = assembly.files.fault()
    return Finding("files", "fault" if fault else "ok", fault or f"uploads, previews and query photos are in {place}")


def _catalogue(assembly: Assembly) -> Finding:
    counts, database = assembly.catalog.images.counts(), assembly.catalog.database()
    told = f"{sum(counts.values()):,} photos in {database.kind} {database.version}, {database.latency_ms:.2g} ms away"
    if counts["failed"]:
        return Finding(
            "catalogue", "warning", f"{told}, {counts['failed']:,} of them failed: retry with `{PROGRAM} retry-failed`"
        )
    return Finding("catalogue", "ok", told)


def _formats(_: Assembly) -> Finding:
    """Whether decoder processes start, and which formats they read."""
    missing = []
    with tempfile.TemporaryDirectory(prefix="segsearch-doctor-") as folder, DecoderPool(1) as decoders:
        for name, suffix in FORMATS.items():
            path = Path(folder) / f"drawn.{suffix}"
            try:
                _drawn(64).save(path, name)
                decoders.submit(path, long_side=64).result()
            except (RetrievalError, OSError, KeyError):
                missing.append(name)
    if len(missing) == len(FORMATS):
        return Finding("image formats", "fault", "no picture can be decoded: reinstall pillow and pillow-heif")
    if missing:
        return Finding(
            "image formats", "warning", f"{', '.join(missing)} cannot be read: reinstall pillow and pillow-heif"
        )
    return Finding("image formats", "ok", f"{', '.join(FORMATS)} can be read")


def _device(assembly: Assembly) -> Finding:
    """Which processor computes, and whether a GPU is there that is not used."""
    asked = assembly.settings.device
    if (reason := gpu_unused(asked)) is not None:
        return Finding("device", "warning", f"a GPU is there and not used: {reason}")
    return Finding("device", "ok", f"{runtime_name(asked)} (SEGSEARCH_DEVICE={asked})")


def _recipe(assembly: Assembly) -> Finding:
    """Whether the recipe's weights are there and it finds segments in a drawn photo."""
    from retrieval.analysis.batch import analyze_batch
    from retrieval.images.decode import decode_with_renditions

    name = assembly.settings.recipe
    with tempfile.TemporaryDirectory(prefix="segsearch-doctor-") as folder:
        path = Path(folder) / "drawn.png"
        _drawn(TRIED_SIDE).save(path)
        image = decode_with_renditions(path, long_side=ANALYSIS_SIDE)
    started = time.perf_counter()
    recipe = assembly.recipe
    loaded = time.perf_counter()
    (found,) = analyze_batch(recipe, [image])
    took = time.perf_counter() - loaded
    segments = len(found.analysis.segments)
    told = f"{name}: loaded in {loaded - started:.1f} s, {segments} segments of a drawn photo in {took:.1f} s"
    if not segments:
        return Finding("recipe", "fault", f"{told}: its weights are damaged; reinstall SegSearch")
    return Finding("recipe", "ok", told)


def _index(assembly: Assembly) -> Finding:
    faults = verify(assembly)
    if faults:
        return Finding("index", "fault", "; ".join(faults))
    segments = assembly.catalog.vectors.contents(assembly.recipe_spec.space).segments
    return Finding("index", "ok", f"{segments:,} segments, as in the catalogue")


def _duties(assembly: Assembly) -> Finding:
    failing = assembly.duties.failing()
    if failing:
        told = "; ".join(f"{each.name} fails since {each.failing_since}: {each.error}" for each in failing)
        return Finding("background duties", "fault", told)
    return Finding("background duties", "ok", "none fails")


def _processes(assembly: Assembly) -> Finding:
    """Whether the workers and web servers of all machines run, by one recipe."""
    processes, recipe = assembly.shared.processes.all(), assembly.recipe_spec.fingerprint
    running = [each for each in processes if not each.is_gone]
    told = "; ".join(f"{each.kind} on {each.host} ({each.version}, {each.recipe})" for each in running) or "none runs"
    gone = [f"a {each.kind} on {each.host} was not seen for a minute" for each in processes if each.is_gone]
    others = [f"on {each.host} one uses another recipe" for each in running if each.fingerprint != recipe]
    return Finding("processes", "warning" if gone or others else "ok", "; ".join([told, *gone, *others]))


def _analyzer(assembly: Assembly) -> Finding:
    remote, fingerprint = assembly.remote_analyzer(), assembly.recipe_spec.fingerprint
    if remote.urls:
        return _analyzers_elsewhere(remote, fingerprint)
    if remote.is_up():
        return Finding("analyzer", "ok", "running")
    return Finding("analyzer", "ok", f"not running; `{PROGRAM} serve` starts it")


def _analyzers_elsewhere(remote: RemoteAnalyzer, fingerprint: str) -> Finding:
    """What the analyzers of other machines tell; one that works is enough."""
    told, working = list[str](), 0
    for url, each in remote.each():
        try:
            about = each.about()
        except AnalyzerUnavailableError as error:
            told.append(f"{url}: {error}")
            continue
        is_other = about.fingerprint != fingerprint
        working += not is_other
        told.append(f"{url}: {about.version}, recipe {about.recipe}{f' (not {fingerprint})' if is_other else ''}")
    state: State = "ok" if working == len(told) else "warning" if working else "fault"
    return Finding("analyzer", state, "; ".join(told))


def _port(port: int) -> Finding:
    """Whether the web server could listen, or does."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            return Finding(
                "port", "fault", f"port {port} needs root's rights: choose one above 1023 with `serve --port`"
            )
        except OSError:
            pass
        else:
            return Finding("port", "ok", f"port {port} is free")
    if _answers(port):
        return Finding("port", "ok", f"SegSearch is running at http://127.0.0.1:{port}/")
    return Finding("port", "warning", f"another program listens at port {port}: choose another with `serve --port`")


def _answers(port: int) -> bool:
    """Whether SegSearch's web server answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5.0)
    try:
        connection.request("GET", "/healthz")
        return bool(json.loads(connection.getresponse().read()) == {"status": "ok"})
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        connection.close()


def _drawn(side: int) -> Image.Image:
    """A photo of two coloured discs on a gradient."""
    rows, columns = np.mgrid[0 : side * 3 // 4, 0:side].astype(np.float32) / side
    picture = np.stack([columns, rows, 1 - columns], axis=2) * 160
    for x, y, color in ((0.3, 0.4, (230, 40, 30)), (0.7, 0.35, (30, 200, 60))):
        picture[(columns - x) ** 2 + (rows - y) ** 2 < 0.02] = color
    return Image.fromarray(picture.astype(np.uint8))
