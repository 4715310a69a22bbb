"""The examples of the documents run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from loops import apart, in_a_loop

from retrieval.processes.program import own_command, own_environment

pytestmark = pytest.mark.slow
DOCS = Path(__file__).parents[2] / "docs"


def examples(name: str, language: str = "python") -> list[str]:
    """The blocks of a document."""
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / name).read_text(), re.DOTALL)


def test_the_client(
    served, pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    for number in range(3):
        pictures(f"{tmp_path}/Holiday/{number}.png", seed=300 + number)
    pictures(f"{tmp_path}/query.jpg", seed=7)
    monkeypatch.chdir(tmp_path)
    blocks = examples("client.md")
    assert len(blocks) == 9
    code = "\n".join(blocks)
    assert "http://127.0.0.1:8000" in code
    apart(exec, code.replace("http://127.0.0.1:8000", served.url), {})
    told = capsys.readouterr().out
    assert "3 0 {}" in told, "the folder was sent"
    assert "3 of 3: " in told
    assert told.count(" known\n") == 3, "and not a second time"
    assert "123456" in told
    assert {"cutout.png", "library.json", "thing.csv", "two.zip"} <= {path.name for path in tmp_path.iterdir()}


def test_the_configuration_of_an_assistant_starts_it() -> None:
    (block,) = examples("mcp.md", "json")
    configured = json.loads(block)["mcpServers"]["segsearch"]
    assert configured["command"] == "segsearch"
    from segsearch.mcp.commands import mcp

    context = mcp.make_context("mcp", configured["args"][1:])
    assert context.params["url"] == "http://127.0.0.1:8000"
    assert {"SEGSEARCH_TOKEN"} == configured["env"].keys() <= {each.envvar for each in mcp.params}


def test_an_assistant(served, capfd: pytest.CaptureFixture) -> None:
    (code,) = examples("mcp.md")
    command, *arguments = own_command("mcp", "--url", served.url)
    started = f"command={command!r}, args={arguments!r}, env={own_environment()!r}"
    assert 'command="segsearch", args=["mcp"]' in code
    apart(exec, code.replace('command="segsearch", args=["mcp"]', started), {})
    assert capfd.readouterr().out.splitlines() == ["3 of 3 hits are likely.", "image/jpeg"]


def test_every_tool_is_in_the_document() -> None:
    from segsearch.client import AsyncClient
    from segsearch.mcp.tools import server

    listed = set(re.findall(r"^\| `([a-z_]+)`", (DOCS / "mcp.md").read_text(), re.MULTILINE))
    tools = in_a_loop(server(AsyncClient(), opens_paths=False).list_tools())
    assert listed == {tool.name for tool in tools}
