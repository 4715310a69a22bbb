"""The command ``mcp``, as assistants start it and over HTTP."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from loops import in_a_loop
from mcp import Client as Assistant
from mcp import StdioServerParameters

from retrieval.errors import ConfigurationError
from retrieval.processes.program import own_command, own_environment
from segsearch.cli import cli


async def _status(target: Any) -> Any:
    async with Assistant(target) as assistant:
        names = [tool.name for tool in (await assistant.list_tools()).tools]
        return names, await assistant.call_tool("library_status", {})


@pytest.mark.slow
def test_over_standard_input_and_output(served) -> None:
    command, *arguments = own_command("mcp", "--url", served.url)
    environment = own_environment(SEGSEARCH_TOKEN=served.tokens()["viewer"])
    names, found = in_a_loop(_status(StdioServerParameters(command=command, args=arguments, env=environment)))
    assert "search_by_words" in names
    assert found.structured_content["photos"] == 6


@pytest.fixture
def port(served) -> Iterator[int]:
    """Of a process that serves the protocol over HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = own_command("mcp", "--url", served.url, "--http", str(port))
    with subprocess.Popen(command, env=own_environment(), stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, process.stderr.read()
                assert time.monotonic() < until
                time.sleep(0.1)
        yield port
        process.terminate()
        process.communicate(timeout=20)


@pytest.mark.slow
def test_over_http(served, port: int) -> None:
    names, found = in_a_loop(_status(f"http://127.0.0.1:{port}/mcp"))
    assert "search_by_photo" in names
    assert found.structured_content["photos"] == 6

    async def by_path() -> Any:
        async with Assistant(f"http://127.0.0.1:{port}/mcp") as assistant:
            return await assistant.call_tool("search_by_photo", {"path": str(served.library.paths[0])})

    assert "opens no files" in in_a_loop(by_path()).content[0].text
    rebound = httpx.post(f"http://127.0.0.1:{port}/mcp", headers={"Host": "evil.example"}, json={})
    assert rebound.status_code in (403, 421), "another name that leads here is refused"


def test_an_address_that_is_none() -> None:
    found = CliRunner().invoke(cli, ["mcp", "--url", "nowhere"])
    assert isinstance(found.exception, ConfigurationError)
    assert "is not the address of a server" in str(found.exception)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name == "mcp" or name.startswith("mcp.")]:
        monkeypatch.delitem(sys.modules, name)

    class Absent:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == "mcp":
                raise ModuleNotFoundError("No module named 'mcp'", name="mcp")

    monkeypatch.setattr(sys, "meta_path", [Absent, *sys.meta_path])
    found = CliRunner().invoke(cli, ["mcp"])
    assert "pip install 'segsearch[mcp]'" in str(found.exception)
