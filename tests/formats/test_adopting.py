"""Analyses leave as Parquet, and are taken over by another library that has the same photos; no network runs there."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from databases import Files, Server
from toys import Ingested, Pictures, close

from indexer.commands.export import export
from indexer.commands.import_ import import_annotations
from indexer.report import Tally
from indexer.scan import register_files
from indexer.verify import verify
from retrieval.assembly import Assembly
from retrieval.catalog import IngestQueue
from retrieval.formats.analyses import AnalysesFile
from retrieval.query.request import Ref, SearchRequest
from retrieval.recipes.grid import GridRecipe
from retrieval.settings import Settings

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")

pytestmark = pytest.mark.slow


@pytest.fixture
def file(ingested: Ingested) -> Path:
    """The analyses of six photos of 25 segments each."""
    target = ingested.photos.parent / "analyses.parquet"
    done = CliRunner().invoke(export, ["--format", "parquet", str(target)], obj=ingested.assembly.settings)
    assert done.exit_code == 0, done.output
    return target


@pytest.fixture
def copies(ingested: Ingested, tmp_path: Path) -> Path:
    """The photos in another folder, in another order of names."""
    folder = tmp_path / "copies"
    folder.mkdir()
    for number, path in enumerate(reversed(ingested.paths)):
        shutil.copy(path, folder / f"{number}.png")
    return folder


@pytest.fixture
def other(tmp_path: Path, databases: Files | Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Assembly]:
    """Another installation, without photos, whose recipe cannot run."""
    home = tmp_path / "other"
    home.mkdir()
    databases.blank(home)
    made = Assembly(Settings.in_data_dir(home, device="cpu", recipe="grid"))

    def run(*_: object) -> None:
        raise AssertionError("no network may run")

    monkeypatch.setattr(GridRecipe, "extract", run)
    yield made
    close(made)


def run(made: Assembly, *options: object) -> Result:
    return CliRunner().invoke(import_annotations, [str(each) for each in options], obj=made.settings)


def told(done: Result) -> dict[str, Any]:
    assert done.exit_code == 0, done.output + str(done.exception)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def refusal(done: Result) -> str:
    assert done.exit_code != 0
    return str(done.exception)


def exported(made: Assembly, folder: Path) -> dict[tuple[str, bytes], dict[str, Any]]:
    """The rows of an export, without what differs between libraries: ids and paths."""
    target = folder / "again.parquet"
    done = CliRunner().invoke(export, ["--format", "parquet", "--out", str(target)], obj=made.settings)
    assert done.exit_code == 0, done.output
    rows = pq.read_table(target).to_pylist()
    places = {row["sha256"]: row["path"] for row in rows}
    assert len(set(places.values())) == len(places)
    own = "segment_id", "image_id", "path"
    return {
        (row["sha256"], row["mask_counts"]): {name: value for name, value in row.items() if name not in own}
        for row in rows
    }


def changed(file: Path, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]] | None]) -> Path:
    """The file with other rows."""
    table = pq.read_table(file)
    rows = table.to_pylist()
    rows = change(rows) or rows
    target = file.with_name("changed.parquet")
    pq.write_table(pa.Table.from_pylist(rows, table.schema), target)
    return target


def state(made: Assembly) -> list[tuple[str, str | None, int]]:
    return [(each.state, each.recipe, each.segment_count) for each in made.catalog.images.page(after=0, limit=100)]


def test_a_round_trip(ingested: Ingested, file: Path, copies: Path, other: Assembly, tmp_path: Path) -> None:
    counts = told(run(other, file, "--photos", copies, "--json"))
    assert counts == {
        "photos": 6, "segments": 150, "known": 0, "refused": 0, "unknown_photos": 0, "waiting": 0, "faults": [],
        "unknown": [],
    }  # fmt: skip
    assert exported(other, tmp_path) == exported(ingested.assembly, tmp_path)
    assert verify(other) == []
    for key in ingested.ids:
        first = ingested.assembly.catalog.images.get(key)
        second = other.catalog.images.of_digest(first.sha256)
        assert second is not None
        same = "state", "format", "width", "height", "taken_at", "recipe", "space", "segment_count", "assessment"
        assert [getattr(second, name) for name in same] == [getattr(first, name) for name in same]
        segments = [
            made.catalog.segments.of_image(each.id) for made, each in ((ingested.assembly, first), (other, second))
        ]
        parents = [
            [None if each.parent_id is None else each.parent_id - some[0].id for each in some] for some in segments
        ]
        assert parents[0] == parents[1]
        np.testing.assert_array_equal(
            other.catalog.vectors.of_image(second.id), ingested.assembly.catalog.vectors.of_image(first.id)
        )


def test_searches_find_the_same(ingested: Ingested, file: Path, copies: Path, other: Assembly) -> None:
    told(run(other, file, "--photos", copies, "--json"))
    digest = ingested.assembly.catalog.images.get(ingested.ids[2]).sha256

    def found(made: Assembly, by: str) -> list[tuple[str, float, tuple[int, ...] | None]]:
        image = made.catalog.images.of_digest(digest)
        assert image is not None
        segment = made.catalog.segments.of_image(image.id)[3]
        ref = Ref(segment=segment.id) if by == "segment" else Ref(image=image.id)
        answer = made.engine().search(SearchRequest(positive=(ref,), limit=50))
        digests = {each.image_id: made.catalog.images.get(each.image_id).sha256 for each in answer.results}
        return sorted((digests[each.image_id], each.score, each.box_xyxy) for each in answer.results)

    for by in ("segment", "photo"):
        assert len(found(other, by)) == 5
        assert found(other, by) == found(ingested.assembly, by)


def test_again_they_are_known(file: Path, copies: Path, other: Assembly) -> None:
    assert run(other, file, "--photos", copies).exit_code == 0
    ids = [each.id for each in other.catalog.segments.of_image(1)]
    counts = told(run(other, file, "--json"))
    assert (counts["photos"], counts["known"]) == (0, 6)
    assert [each.id for each in other.catalog.segments.of_image(1)] == ids


def test_what_another_recipe_found_is_replaced(ingested: Ingested, file: Path, databases: Files | Server) -> None:
    """Judged segments hand their examples on to those that take their places."""
    made = ingested.assembly
    key = ingested.ids[0]
    example = made.catalog.segments.of_image(key)[2].id
    made.trainer(made.engine()).teach("corner", [example], [])
    databases.execute(made.settings.data_dir, "UPDATE image SET recipe = 'another:1' WHERE id = :id", id=key)
    counts = told(run(made, file, "--json"))
    assert (counts["photos"], counts["known"]) == (1, 5)
    assert made.catalog.images.get(key).recipe == GridRecipe().fingerprint
    after = [each.id for each in made.catalog.segments.of_image(key)]
    assert example not in after
    (concept,) = made.concepts.all()
    assert list(concept.model.positive) == [after[2]]
    assert verify(made) == []


def test_photos_of_other_bytes(ingested: Ingested, file: Path, copies: Path, other: Assembly) -> None:
    Pictures(copies)("new.png", seed=77)
    (copies / "0.png").unlink()
    done = run(other, file, "--photos", copies)
    assert done.exit_code == 0, done.output
    assert "1 photos wait for their analysis" in done.stdout
    assert f"not in the catalogue: {ingested.paths[-1]}" in done.stdout
    assert sorted(each[0] for each in state(other)) == ["indexed"] * 5 + ["pending"]


def test_no_photo_is_known(file: Path, other: Assembly) -> None:
    assert "none of the 6 photos" in refusal(run(other, file, "--json"))


def test_photos_that_are_left_as_they_are(ingested: Ingested, file: Path, copies: Path, other: Assembly) -> None:
    register_files(other, [copies], Tally())
    analysed, deleted = other.ingest_queue.claim("worker", 1)[0].image_id, 4
    other.trash.put([deleted])
    counts = told(run(other, file, "--json"))
    assert (counts["photos"], counts["refused"]) == (4, 2)
    assert sorted(each.partition(": ")[2] for each in counts["faults"]) == [
        f"photo {analysed} is being analysed: import again if that fails",
        f"photo {deleted} is in the trash: restore it with `segsearch restore {deleted}`, and import again",
    ]
    assert other.catalog.images.get(analysed).state == "working"
    assert other.catalog.images.get(deleted).recipe is None


def test_photos_with_imported_segments(ingested: Ingested, file: Path, databases: Files | Server) -> None:
    made = ingested.assembly
    coco = file.with_name("instances.json")
    square = [20.0, 10.0, 60.0, 10.0, 60.0, 40.0, 20.0, 40.0]
    stored = {
        "images": [{"id": 1, "file_name": ingested.paths[0].name, "width": 96, "height": 72}],
        "categories": [{"id": 1, "name": "cow"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": [square]}],
    }
    coco.write_text(json.dumps(stored))
    assert run(made, coco, "--no-concepts").exit_code == 0
    databases.execute(
        made.settings.data_dir, "UPDATE image SET recipe = 'another:1' WHERE id = :id", id=ingested.ids[0]
    )
    counts = told(run(made, file, "--json"))
    assert (counts["photos"], counts["known"], counts["refused"]) == (0, 5, 1)
    assert "has imported segments" in counts["faults"][0]
    assert made.catalog.images.get(ingested.ids[0]).segment_count == 26
    analysed = {ingested.ids[0]: _analysed(made, file)}
    assert made.ingest_queue.adopt(analysed, "x:1", GridRecipe().space) == set(), (
        "it is looked at when it is written, too"
    )


def _analysed(made: Assembly, file: Path) -> Any:
    spec = made.recipe_spec
    return next(iter(AnalysesFile(file, spec.space, spec.segment_dim, spec.photo_dim))).analyzed()


def test_imported_segments_stay_behind(ingested: Ingested, copies: Path, other: Assembly, tmp_path: Path) -> None:
    """Their photo is complete in the file, and comes without them."""
    made = ingested.assembly
    found = _analysed(made, _exported(made, tmp_path / "first.parquet")).analysis
    made.imported.add(ingested.ids[0], _part(found), (72, 96), GridRecipe().space)
    counts = told(run(other, _exported(made, tmp_path / "second.parquet"), "--photos", copies, "--json"))
    assert (counts["photos"], counts["segments"]) == (6, 150)


def _exported(made: Assembly, target: Path) -> Path:
    done = CliRunner().invoke(export, ["--format", "parquet", str(target)], obj=made.settings)
    assert done.exit_code == 0, done.output
    return target


def _part(found: Any) -> Any:
    return replace(found, segments=found.segments[:1], vectors=found.vectors[:1], colors=found.colors[:1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[7].update(vector=[float("nan")] * 6), "not finite"),
        (lambda rows: rows[7].update(vector=[float("inf")] * 6), "not finite"),
        (lambda rows: rows[7].update(vector=[0.0] * 6), "a vector is zero"),
        (lambda rows: rows[7].update(vector=[1.0] * 6), "not of unit length"),
        (lambda rows: rows[0].update(photo_vector=None), "no photo_vector of length 6"),
        (lambda rows: rows[0].update(photo_vector=[1.0, 0.0]), "no photo_vector of length 6"),
        (lambda rows: rows[0].update(photo_vector=[0.0] * 6), "a vector is zero"),
        (lambda rows: rows[7].update(segment_id=rows[6]["segment_id"]), "a segment is there twice"),
        (lambda rows: rows[:-1], "24 of its 25 segments: export whole photos"),
        (lambda rows: [*rows, *rows[:25]], "is there twice"),
        (lambda rows: [*rows[1:], rows[0]], "24 of its 25 segments"),
        (lambda rows: rows[7].update(mask_counts=b"~~~"), "segment .*: its mask cannot be read"),
        (lambda rows: rows[7].update(mask_size_hw=[2, 2]), "another size"),
        (lambda rows: [row.update(mask_size_hw=[100_000, 100_000]) for row in rows] and rows, "at most 1024"),
        (lambda rows: rows[7].update(quality=float("nan")), "its quality is nan"),
        (lambda rows: rows[7].update(label="cow", label_score=None), "score of its label"),
        (lambda rows: rows[7].update(colors=b"abc"), "colors are 11 bytes"),
        (lambda rows: [row.update(sha256="A" * 64) for row in rows[:25]] and rows, "no digest"),
        (lambda rows: [row.update(format="EXE") for row in rows[:25]] and rows, "its format is 'EXE'"),
        (lambda rows: [row.update(width=0) for row in rows[:25]] and rows, "its size is 0 x 72"),
        (lambda rows: [row.update(recipe="") for row in rows[:25]] and rows, "no fingerprint"),
        (lambda rows: [row.update(space="other:1") for row in rows] and rows, "set SEGSEARCH_RECIPE"),
        (lambda rows: rows[7].update(sha256=None), "sha256 is missing in a row"),
    ],
)  # fmt: skip
def test_broken_rows_change_nothing(
    file: Path, copies: Path, other: Assembly, change: Callable[[list[dict[str, Any]]], Any], message: str
) -> None:
    """The last of several photos is refused, and none is imported."""
    register_files(other, [copies], Tally())
    before = state(other)
    broken = changed(file, lambda rows: found if isinstance(found := change(rows), list) else None)
    done = run(other, broken, "--json")
    assert re.search(message, refusal(done)), refusal(done)
    assert state(other) == before == [("pending", None, 0)] * 6
    assert not other.catalog.segments.of_image(1)


def test_broken_files_change_nothing(file: Path, copies: Path, other: Assembly) -> None:
    register_files(other, [copies], Tally())
    whole = file.read_bytes()
    broken = file.with_name("broken.parquet")
    for content in (whole[: len(whole) // 2], whole[:-1], b"", b"PAR1", whole[:200] + b"\0" * 400 + whole[600:]):
        broken.write_bytes(content)
        assert "truncated, damaged, or no Parquet file" in refusal(run(other, broken)), len(content)
    assert run(other, file.with_name("none.parquet")).exit_code == 2
    assert "truncated, damaged, or no Parquet file" in refusal(run(other, copies, "--format", "parquet"))
    table = pq.read_table(file)
    pq.write_table(table.drop_columns(["mask_counts", "sha256"]), broken)
    assert "has no column mask_counts, sha256: export it with" in refusal(run(other, broken))
    pq.write_table(table.slice(0, 0), broken)
    assert "nothing to import" in refusal(run(other, broken))
    for lengths in ([4] * len(table), [6] * (len(table) - 1) + [5]):
        vectors = pa.array([[0.5] * each for each in lengths], pa.list_(pa.float32()))
        pq.write_table(table.set_column(table.schema.get_field_index("vector"), "vector", vectors), broken)
        assert "but those of" in refusal(run(other, broken))
    texts = pa.array(["x"] * len(table))
    pq.write_table(table.set_column(table.schema.get_field_index("width"), "width", texts), broken)
    assert "column width has the type string" in refusal(run(other, broken))
    assert state(other) == [("pending", None, 0)] * 6


def test_flipped_bits_are_noticed(file: Path, copies: Path, other: Assembly) -> None:
    """Pages have checksums."""
    register_files(other, [copies], Tally())
    whole, broken = file.read_bytes(), file.with_name("broken.parquet")
    column = pq.ParquetFile(file).metadata.row_group(0)
    places = {column.column(number).path_in_schema: column.column(number) for number in range(column.num_columns)}
    for name in ("vector.list.element", "photo_vector.list.element"):
        found = places[name]
        at = (found.dictionary_page_offset or found.data_page_offset) + found.total_compressed_size // 2
        broken.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert run(other, broken).exit_code == 1, name
    assert state(other) == [("pending", None, 0)] * 6


def test_parts_of_photos_are_refused(ingested: Ingested, other: Assembly, copies: Path, tmp_path: Path) -> None:
    target = tmp_path / "some.parquet"
    key = ingested.assembly.catalog.segments.of_image(ingested.ids[0])[0].id
    done = CliRunner().invoke(
        export, ["--format", "parquet", "--segment", str(key), str(target)], obj=ingested.assembly.settings
    )
    assert done.exit_code == 0, done.output
    assert "the file has 1 of its 25 segments" in refusal(run(other, target, "--photos", copies))
    assert state(other) == [], "nothing was registered"


def test_no_concepts_is_for_annotations(file: Path, other: Assembly) -> None:
    done = run(other, file, "--no-concepts")
    assert done.exit_code == 2
    assert "leave out --no-concepts" in done.output


def test_an_import_that_broke_off_is_repeated(
    file: Path, copies: Path, other: Assembly, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photos are taken over whole, so that the next import has only the others to do."""
    monkeypatch.setattr("retrieval.formats.adopting.COMMITTED", 2)
    adopt, calls = IngestQueue.adopt, list[int]()

    def breaks_off(self: IngestQueue, *arguments: Any) -> set[int]:
        if calls:
            raise KeyboardInterrupt
        calls.append(1)
        return adopt(self, *arguments)

    monkeypatch.setattr(IngestQueue, "adopt", breaks_off)
    assert run(other, file, "--photos", copies).exit_code != 0
    assert sorted(state(other)) == [("indexed", GridRecipe().fingerprint, 25)] * 2 + [("pending", None, 0)] * 4
    monkeypatch.setattr(IngestQueue, "adopt", adopt)
    counts = told(run(other, file, "--json"))
    assert (counts["photos"], counts["known"]) == (4, 2)
    assert verify(other) == []
