"""Sidecars beside photos: written and read, and whatever can be in the way."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from read_only import read_only
from toys import Ingested

from indexer import sidecars as module
from indexer.commands.ingest import ingest
from indexer.commands.sidecars import sidecars
from indexer.sidecars import beside, read_sidecars, sidecar_of, write_names, write_sidecars
from retrieval.errors import QueryError
from retrieval.formats.xmp import read_keywords, with_keywords


def keywords(path: Path) -> tuple[str, ...]:
    return read_keywords(path.read_bytes()).all


def other(*names: str) -> bytes:
    """A sidecar as another program writes it."""
    items = "".join(f"<rdf:li>{name}</rdf:li>" for name in names)
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><rdf:Bag>'
        f"{items}</rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def run(ingested: Ingested, *options: str) -> Any:
    return CliRunner().invoke(sidecars, list(options), obj=ingested.assembly.settings)


@pytest.fixture
def tagged(ingested: Ingested) -> Ingested:
    """An installation whose first photo has two tags."""
    ingested.assembly.tags.change(ingested.ids[:1], add=["sea", "holiday"])
    return ingested


def test_tags_and_confirmed_concepts_are_written_and_photos_are_not_touched(tagged: Ingested) -> None:
    first, second = tagged.paths[:2]
    of_second = [each.id for each in tagged.assembly.catalog.segments.of_image(tagged.ids[1])]
    tagged.assembly.trainer(tagged.assembly.engine()).teach("red thing", of_second[:1], [])
    before = {path: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in tagged.paths}
    done = run(tagged, "write", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["counts"] == {"written": 2, "unchanged": len(tagged.paths) - 2}
    assert keywords(beside(first)) == ("holiday", "sea")
    assert keywords(beside(second)) == ("red thing",)
    assert {path: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in before} == before
    assert sorted(path.suffix for path in first.parent.iterdir() if path.suffix == ".xmp") == [".xmp", ".xmp"]
    assert write_sidecars(tagged.assembly).counts == {"unchanged": len(tagged.paths)}


def test_a_tag_that_is_taken_away_goes(tagged: Ingested) -> None:
    write_sidecars(tagged.assembly)
    tagged.assembly.tags.change(tagged.ids[:1], remove=["sea"])
    write_sidecars(tagged.assembly)
    assert keywords(beside(tagged.paths[0])) == ("holiday",)


def test_keywords_of_others_become_tags_and_ours_do_not_come_back(tagged: Ingested) -> None:
    target = beside(tagged.paths[0])
    target.write_bytes(other("mountains", "Sea"))
    write_sidecars(tagged.assembly)
    tagged.assembly.tags.change(tagged.ids[:1], remove=["holiday"])
    assert run(tagged, "read").exit_code == 0
    assert tagged.assembly.tags.of_image(tagged.ids[0]) == ["mountains", "sea"]
    assert read_sidecars(tagged.assembly).counts["unchanged"] == 1


def test_names_that_differ_in_case_are_one(tagged: Ingested) -> None:
    segments = [each.id for each in tagged.assembly.catalog.segments.of_image(tagged.ids[0])]
    tagged.assembly.trainer(tagged.assembly.engine()).teach("Sea", segments[:1], [])
    write_sidecars(tagged.assembly)
    assert keywords(beside(tagged.paths[0])) == ("holiday", "sea")


def test_which_sidecar(tmp_path: Path) -> None:
    photo, whole, short = tmp_path / "a[1].jpg", tmp_path / "a[1].jpg.xmp", tmp_path / "a[1].xmp"
    photo.touch()
    assert sidecar_of(photo) == whole
    short.touch()
    assert sidecar_of(photo) == short
    (tmp_path / "a[1].cr2").touch()
    assert sidecar_of(photo) == whole
    (tmp_path / "a[1].cr2").unlink()
    whole.touch()
    assert sidecar_of(photo) == whole


@pytest.mark.parametrize("content", [b"no xml", b"<svg/>", b""])
def test_a_broken_one_is_left_alone_and_told(tagged: Ingested, content: bytes) -> None:
    target = beside(tagged.paths[0])
    target.write_bytes(content)
    for command in ("write", "read"):
        done = run(tagged, command)
        assert done.exit_code == 1
        assert "it is no XMP" in done.stderr
        assert target.read_bytes() == content


def test_a_link_is_not_followed(tagged: Ingested, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(other("secret"))
    beside(tagged.paths[0]).symlink_to(secret)
    for report in (write_sidecars(tagged.assembly), read_sidecars(tagged.assembly)):
        assert "no plain file" in report.failures[0][1]
    assert secret.read_bytes() == other("secret")
    assert "secret" not in tagged.assembly.tags.of_image(tagged.ids[0])


def test_a_large_one_is_left_alone(tagged: Ingested, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    beside(tagged.paths[0]).write_bytes(other("mountains"))
    assert "left alone" in write_sidecars(tagged.assembly).failures[0][1]


def test_a_keyword_that_can_be_no_tag_is_told(tagged: Ingested) -> None:
    beside(tagged.paths[0]).write_bytes(other("x" * 101, "mountains"))
    report = read_sidecars(tagged.assembly)
    assert "is no tag" in report.failures[0][1]
    assert "mountains" in tagged.assembly.tags.of_image(tagged.ids[0])


@pytest.mark.slow
def test_a_folder_that_cannot_be_written(tagged: Ingested) -> None:
    with read_only(tagged.paths[0].parent):
        report = write_sidecars(tagged.assembly)
    assert "cannot be written" in report.failures[0][1]


def test_a_full_disk_leaves_what_was_there(tagged: Ingested, monkeypatch: pytest.MonkeyPatch) -> None:
    target = beside(tagged.paths[0])
    target.write_bytes(other("mountains"))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "the disk is full" in write_sidecars(tagged.assembly).failures[0][1]
    assert target.read_bytes() == other("mountains")
    assert not [path for path in target.parent.iterdir() if path.suffix == ".tmp"]


def test_another_program_that_writes_meanwhile_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, turns = tmp_path / "a.jpg.xmp", iter([other("mountains")])

    def changing(content: bytes | None, names: Any) -> bytes | None:
        made = with_keywords(content, names)
        if (theirs := next(turns, None)) is not None:
            target.write_bytes(theirs)
        return made

    monkeypatch.setattr(module, "with_keywords", changing)
    assert write_names(target, ["dog"])
    assert keywords(target) == ("mountains", "dog")


def test_one_that_changes_all_the_time_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.jpg.xmp"
    target.write_bytes(other("0"))

    def changing(content: bytes | None, names: Any) -> bytes | None:
        made = with_keywords(content, names)
        target.write_bytes(other("1" * (target.stat().st_size % 50 + 1)))
        return made

    monkeypatch.setattr(module, "with_keywords", changing)
    with pytest.raises(QueryError, match="try again later"):
        write_names(target, ["dog"])
    assert "dog" not in keywords(target)


def test_two_writers(tmp_path: Path) -> None:
    target = tmp_path / "a.jpg.xmp"
    target.write_bytes(other("mountains"))
    threads = [threading.Thread(target=write_names, args=(target, [f"name {number}"])) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first, own = keywords(target)
    assert first == "mountains"
    assert own in {f"name {number}" for number in range(8)}
    assert list(tmp_path.iterdir()) == [target]


def test_only_a_folder(tagged: Ingested, tmp_path: Path) -> None:
    done = run(tagged, "write", "--folder", str(tmp_path), "--json")
    assert sum(json.loads(done.stdout)["counts"].values()) in (0, len(tagged.paths))
    assert run(tagged, "write", "--folder", str(tmp_path / "nothing")).exit_code == 2


def test_ingest_reads_them_if_it_is_told_to(tagged: Ingested) -> None:
    beside(tagged.paths[1]).write_bytes(other("mountains"))
    beside(tagged.paths[2]).write_bytes(b"no xml")
    folder, settings = str(tagged.paths[0].parent), tagged.assembly.settings
    done = CliRunner().invoke(ingest, [folder], obj=settings)
    assert done.exit_code == 0
    assert tagged.assembly.tags.of_image(tagged.ids[1]) == []
    done = CliRunner().invoke(ingest, [folder, "--sidecars"], obj=settings)
    assert done.exit_code == 0
    assert tagged.assembly.tags.of_image(tagged.ids[1]) == ["mountains"]
    assert "it is no XMP" in done.stderr
    assert CliRunner().invoke(ingest, [folder, "--sidecars", "--watch"], obj=settings).exit_code == 2
