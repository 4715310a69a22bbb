"""``manage.py search``: what is asked by options, and what is printed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from click.testing import CliRunner
from toys import Ingested

from indexer.commands.search import search
from retrieval.analysis.nearest import NearestAnalyzer
from retrieval.assembly import Assembly
from retrieval.errors import ConfigurationError, IndexFileError


def run(ingested: Ingested, *options: str, fails: bool = False) -> str:
    found = CliRunner().invoke(search, list(options), obj=ingested.assembly.settings)
    assert found.exit_code == (2 if fails else 0), found.output
    return found.output


def results(ingested: Ingested, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(ingested, *options, "--json"))
    return found


def test_by_a_stored_segment(ingested: Ingested) -> None:
    found = results(ingested, "--segment", "1", "--limit", "3")
    assert len(found["results"]) == 3
    assert found["parts"] == found["results"][0]["matched"] == []
    assert found["used"][0]["segment"] == 1
    table = run(ingested, "--segment", "1", "--limit", "3")
    assert "150 segments searched" in table
    assert "parts" not in table


def test_several_things_in_one_photo(ingested: Ingested) -> None:
    found = results(ingested, "--segment", "1", "--and-segment", "2", "--relation", "0:left_of:1")
    assert found["parts"] == ["segment 1", "segment 2"]
    for result in found["results"]:
        assert [part["part"] for part in result["matched"]] == [0, 1]
        assert 0 < result["relations"][0] <= 1
    assert "parts" in run(ingested, "--segment", "1", "--and-segment", "2", "--details")


def test_words_are_arguments(ingested: Ingested) -> None:
    assert results(ingested, "red", "sky")["words"] == results(ingested, "--text", "red sky")["words"]
    assert "either as WORDS or with --text" in run(ingested, "red", "--text", "sky", fails=True)


def test_the_table_names_files_and_fits_80_columns(ingested: Ingested, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = run(ingested, "--segment", "1").splitlines()
    table = lines[: next(index for index, line in enumerate(lines) if line.startswith("files are in"))]
    assert all(len(line) <= 80 for line in table)
    assert sum(path.name in line for line in table for path in ingested.paths) == 5
    assert f"files are in {ingested.photos}" in lines
    assert "quality" not in lines[1]
    assert "quality" in run(ingested, "--segment", "1", "--details")


def test_nothing_found(ingested: Ingested) -> None:
    assert "nothing was found" in run(ingested, "--segment", "1", "--until", "1990-01-01")


def test_the_page_of_the_first_result_is_opened(ingested: Ingested, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("click.launch", opened.append)
    first = results(ingested, "--segment", "1")["results"][0]
    with _server() as address:
        run(ingested, "--segment", "1", "--open", "--server", f"{address}/")
    assert opened == [f"{address}/photos/{first['image_id']}#s{first['segment_id']}"]
    for nobody, fault in ((address, f"nothing answers at {address}"), ("file:///etc", "is no address such as")):
        found = CliRunner().invoke(
            search, ["--segment", "1", "--open", "--server", nobody], obj=ingested.assembly.settings
        )
        assert isinstance(found.exception, ConfigurationError)
        assert fault in str(found.exception)


@contextmanager
def _server() -> Iterator[str]:
    """A web server that is up, and its address."""

    class Up(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Up) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_narrowed_and_counted(ingested: Ingested) -> None:
    found = results(ingested, "--segment", "1", "--facets", "--folder", str(ingested.photos), "--position", "left")
    assert found["results"]
    assert {facet["value"] for facet in found["facets"]["folder"]} == {str(ingested.photos)}
    assert "left" in {facet["value"] for facet in found["facets"]["position"]}
    assert results(ingested, "--segment", "1", "--until", "1990-01-01")["results"] == []
    assert results(ingested, "--segment", "1", "--from", "0001-01-01", "--until", "9999-12-31")["results"] == []
    assert "left (1)" in run(ingested, "--segment", "1", "--facets")


def test_levels_at_a_point(ingested: Ingested) -> None:
    photo = str(min(ingested.photos.iterdir()))
    place = ("--image", photo, "--at", "30,30")
    part, whole = (results(ingested, *place, "--granularity", value)["used"][0] for value in ("0", "1"))
    assert part["segment"] != whole["segment"]
    (second,) = results(ingested, *place, "--granularity", "0", "--level", "1")["used"]
    assert second["level"] == 1
    first = {"level": 0, "segment": part["segment"]}
    assert first.items() <= second["alternatives"][0].items()
    assert f"segment at the point: 1 of {1 + len(part['alternatives'])}" in run(ingested, *place)
    found = CliRunner().invoke(search, [*place, "--level", "99"], obj=ingested.assembly.settings)
    assert "there is no level 99" in str(found.exception)


def test_the_index_is_opened_while_the_photo_is_analysed(ingested: Ingested, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2, timeout=30)
    analyze, engine = NearestAnalyzer.analyze, Assembly.engine
    monkeypatch.setattr(NearestAnalyzer, "analyze", lambda *given: both.wait() >= 0 and analyze(*given))
    monkeypatch.setattr(Assembly, "engine", lambda *given: both.wait() >= 0 and engine(*given))
    photo = str(min(ingested.photos.iterdir()))
    assert results(ingested, "--image", photo, "--at", "30,30")["results"]


def test_an_index_that_cannot_be_opened(ingested: Ingested, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Assembly) -> None:
        raise IndexFileError("the disk cannot be read")

    monkeypatch.setattr(Assembly, "engine", fails)
    found = CliRunner().invoke(search, ["--segment", "1"], obj=ingested.assembly.settings)
    assert isinstance(found.exception, IndexFileError)


def test_marks_on_a_photo(ingested: Ingested) -> None:
    photo = ("--image", str(min(ingested.photos.iterdir())))
    (boxed,) = results(ingested, *photo, "--box", "0,0,40,40")["used"]
    assert (boxed["made"], type(boxed["segment"])) == (False, int)
    assert f"segment {boxed['segment']} was picked, box " in run(ingested, *photo, "--box", "0,0,40,40")
    (drawn,) = results(ingested, *photo, "--polygon", "0,0,40,0,40,40,0,40")["used"]
    assert drawn["segment"] == boxed["segment"]
    apart = ("--at", "10,10", "--at", "90,10", "--not-at", "10,70")
    (united,) = results(ingested, *photo, *apart)["used"]
    assert united["made"]
    assert united["mask"]["counts"]
    assert "no segment fits: one was made, box " in run(ingested, *photo, *apart)


def test_photos_that_share_most_things(ingested: Ingested) -> None:
    found = results(ingested, "--image", str(ingested.paths[0]), "--compare", "things", "--limit", "3")
    assert found["compared"] == "things"
    assert found["results"][0]["image_id"] == ingested.ids[0]
    assert [part["part"] for part in found["results"][0]["matched"]] == list(range(len(found["parts"])))
    table = run(ingested, "--image", str(ingested.paths[0]), "--compare", "things", "--details")
    assert "photos are compared by" in table


def test_each_thing_of_a_photo(ingested: Ingested) -> None:
    """Of a stored photo, and of the same one as a file, which finds the stored one as well."""
    found = results(ingested, "--things", str(ingested.ids[0]), "--limit", "2")
    assert (found["whole"], found["note"]) == (None, None)
    things = found["things"]
    assert 1 < len(things) <= 12
    for each in things:
        alone = results(ingested, "--segment", str(each["segment"]), "--limit", "2")
        assert each["answer"]["results"] == alone["results"]
    of_file = results(ingested, "--things", str(ingested.paths[0]), "--limit", "1")["things"]
    assert len(of_file) == len(things)
    assert {each["answer"]["results"][0]["image_id"] for each in of_file} == {ingested.ids[0]}
    table = run(ingested, "--things", str(ingested.ids[0]), "--limit", "2", "--details")
    assert f"{len(things)}. segment" in table
    assert "150 segments searched" in table


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ([], "nothing is asked for"),
        (["--at", "1,1"], "give --image, too"),
        (["--polygon", "1,1,9,1,5,5"], "give --image, too"),
        (["--polygon", "1,1,9"], "is not an even count"),
        (["--polygon", "1,a"], "is not 2 numbers"),
        (["--segment", "1", "--granularity", "0"], "give one --at, too"),
        (["--segment", "1", "--level", "1"], "give one --at, too"),
        (["--segment", "1", "--granularity", "1.1"], "is not in the range"),
        (["--and-segment", "1"], "nothing is asked for"),
        (["--segment", "1", "--relation", "0:near:1"], "is not like 0:above:1"),
        (["--segment", "1", "--relation", "0:above"], "is not like 0:above:1"),
        (["--segment", "9" * 30], "is not in the range"),
        (["--segment", "1", "--and-segment", "-1"], "is not in the range"),
        (["--segment", "1", "--until", "10000-01-01"], "does not match the format"),
        (["--segment", "1", "--compare", "things"], "one whole photo"),
        (["--things", "1", "--compare", "things"], "leave out --compare"),
        (["--things", "nothing.jpg"], "there is no such file; give another one, or the ID of a photo"),
        (["--things", "1", "dog"], "leave out the words"),
        (["--things", "1", "--level", "0"], "leave out --level"),
        (["--things", "1", "--not-at", "1,1"], "leave out --not-at"),
        (["--things", "1", "--facets"], "leave out --facets"),
        (["--things", "1", "--group-by", "segment"], "leave out --group-by"),
    ],
)
def test_wrong_use(ingested: Ingested, options: list[str], fault: str) -> None:
    assert fault in " ".join(run(ingested, *options, fails=True).split())
