"""The catalogues of the pages' texts: finds the texts in the code, brings the catalogues up to date, and compiles them.

    python -m tools.translations           # after a text was added or changed
    python -m tools.translations --add fr  # a new language

Babel finds the texts: of templates and Python (domain ``messages``, compiled for gettext), and of scripts (domain
``scripts``, which the server sends to browsers).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import click
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
WEBUI = ROOT / "webui"
TRANSLATIONS = WEBUI / "translations"

METHODS = {
    "messages": [("templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")],
    "scripts": [("static/js/**.js", "javascript")],
}
OPTIONS = {
    "templates/**.html": {"trimmed": "true", "silent": "false"},
    "static/js/**.js": {"parse_template_string": "true"},
}
KEYWORDS = {**DEFAULT_KEYWORDS, "lazy_gettext": None}
WIDTH = 120


def extracted(domain: str) -> Catalog:
    """The texts in the code, without translations.

    Parameters
    ----------
    domain : {"messages", "scripts"}
    """
    catalog = Catalog(domain=domain, project="SegSearch", fuzzy=False)
    found = extract_from_dir(
        WEBUI, METHODS[domain], OPTIONS, keywords=KEYWORDS, comment_tags=("Translators:",), strip_comment_tags=True
    )
    for name, line, text, comments, context in sorted(found, key=lambda each: (each[0], each[1])):
        catalog.add(text, locations=[(f"webui/{name}", line)], auto_comments=comments, context=context)
    return catalog


def catalogues() -> Iterator[tuple[str, str, Path]]:
    """The language, domain and path of every catalogue there is."""
    for folder in sorted(TRANSLATIONS.iterdir()):
        for domain in METHODS:
            yield folder.name, domain, folder / "LC_MESSAGES" / f"{domain}.po"


def updated(language: str, domain: str, path: Path) -> Catalog:
    """A catalogue with the texts of the code as they are now; texts that are new in it have no translation."""
    template = extracted(domain)
    if not path.exists():
        catalog = Catalog(locale=language, domain=domain, project="SegSearch", fuzzy=False, header_comment="")
    else:
        catalog = read_po(io.BytesIO(path.read_bytes()), locale=language, domain=domain)
    template.creation_date = catalog.creation_date
    catalog.update(template, no_fuzzy_matching=True, update_creation_date=False)
    catalog.obsolete.clear()
    return catalog


def untranslated(catalog: Catalog) -> list[str]:
    """The texts that have no translation, or lack that of a plural."""
    found = [(each.id, [each.string] if isinstance(each.string, str) else each.string) for each in catalog if each.id]
    return [str(text) for text, translations in found if not translations or not all(translations)]


def written(catalog: Catalog) -> bytes:
    """A catalogue as the file that is kept."""
    file = io.BytesIO()
    write_po(file, catalog, width=WIDTH, include_lineno=False)
    return file.getvalue()


def compiled(catalog: Catalog) -> bytes:
    """A catalogue as gettext reads it."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


@click.command()
@click.option("--add", metavar="LANGUAGE", help="Begin the catalogues of a language, such as fr.")
def main(add: str | None) -> None:
    """Bring the catalogues up to date, and compile them."""
    if add:
        (TRANSLATIONS / add / "LC_MESSAGES").mkdir(parents=True)
    for language, domain, path in catalogues():
        catalog = updated(language, domain, path)
        path.write_bytes(written(catalog))
        if domain == "messages":
            path.with_suffix(".mo").write_bytes(compiled(catalog))
        missing = len(untranslated(catalog))
        click.echo(f"{path.relative_to(ROOT)}: {len(catalog)} texts, {missing} without a translation")


if __name__ == "__main__":
    main()
