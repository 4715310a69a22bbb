"""Forms of many parts or much text, under the server that `serve` runs."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
import requests
from installation import drawing, encoded
from PIL import Image

from webui.serving.forms import MAX_FIELD_BYTES, MAX_FORM_BYTES, MAX_FORM_PARTS

PICTURE = encoded(drawing(("teal", "pink")))
SECURITY = (Path(__file__).parents[2] / "SECURITY.md").read_text()


def fields(count: int) -> dict[str, str]:
    return {f"f{number}": "x" for number in range(count)}


@pytest.mark.parametrize("call", ["images", "queries"])
def test_parts_beside_a_picture(served: str, call: str) -> None:
    for count, statuses in ((MAX_FORM_PARTS - 1, {201, 202}), (MAX_FORM_PARTS, {413}), (1000, {413})):
        files = {"file": ("x.png", io.BytesIO(PICTURE))}
        answer = requests.post(f"{served}/api/v1/{call}", data=fields(count), files=files)
        assert answer.status_code in statuses, (count, answer.text)
    assert f"more than {MAX_FORM_PARTS} parts" in answer.json()["detail"]


@pytest.mark.parametrize("side", [160, 300, 1200])
@pytest.mark.parametrize("call", ["images", "queries"])
def test_pictures_of_every_size(served: str, call: str, side: int) -> None:
    """They are read by pieces of 64 KiB, none of which is the text of a form."""
    noise = np.random.default_rng(side).integers(0, 256, (side, side, 3), dtype=np.uint8)
    files = {"file": ("x.png", io.BytesIO(encoded(Image.fromarray(noise))))}
    answer = requests.post(f"{served}/api/v1/{call}", files=files)
    assert answer.status_code in (201, 202), answer.text


@pytest.mark.parametrize("in_parts", [False, True])
def test_parts_of_signing_in(served: str, in_parts: bool) -> None:
    known = {"name": "x", "password": "y"}
    for count, status in ((MAX_FORM_PARTS - 2, 401), (MAX_FORM_PARTS - 1, 413), (1000, 413)):
        form = {**known, **fields(count)}
        sent = {"files": {name: (None, value) for name, value in form.items()}} if in_parts else {"data": form}
        assert requests.post(f"{served}/login", headers={"Origin": served}, **sent).status_code == status


@pytest.mark.parametrize("address", ["/login", "/api/v1/images", "/api/v1/queries"])
def test_text(served: str, address: str) -> None:
    """Taken apart whole, a hundred megabytes of it would take minutes and gigabytes."""
    for size, refused in ((MAX_FORM_BYTES - 100, False), (MAX_FORM_BYTES + 1, True), (1 << 22, True)):
        answer = requests.post(served + address, data={"name": "x" * (size - 5)}, headers={"Origin": served})
        assert (answer.status_code == 413) is refused, (size, answer.status_code)
        assert answer.status_code < 500
    for size, refused in ((MAX_FORM_BYTES, False), (MAX_FIELD_BYTES + 1, True), (1 << 22, True)):
        parts = {"name": (None, "x" * size), "password": (None, "y")}
        answer = requests.post(served + address, files=parts, headers={"Origin": served})
        assert (answer.status_code == 413) is refused, (size, answer.status_code)


def test_the_document_says_the_same() -> None:
    assert re.search(rf"\b{MAX_FORM_PARTS} parts per form, {MAX_FORM_BYTES >> 10} KiB of form text\b", SECURITY)
    assert f"({MAX_FIELD_BYTES >> 10} KiB per field of a form with files)" in SECURITY
