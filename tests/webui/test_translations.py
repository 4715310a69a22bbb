"""Every text of the pages is in the catalogues, translated, and with the same fields and tags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from tools.translations import (
    KEYWORDS,
    METHODS,
    OPTIONS,
    TRANSLATIONS,
    WEBUI,
    catalogues,
    compiled,
    untranslated,
    updated,
    written,
)
from webui.pages.languages import LANGUAGES

KEPT = list(catalogues())
ADVICE = "run `python -m tools.translations`, and translate what is new"

UNTRANSLATED_TAGS = {"code", "kbd", "pre", "script"}
TOLD = ("aria-label", "title", "placeholder", "alt")
NAMES = {"SegSearch", "px"}
TRANSLATING = {"_", "gettext", "ngettext", "pgettext"}
PROSE = re.compile(r"[“A-Z]?[a-z]{2,}\W* \w+ \w|^[“A-Z][a-z]+")
IN_SCRIPTS = {
    *("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "Enter", "Escape", "Delete", "Files"),
    *("AbortError", "Accept", "Content-Type", "Retry-After", "Pascal VOC", "Parquet", "YouTube-VIS"),
}


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


def test_each_language_has_its_catalogues() -> None:
    english, *others = LANGUAGES
    assert english == "en"
    assert sorted(others) == sorted({language for language, _, _ in KEPT})


@pytest.mark.parametrize(("language", "domain", "path"), KEPT, ids=[f"{each[0]}-{each[1]}" for each in KEPT])
class TestCatalogue:
    def test_has_the_texts_of_the_code(self, language: str, domain: str, path: Path) -> None:
        assert path.read_bytes() == written(updated(language, domain, path)), ADVICE

    def test_is_translated(self, language: str, domain: str, path: Path) -> None:
        catalog = read(path)
        assert untranslated(catalog) == []
        assert [each.id for each in catalog if each.id and each.fuzzy] == []

    def test_translations_have_the_fields_and_tags_of_the_text(self, language: str, domain: str, path: Path) -> None:
        for each in read(path):
            if each.id:
                one, text = (each.id, each.id) if isinstance(each.id, str) else each.id
                for told in [each.string] if isinstance(each.string, str) else each.string:
                    assert fields(told) in (fields(one), fields(text)), told
                    assert re.findall(r"</?\w+", told) == re.findall(r"</?\w+", text), told

    def test_is_compiled(self, language: str, domain: str, path: Path) -> None:
        if domain == "messages":
            assert path.with_suffix(".mo").read_bytes() == compiled(read(path)), ADVICE


def fields(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)s", text))


# ---- templates


class Texts(HTMLParser):
    """What of a page is read by people."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNTRANSLATED_TAGS:
            self._inside.append(tag)
        self.found += [value for name, value in attrs if name in TOLD and value]

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.found.append(data)


def bare_in_template(source: str) -> list[str]:
    """Texts of a template that are not translated: between its tags, in attributes, and strings in its expressions."""
    tree = Environment(extensions=["jinja2.ext.i18n"]).parse(source)
    texts = Texts()
    texts.feed("".join(each.data for each in tree.find_all(nodes.TemplateData)))
    written = [word for text in texts.found for word in re.findall(r"[A-Za-z]{2,}", text) if word not in NAMES]
    return written + [text for text in strings(tree) if PROSE.search(text)]


def strings(node: nodes.Node) -> Iterator[str]:
    """Strings in expressions, without those that are translated, compared, keys, or the names of files."""
    if isinstance(node, nodes.Call) and getattr(node.node, "name", None) in TRANSLATING:
        return
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    for child in node.iter_child_nodes():
        if isinstance(node, nodes.Pair) and child is node.key:
            continue
        yield from strings(child)


@pytest.mark.parametrize("path", sorted((WEBUI / "templates").glob("*.html")), ids=lambda path: path.stem)
def test_templates_have_no_bare_text(path: Path) -> None:
    assert bare_in_template(path.read_text(encoding="utf-8")) == [], "translate it with _() or {% trans %}"


@pytest.mark.parametrize(
    "source",
    [
        "<p>Bare text</p>",
        '<button aria-label="Close">x</button>',
        '{{ "No photos yet." if empty else "" }}',
        '{% for key, label in (("a", "Add photos"),) %}{{ label }}{% endfor %}',
        "<p>{{ _('All is well.') }} And more</p>",
    ],
)
def test_a_bare_text_of_a_template_is_found(source: str) -> None:
    assert bare_in_template(source)


@pytest.mark.parametrize(
    "source",
    [
        '<p class="hint" id="one">{{ _("Bare text") }} <code>run this</code></p>',
        "{% trans count=1 %}One <b>photo</b>{% pluralize %}{{ count }} photos{% endtrans %}",
        '{% if state == "open" %}{{ url_for("pages.library") }}{% endif %}',
    ],
)
def test_what_is_translated_or_no_text_is_not(source: str) -> None:
    assert bare_in_template(source) == []


# ---- scripts


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|[\w$]+|[^\s\w]', re.DOTALL)


def bare_in_script(source: str) -> list[str]:
    """Strings of a script that look like a text and are not translated."""
    found: list[str] = []
    before, calls = "", [""]  # the functions in whose calls it is
    for token in TOKEN.findall(source):
        if token.startswith(("//", "/*")):
            continue
        if token == "(":
            calls.append(before)
        elif token == ")":
            calls.pop()
        elif token[0] in '"`' and calls[-1] not in TRANSLATING and before not in ("from", "import"):
            text = re.sub(r"\$\{[^}]*\}?", " ", token[1:-1]).strip()
            if PROSE.search(text) and text not in IN_SCRIPTS:
                found.append(text)
        before = token
    return found


SCRIPTS = sorted((WEBUI / "static/js").glob("*.js"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_have_no_bare_text(path: Path) -> None:
    assert bare_in_script(path.read_text(encoding="utf-8")) == [], "translate it with gettext or ngettext of i18n.js"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_babel_finds_each_text_of_a_script(path: Path) -> None:
    if path.stem == "i18n":
        pytest.skip("it defines the functions")
    [(pattern, method)] = METHODS["scripts"]
    found = list(extract_from_file(method, path, keywords=KEYWORDS, options=OPTIONS[pattern]))
    assert len(found) == len(re.findall(r"gettext\(", path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "source", ['toast("Copied.")', "toast(`Photos of ${name} deleted`)", 'h("p", {}, "no photo is here")']
)
def test_a_bare_text_of_a_script_is_found(source: str) -> None:
    assert bare_in_script(source)


@pytest.mark.parametrize(
    "source",
    [
        'toast(gettext("Copied."))',
        'h("li", { class: "card result" }, ngettext("%(num)s photo is", "%(num)s photos are", n))',
        'import { a } from "./Big.js"; // Some comment',
    ],
)
def test_a_translated_text_of_a_script_is_not(source: str) -> None:
    assert bare_in_script(source) == []


def test_the_catalogues_are_where_the_server_looks() -> None:
    assert TRANSLATIONS.is_dir()
    assert TRANSLATIONS == WEBUI / "translations"
