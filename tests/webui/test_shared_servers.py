"""Two web servers on machines of their own, with one catalogue: sessions and limits."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from databases import Server
from flask import Flask
from installation import PASSWORD
from limits import parse

from retrieval.analysis.local import LocalAnalyzer
from retrieval.assembly import Assembly
from retrieval.catalog import Shared
from retrieval.catalog.shared import RequestCounts
from retrieval.errors import CatalogUnavailableError, ConfigurationError
from retrieval.images.decoder_pool import DecoderPool
from retrieval.settings import Settings
from webui import create_app
from webui.auth import limiting, login, passwords
from webui.auth.limiting import LIMITER, Limiters

SAME_SITE = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}

pytestmark = pytest.mark.slow


@pytest.fixture
def servers(server: Server, tmp_path: Path) -> Iterator[list[Flask]]:
    """Two servers with data directories of their own and one catalogue on a server."""
    url = server.url_of(tmp_path / "both")
    apps, assemblies = list[Flask](), list[Assembly]()
    with DecoderPool(1) as decoders:
        for name in ("a", "b"):
            settings = Settings.in_data_dir(tmp_path / name, device="cpu", recipe="grid")
            settings = replace(settings, database_url=url)
            settings.data_dir.mkdir()
            assembly = Assembly(settings)
            assemblies.append(assembly)
            apps.append(create_app(assembly, LocalAnalyzer(assembly.recipe, decoders), follow=False))
        assemblies[0].accounts.add("ada", "admin", passwords.hashed(PASSWORD))
        yield apps
    for assembly in assemblies:
        assembly.close()
    server.forget(tmp_path)


def sign_in(app: Flask, password: str = PASSWORD, address: str = "192.0.2.9"):
    client = app.test_client()
    form = {"name": "ada", "password": password}
    return client, client.post("/login", data=form, headers=SAME_SITE, environ_overrides={"REMOTE_ADDR": address})


def test_who_signed_in_at_one_is_signed_in_at_the_other(servers: list[Flask]) -> None:
    first, second = servers
    client, answer = sign_in(first)
    assert answer.status_code == 303
    cookie = client.get_cookie("segsearch_session")
    assert cookie is not None
    other = second.test_client()
    assert other.get("/api/v1/status").status_code == 401
    other.set_cookie("segsearch_session", cookie.value)
    assert other.get("/api/v1/status").status_code == 200
    assert not first.extensions["segsearch"].own.settings.session_key_file.exists()


def test_attempts_to_sign_in_are_counted_together(servers: list[Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    rate = parse("3/hour")
    monkeypatch.setattr(limiting, "SIGN_INS", (rate,))
    monkeypatch.setattr(login, "SIGN_INS", (rate,))
    first, second = servers
    assert [sign_in(app, "wrong")[1].status_code for app in (first, second, first)] == [401] * 3
    refused = sign_in(second)[1]
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 3600
    assert sign_in(second, address="192.0.2.10")[1].status_code == 303, "others are not held back"


def test_it_counts_alone_while_the_database_does_not_answer(
    servers: list[Flask], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise CatalogUnavailableError("out of reach")

    monkeypatch.setattr(RequestCounts, "add", fail)
    app = servers[0]
    with app.test_request_context(environ_overrides={"REMOTE_ADDR": "192.0.2.9"}):
        for _ in range(10):
            limiting.spend(limiting.SIGN_INS[0], "sign-in", "192.0.2.9")
        with pytest.raises(limiting.TooManyRequests):
            limiting.spend(limiting.SIGN_INS[0], "sign-in", "192.0.2.9")
    assert "counted in this process alone: out of reach" in caplog.text


class TestRedis:
    def test_a_url_of_something_else(self) -> None:
        with pytest.raises(ConfigurationError, match="SEGSEARCH_LIMITS_URL is not redis://HOST:6379"):
            Settings.from_env({"SEGSEARCH_LIMITS_URL": "memcached://host"})
        assert Settings.from_env({"SEGSEARCH_LIMITS_URL": "redis://host:6379"}).limits_url == "redis://host:6379"

    def test_without_the_package_it_is_told(self, servers: list[Flask], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "redis", None)
        shared: Shared = servers[0].extensions["segsearch"].own.assembly.shared
        with pytest.raises(ConfigurationError, match="install the extra `redis`"):
            Limiters.of("redis://127.0.0.1:1", shared)


@pytest.mark.sqlite("on a server attempts to sign in are counted there")
def test_on_a_file_nothing_is_written(app: Flask) -> None:
    limiters: Limiters = app.extensions[LIMITER]
    assert limiters.sign_ins is limiters.requests
