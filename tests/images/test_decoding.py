"""The decoder processes: what a child does, may not do, and how it ends."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, wait
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from retrieval import errors
from retrieval.errors import ConfigurationError, ImageTooSmallError, UnreadableImageError
from retrieval.images import decoder_pool as decoding
from retrieval.images.decode import decode
from retrieval.images.decoder_pool import DecoderPool
from retrieval.images.limits import DecodeLimits

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 20

# What children are made to do instead of decoding, by the name of the file. It stands in a file of its own since a
# child imports it by name, and this module may not be importable under the name that pytest gave it.
FAULTS = """
import ctypes, dataclasses, os, pathlib, resource, signal, sys, time
from retrieval import errors
from retrieval.images.decoder_child import decode_job

kept = []

def work(job):
    name = job.path.name
    if name == "exit":
        os._exit(3)
    if name == "exit-once" and not (mark := job.path.with_name("exited")).exists():
        mark.touch()
        os._exit(3)
    if name == "die-writing":
        def die(self, content):
            self.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        pathlib.Path.write_bytes = die
        job = dataclasses.replace(job, path=job.path.with_name("photo.png"))
    if name == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if name == "hang":
        time.sleep(1000)
    if name == "hang-in-c":  # holds the interpreter lock: no Python runs in this process any more
        (job.path.parent / "child-pid").write_text(str(os.getpid()))
        ctypes.PyDLL(None).sleep(1000)
    if name == "pid":
        return os.getpid()
    if name == "modules":
        return sorted(sys.modules)
    if name == "allocate":
        return len(bytearray(300 * 1024**2))
    if name == "keep":
        kept.append(bytearray(200 * 1024**2))
        return os.getpid()
    if name == "state":
        handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
        return os.readlink("/proc/self/fd/2"), *handlers, resource.getrlimit(resource.RLIMIT_CORE)
    if name.startswith("raise-"):
        raise getattr(errors, name.removeprefix("raise-"))("as said")
    return decode_job(job)

def refuse_to_start(*_):
    raise SystemExit("no")
"""


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., DecoderPool]]:
    """Makes pools whose children do as :data:`FAULTS` says."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "decoder_faults.py").write_text(FAULTS)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(DecoderPool, "_work", staticmethod(importlib.import_module("decoder_faults").work))
    yield DecoderPool
    sys.modules.pop("decoder_faults")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    gradient = np.tile(np.arange(128, dtype=np.uint8)[None, :, None], (96, 1, 3))
    Image.fromarray(gradient).save(path)
    return path


def wait_until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script] if "\n" in script else [sys.executable, script]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([*command, *map(str, arguments)], env=environment, text=True, stdout=subprocess.PIPE)


def test_pool_gives_what_decode_gives(photo: Path, tmp_path: Path) -> None:
    small = DecodeLimits(min_side=100)
    with DecoderPool(limits=DecodeLimits(min_side=90)) as pool:
        preview, thumbnail = tmp_path / "preview.jpg", tmp_path / "thumbnail.jpg"
        image = pool.submit(photo, long_side=64, preview=preview, thumbnail=thumbnail).result()
        several = [pool.submit(photo, long_side=side) for side in range(20, 60)]
        assert [future.result().rgb.shape[1] for future in several] == list(range(20, 60))
    expected = decode(photo, long_side=64)
    np.testing.assert_array_equal(image.rgb, expected.rgb)
    assert (image.size_hw, image.format, image.taken_at) == (expected.size_hw, expected.format, expected.taken_at)
    assert image.rgb.flags.writeable
    for path in (preview, thumbnail):
        with Image.open(path) as written:
            assert written.size == (128, 96)
    with DecoderPool(processes=1, limits=small) as pool, pytest.raises(ImageTooSmallError, match="at least 100"):
        pool.submit(photo, long_side=64).result()


def test_unwritable_rendition_is_an_os_error(photo: Path) -> None:
    with DecoderPool(processes=1) as pool, pytest.raises(OSError, match=r"photo\.png"):
        pool.submit(photo, long_side=64, preview=photo / "preview.jpg").result()


