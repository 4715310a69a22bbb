"""What assistants can call, by the library's own client, against a server."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from loops import in_a_loop
from mcp import Client as Assistant
from PIL import Image
from test_client_coverage import DESCRIBED

from segsearch.client import AsyncClient, Client, Retries
from segsearch.mcp.drawing import outlined
from segsearch.mcp.reading import ASKING, ReadOnly, WriteRefusedError
from segsearch.mcp.tools import server

ONCE = Retries(attempts=1)


class Recording(httpx.AsyncHTTPTransport):
    """Notes what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append((request.method, request.url.path))
        return await super().handle_async_request(request)


def talk(
    url: str, what: Callable[[Assistant], Any], *, token: str | None = None, opens_paths: bool = True
) -> tuple[Any, list]:
    """What a conversation comes to, and the requests that were sent for it."""
    network = Recording()

    async def wait() -> Any:
        async with (
            AsyncClient(url, token=token, retries=ONCE, transport=ReadOnly(network)) as client,
            Assistant(server(client, opens_paths=opens_paths)) as assistant,
        ):
            return await what(assistant)

    return in_a_loop(wait()), network.sent


def call(url: str, name: str, arguments: dict, **options: Any) -> Any:
    """The result of one tool."""
    return talk(url, lambda assistant: assistant.call_tool(name, arguments), **options)[0]


def failure(url: str, name: str, arguments: dict, **options: Any) -> str:
    """Why a tool failed."""
    found = call(url, name, arguments, **options)
    assert found.is_error
    return str(found.content[0].text)


def picture(found: Any) -> Image.Image:
    """The picture that a tool showed."""
    (content,) = found.content
    assert content.type == "image"
    return Image.open(io.BytesIO(base64.b64decode(content.data)))


@pytest.mark.slow
def test_every_tool_works_for_a_viewer_and_only_reads(served) -> None:
    tokens = served.tokens()
    with Client(served.url, token=tokens["editor"]) as client:
        client.concepts.create("blue thing", positive=[1, 2])
    content = base64.b64encode(served.library.paths[2].read_bytes()).decode()

    async def converse(assistant: Assistant) -> dict[str, Any]:
        described = (await assistant.call_tool("describe_photo", {"photo_id": 1})).structured_content
        segments = [each["segment_id"] for each in described["segments"][:3]]
        return {
            name: await assistant.call_tool(name, arguments)
            for name, arguments in {
                "describe_photo": {"photo_id": 1},
                "search_by_words": {"words": "blue thing", "limit": 3},
                "search_by_segment": {"segment_id": segments[0], "limit": 2},
                "search_by_photo": {"base64_data": content, "box": [0, 0, 40, 40], "limit": 4},
                "show_photo": {"photo_id": 1, "outline": segments},
                "show_segment": {"segment_id": segments[0]},
                "list_concepts": {},
                "library_status": {},
            }.items()
        } | {"tools": {tool.name for tool in (await assistant.list_tools()).tools}}

    found, sent = talk(served.url, converse, token=tokens["viewer"])
    assert found.pop("tools") == found.keys(), "every tool is called"
    assert not [name for name, each in found.items() if each.is_error]
    assert len(found["search_by_words"].structured_content["hits"]) == 3
    assert found["describe_photo"].structured_content["more_segments"] == 0
    assert len(found["search_by_segment"].structured_content["hits"]) == 2
    by_photo = found["search_by_photo"].structured_content
    assert by_photo["hits"][0]["photo_id"] == 3
    assert "hits are likely" in by_photo["note"]
    assert picture(found["show_photo"]).format == "JPEG"
    assert picture(found["show_segment"]).mode == "RGBA"
    assert found["library_status"].structured_content["photos"] == 6
    assert {method for method, _ in sent} <= {"GET", "POST"}
    assert {path for method, path in sent if method == "POST"} == ASKING


