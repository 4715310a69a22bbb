"""What the documents say of commands and files is so."""

from __future__ import annotations

import re
from pathlib import Path

import click
import matplotlib as mpl
import pytest
from toys import Pictures

from segsearch.cli import cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")))
NAMES = cli.commands


def options(command: click.Command) -> set[str]:
    """The options of a command and of those below it."""
    given = [each for each in command.params if isinstance(each, click.Option)]
    own = {option for each in given for option in (*each.opts, *each.secondary_opts)}
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return own.union(*map(options, below))


def test_there_are_documents() -> None:
    assert {"README.md", "ARCHITECTURE.md", "CHANGELOG.md"} <= {path.name for path in DOCUMENTS}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as hosts of repositories make them."""
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_anchors_are_headings(document: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", document.read_text()):
        there = document.parent / target if target else document
        if there.suffix == ".md":
            assert anchor in anchors(there), f"{target}#{anchor}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_and_their_options_are_there(document: Path) -> None:
    for name, rest in re.findall(r"(?:manage\.py|segsearch) ([a-z][a-z-]*)([^`\n]*)", document.read_text()):
        assert name in NAMES, name
        known = options(NAMES[name])
        for option in re.findall(r"(?<!\w)(--[a-z-]+)", rest):
            assert option in known | {"--help"}, f"{name} {option}"


def test_every_decision_is_in_the_list() -> None:
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text()
    for path in (ROOT / "docs" / "decisions").glob("0*.md"):
        assert f"({path.name})" in listed, path.name


def test_no_document_names_a_place_on_somebodys_machine() -> None:
    for path in DOCUMENTS:
        assert not re.search(r"/(home|Users|root|work)/\w", path.read_text()), path.name


@pytest.mark.slow
def test_the_lines_of_python_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Those of the README, on drawn photos and the recipe without a network."""
    mpl.use("Agg")
    (lines,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    pictures = Pictures(tmp_path / "photos")
    for seed in range(3):
        pictures(seed=seed, size=(640, 480))
    pictures("../query.jpg", seed=1, size=(640, 480))
    monkeypatch.chdir(tmp_path)
    exec(lines.replace('ss.open("var")', 'ss.open("var", recipe="grid", device="cpu")'), {})
    told = capsys.readouterr().out
    assert "'indexed': 3" in told
    assert told.count("0001.png") >= 2, "found by a place on it, and by the name that was learnt of it"
    assert (tmp_path / "hits.png").is_file()