def test_errors_keep_their_class_and_message(faulty: Callable[..., DecoderPool], tmp_path: Path) -> None:
    kinds = ["UnreadableImageError", "ImageTooLargeError", "ImageTooSmallError"]
    with faulty(processes=1) as pool:
        futures = {kind: pool.submit(tmp_path / f"raise-{kind}", long_side=64) for kind in kinds}
        for kind, future in futures.items():
            error = future.exception()
            assert type(error) is getattr(errors, kind)
            assert str(error) == "as said"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("exit", r"exit: the decoder process died \(exit code 3\).*copy it again"),
        ("crash", r"crash: the decoder process died \(SIGSEGV\).*copy it again"),
        ("hang", r"hang: decoding took longer than 0\.5 s"),
        ("hang-in-c", r"hang-in-c: decoding took longer than 0\.5 s"),
    ],
)
def test_a_child_that_fails_costs_only_its_own_file(
    faulty: Callable[..., DecoderPool], photo: Path, tmp_path: Path, name: str, said: str
) -> None:
    with faulty(processes=2, timeout_seconds=0.5) as pool:
        before = [pool.submit(photo, long_side=64) for _ in range(5)]
        bad = [pool.submit(tmp_path / name, long_side=64) for _ in range(2)]
        after = [pool.submit(photo, long_side=64) for _ in range(5)]
        for future in before + after:
            assert future.result().rgb.shape == (48, 64, 3)
        for future in bad:
            with pytest.raises(UnreadableImageError, match=said):
                future.result()


def test_a_child_that_dies_while_it_writes_leaves_nothing(
    faulty: Callable[..., DecoderPool], photo: Path, tmp_path: Path
) -> None:
    renditions = tmp_path / "renditions"
    with faulty(processes=1) as pool:
        future = pool.submit(photo.with_name("die-writing"), long_side=64, preview=renditions / "[a].jpg")
        with pytest.raises(UnreadableImageError, match="SIGKILL"):
            future.result()
        assert renditions.is_dir(), "it got as far as that"
        assert list(renditions.iterdir()) == []


def test_a_real_file_that_takes_for_ever(photo: Path, tmp_path: Path) -> None:
    slow = tmp_path / "slow.ppm"  # Pillow unpacks this kind in Python, pixel by pixel
    with slow.open("wb") as stream:
        stream.write(b"P6 5000 5000 65535\n")
        stream.truncate(stream.tell() + 5000 * 5000 * 6)
    with DecoderPool(processes=1, timeout_seconds=0.6) as pool:
        future = pool.submit(slow, long_side=64)
        with pytest.raises(UnreadableImageError, match=r"slow\.ppm: decoding took longer than 0\.6 s"):
            future.result()
        assert pool.submit(photo, long_side=64).result().rgb.shape == (48, 64, 3)


def test_a_picture_that_takes_too_much_memory(faulty: Callable[..., DecoderPool], photo: Path) -> None:
    wide = photo.with_name("wide.png")
    Image.new("1", (12000, 12000)).save(wide)  # 144 MB when decoded
    with faulty(processes=1, memory_limit_bytes=100 * 1024**2) as pool:
        child = pool.submit(photo.with_name("pid"), long_side=64).result()
        with pytest.raises(UnreadableImageError, match=r"wide\.png: decoding it needs more memory than is available"):
            pool.submit(wide, long_side=64).result()
        with pytest.raises(MemoryError):
            pool.submit(photo.with_name("allocate"), long_side=64).result()
        assert pool.submit(photo, long_side=64).result().rgb.shape == (48, 64, 3)
        assert pool.submit(photo.with_name("pid"), long_side=64).result() == child
    with faulty(processes=1) as pool:
        assert pool.submit(wide, long_side=64).result().rgb.shape == (64, 64, 3)


def test_what_one_picture_took_is_there_for_the_next(faulty: Callable[..., DecoderPool], tmp_path: Path) -> None:
    spoiling, large, small = tmp_path / "large.webp", tmp_path / "large.png", tmp_path / "small.png"
    Image.new("RGB", (6000, 6000), "teal").save(spoiling, lossless=True, quality=0, method=0)  # 144 MB, several times
    Image.new("RGB", (6000, 6000), "teal").save(large, compress_level=1)  # 144 MB, once
    Image.new("RGB", (4000, 3000), "teal").save(small, compress_level=1)
    with faulty(processes=1, memory_limit_bytes=330 * 1024**2) as pool:
        child = pool.submit(tmp_path / "pid", long_side=64).result()
        for _ in range(2):
            with pytest.raises(
                UnreadableImageError, match=r"large\.webp: decoding it needs more memory than is available"
            ):
                pool.submit(spoiling, long_side=64).result()
            assert pool.submit(large, long_side=64).result().rgb.shape == (64, 64, 3)
            assert pool.submit(small, long_side=64).result().rgb.shape == (48, 64, 3)
        assert wait_until(lambda: psutil.Process(child).memory_info().rss < 150 * 1024**2)
        assert pool.submit(tmp_path / "pid", long_side=64).result() == child


