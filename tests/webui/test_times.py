"""Moments say that they are in UTC, so that no browser takes them for its own time; a camera's time says nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from installation import PALETTES, Library, drawing, encoded
from PIL import ExifTags, Image

from retrieval.catalog import Accounts
from webui.context import WebContext


def moments(body: Any) -> Iterator[str]:
    """Everything in an answer that is called a moment."""
    if isinstance(body, dict):
        for name, value in body.items():
            if name.endswith("_at") and name != "taken_at":
                yield value
            yield from moments(value)
    elif isinstance(body, list):
        for each in body:
            yield from moments(each)


def test_moments_are_in_utc(client: FlaskClient, parts: WebContext, library: Library, users: Accounts) -> None:
    for copy in range(4):
        for colors in PALETTES[:2]:
            library.add(f"{colors[0]}{copy}.png", encoded(drawing(colors, (680 + 40 * copy, 480))))
    parts.engine.refresh()
    own = {"Authorization": f"Bearer {users.add_token('admin', 'test')[1]}"}
    answers = [
        client.post("/api/v1/clusters/update", json={}, headers=own),
        client.get("/api/v1/clusters", headers=own),
        client.post("/api/v1/concepts", json={"name": "corner", "positive": [1], "negative": [30]}, headers=own),
        client.get("/api/v1/concepts", headers=own),
        client.post("/api/v1/users", json={"name": "new", "password": "x" * 12}, headers=own),
        client.get("/api/v1/users", headers=own),
        client.post("/api/v1/tokens", json={"user": "admin", "name": "script"}, headers=own),
        client.get("/api/v1/tokens", headers=own),
        client.get("/api/v1/account", headers=own),
    ]
    assert all(answer.status_code < 300 for answer in answers)
    found = [datetime.fromisoformat(each) for answer in answers for each in moments(answer.get_json())]
    assert len(found) > 10
    for moment in found:
        assert moment.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - moment) < timedelta(minutes=10)


def test_the_description_says_so(reader: FlaskClient) -> None:
    schemas = reader.get("/api/v1/openapi.json").get_json()["components"]["schemas"]
    described = {
        (name, field): options
        for name, schema in schemas.items()
        for field, options in schema.get("properties", {}).items()
        if field.endswith("_at") and field != "taken_at"
    }
    assert {name for name, _ in described} >= {"Concept", "Cluster", "User", "Token"}
    for options in described.values():
        moment = [options, *options.get("anyOf", ())]
        assert {each["format"] for each in moment if "format" in each} == {"date-time"}
        assert any("UTC" in each.get("description", "") for each in moment)


def test_a_camera_does_not_say_where_it_was(client: FlaskClient, library: Library) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:05:17 23:30:00"
    image_id = library.add("photo.jpg", encoded(drawing(("teal", "pink")), "JPEG", exif=exif))
    assert client.get(f"/api/v1/images/{image_id}").get_json()["taken_at"] == "2024-05-17T23:30:00"
    assert f'datetime="{"2024-05-17T23:30:00"}"' in client.get(f"/photos/{image_id}").text


def test_a_moment_of_no_time_zone_is_not_stored(parts: WebContext) -> None:
    with pytest.raises(Exception, match="has no time zone"):
        parts.queries.expire(datetime.now())