@pytest.mark.slow
def test_a_photo_of_this_machine_and_one_that_was_sent_before(served) -> None:
    path = str(served.library.paths[4])
    first = call(served.url, "search_by_photo", {"path": path, "limit": 3}).structured_content
    again = call(served.url, "search_by_photo", {"query_id": first["query_id"], "limit": 3}).structured_content
    assert first["hits"] == again["hits"]
    assert first["hits"][0]["photo_id"] == 5


@pytest.mark.slow
def test_words_that_are_not_known_are_told(served) -> None:
    found = call(served.url, "search_by_words", {"words": "qwertz"}).structured_content
    assert found["hits"] == []
    assert "qwertz" in found["note"]


@pytest.mark.slow
def test_concepts_are_listed(served) -> None:
    with Client(served.url) as client:
        client.concepts.create("blue thing", positive=[1, 2])
    assert call(served.url, "list_concepts", {}).structured_content["result"] == [{"name": "blue thing", "examples": 2}]


@pytest.mark.slow
def test_what_fails_says_what_to_do(served, tmp_path: Path) -> None:
    url, content = served.url, base64.b64encode(b"no picture").decode()
    assert "give one of path, base64_data and query_id" in failure(url, "search_by_photo", {})
    assert "there is no file" in failure(url, "search_by_photo", {"path": str(tmp_path / "nowhere.jpg")})
    assert "encode the bytes" in failure(url, "search_by_photo", {"base64_data": "!"})
    assert "not a supported image" in failure(url, "search_by_photo", {"base64_data": content})
    assert "opens no files" in failure(
        url, "search_by_photo", {"path": str(served.library.paths[0])}, opens_paths=False
    )
    assert "describe_photo lists them" in failure(url, "show_photo", {"photo_id": 1, "outline": [149]})
    assert "99" in failure(url, "describe_photo", {"photo_id": 99})
    assert "limit" in failure(url, "search_by_segment", {"segment_id": 1, "limit": 1000})
    served.tokens()
    assert "API token" in failure(url, "library_status", {}, token="segsearch_wrong")


def test_without_a_server() -> None:
    assert "check the address" in failure("http://127.0.0.1:9", "library_status", {})


def test_tools_are_described_in_few_words() -> None:
    async def tools(assistant: Assistant) -> Any:
        return (await assistant.list_tools()).tools

    found, sent = talk("http://127.0.0.1:9", tools)
    assert not sent
    for tool in found:
        assert tool.annotations.read_only_hint
        assert tool.description
        assert len(tool.description) < 120
        properties = tool.input_schema["properties"]
        assert all("description" in each for each in properties.values()), tool.name


@pytest.mark.parametrize(
    "described", [each for each in DESCRIBED if each.method != "GET"], ids=lambda each: f"{each.method} {each.route}"
)
def test_no_write_of_the_client_passes(described) -> None:
    network = Recording()
    path = f"/api/v1{described.route}".replace("{", "").replace("}", "")

    async def send() -> None:
        await ReadOnly(network).handle_async_request(httpx.Request(described.method, f"http://127.0.0.1:9{path}"))

    if path in ASKING:
        with pytest.raises(httpx.ConnectError):
            in_a_loop(send())
    else:
        with pytest.raises(WriteRefusedError, match="only reads"):
            in_a_loop(send())
        assert not network.sent


@pytest.mark.slow
def test_outlines_go_around_segments(served) -> None:
    with Client(served.url) as client:
        photo = client.photos.get(1)
        plain = client.photos.preview(1)
    before = np.asarray(Image.open(io.BytesIO(outlined(plain, []))).convert("RGB")).astype(int)
    after = np.asarray(Image.open(io.BytesIO(outlined(plain, photo.segments[:1]))).convert("RGB")).astype(int)
    assert after.shape == before.shape
    x0, y0, x1, y1 = photo.segments[0].box_xyxy
    changed = np.abs(after - before).max(axis=2) > 60
    rows, columns = np.nonzero(changed)
    assert changed.any()
    assert x0 - 6 <= columns.min() <= columns.max() <= x1 + 6
    assert y0 - 6 <= rows.min() <= rows.max() <= y1 + 6