def test_a_child_that_cannot_let_go_is_replaced(faulty: Callable[..., DecoderPool], photo: Path) -> None:
    with faulty(processes=1, memory_limit_bytes=250 * 1024**2) as pool:
        children = [pool.submit(photo.with_name("keep"), long_side=64).result() for _ in range(3)]
        assert len(set(children)) == 3
        assert all(wait_until(lambda pid=pid: is_gone(pid)) for pid in children)
        assert pool.submit(photo, long_side=64).result().rgb.shape == (48, 64, 3)


def test_one_picture_may_be_given_less_time_than_others(faulty: Callable[..., DecoderPool], photo: Path) -> None:
    with faulty(processes=1, timeout_seconds=60) as pool:
        with pytest.raises(UnreadableImageError, match=r"hang: decoding took longer than 0\.3 s"):
            pool.submit(photo.with_name("hang"), long_side=64, timeout_seconds=0.3).result()
        assert pool.submit(photo, long_side=64).result().rgb.shape == (48, 64, 3)


def test_an_idle_child_that_dies_is_replaced(faulty: Callable[..., DecoderPool], tmp_path: Path) -> None:
    with faulty(processes=1) as pool:
        first = pool.submit(tmp_path / "pid", long_side=64).result()
        os.kill(first, signal.SIGKILL)
        assert wait_until(lambda: is_gone(first))
        second = pool.submit(tmp_path / "pid", long_side=64).result()
        assert second != first
    assert wait_until(lambda: is_gone(second))


def test_a_death_from_outside_costs_no_picture(faulty: Callable[..., DecoderPool], photo: Path) -> None:
    once = photo.rename(photo.with_name("exit-once"))
    with faulty(processes=1) as pool:
        assert pool.submit(once, long_side=64).result().rgb.shape == (48, 64, 3)


