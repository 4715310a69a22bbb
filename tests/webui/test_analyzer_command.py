"""The command that serves analyses to other machines, in a process of its own."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace
from pathlib import Path

import click
import pytest
from toys import Pictures

from retrieval.assembly import Assembly
from retrieval.processes.program import own_command, own_environment
from retrieval.settings import Settings
from webui.serving.commands import address_of

TOKEN = "one-that-is-long-enough"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0.0.0.0:8100", ("0.0.0.0", 8100)),  # nothing listens there
        (":0", ("", 0)),
        ("[::1]:80", ("::1", 80)),
        ("gpu.example:443", ("gpu.example", 443)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert address_of(text) == address


@pytest.mark.parametrize("text", ["", "8100", "host", "host:", "host:x", "host:70000", "::1:80"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(click.UsageError, match=r"give an address such as 0\.0\.0\.0:8100"):
        address_of(text)


@pytest.mark.slow
def test_an_analyzer_for_other_machines(settings: Settings, tmp_path: Path, pictures: Pictures) -> None:
    environment = own_environment(
        SEGSEARCH_DATA_DIR=str(tmp_path / "elsewhere"), SEGSEARCH_RECIPE="grid", SEGSEARCH_ANALYZER_TOKEN=TOKEN
    )
    command = own_command("analyzer", "--listen", "127.0.0.1:0")
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = next(word for line in process.stdout for word in line.split() if word.startswith("http://"))
        asking = replace(settings, analyzer_urls=(url,), analyzer_token=TOKEN)
        remote = Assembly(asking).remote_analyzer()
        until = time.monotonic() + 60
        while not remote.is_up() and time.monotonic() < until:
            time.sleep(0.1)
        assert len(remote.analyze(pictures("a.png")).analysis.segments) == 25
        assert remote.about().recipe == "grid"
    finally:
        process.terminate()
    assert process.wait(30) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("listen", "token", "told"),
    [("127.0.0.1:0", "", "needs a token"), ("127.0.0.1:0", "short", "needs a token"), ("nowhere", TOKEN, "an address")],
)
def test_what_it_refuses(tmp_path: Path, listen: str, token: str, told: str) -> None:
    environment = own_environment(
        SEGSEARCH_DATA_DIR=str(tmp_path), SEGSEARCH_RECIPE="grid", SEGSEARCH_ANALYZER_TOKEN=token
    )
    done = subprocess.run(
        own_command("analyzer", "--listen", listen),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert told in done.stderr
