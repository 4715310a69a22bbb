"""Videos: which frames are taken and when, and what becomes of files that are damaged, cut off, or no videos."""

from __future__ import annotations

import io
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from drawn_videos import moving, scene, write_sound, write_video
from PIL import Image

from retrieval.errors import ImageError, ImageTooLargeError, ImageTooSmallError, UnreadableVideoError
from retrieval.images.limits import DecodeLimits
from retrieval.videos import reader
from retrieval.videos.content import FrameSelector, near_equal
from retrieval.videos.decoding import VideoEnd, VideoFrame, VideoInfo, read_video
from retrieval.videos.formats import sniff_video, video_format
from retrieval.videos.limits import VideoLimits
from retrieval.videos.times import clock

DIGEST = "ab" * 32
DAVIS = Path(__file__).parents[3] / "shared/data/davis-dev/images"


def read(path: Path, **options) -> tuple[VideoInfo, list[VideoFrame], VideoEnd]:
    events = list(read_video(path, DIGEST, **options))
    frames = [each for each in events if isinstance(each, VideoFrame)]
    assert isinstance(events[0], VideoInfo)
    assert isinstance(events[-1], VideoEnd)
    return events[0], frames, events[-1]


def pixels(frame: VideoFrame) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(frame.jpeg)))


def shots(lengths: list[int], start: int = 0) -> list[np.ndarray]:
    """Scenes one after another, each so many frames long, in which a ball moves."""
    return [frame for number, length in enumerate(lengths) for frame in moving(scene(start + number), length)]


# ---- which frames


def test_cuts_are_found_at_their_times(tmp_path):
    lengths = [12, 30, 9, 25, 40, 15, 8, 33, 21, 17]  # tenths of a second
    path = write_video(tmp_path / "cuts.mp4", shots(lengths))
    _, frames, end = read(path)
    starts = np.cumsum([0, *lengths[:-1]]) / 10
    times = np.array([frame.time_s for frame in frames])
    found = [bool((np.abs(times - start) < 0.051).any()) for start in starts]
    assert np.mean(found) >= 0.9
    assert end.fault is None
    assert end.duration_s == pytest.approx(sum(lengths) / 10, abs=0.01)


@pytest.mark.skipif(not DAVIS.exists(), reason="needs the development photos")
def test_cuts_between_filmed_scenes_are_found(tmp_path):
    files = sorted(DAVIS.glob("*.jpg"))
    names = [path.name.rpartition("_")[0] for path in files]
    starts = [at / 6 for at in range(len(files)) if at == 0 or names[at] != names[at - 1]]
    frames = [np.asarray(Image.open(path).convert("RGB").resize((640, 360))) for path in files]
    _, taken, _ = read(write_video(tmp_path / "davis.mp4", frames, fps=6))
    times = np.array([frame.time_s for frame in taken])
    assert np.mean([bool((np.abs(times - start) < 0.09).any()) for start in starts]) >= 0.9


def test_between_cuts_a_frame_is_taken_at_most_once_in_the_interval(tmp_path):
    path = write_video(tmp_path / "shot.mp4", moving(scene(1), 100))
    _, frames, _ = read(path, interval=2.0)
    assert [frame.time_s for frame in frames] == pytest.approx([0, 2, 4, 6, 8])
    _, frames, _ = read(path, interval=5.0)
    assert [frame.time_s for frame in frames] == pytest.approx([0, 5])


def test_a_still_gives_one_frame(tmp_path):
    path = write_video(tmp_path / "still.mkv", [scene(1)] * 200)
    _, frames, end = read(path)
    assert len(frames) == 1
    assert end.duration_s == pytest.approx(20, abs=0.1)


def test_what_appears_in_a_still_gives_a_frame_when_it_appears(tmp_path):
    with_ball = list(moving(scene(1), 3))[1]
    path = write_video(tmp_path / "appears.mp4", [scene(1)] * 73 + [with_ball] * 30)
    _, frames, _ = read(path)
    assert [frame.time_s for frame in frames] == pytest.approx([0, 7.3])


def test_flicker_gives_no_frame_for_each_flash():
    selector = FrameSelector(2.0)
    dark, bright = np.zeros((36, 64, 3), np.int16), np.full((36, 64, 3), 255, np.int16)
    taken = sum(selector.takes(number / 25, bright if number % 2 else dark) for number in range(250))
    assert taken <= 10 / 0.25 + 1


def test_near_equal_is_no_matter_of_noise_but_of_things():
    random = np.random.default_rng(0)
    still = np.full((36, 64, 3), 100, np.int16)
    thing = still.copy()
    thing[3:5, 3:6] = 200
    assert near_equal(still, still + random.integers(-3, 4, still.shape).astype(np.int16))
    assert not near_equal(still, thing)


# ---- times, and frames as they are shown