def test_children_that_never_start_are_an_error_not_a_hang(
    faulty: Callable[..., DecoderPool], photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse = importlib.import_module("decoder_faults").refuse_to_start
    monkeypatch.setattr(decoding, "initialize_child", refuse)
    with faulty(processes=1) as pool:
        futures = [pool.submit(photo, long_side=64) for _ in range(3)]
        for future in futures:
            with pytest.raises(ConfigurationError, match="decoder processes keep dying"):
                future.result()


def test_a_child_that_does_not_begin_is_replaced(
    faulty: Callable[..., DecoderPool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faulty(processes=1) as pool:
        first = pool.submit(tmp_path / "pid", long_side=64).result()
        os.kill(first, signal.SIGSTOP)
        monkeypatch.setattr(decoding, "_START_SECONDS", 3.0)
        second = pool.submit(tmp_path / "pid", long_side=64).result()
        assert second != first
        assert wait_until(lambda: is_gone(first))


def test_interrupts_are_for_the_parent(faulty: Callable[..., DecoderPool], tmp_path: Path) -> None:
    with faulty(processes=1) as pool:
        child = pool.submit(tmp_path / "pid", long_side=64).result()
        os.kill(child, signal.SIGINT)
        assert pool.submit(tmp_path / "pid", long_side=64).result() == child


def test_children_are_silent_and_end_when_told(faulty: Callable[..., DecoderPool], tmp_path: Path) -> None:
    with faulty(processes=1) as pool:
        state = pool.submit(tmp_path / "state", long_side=64).result()
    assert state == (os.devnull, signal.SIG_DFL, signal.SIG_IGN, (0, 0))


def test_children_import_nothing_heavy(faulty: Callable[..., DecoderPool], tmp_path: Path) -> None:
    heavy = {"torch", "faiss", "cv2", "scipy", "pytest"}
    assert "pytest" in sys.modules
    with faulty(processes=1) as pool:
        modules = set(pool.submit(tmp_path / "modules", long_side=64).result())
    assert modules & heavy == set()


def test_what_has_not_begun_can_be_cancelled(faulty: Callable[..., DecoderPool], photo: Path, tmp_path: Path) -> None:
    with faulty(processes=1, timeout_seconds=1) as pool:
        running = pool.submit(tmp_path / "hang-in-c", long_side=64)
        waiting = pool.submit(photo, long_side=64)
        last = pool.submit(photo, long_side=64)
        assert wait_until((tmp_path / "child-pid").exists)
        assert waiting.cancel()
        assert not running.cancel()
        assert last.result().rgb.shape == (48, 64, 3)
        assert waiting.cancelled()
        assert wait([running, waiting], PATIENCE_SECONDS).not_done == set()


def test_an_exception_ends_the_pool_at_once(faulty: Callable[..., DecoderPool], tmp_path: Path) -> None:
    futures = []

    def work() -> None:
        with faulty(processes=1, timeout_seconds=1000) as pool:
            futures.extend(pool.submit(tmp_path / "hang-in-c", long_side=64) for _ in range(3))
            wait_until((tmp_path / "child-pid").exists)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    for future in futures:
        with pytest.raises(CancelledError):
            future.result(PATIENCE_SECONDS)
    assert wait_until(lambda: is_gone(int((tmp_path / "child-pid").read_text())))


def test_leaving_waits_for_what_was_submitted(photo: Path) -> None:
    with DecoderPool(processes=2) as pool:
        futures = [pool.submit(photo, long_side=64) for _ in range(20)]
    assert all(future.done() and future.exception() is None for future in futures)
    pool.close()
    with pytest.raises(RuntimeError, match="the decoder pool is closed"):
        pool.submit(photo, long_side=64)


def test_an_unused_pool_starts_nothing() -> None:
    processes, threads = set(psutil.Process().children(recursive=True)), set(threading.enumerate())
    with DecoderPool():
        assert set(psutil.Process().children(recursive=True)) <= processes
        assert set(threading.enumerate()) <= threads


@pytest.mark.parametrize(
    "arguments", [{"processes": 0}, {"timeout_seconds": 0}, {"timeout_seconds": -1.0}, {"memory_limit_bytes": 1000}]
)
def test_senseless_arguments(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        DecoderPool(**arguments)


@pytest.mark.usefixtures("faulty")
def test_children_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[1]); import decoder_faults\n"
        "from retrieval.images.decoder_pool import DecoderPool\n"
        "DecoderPool._work = staticmethod(decoder_faults.work)\n"
        "with DecoderPool(processes=2, timeout_seconds=1000) as pool:\n"
        "    hung = pool.submit(Path(sys.argv[2]) / 'hang-in-c', long_side=64)\n"
        "    pool.submit(Path(sys.argv[2]) / 'pid', long_side=64).result()\n"
        "    sys.stdout.write('both'); sys.stdout.flush(); hung.result()\n"
    )
    parent = python(script, tmp_path / "modules", tmp_path)
    try:
        assert parent.stdout is not None
        assert parent.stdout.read(4) == "both"
        assert wait_until(lambda: (tmp_path / "child-pid").exists() and bool((tmp_path / "child-pid").read_text()))
        family = [child.pid for child in psutil.Process(parent.pid).children(recursive=True)]
        assert int((tmp_path / "child-pid").read_text()) in family
        assert len(family) >= 4  # one hung child, one idle, the fork server and the resource tracker
    finally:
        parent.kill()
        parent.communicate()
    assert wait_until(lambda: all(is_gone(pid) for pid in family))


def test_main_is_not_run_again(photo: Path, tmp_path: Path) -> None:
    script = tmp_path / "program.py"  # without a guard: children that imported it would start pools of their own
    script.write_text(
        "import sys; from pathlib import Path; from retrieval.images.decoder_pool import DecoderPool\n"
        "sys.stdout.write('run '); sys.stdout.flush()\n"
        "with DecoderPool() as pool:\n"
        "    images = [pool.submit(Path(sys.argv[1]), long_side=64) for _ in range(8)]\n"
        "sys.stdout.write(str(sum(image.result().rgb.shape[1] for image in images)))\n"
    )
    program = python(str(script), photo)
    output, _ = program.communicate(timeout=PATIENCE_SECONDS)
    assert (program.returncode, output) == (0, "run 512")
