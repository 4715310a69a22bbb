"""Memory and time of reading a long video, which is drawn: scenes of some seconds in which things move.

::

    python -m benchmarks.long_video --minutes 60
    python -m benchmarks.long_video --minutes 60 --ingest grid

Prints the frames taken and expected, the time, and the largest memory that all processes took together: of the reader
alone or, with `--ingest`, of an ingest by a recipe. Two minutes are drawn, and repeated.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import psutil

from retrieval.assembly import Assembly
from retrieval.settings import Settings
from retrieval.videos.decoding import VideoFrame
from retrieval.videos.reader import read_guarded

WIDTH, HEIGHT, FPS = 1280, 720, 25
SCENE_SECONDS = 7.5
DRAWN_MINUTES = 2.0


def frames(minutes: float) -> Iterator[np.ndarray]:
    """Frames of scenes, each with a ball that crosses it."""
    random = np.random.default_rng(0)
    per_scene = int(SCENE_SECONDS * FPS)
    for number in range(int(minutes * 60 * FPS)):
        at = number % per_scene
        if at == 0:
            coarse = random.integers(20, 235, (4, 6, 3), np.uint8)
            backdrop = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
            colour = tuple(int(each) for each in random.integers(0, 256, 3))
        frame = backdrop.copy()
        cv2.circle(frame, (int(WIDTH * (0.1 + 0.8 * at / per_scene)), HEIGHT // 2), 120, colour, -1)
        yield frame


def write(path: Path, minutes: float) -> None:
    """Write the video, H.264: what is drawn once, as often as it takes."""
    drawn = path.with_suffix(".drawn.mp4")
    _draw(drawn, DRAWN_MINUTES)
    with av.open(str(path), "w") as container, av.open(str(drawn)) as source:
        stream = container.add_stream_from_template(source.streams.video[0])
        length = round(DRAWN_MINUTES * 60 / source.streams.video[0].time_base)
        for number in range(round(minutes / DRAWN_MINUTES)):
            source.seek(0)
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.pts, packet.dts = packet.pts + number * length, packet.dts + number * length
                    packet.stream = stream
                    container.mux(packet)


def _draw(path: Path, minutes: float) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "30"}
        for pixels in frames(minutes):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def peak_of(process: psutil.Process, ended: threading.Event) -> list[int]:
    """Watches what a process and its children hold together; the list has one number, the largest so far."""
    peak = [0]

    def watch() -> None:
        while not ended.wait(0.5):
            held = 0
            for each in [process, *process.children(recursive=True)]:
                try:
                    held += each.memory_full_info().pss
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    continue
            peak[0] = max(peak[0], held)

    threading.Thread(target=watch, daemon=True).start()
    return peak


def read(film: Path) -> int:
    """Read the video as a worker does; returns how many frames were taken."""
    return sum(isinstance(event, VideoFrame) for event in read_guarded(film, "0" * 64))


def ingest(film: Path, data: Path, recipe: str) -> int:
    """Ingest the video in a process of its own; returns how many frames were taken."""
    environment = {**os.environ, "SEGSEARCH_DATA_DIR": str(data), "SEGSEARCH_RECIPE": recipe}
    subprocess.run([sys.executable, "-m", "segsearch", "ingest", str(film)], env=environment, check=True)
    assembly = Assembly(Settings.from_env(environment))
    taken = assembly.catalog.videos.count()[1]
    assembly.close()
    return taken


def main() -> None:
    """Draw the video, read or ingest it, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--ingest", metavar="RECIPE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        write(film, arguments.minutes)
        print(f"{arguments.minutes:g} minutes of {WIDTH}x{HEIGHT}, {film.stat().st_size / 1e6:.0f} MB", flush=True)
        started, ended = time.monotonic(), threading.Event()
        peak = peak_of(psutil.Process(), ended)
        taken = ingest(film, Path(folder) / "data", arguments.ingest) if arguments.ingest else read(film)
        ended.set()
        scenes = round(arguments.minutes * 60 / SCENE_SECONDS)
        expected = scenes * int(np.ceil(SCENE_SECONDS / 2))
        seconds = time.monotonic() - started
        print(f"{taken} frames ({expected} expected), {seconds:.0f} s, peak {peak[0] / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
