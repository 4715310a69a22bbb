"""Moments say that they are in UTC, so that no browser takes them for its own time; a camera's time says nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from installation import PALETTES, Library, drawing, encoded
from PIL import ExifTags, Image
from pydantic import TypeAdapter, ValidationError

from retrieval.catalog import Accounts
from webui.api.schemas import Moment
from webui.context import WebContext

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
LOOKS_LIKE_A_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
OF_A_CAMERA = "taken_at"


def described_moments(schemas: dict[str, Any]) -> set[tuple[str, str]]:
    """Fields that the description says are moments, each with the schema it is in."""
    return {
        (name, field)
        for name, schema in schemas.items()
        for field, options in schema.get("properties", {}).items()
        if any(each.get("format") == "date-time" for each in (options, *options.get("anyOf", ())))
    }


def texts(body: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """All texts of an answer, each with the name of its field."""
    if isinstance(body, dict):
        for name, value in body.items():
            yield from texts(value, name)
    elif isinstance(body, list):
        for each in body:
            yield from texts(each, field)
    elif isinstance(body, str):
        yield field, body


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
    document = client.get("/api/v1/openapi.json", headers=own).get_json()
    names = {field for _, field in described_moments(document["components"]["schemas"])}
    answers += [
        client.get(path, headers=own)
        for path in document["paths"]
        if "get" in document["paths"][path] and "{" not in path and not path.endswith(("/events", "/openapi.json"))
    ]
    client.post("/api/v1/images/delete", json={"ids": [4]}, headers=own)
    answers.append(client.get("/api/v1/images/4", headers=own))
    said = [each for answer in answers if answer.is_json for each in texts(answer.get_json())]
    found = {field: text for field, text in said if field in names}
    assert set(found) >= {"created_at", "deleted_at"}
    for field, text in said:
        if field in names:
            assert RFC_3339.fullmatch(text), (field, text)
            assert abs(datetime.now(UTC) - datetime.fromisoformat(text)) < timedelta(minutes=10)
        elif field != OF_A_CAMERA:
            assert not LOOKS_LIKE_A_TIME.search(text), f"{field} is a time, but is not described as one: {text}"


def test_the_description_says_so(reader: FlaskClient) -> None:
    schemas = reader.get("/api/v1/openapi.json").get_json()["components"]["schemas"]
    described = described_moments(schemas)
    named = {
        (name, field)
        for name, schema in schemas.items()
        for field in schema.get("properties", {})
        if field.endswith(("_at", "_since", "_until")) and field not in (OF_A_CAMERA, "taken_until")
    }
    assert named <= described
    assert {name for name, _ in described} >= {"Concept", "Cluster", "User", "Token", "Item"}
    for name, field in described:
        options = schemas[name]["properties"][field]
        assert any("UTC" in each.get("description", "") for each in (options, *options.get("anyOf", ())))


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("2024-05-17T23:30:00+02:00", "2024-05-17T21:30:00Z"),
        ("2024-05-17T23:30:00.25Z", "2024-05-17T23:30:00.250000Z"),
    ],
)
def test_moments_are_written_in_one_way(given: str, written: str) -> None:
    assert TypeAdapter(Moment).validate_python(given) == written


def test_a_moment_must_say_its_zone() -> None:
    with pytest.raises(ValidationError, match="time zone"):
        TypeAdapter(Moment).validate_python("2024-05-17T23:30:00")


def test_a_camera_does_not_say_where_it_was(client: FlaskClient, library: Library) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:05:17 23:30:00"
    image_id = library.add("photo.jpg", encoded(drawing(("teal", "pink")), "JPEG", exif=exif))
    assert client.get(f"/api/v1/images/{image_id}").get_json()["taken_at"] == "2024-05-17T23:30:00"
    assert f'datetime="{"2024-05-17T23:30:00"}"' in client.get(f"/photos/{image_id}").text


def test_a_moment_of_no_time_zone_is_not_stored(parts: WebContext) -> None:
    with pytest.raises(Exception, match="has no time zone"):
        parts.queries.expire(datetime.now())
