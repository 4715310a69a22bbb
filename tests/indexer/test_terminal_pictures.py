"""Pictures of results in the terminal, or a word on why there are none."""

from __future__ import annotations

import io
import sys
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner
from rich.segment import Segment
from toys import Ingested

from indexer.commands import pictures as module
from indexer.commands.pictures import obstacle, print_pictures
from indexer.commands.search import search
from retrieval.errors import ConfigurationError
from retrieval.processes.tables import Console
from retrieval.query.request import Ref, SearchRequest
from retrieval.search.answer import Match
from retrieval.storage import file_names


def terminal(**options: Any) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=80, **options)


class Shown:
    """In the place of the library: keeps what it is to show."""

    def __init__(self) -> None:
        self.pictures: list[Any] = []

    def __call__(self, picture: Any, *, width: int, height: str) -> Segment:
        assert (width, height) == (36, "auto")
        self.pictures.append(picture)
        return "<picture>"  # type: ignore[return-value]  # printed as it is


@pytest.fixture
def matches(ingested: Ingested) -> tuple[Match, ...]:
    engine = ingested.assembly.engine()
    return engine.search(SearchRequest(positive=(Ref(segment=1),), limit=2)).results


def told(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_each_result_is_shown_with_its_segment(ingested: Ingested, matches: tuple[Match, ...]) -> None:
    console, show = terminal(), Shown()
    print_pictures(ingested.assembly, console, matches, show)
    assert len(show.pictures) == len(matches) == 2
    assert all(max(each.size) <= 360 for each in show.pictures)
    red = [(255, 64, 64) in set(each.get_flattened_data()) for each in show.pictures]
    assert red == [True, True]
    assert f"photo {matches[0].image_id}, " in told(console)


def test_one_whose_file_is_gone_has_a_word_instead(ingested: Ingested, matches: tuple[Match, ...]) -> None:
    image = ingested.assembly.catalog.images.get(matches[0].image_id)
    (ingested.assembly.settings.files_dir / file_names.thumbnail(image.sha256)).unlink(missing_ok=True)
    assert image.path is not None
    image.path.unlink()  # type: ignore[attr-defined]
    console, show = terminal(), Shown()
    print_pictures(ingested.assembly, console, matches, show)
    assert len(show.pictures) == 1
    assert "no picture: the file of photo" in told(console)


@pytest.mark.parametrize("broken", [b"", b"not a picture"])
def test_a_thumbnail_that_is_broken_is_made_up_for(
    ingested: Ingested, matches: tuple[Match, ...], broken: bytes
) -> None:
    image = ingested.assembly.catalog.images.get(matches[0].image_id)
    (ingested.assembly.settings.files_dir / file_names.thumbnail(image.sha256)).write_bytes(broken)
    show = Shown()
    print_pictures(ingested.assembly, terminal(), matches, show)
    assert len(show.pictures) == 2


def test_where_none_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert obstacle(terminal()) == "the input is no terminal, which is asked what it can show"
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert obstacle(terminal()) is None
    assert obstacle(Console(file=io.StringIO())) == "the output is no terminal"
    monkeypatch.setenv("TERM", "dumb")
    assert obstacle(Console(file=io.StringIO(), force_terminal=True)) == "this terminal shows no colours"
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    assert obstacle(terminal()) == "this terminal shows no colours"


def test_without_a_terminal_results_come_all_the_same(ingested: Ingested) -> None:
    done = CliRunner().invoke(search, ["--segment", "1", "--pictures"], obj=ingested.assembly.settings)
    assert done.exit_code == 0
    assert "no pictures: the output is no terminal" in done.stderr
    assert "segments searched" in done.stdout
    assert "\x1b" not in done.stdout


def test_not_with_json(ingested: Ingested) -> None:
    done = CliRunner().invoke(search, ["--segment", "1", "--pictures", "--json"], obj=ingested.assembly.settings)
    assert done.exit_code == 2
    assert "give one of them" in done.stderr


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    class Absent:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == "textual_image":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.delitem(sys.modules, "textual_image", raising=False)
    monkeypatch.delitem(sys.modules, module.LIBRARY, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Absent, *sys.meta_path])
    with pytest.raises(ConfigurationError, match=r"pip install 'segsearch\[terminal\]'"):
        module.renderer()


def test_the_library_chooses_how(monkeypatch: pytest.MonkeyPatch) -> None:
    library, renderable = ModuleType("textual_image"), ModuleType("textual_image.renderable")
    renderable.Image = Shown  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "textual_image", library)
    monkeypatch.setitem(sys.modules, "textual_image.renderable", renderable)
    assert module.renderer() is Shown
