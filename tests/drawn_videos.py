"""Videos that tests make: drawn scenes, and frames of photos."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np


def scene(seed: int, height: int = 180, width: int = 320) -> np.ndarray:
    """A backdrop of smooth colours with some shapes, (height, width, 3)."""
    random = np.random.default_rng(seed)
    coarse = random.integers(20, 235, (4, 6, 3), np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(6):
        centre = int(random.integers(0, width)), int(random.integers(0, height))
        colour = tuple(int(each) for each in random.integers(0, 256, 3))
        cv2.circle(picture, centre, int(random.integers(height // 16, height // 5)), colour, -1)
    return picture


def moving(backdrop: np.ndarray, count: int, colour: tuple[int, int, int] = (250, 30, 30)) -> Iterable[np.ndarray]:
    """Frames in which a ball crosses a backdrop."""
    height, width = backdrop.shape[:2]
    for number in range(count):
        frame = backdrop.copy()
        centre = int(width * (0.15 + 0.7 * number / max(1, count - 1))), height // 2
        cv2.circle(frame, centre, height // 6, colour, -1)
        yield frame


def write_video(
    path: Path,
    frames: Iterable[np.ndarray],
    *,
    fps: int = 10,
    codec: str = "libx264",
    times: Sequence[float] | None = None,
    rotation: int = 0,
    sound: bool = False,
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write frames, (H, W, 3) uint8, at `fps` or at `times` in seconds; `path` is returned."""
    with av.open(str(path), "w", options=options or {}) as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=fps)
        stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
        if codec == "libx264":
            stream.options = {"preset": "ultrafast", "g": "20"}
        base = Fraction(1, 1000 if times else fps)
        if times:
            stream.codec_context.time_base = base
        if sound:
            _add_sound(container)
        for number, pixels in enumerate(frames):
            if not number:
                stream.height, stream.width = pixels.shape[:2]
                if rotation:
                    stream.set_display_rotation(rotation)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.pts = round(times[number] * 1000) if times else number
            frame.time_base = base
            container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        container.mux(stream.encode())
    return path


def write_sound(path: Path) -> Path:
    """A video file that has only sound."""
    with av.open(str(path), "w") as container:
        _add_sound(container)
    return path


def _add_sound(container: av.container.OutputContainer) -> None:
    stream = container.add_stream("aac", rate=8000, layout="mono")
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.pts = 8000, 0
    container.mux(stream.encode(frame))
    container.mux(stream.encode())
