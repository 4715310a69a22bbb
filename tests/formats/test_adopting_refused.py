"""Files of analyses that cannot be imported: they change nothing, and the message says what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from test_adopting import changed, refusal, run, state
from toys import Ingested

from indexer.commands.export import export
from indexer.report import Tally
from indexer.scan import register_files
from retrieval.assembly import Assembly

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")


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
    analyses: Path, copies: Path, other: Assembly, change: Callable[[list[dict[str, Any]]], Any], message: str
) -> None:
    """The last of several photos is refused, and none is imported."""
    register_files(other, [copies], Tally())
    before = state(other)
    broken = changed(analyses, lambda rows: found if isinstance(found := change(rows), list) else None)
    done = run(other, broken, "--json")
    assert re.search(message, refusal(done)), refusal(done)
    assert state(other) == before == [("pending", None, 0)] * 6
    assert not other.catalog.segments.of_image(1)


def test_broken_files_change_nothing(analyses: Path, copies: Path, other: Assembly) -> None:
    register_files(other, [copies], Tally())
    whole = analyses.read_bytes()
    broken = analyses.with_name("broken.parquet")
    for content in (whole[: len(whole) // 2], whole[:-1], b"", b"PAR1", whole[:200] + b"\0" * 400 + whole[600:]):
        broken.write_bytes(content)
        assert "truncated, damaged, or no Parquet file" in refusal(run(other, broken)), len(content)
    assert run(other, analyses.with_name("none.parquet")).exit_code == 2
    assert "truncated, damaged, or no Parquet file" in refusal(run(other, copies, "--format", "parquet"))
    table = pq.read_table(analyses)
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


def test_flipped_bits_are_noticed(analyses: Path, copies: Path, other: Assembly) -> None:
    """Pages have checksums."""
    register_files(other, [copies], Tally())
    whole, broken = analyses.read_bytes(), analyses.with_name("broken.parquet")
    column = pq.ParquetFile(analyses).metadata.row_group(0)
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
