"""Incompatible changes of the API are found, and compatible ones are let be."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tools import api_changes
from tools.api_changes import changes

OLD: dict[str, Any] = {
    "paths": {
        "/things": {
            "get": {
                "parameters": [
                    {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 500}},
                    {"$ref": "#/components/parameters/Key"},
                ],
                "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/List"}}}}},
            },
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}},
                "responses": {"201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}, "404": {}},
            },
        }
    },
    "components": {
        "parameters": {"Key": {"in": "header", "name": "Key", "schema": {"type": "string"}}},
        "schemas": {
            "List": {"type": "object", "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}}, "required": ["items"]},
            "Thing": {
                "type": "object",
                "properties": {
                    "id": {"type": "integer"},
                    "state": {"type": "string", "enum": ["new", "old"]},
                    "parent": {"anyOf": [{"$ref": "#/components/schemas/Thing"}, {"type": "null"}]},
                },
                "required": ["id", "state", "parent"],
            },
            "New": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "maxLength": 100},
                    "kind": {"type": "string", "enum": ["a", "b"]},
                    "size": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                },
                "required": ["name"],
                "additionalProperties": False,
            },
        },
    },
}  # fmt: skip

Change = Callable[[dict[str, Any]], object]


def get(new: dict[str, Any]) -> dict[str, Any]:
    return new["paths"]["/things"]["get"]


def post(new: dict[str, Any]) -> dict[str, Any]:
    return new["paths"]["/things"]["post"]


def of(new: dict[str, Any], name: str) -> dict[str, Any]:
    return new["components"]["schemas"][name]


BREAKING: dict[str, tuple[Change, str]] = {
    "path": (lambda new: new["paths"].clear(), "GET /things is gone"),
    "method": (lambda new: new["paths"]["/things"].pop("post"), "POST /things is gone"),
    "parameter": (lambda new: get(new)["parameters"].pop(0), "GET /things, parameter limit is gone"),
    "shared parameter": (lambda new: get(new)["parameters"].pop(1), "parameter Key is gone"),
    "new required parameter": (
        lambda new: get(new)["parameters"].append({"in": "query", "name": "x", "required": True}),
        "parameter x is new and required",
    ),
    "required parameter": (lambda new: get(new)["parameters"][0].update(required=True), "parameter limit is required now"),
    "smaller limit": (lambda new: get(new)["parameters"][0]["schema"].update(maximum=100), "maximum 100 instead of 500"),
    "new limit": (lambda new: of(new, "New")["properties"]["name"].update(minLength=1), "minLength 1 instead of none"),
    "new pattern": (lambda new: of(new, "New")["properties"]["name"].update(pattern="^a"), "pattern ^a instead of none"),
    "type of a field": (lambda new: of(new, "New")["properties"]["name"].update(type="integer"), "body.name: string is not taken any more"),
    "no null": (lambda new: of(new, "New")["properties"].update(size={"type": "number"}), "body.size: null is not taken any more"),
    "value": (lambda new: of(new, "New")["properties"]["kind"].update(enum=["a"]), "body.kind: b instead of one of a"),
    "required field": (lambda new: of(new, "New")["required"].append("kind"), "body: field kind is required now"),
    "new required field": (
        lambda new: (of(new, "New")["required"].append("x"), of(new, "New")["properties"].update(x={})),
        "body: field x is required now",
    ),
    "field of a request": (lambda new: of(new, "New")["properties"].pop("kind"), "body: field kind is gone"),
    "media type": (
        lambda new: post(new)["requestBody"].update(content={"text/csv": {}}),
        "POST /things takes no application/json any more",
    ),
    "status": (lambda new: post(new)["responses"].update({"200": post(new)["responses"].pop("201")}), "does not answer 201 any more"),
    "field of an answer": (
        lambda new: (of(new, "Thing")["properties"].pop("id"), of(new, "Thing")["required"].remove("id")),
        "GET /things, 200.items[]: field id is gone",
    ),
    "field that may be absent": (lambda new: of(new, "Thing")["required"].remove("id"), "field id is not always there any more"),
    "new value of an answer": (lambda new: of(new, "Thing")["properties"]["state"]["enum"].append("odd"), "state: odd instead of one of new, old"),
    "null in an answer": (lambda new: of(new, "Thing")["properties"].update(id={"anyOf": [{"type": "integer"}, {"type": "null"}]}), "id: null can be given now"),
    "wider type of an answer": (lambda new: of(new, "Thing")["properties"]["id"].update(type="number"), "id: number can be given now"),
}  # fmt: skip

HARMLESS: dict[str, Change] = {
    "nothing": lambda new: None,
    "new path": lambda new: new["paths"].update({"/others": {"get": {"responses": {}}}}),
    "new optional parameter": lambda new: get(new)["parameters"].append({"in": "query", "name": "x", "schema": {}}),
    "new optional field": lambda new: of(new, "New")["properties"].update(x={"type": "string"}),
    "new field of an answer": lambda new: of(new, "Thing")["properties"].update(x={"type": "string"}),
    "larger limit": lambda new: get(new)["parameters"][0]["schema"].update(maximum=1000),
    "no limit": lambda new: get(new)["parameters"][0]["schema"].pop("maximum"),
    "new value of a request": lambda new: of(new, "New")["properties"]["kind"]["enum"].append("c"),
    "optional field": lambda new: of(new, "New")["required"].clear(),
    "wider type of a request": lambda new: of(new, "New")["properties"]["name"].pop("type"),
    "narrower answer": lambda new: of(new, "Thing")["properties"].update(parent={"type": "null"}),
    "new status of an error": lambda new: get(new)["responses"].update({"503": {}}),
    "new words": lambda new: get(new)["parameters"][0].update(description="another"),
}


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_clients(name: str) -> None:
    change, told = BREAKING[name]
    new = copy.deepcopy(OLD)
    change(new)
    found = changes(OLD, new)
    assert any(told in each for each in found), found


@pytest.mark.parametrize("name", HARMLESS)
def test_what_breaks_none(name: str) -> None:
    new = copy.deepcopy(OLD)
    HARMLESS[name](new)
    assert changes(OLD, new) == []


def test_the_newest_release_counts(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("0.2", "0.10", "0.9"):
        (tmp_path / f"openapi-{version}.json").write_text("{}")
    monkeypatch.setattr(api_changes, "DOCS", tmp_path)
    assert api_changes.released().name == "openapi-0.10.json"


def test_the_command(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(api_changes, "DOCS", tmp_path)
    monkeypatch.setattr(api_changes, "current", lambda: OLD)
    monkeypatch.setattr(sys, "argv", ["api_changes", "--write", "0.1"])
    assert api_changes.main() == 0
    assert json.loads((tmp_path / "openapi-0.1.json").read_text()) == OLD
    monkeypatch.setattr(sys, "argv", ["api_changes"])
    assert api_changes.main() == 0
    new = copy.deepcopy(OLD)
    new["paths"]["/things"].pop("post")
    monkeypatch.setattr(api_changes, "current", lambda: new)
    capsys.readouterr()
    assert api_changes.main() == 1
    told = capsys.readouterr().out
    assert "POST /things is gone" in told
    assert "Keep the old beside the new" in told
