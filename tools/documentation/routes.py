"""Routes as Markdown: the API's from its OpenAPI document, and who may use them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import starmap
from typing import Any

from flask import Flask

from tools.documentation.tables import table
from webui.auth.login import role_needed

PREFIX = "/api/v1"
REQUEST_TYPES = ("application/json", "multipart/form-data")


def is_of_api(path: str) -> bool:
    """Whether the OpenAPI document describes a route, and not a page about it."""
    return path.startswith(PREFIX) and not path.startswith((f"{PREFIX}/docs", f"{PREFIX}/openapi"))


def rules(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Method, path and the role that is needed, of every route; paths are written as in the OpenAPI document."""
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, path, role_needed(rule.endpoint, method) or "everybody"


def other_routes(app: Flask) -> str:
    """A table of the pages, and of what is there for operators."""
    rows = [(f"`{method} {path}`", role) for method, path, role in rules(app) if not is_of_api(path)]
    return table(("route", "for"), sorted(rows, key=lambda row: row[0].split()[1]))


def api_routes(app: Flask, document: dict[str, Any]) -> str:
    """All operations of the API by tag, then the schemas that they refer to.

    Parameters
    ----------
    app : Flask
    document : dict
        Its OpenAPI document.
    """
    roles = {(method, path): role for method, path, role in rules(app)}
    operations = [
        (operation["tags"][0], method.upper(), path, operation)
        for path, by_method in document["paths"].items()
        for method, operation in by_method.items()
    ]
    shared = document["components"].get("parameters", {})
    parts: list[str] = []
    for tag in document["tags"]:
        parts.append(f"## {tag['name'].capitalize()}")
        parts += [
            _operation(method, path, roles[method, path], operation, shared)
            for name, method, path, operation in operations
            if name == tag["name"]
        ]
    parts.append("## Schemas")
    parts += [_schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items())]
    return "\n\n".join(parts)


def _operation(method: str, path: str, role: str, operation: dict[str, Any], shared: dict[str, Any]) -> str:
    """One operation: what it does, who may use it, what it takes and what it answers."""
    told = operation.get("description", "").replace("<br/>", "\n")
    own = [
        shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in operation.get("parameters", ())
    ]
    given = [
        (f"`{each['name']}`", each["in"], _type(each["schema"]), each.get("description") or _told(each["schema"]))
        for each in own
    ]
    parts = [f"### {method} {path.removeprefix(PREFIX)}", f"{operation['summary']}. For: {role}.", told]
    parts.append(table(("parameter", "in", "type", "meaning"), given))
    body = operation.get("requestBody", {}).get("content", {})
    parts += [f"Takes {_type(content['schema'])} (`{kind}`)." for kind, content in body.items()]
    answers = [
        f"{code}: {', '.join(starmap(_answer, response.get('content', {}).items())) or 'empty'}"
        for code, response in operation["responses"].items()
        if code.startswith("2")
    ]
    parts.append(f"Answers {'; '.join(answers)}." if answers else "")
    return "\n\n".join(part for part in parts if part)


def _answer(kind: str, content: dict[str, Any]) -> str:
    return _type(content["schema"]) if kind == "application/json" else f"`{kind}`"


def _schema(name: str, schema: dict[str, Any]) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (f"`{field}`{' (required)' * (field in required)}", _type(value), _told(value))
        for field, value in schema.get("properties", {}).items()
    ]
    told = schema.get("description", "").replace("<br/>", "\n")
    parts = [f"### {name}", told, table(("field", "type", "meaning"), rows)]
    if not rows:
        parts.append(f"{_type(schema)}.")
    return "\n\n".join(part for part in parts if part)


def _told(schema: dict[str, Any]) -> str:
    told = schema.get("description", "").replace("<br/>", " ")
    default = schema.get("default")
    return f"{told} Default: `{default}`.".strip() if default not in (None, "", [], {}) else told


def _type(schema: dict[str, Any]) -> str:
    """The type of a value in words, with links to schemas."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(map(_type, schema[key])))
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        items = schema.get("items") or {}
        return f"list of {_type(items)}" if items else "list"
    if schema.get("contentMediaType") or schema.get("format") == "binary":
        return "file"
    return str(schema.get("type", "any"))
