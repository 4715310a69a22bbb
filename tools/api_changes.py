"""``python -m tools.api_changes [--write]``: what of the API is incompatible with the last release; 1 if something is.

With ``--write`` the current description becomes that of the release, for the next one to be compared with.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs"

METHODS = ("get", "post", "put", "patch", "delete")

Schema = dict[str, Any]

LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")

ADVICE = (
    "Clients of the last release would break. Keep the old beside the new, mark it with webui.api.deprecation, and see "
    "docs/api.md, Versions"
)


def released() -> Path:
    """The description of the last release."""
    return max(DOCS.glob("openapi-*.json"), key=lambda path: [int(each) for each in path.stem[8:].split(".")])


def current() -> Schema:
    """The description of the API as it is now."""
    from webui.application import described

    document: Schema = described().api_doc
    return document


def changes(old: Schema, new: Schema) -> list[str]:
    """Incompatible changes between two OpenAPI documents, one line for each.

    A client breaks where a path, method, parameter, field or status of success is gone, where something is required
    that was not, where less is accepted than before, or where an answer has what it could not have before. New paths,
    new optional parameters and fields, and new fields of answers break none: clients ignore fields they do not know.
    """
    return list(_Comparison(old, new).paths())


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new
        self._found: dict[tuple[str, str, bool], list[str]] = {}

    def paths(self) -> Iterator[str]:
        for path, item in self._old["paths"].items():
            for method in (each for each in METHODS if each in item):
                found = self._new["paths"].get(path, {}).get(method)
                where = f"{method.upper()} {path}"
                if found is None:
                    yield f"{where} is gone"
                else:
                    yield from self._operation(item[method], found, where)

    def _operation(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        yield from self._parameters(old, new, where)
        before, now = (self._contents(each.get("requestBody", {})) for each in (old, new))
        if now and new.get("requestBody", {}).get("required") and not before:
            yield f"{where} needs a body now"
        for kind, schema in before.items():
            if kind not in now:
                yield f"{where} takes no {kind} any more"
            else:
                yield from self._fits(schema, now[kind], f"{where}, body", request=True)
        for status, response in old.get("responses", {}).items():
            if not status.startswith("2"):
                continue
            answer = new["responses"].get(status)
            if answer is None:
                yield f"{where} does not answer {status} any more"
                continue
            given = self._contents(answer)
            for kind, schema in self._contents(response).items():
                if kind not in given:
                    yield f"{where}, {status}, has no {kind} any more"
                else:
                    yield from self._fits(given[kind], schema, f"{where}, {status}", request=False)

    def _parameters(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        before, now = (
            {(each["in"], each["name"]): each for each in (self._resolved(raw, document) for raw in operation)}
            for operation, document in ((old.get("parameters", []), self._old), (new.get("parameters", []), self._new))
        )
        for key, parameter in before.items():
            name = f"{where}, parameter {key[1]}"
            if key not in now:
                yield f"{name} is gone"
                continue
            if now[key].get("required") and not parameter.get("required"):
                yield f"{name} is required now"
            yield from self._fits(parameter.get("schema", {}), now[key].get("schema", {}), name, request=True)
        for key in now.keys() - before.keys():
            if now[key].get("required"):
                yield f"{where}, parameter {key[1]} is new and required"

    @staticmethod
    def _contents(body: Schema) -> dict[str, Schema]:
        return {kind: each.get("schema", {}) for kind, each in body.get("content", {}).items()}

    @staticmethod
    def _resolved(schema: Schema, document: Schema) -> Schema:
        while "$ref" in schema:
            target: Any = document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            schema = {**target, **{name: value for name, value in schema.items() if name != "$ref"}}
        return schema

    def _alternatives(self, schema: Schema, document: Schema) -> list[Schema]:
        found = self._resolved(schema, document)
        inner = found.get("anyOf") or found.get("oneOf")
        if inner:
            return [each for one in inner for each in self._alternatives(one, document)]
        kinds = found.get("type")
        return [{**found, "type": kind} for kind in kinds] if isinstance(kinds, list) else [found]

    def _fits(self, inner: Schema, outer: Schema, where: str, *, request: bool) -> Iterator[str]:
        """Why not every value of `inner` is one of `outer`: what a request took before, or an answer gives now."""
        pair = json.dumps(inner, sort_keys=True), json.dumps(outer, sort_keys=True), request
        if pair not in self._found:
            self._found[pair] = []  # while it is being found: a schema that has itself in it
            self._found[pair] = list(self._all(inner, outer, request=request))
        yield from (f"{where}{found}" for found in self._found[pair])

    def _all(self, inner: Schema, outer: Schema, *, request: bool) -> Iterator[str]:
        documents = (self._old, self._new) if request else (self._new, self._old)
        wide = self._alternatives(outer, documents[1])
        for one in self._alternatives(inner, documents[0]):
            tried = [list(self._single(one, other, "", request=request)) for other in wide]
            if not all(tried):
                continue
            alike = [found for found, other in zip(tried, wide, strict=True) if other.get("type") == one.get("type")]
            verb = "is not taken any more" if request else "can be given now"
            yield from min(alike, key=len) if alike else [f": {one.get('type', 'anything')} {verb}"]

    def _single(self, inner: Schema, outer: Schema, where: str, *, request: bool) -> Iterator[str]:
        kind, wanted = inner.get("type"), outer.get("type")
        if wanted is not None and kind != wanted and (kind, wanted) != ("integer", "number"):
            yield f"{where}: {kind or 'anything'} instead of {wanted}"
            return
        yield from self._values(inner, outer, where)
        if "items" in outer and "items" in inner:
            yield from self._fits(inner["items"], outer["items"], f"{where}[]", request=request)
        if isinstance(inner.get("additionalProperties"), dict) and isinstance(outer.get("additionalProperties"), dict):
            both = inner["additionalProperties"], outer["additionalProperties"]
            yield from self._fits(*both, f"{where}.*", request=request)
        yield from self._fields(inner, outer, where, request=request)

    @staticmethod
    def _values(inner: Schema, outer: Schema, where: str) -> Iterator[str]:
        for name in ("enum", "const"):
            if name in outer:
                allowed, given = (
                    each[name] if name == "enum" else [each.get(name)] for each in (outer, {name: [], **inner})
                )
                strange = [value for value in given if value not in allowed] if name in inner else ["any value"]
                if strange:
                    yield f"{where}: {', '.join(map(str, strange))} instead of one of {', '.join(map(str, allowed))}"
        for name in ("pattern", "format"):
            if name in outer and inner.get(name) != outer[name]:
                yield f"{where}: {name} {outer[name]} instead of {inner.get(name, 'none')}"
        for name in chain(LOWER, UPPER):
            sign = 1 if name in LOWER else -1
            if name in outer and (name not in inner or sign * inner[name] < sign * outer[name]):
                yield f"{where}: {name} {outer[name]} instead of {inner.get(name, 'none')}"

    def _fields(self, inner: Schema, outer: Schema, where: str, *, request: bool) -> Iterator[str]:
        given, wanted = inner.get("properties", {}), outer.get("properties", {})
        gone = given.keys() - wanted.keys() if request else wanted.keys() - given.keys()
        yield from (f"{where}: field {name} is gone" for name in sorted(gone))
        needed = set(outer.get("required", ())) - set(inner.get("required", ())) - gone
        verb = "is required now" if request else "is not always there any more"
        yield from (f"{where}: field {name} {verb}" for name in sorted(needed))
        for name in sorted(given.keys() & wanted.keys()):
            yield from self._fits(given[name], wanted[name], f"{where}.{name}", request=request)


def main() -> int:
    """Compare, or write; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.api_changes", description=__doc__)
    parser.add_argument("--write", metavar="VERSION", help="write docs/openapi-VERSION.json, such as 0.2")
    version = parser.parse_args().write
    if version is not None:
        path = DOCS / f"openapi-{version}.json"
        path.write_text(json.dumps(current(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"wrote {path.name}")
        return 0
    found = changes(json.loads(released().read_text(encoding="utf-8")), current())
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{len(found)} incompatible changes since {released().stem}. {ADVICE if found else ''}".strip())
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
