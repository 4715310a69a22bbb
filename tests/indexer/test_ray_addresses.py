"""Addresses of Ray clusters that cannot be joined."""

from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner
from toys import Pictures

from indexer.commands.ingest import ingest, resegment
from retrieval.errors import ConfigurationError
from retrieval.settings import Settings


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("ray://127.0.0.1:10001", "must be `local`, `auto`, or HOST:PORT"),
        ("cluster", "must be `local`, `auto`, or HOST:PORT"),
        ("127.0.0.1:99999", "must be `local`, `auto`, or HOST:PORT"),
        (":6379", "must be `local`, `auto`, or HOST:PORT"),
        ("127.0.0.1:1", "no Ray cluster answers at 127.0.0.1:1"),
    ],
)
def test_addresses_that_lead_nowhere(settings: Settings, pictures: Pictures, address: str, told: str) -> None:
    pictures.many(1)
    for command, arguments in ((ingest, [str(pictures.folder)]), (resegment, [])):
        done = CliRunner().invoke(command, ["--ray", address, *arguments], obj=settings)
        assert isinstance(done.exception, ConfigurationError)
        assert told in str(done.exception)


def test_without_the_library(settings: Settings, pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures.many(1)
    monkeypatch.setitem(sys.modules, "ray", None)
    done = CliRunner().invoke(ingest, ["--ray", "local", str(pictures.folder)], obj=settings)
    assert isinstance(done.exception, ConfigurationError)
    assert "ray is not installed: run `pip install 'segsearch[ray]'`" in str(done.exception)


def test_nothing_is_analysed_by_enqueue(settings: Settings) -> None:
    done = CliRunner().invoke(resegment, ["--enqueue", "--ray", "local"], obj=settings)
    assert done.exit_code == 2
    assert "leave out --ray" in done.output
