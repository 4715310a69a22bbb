"""Analyses leave as Parquet, and are taken over by another library that has the same photos; no network runs there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from databases import Files, Server
from test_coco import dataset
from toys import TOY, Ingested, Pictures, ToyLibrary, analysis, random_units

from indexer.commands.export import export
from indexer.commands.import_ import import_annotations
from indexer.report import Tally
from indexer.scan import register_files
from indexer.verify import verify
from retrieval.assembly import Assembly
from retrieval.catalog import ImportedSegments, IngestQueue
from retrieval.formats.adopting import Adopter
from retrieval.formats.analyses import AnalysesFile
from retrieval.formats.vectors import parquet_table
from retrieval.query.request import Ref, SearchRequest
from retrieval.recipes.grid import GridRecipe
from retrieval.storage.locations import SeenFile

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")


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


def test_a_round_trip(ingested: Ingested, analyses: Path, copies: Path, other: Assembly, tmp_path: Path) -> None:
    counts = told(run(other, analyses, "--photos", copies, "--json"))
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


def test_labels_and_recipes_of_one_space(
    toys: ToyLibrary, more_toys: Callable[[str], ToyLibrary], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photos are told apart where their rows lie in several batches, and where one has no segments."""
    monkeypatch.setattr("retrieval.formats.analyses.AT_ONCE", 2)
    monkeypatch.setattr("retrieval.formats.vectors.GROUP", 4)
    units = random_units(np.random.default_rng(1), 6, 4)
    for count in (3, 5, 0, 1):
        labels = tuple("cow" if number % 2 else None for number in range(count))
        toys.add(analysis(units[:count], labels=labels, photo_vector=units[5], fallback=units[0]))
    other = more_toys("other")
    for image in toys.catalog.images.page(after=0, limit=10):
        other.catalog.locations.register([SeenFile(f"file:///elsewhere/{image.id}.png", image.sha256, 1, 1)])
    target = tmp_path / "toys.parquet"
    target.write_bytes(b"".join(parquet_table(dataset(toys))))
    target = changed(target, lambda rows: [row.update(recipe="toy:2") for row in rows if row["image_id"] == 4] and rows)
    file = AnalysesFile(target, TOY, 4, 4)
    assert file.check() == 3
    report = Adopter(other.catalog, ImportedSegments(other.sessions), other.ingest_queue).adopt(file)
    assert (report.photos, report.segments, report.unknown, report.faults) == (3, 9, [], [])
    assert other.catalog.images.recipes() == {TOY: 2, "toy:2": 1}
    assert other.catalog.images.counts()["pending"] == 1, "the photo without segments waits for a worker"
    for first in toys.catalog.images.page(after=0, limit=10):
        second = other.catalog.images.of_digest(first.sha256)
        assert second is not None
        segments = [made.catalog.segments.of_image(each.id) for made, each in ((toys, first), (other, second))]
        own = [[replace(each, id=0, image_id=0, parent_id=None) for each in some] for some in segments]
        assert own[0] == own[1]
        both = [
            made.catalog.vectors.of_segments([each.id for each in some]).vectors
            for made, some in zip((toys, other), segments, strict=True)
        ]
        np.testing.assert_array_equal(*both)


def test_searches_find_the_same(ingested: Ingested, analyses: Path, copies: Path, other: Assembly) -> None:
    told(run(other, analyses, "--photos", copies, "--json"))
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


def test_again_they_are_known(analyses: Path, copies: Path, other: Assembly) -> None:
    assert run(other, analyses, "--photos", copies).exit_code == 0
    ids = [each.id for each in other.catalog.segments.of_image(1)]
    counts = told(run(other, analyses, "--json"))
    assert (counts["photos"], counts["known"]) == (0, 6)
    assert [each.id for each in other.catalog.segments.of_image(1)] == ids


def test_what_another_recipe_found_is_replaced(ingested: Ingested, analyses: Path, databases: Files | Server) -> None:
    """Judged segments hand their examples on to those that take their places."""
    made = ingested.assembly
    key = ingested.ids[0]
    example = made.catalog.segments.of_image(key)[2].id
    made.trainer(made.engine()).teach("corner", [example], [])
    databases.execute(made.settings.data_dir, "UPDATE image SET recipe = 'another:1' WHERE id = :id", id=key)
    counts = told(run(made, analyses, "--json"))
    assert (counts["photos"], counts["known"]) == (1, 5)
    assert made.catalog.images.get(key).recipe == GridRecipe().fingerprint
    after = [each.id for each in made.catalog.segments.of_image(key)]
    assert example not in after
    (concept,) = made.concepts.all()
    assert list(concept.model.positive) == [after[2]]
    assert verify(made) == []


def test_photos_of_other_bytes(ingested: Ingested, analyses: Path, copies: Path, other: Assembly) -> None:
    Pictures(copies)("new.png", seed=77)
    (copies / "0.png").unlink()
    done = run(other, analyses, "--photos", copies)
    assert done.exit_code == 0, done.output
    assert "1 photos wait for their analysis" in done.stdout
    assert f"not in the catalogue: {ingested.paths[-1]}" in done.stdout
    assert sorted(each[0] for each in state(other)) == ["indexed"] * 5 + ["pending"]


def test_no_photo_is_known(analyses: Path, other: Assembly) -> None:
    assert "none of the 6 photos" in refusal(run(other, analyses, "--json"))


def test_photos_that_are_left_as_they_are(ingested: Ingested, analyses: Path, copies: Path, other: Assembly) -> None:
    register_files(other, [copies], Tally())
    analysed, deleted = other.ingest_queue.claim("worker", 1)[0].image_id, 4
    other.trash.put([deleted])
    counts = told(run(other, analyses, "--json"))
    assert (counts["photos"], counts["refused"]) == (4, 2)
    assert sorted(each.partition(": ")[2] for each in counts["faults"]) == [
        f"photo {analysed} is being analysed: import again if that fails",
        f"photo {deleted} is in the trash: restore it with `segsearch restore {deleted}`, and import again",
    ]
    assert other.catalog.images.get(analysed).state == "working"
    assert other.catalog.images.get(deleted).recipe is None


def test_photos_with_imported_segments(ingested: Ingested, analyses: Path, databases: Files | Server) -> None:
    made = ingested.assembly
    coco = analyses.with_name("instances.json")
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
    counts = told(run(made, analyses, "--json"))
    assert (counts["photos"], counts["known"], counts["refused"]) == (0, 5, 1)
    assert "has imported segments" in counts["faults"][0]
    assert made.catalog.images.get(ingested.ids[0]).segment_count == 26
    analysed = {ingested.ids[0]: _analysed(made, analyses)}
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


def test_no_concepts_is_for_annotations(analyses: Path, other: Assembly) -> None:
    done = run(other, analyses, "--no-concepts")
    assert done.exit_code == 2
    assert "leave out --no-concepts" in done.output


def test_an_import_that_broke_off_is_repeated(
    analyses: Path, copies: Path, other: Assembly, monkeypatch: pytest.MonkeyPatch
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
    assert run(other, analyses, "--photos", copies).exit_code != 0
    assert sorted(state(other)) == [("indexed", GridRecipe().fingerprint, 25)] * 2 + [("pending", None, 0)] * 4
    monkeypatch.setattr(IngestQueue, "adopt", adopt)
    counts = told(run(other, analyses, "--json"))
    assert (counts["photos"], counts["known"]) == (4, 2)
    assert verify(other) == []
