"""Clients of the last release go on working, and are told in time of what will go."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from tools import api_changes
from webui.api.deprecation import deprecated

V1 = "/api/v1"
EXAMPLE: dict[str, Any] = {"positive": [{"segment": 1}]}


def test_nothing_is_incompatible_with_the_last_release(reader: FlaskClient) -> None:
    released = json.loads(api_changes.released().read_text(encoding="utf-8"))
    found = api_changes.changes(released, reader.get(f"{V1}/openapi.json").get_json())
    assert found == [], api_changes.ADVICE


def test_what_is_compared_is_what_is_served(reader: FlaskClient) -> None:
    served, compared = reader.get(f"{V1}/openapi.json").get_json(), json.loads(json.dumps(api_changes.current()))
    assert {name: served[name] for name in ("paths", "components")} == {
        name: compared[name] for name in ("paths", "components")
    }


@pytest.mark.parametrize("masks", [True, False])
@pytest.mark.parametrize("call", ["search", "search/batch", "feedback"])
def test_a_deprecated_value_is_told(client: FlaskClient, call: str, masks: bool) -> None:
    def sent(masks: Any) -> Any:
        body = {**EXAMPLE, "masks": masks}
        return client.post(f"{V1}/{call}", json={"searches": [EXAMPLE, body]} if call.endswith("batch") else body)

    old, new = sent(masks), sent("rle")
    assert old.status_code == new.status_code < 300
    since = datetime.fromtimestamp(int(old.headers["Deprecation"].removeprefix("@")), UTC)
    sunset = datetime.strptime(old.headers["Sunset"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    assert (sunset - since).days >= 365
    assert 'rel="deprecation"' in old.headers["Link"]
    assert not {"Deprecation", "Sunset", "Link"} & set(new.headers.keys())


def test_a_deprecated_parameter_is_told(client: FlaskClient) -> None:
    begun = client.post(f"{V1}/feedback", json=EXAMPLE).get_json()["id"]
    assert "Deprecation" in client.get(f"{V1}/feedback/{begun}?masks=true").headers
    assert "Deprecation" not in client.get(f"{V1}/feedback/{begun}?masks=none").headers


def test_it_cannot_go_before_it_is_told() -> None:
    with pytest.raises(ValueError, match="not after"):
        deprecated(since=date(2026, 1, 1), sunset=date(2026, 1, 1))
