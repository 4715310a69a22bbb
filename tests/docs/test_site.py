"""The site is built without a warning, loads nothing from elsewhere, and leaves out nothing that the code has."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from retrieval import library
from retrieval.settings import FORMER_DATA_DIR, VARIABLES, Settings
from segsearch.cli import cli
from tools.documentation.links import in_site
from tools.documentation.reference import empty_application
from tools.documentation.routes import PREFIX, is_of_api, rules

ROOT = Path(__file__).parents[2]
CODE = ("retrieval", "indexer", "webui", "segsearch", "demo")
INTERNAL = {"SEGSEARCH_COMPLETE", "SEGSEARCH_PARENT", "SEGSEARCH_PROGRAM"}
"""Set by click, and by our own processes for those that they start."""
OPTIONS = {"SEGSEARCH_TOKEN", "SEGSEARCH_URL"}
"""Other names of options of `mcp`, whose help names them."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def text_of(page: Path) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text()))


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """A command and those below it that are not hidden, with their full names."""
    if not command.hidden:
        yield name, command
        for below in command.commands.values() if isinstance(command, click.Group) else ():
            yield from commands(below, f"{name} {below.name}")


ALL_COMMANDS = list(commands(cli, "segsearch"))


@pytest.mark.slow
def test_every_command_and_option_is_in_the_reference(site: Path) -> None:
    told = text_of(site / "reference" / "commands.html")
    for name, command in ALL_COMMANDS:
        assert f"{name}¶" in told, name
        section = told.partition(f"{name}¶")[2].partition("¶")[0]
        for option in command.params:
            for spelling in option.opts if isinstance(option, click.Option) else ():
                assert spelling in section, f"{name} {spelling}"


@pytest.mark.parametrize(("name", "command"), ALL_COMMANDS, ids=[name for name, _ in ALL_COMMANDS])
def test_every_command_and_option_says_what_it_does(name: str, command: click.Command) -> None:
    assert command.help, name
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            assert option.help, f"{name} {option.opts[0]}"


@pytest.mark.slow
def test_every_route_is_in_the_reference(site: Path) -> None:
    told = text_of(site / "reference" / "routes.html")
    with empty_application() as app:
        for method, path, _ in rules(app):
            heading = f"{method} {path.removeprefix(PREFIX)}¶" if is_of_api(path) else f"{method} {path}"
            assert heading in told, heading


@pytest.mark.slow
def test_every_metric_is_in_the_reference(site: Path) -> None:
    told = text_of(site / "reference" / "metrics.html")
    with empty_application() as app:
        answered = app.test_client().get("/metrics").text
    names = set(re.findall(r"^# TYPE (segsearch_\w+)", answered, re.MULTILINE)) - {
        name for name in re.findall(r"^# TYPE (\w+_created)", answered, re.MULTILINE)
    }
    assert names, answered
    for name in sorted(names):
        assert name in told


@pytest.mark.slow
def test_every_setting_is_in_the_reference(site: Path) -> None:
    told = text_of(site / "reference" / "settings.html")
    for variable in VARIABLES:
        assert variable.name in told


@pytest.mark.slow
def test_everything_of_the_python_library_is_in_the_reference(site: Path) -> None:
    page = (site / "reference" / "python.html").read_text()
    for name in library.__all__:
        thing = getattr(library, name)
        place = f"{thing.__module__}.{name}"
        assert f'id="{place}"' in page, place
        for member in vars(thing) if isinstance(thing, type) else ():
            if not member.startswith("_") and callable(getattr(thing, member)):
                assert f'id="{place}.{member}"' in page, member


def test_the_help_names_every_setting() -> None:
    for variable in VARIABLES:
        assert variable.name in (cli.help or "")


def test_settings_are_those_that_the_code_reads() -> None:
    read = {
        name
        for room in CODE
        for path in (ROOT / room).rglob("*.py")
        for name in re.findall(r"SEGSEARCH_[A-Z_]*[A-Z]", path.read_text())
    }
    assert read - INTERNAL - OPTIONS - {FORMER_DATA_DIR} == {variable.name for variable in VARIABLES}


def test_their_defaults_are_what_holds_without_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings.from_env({each.name: each.default for each in VARIABLES}) == Settings.from_env({})


@pytest.mark.slow
def test_nothing_is_loaded_from_other_hosts(site: Path) -> None:
    for page in site.rglob("*.html"):
        markup = page.read_text()
        loaded = re.findall(
            r"""<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=["']?((?:https?:)?//[^"'\s>]+)""", markup
        )
        assert not loaded, (page.name, loaded)
    for sheet in site.rglob("*.css"):
        assert not re.search(r"""url\(["']?(?:https?:)?//""", sheet.read_text()), sheet.name


@pytest.mark.parametrize(
    ("source", "link", "expected"),
    [
        ("README.md", "[a](docs/plugins.md)", "[a](plugins.md)"),
        ("ARCHITECTURE.md", "[a](docs/decisions/0030-trash.md#b)", "[a](decisions/0030-trash.md#b)"),
        ("docs/plugins.md", "[a](../tests/plugins/stripes)", "a"),
        ("docs/models/lite.md", "[a](../../CHANGELOG.md)", "[a](../CHANGELOG.md)"),
        ("docs/decisions/0030-trash.md", "[a](../models/lite.md)", "[a](../models/lite.md)"),
        ("docs/plugins.md", "[a](https://example.org/b)", "[a](https://example.org/b)"),
        ("docs/plugins.md", "[a](#b)", "[a](#b)"),
    ],
)
def test_links_lead_to_pages_of_the_site(source: str, link: str, expected: str) -> None:
    assert in_site(link, source) == expected
