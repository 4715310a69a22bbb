"""Bundles: the scripts of a page with all that they import as one file, and its style sheets as another.

A page of small modules costs a request for each of them, and a slow network answers these in turn. Bundlers such as
esbuild need Node.js, or a build before the first start; here the server puts the modules together when a page is asked
for first. That takes few lines because the modules keep to a form: each import and export is a line of its own that
names what it takes, and there are no cycles. Anything else is an error, which `tests/webui/test_bundles.py` would find.

In a bundle every module is a function, called when it is first needed, that returns what the module exports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

STATIC = Path(__file__).parents[1] / "static"

SHEETS: Mapping[str, tuple[str, ...]] = {
    "account": (),
    "apidocs": ("apidocs",),
    "collections": ("collections",),
    "concepts": ("selection",),
    "discover": (),
    "duplicates": ("duplicates",),
    "health": ("admin",),
    "library": ("selection", "library"),
    "photo": (),
    "recipes": ("admin",),
    "search": ("selection", "results"),
    "shell": (),
    "upload": (),
    "users": (),
}
"""The pages, by their script, with the style sheets that only they use. What all pages have is "shell"."""

COMMON_SHEETS = ("tokens", "base", "ratios", "components", "pages", "comparison")

_IMPORT = re.compile(r'^import (?:\{([^}]+)\} from )?"\./(\w+\.js)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|class|function|async function) ([\w$]+))", re.MULTILINE)
_LATER = re.compile(r'\bimport\("\./(\w+\.js)"\)')
_UNKNOWN = re.compile(r"^(?:import|export)\b.*|\bimport[(.].*", re.MULTILINE)
_LOADER = """(() => {
const makers = {};
const made = {};
const need = (name) => (made[name] ??= makers[name]());
const later = async (name) => need(name);
"""


def script(page: str) -> str:
    """The scripts of a page.

    Parameters
    ----------
    page : str
        A key of `SHEETS`.

    Raises
    ------
    ValueError
        A module has an import or an export in another form; the message names the line.
    """
    entries = dict.fromkeys(("shell.js", f"{page}.js"))
    modules: dict[str, str] = {}
    waiting = list(entries)
    while waiting:
        name = waiting.pop()
        if name not in modules:
            modules[name] = (STATIC / "js" / name).read_text(encoding="utf-8")
            waiting += _imported(modules[name])
    parts = [_maker(name, source) for name, source in sorted(modules.items())]
    return "".join([_LOADER, *parts, *(f'need("{name}");\n' for name in entries), "})();\n"])


def sheet(page: str) -> str:
    """The style sheets of a page, a key of `SHEETS`. Addresses in them are relative to the folder ``css``."""
    names = (*COMMON_SHEETS, *SHEETS[page])
    return "".join((STATIC / "css" / f"{name}.css").read_text(encoding="utf-8") for name in names)


def _imported(source: str) -> Iterator[str]:
    yield from (name for _, name in _IMPORT.findall(source))
    yield from _LATER.findall(source)


def _maker(name: str, source: str) -> str:
    """A module as a function."""
    exported = _EXPORT.findall(source)
    body = _LATER.sub(r'later("\1")', _EXPORT.sub("", _IMPORT.sub(_needed, source)))
    if unknown := _UNKNOWN.search(body):
        raise ValueError(
            f'{name}: write {unknown.group().strip()!r} as `import {{ … }} from "./….js";`, or put `export` before '
            "a const, class or function: bundles know no other form"
        )
    return f'makers["{name}"] = () => {{\n{body}\nreturn {{ {", ".join(exported)} }};\n}};\n'


def _needed(found: re.Match[str]) -> str:
    names, module = found.groups()
    return f'const {{{names.replace(" as ", ": ")}}} = need("{module}");' if names else f'need("{module}");'