def test_times_of_a_variable_rate_are_those_of_the_file(tmp_path):
    times = [0, 0.4, 0.5, 3.1, 3.2, 9.75, 9.8]
    pictures = [scene(1), scene(1), scene(1), scene(2), scene(2), scene(3), scene(3)]
    _, frames, _ = read(write_video(tmp_path / "variable.mkv", pictures, times=times))
    assert [frame.time_s for frame in frames] == pytest.approx([0, 3.1, 9.75], abs=0.002)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_frames_are_upright(tmp_path, rotation):
    picture = np.zeros((180, 320, 3), np.uint8)
    picture[:90, :160] = (255, 0, 0)  # red, top left of what is stored
    info, frames, _ = read(write_video(tmp_path / "turned.mp4", [picture] * 3, rotation=rotation))
    turned = np.rot90(picture, rotation // 90)
    assert info.size_hw == turned.shape[:2]
    assert pixels(frames[0]).shape == turned.shape
    assert np.abs(pixels(frames[0]).astype(int) - turned).mean() < 10


def test_a_frame_says_which_it_is_and_when_it_was_taken(tmp_path):
    path = write_video(tmp_path / "dated.mp4", shots([10, 10]), metadata={"creation_time": "2024-05-17T08:30:00Z"})
    info, frames, _ = read(path)
    exif = Image.open(io.BytesIO(frames[1].jpeg)).getexif()
    assert exif[270] == f"frame at 1.000 s of the video {DIGEST}"
    assert exif.get_ifd(34665)[36867] == "2024:05:17 08:30:01"
    assert info.taken_at is not None
    assert frames == [each for each in read_video(path, DIGEST) if isinstance(each, VideoFrame)], (
        "always the same bytes"
    )


@pytest.mark.slow
def test_4k_is_read_and_its_frames_are_bounded(tmp_path):
    info, frames, _ = read(write_video(tmp_path / "4k.mp4", [scene(1, 2160, 3840)] * 3))
    assert info.size_hw == (2160, 3840)
    assert pixels(frames[0]).shape == (1080, 1920, 3)


@pytest.mark.parametrize(("name", "codec", "kind"), [
    ("a.mp4", "libx264", "MP4"),
    ("a.mov", "mpeg4", "MOV"),
    ("a.mkv", "libx264", "MKV"),
    ("a.webm", "libvpx-vp9", "WEBM"),
    ("a.gif", "gif", "GIF"),
])  # fmt: skip
def test_formats_are_told_by_content(tmp_path, name, codec, kind):
    path = write_video(tmp_path / name, shots([10, 12]), codec=codec)
    hidden = path.rename(tmp_path / "no-ending")
    info, frames, end = read(hidden)
    assert info.format == kind
    assert [frame.time_s for frame in frames] == pytest.approx([0, 1], abs=0.011)
    assert end.fault is None


def test_photos_and_music_are_no_videos(tmp_path):
    single = io.BytesIO()
    Image.fromarray(scene(1)).save(single, "GIF")
    assert video_format(single) is None
    assert sniff_video(b"\0\0\0\x18ftypM4A \0\0\0\0") is None
    assert sniff_video(b"\0\0\0\x18ftypcrx \0\0\0\0") is None
    assert sniff_video(b"\0\0\0\x18ftypheic\0\0\0\0heicmif1") is None
    assert sniff_video(b"Pay free of charge") is None
    assert sniff_video(b"") is None
    assert sniff_video(b"\0\0\0\x18ftypisom\0\0\0\0") == "MP4"


# ---- what is wrong with files


def test_what_comes_before_the_break_is_used(tmp_path):
    path = write_video(tmp_path / "whole.mp4", shots([50] * 6), options={"movflags": "faststart"})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    _, frames, end = read(path)
    assert len(frames) >= 2
    assert "breaks off at 0:1" in str(end.fault)
    assert "of 0:30" in str(end.fault)
    assert "copy it again" in str(end.fault)


def test_a_cut_off_matroska_is_noticed(tmp_path):
    path = write_video(tmp_path / "whole.mkv", shots([50] * 6))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    _, frames, end = read(path)
    assert len(frames) >= 2
    assert "breaks off" in str(end.fault)


def test_damage_inside_is_noted_and_the_rest_is_used(tmp_path):
    path = write_video(tmp_path / "damaged.mp4", shots([50] * 6), options={"movflags": "faststart"})
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    path.write_bytes(content)
    _, frames, end = read(path)
    assert frames[-1].time_s > 20
    assert end.duration_s > 29


def test_files_that_give_no_frame_say_why(tmp_path):
    def complaint(name: str, content: bytes) -> str:
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UnreadableVideoError) as caught:
            read(path)
        return str(caught.value)

    whole = write_video(tmp_path / "whole.mp4", shots([20])).read_bytes()
    assert "empty (0 bytes)" in complaint("empty.mp4", b"")
    assert "truncated" in complaint("truncated.mp4", whole[: len(whole) // 2])  # its table is at the end
    assert "damaged" in complaint("noise.mp4", whole[:32] + os.urandom(5000))
    assert "damaged" in complaint("noise.mkv", b"\x1a\x45\xdf\xa3" + os.urandom(5000))
    assert "not a video" in complaint("text.mp4", b"just a text " * 20)
    assert "no pictures" in complaint("sound.mp4", write_sound(tmp_path / "s.mp4").read_bytes())
    with pytest.raises(UnreadableVideoError, match="check the path"):
        read(tmp_path / "missing.mp4")
    with pytest.raises(UnreadableVideoError, match="not a regular file"):
        read(tmp_path)


def test_playlists_are_never_opened(tmp_path):
    """FFmpeg would read other files and addresses through them."""
    for content in (b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n"):
        path = tmp_path / "list.mp4"
        path.write_bytes(content)
        with pytest.raises(UnreadableVideoError, match="not a video"):
            read(path)


def test_limits_are_kept_and_noted(tmp_path):
    path = write_video(tmp_path / "long.mp4", shots([10] * 12))
    _, frames, end = read(path, limits=VideoLimits(max_frames=5))
    assert len(frames) == 5
    assert "cut it into parts" in str(end.fault)
    _, frames, end = read(path, limits=VideoLimits(max_seconds=4))
    assert frames[-1].time_s <= 4
    assert "cut it into parts" in str(end.fault)
    _, frames, end = read(path, limits=VideoLimits(max_work_seconds=1e-9))
    assert len(frames) == 1
    assert "cut it into parts" in str(end.fault)
    with pytest.raises(ImageTooLargeError, match="bytes"):
        read(path, limits=VideoLimits(max_bytes=1000))
    with pytest.raises(ImageTooLargeError, match="pixels"):
        read(path, limits=VideoLimits(frame=DecodeLimits(max_pixels=1000)))
    with pytest.raises(ImageTooSmallError, match="pixels"):
        read(path, limits=VideoLimits(frame=DecodeLimits(min_side=500)))
    with pytest.raises(ValueError, match="interval"):
        read(path, interval=0)
    with pytest.raises(ValueError, match="positive"):
        VideoLimits(max_frames=0)


# ---- in a child


def die(path: Path, sha256: str, **_: object):
    """Gives a frame, and dies, if the file says so."""
    yield VideoInfo("MP4", (100, 100), None)
    if path.name == "later":
        yield VideoFrame(2.0, b"jpeg")
    os.kill(os.getpid(), signal.SIGSEGV)


def hang(path: Path, sha256: str, **_: object):
    """Gives a frame, and hangs, if the file says so."""
    yield VideoInfo("MP4", (100, 100), None)
    if path.name == "later":
        yield VideoFrame(2.0, b"jpeg")
    time.sleep(1000)


def fill(path: Path, sha256: str, **_: object):
    """Takes more memory than it may."""
    yield VideoInfo("MP4", (100, 100), None)
    bytearray(3 * 1024**3)


@pytest.mark.slow
@pytest.mark.parametrize(("broken", "said"), [(die, "died"), (hang, "hangs"), (fill, "memory")])
def test_a_child_costs_its_own_video_alone(broken, said):
    limits = VideoLimits(silent_seconds=3)
    with pytest.raises(UnreadableVideoError, match=said):
        list(reader.read_guarded(Path("first"), DIGEST, limits=limits, read=broken))


@pytest.mark.slow
@pytest.mark.parametrize(("broken", "said"), [(die, "died"), (hang, "hangs")])
def test_what_a_child_gave_before_is_used(broken, said):
    *_, frame, end = reader.read_guarded(Path("later"), DIGEST, limits=VideoLimits(silent_seconds=3), read=broken)
    assert frame == VideoFrame(2.0, b"jpeg")
    assert isinstance(end, VideoEnd)
    assert said in str(end.fault)
    assert "after 0:02" in str(end.fault)


@pytest.mark.slow
def test_a_child_reads_as_this_process_does(tmp_path):
    path = write_video(tmp_path / "cuts.mp4", shots([12, 30, 9]))
    assert [each for each in reader.read_guarded(path, DIGEST)] == list(read_video(path, DIGEST))
    with pytest.raises(ImageError, match="empty"):
        (tmp_path / "empty.mp4").touch()
        list(reader.read_guarded(tmp_path / "empty.mp4", DIGEST))
    with pytest.raises(reader.ReadingStopped):
        list(reader.read_guarded(path, DIGEST, stopped=lambda: True))


def test_times_are_written_as_players_do():
    assert [clock(each) for each in (0, 9.99, 65, 3725)] == ["0:00", "0:09", "1:05", "1:02:05"]
