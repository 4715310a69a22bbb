"""``export`` on the command line."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from databases import environment_of
from toys import Ingested

from indexer.commands.export import FORMATS as OFFERED
from indexer.commands.export import export
from retrieval.errors import QueryError, UnknownImageError, UnknownSegmentError
from retrieval.formats.exports import FORMATS

ROOT = Path(__file__).parents[2]


def run(ingested: Ingested, *options: object) -> Result:
    return CliRunner().invoke(export, [str(each) for each in options], obj=ingested.assembly.settings)


def test_the_formats_are_all_offered() -> None:
    assert OFFERED == FORMATS


def test_coco_and_csv_on_standard_output(ingested: Ingested) -> None:
    found = json.loads(run(ingested).stdout)
    assert (len(found["images"]), len(found["annotations"])) == (6, 150)
    rows = list(csv.DictReader(io.StringIO(run(ingested, "--format", "csv").stdout)))
    assert len(rows) == 150


def test_out_replaces_a_file(ingested: Ingested, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("old")
    assert run(ingested, "--out", tmp_path / "x.json").exit_code == 0
    assert len(json.loads((tmp_path / "x.json").read_text())["images"]) == 6


def test_folders_and_zip_files(ingested: Ingested, tmp_path: Path) -> None:
    assert run(ingested, tmp_path / "yolo", "--format", "yolo", "--with-photos").exit_code == 0
    assert {path.name for path in (tmp_path / "yolo").iterdir()} == {"images", "labels", "data.yaml"}
    assert len(list((tmp_path / "yolo/images").iterdir())) == 6
    assert run(ingested, tmp_path / "voc.zip", "--format", "voc").exit_code == 0
    with zipfile.ZipFile(tmp_path / "voc.zip") as archive:
        assert len(archive.namelist()) == 3 * 6 + 2
    assert run(ingested, tmp_path / "cut", "--format", "cutouts", "--photo", ingested.ids[0]).exit_code == 0
    with zipfile.ZipFile(tmp_path / "cut") as archive:
        assert len(archive.namelist()) == 25


def test_photos_that_are_gone_are_told(ingested: Ingested, tmp_path: Path) -> None:
    ingested.paths[0].unlink()
    done = run(ingested, tmp_path / "yolo", "--format", "yolo", "--with-photos")
    assert done.exit_code == 0
    assert "were moved or changed: 1\n" in done.stderr


def annotated(done: Result) -> tuple[list[int], list[int]]:
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    return sorted(each["id"] for each in found["images"]), sorted(each["id"] for each in found["annotations"])


def test_what_is_selected(ingested: Ingested) -> None:
    segments = [each.id for each in ingested.assembly.catalog.segments.of_image(ingested.ids[2])]
    assert annotated(run(ingested, "--photo", ingested.ids[2])) == ([ingested.ids[2]], segments)
    one = annotated(run(ingested, "--segment", segments[3], "--segment", segments[1]))
    assert one == ([ingested.ids[2]], sorted([segments[3], segments[1]]))
    assert annotated(run(ingested, "--folder", ingested.photos))[0] == sorted(ingested.ids)
    assert annotated(run(ingested, "--folder", ingested.photos / "none")) == ([], [])
    trainer = ingested.assembly.trainer(ingested.assembly.engine())
    trainer.teach("my thing", segments[:1], [])
    concept = ingested.assembly.concepts.get(ingested.assembly.concepts.names()["my thing"])
    labelled = annotated(run(ingested, "--concept", "My Thing"))[1]
    assert labelled == sorted({*trainer.engine.labelled(concept).tolist(), segments[0]})
    found = run(ingested, "--words", "my thing")
    assert set(annotated(found)[1]) <= {each for key in ingested.ids for each in ids_of(ingested, key)}
    assert len(annotated(run(ingested, "--like", segments[0], "--limit", 2))[1]) <= 2


def ids_of(ingested: Ingested, image_id: int) -> list[int]:
    return [each.id for each in ingested.assembly.catalog.segments.of_image(image_id)]


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        (["--concept", "nothing"], QueryError, "there is no concept 'nothing'"),
        (["--photo", "99"], UnknownImageError, "there is no photo 99"),
        (["--segment", "9999"], UnknownSegmentError, "no segment 9999"),
        (["--like", "9999"], UnknownSegmentError, "no segment 9999"),
        (["{photos}"], QueryError, "already exists: choose another name"),
        (["{photos}/none/x"], QueryError, "does not exist: create it"),
    ],
)
def test_errors(ingested: Ingested, options: list[str], error: type[Exception], told: str) -> None:
    done = run(ingested, *(each.format(photos=ingested.photos) for each in options))
    assert isinstance(done.exception, error)
    assert told in str(done.exception)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--format", "yolo"], "cannot be written to standard output"),
        (["a", "--out", "b"], "give the target once"),
        (["a", "--photo", "1", "--segment", "1"], "give only one of"),
        (["a", "--words", "x", "--concept", "y"], "give only one of"),
        (["a", "--format", "csv", "--polygons"], "--polygons is for"),
        (["a", "--with-photos"], "--with-photos is for"),
        (["a", "--limit", "0", "--words", "x"], "--limit"),
        (["a", "--format", "xls"], "--format"),
    ],
)
def test_wrong_use(ingested: Ingested, options: list[str], told: str) -> None:
    done = run(ingested, *options)
    assert done.exit_code == 2
    assert told in done.output


@pytest.mark.slow
def test_ctrl_c_leaves_nothing(ingested: Ingested, tmp_path: Path) -> None:
    """The export is slowed down, so that the signal comes in the middle of it."""
    (tmp_path / "out").mkdir()
    slow = (
        "import signal, sys, time; import retrieval.formats.dataset as d; real = d.Dataset._annotations\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it\n"
        "def slowly(*given):\n    print('going', flush=True); time.sleep(30); return real(*given)\n"
        "d.Dataset._annotations = slowly\n"
        f"sys.argv = ['segsearch', 'export', {str(tmp_path / 'out/yolo')!r}, '--format', 'yolo']\n"
        "from segsearch.cli import main; main()"
    )
    environment = {
        **os.environ,
        **environment_of(ingested.assembly.settings.data_dir),
        "SEGSEARCH_RECIPE": "grid",
        "SEGSEARCH_DEVICE": "cpu",
    }
    with subprocess.Popen([sys.executable, "-c", slow], cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"going\n"
        assert [path.suffix for path in (tmp_path / "out").iterdir()] == [".part"]
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        process.wait(60)
        assert time.monotonic() - begun < 25
    assert process.returncode == 1
    assert list((tmp_path / "out").iterdir()) == []
