"""An index on a server that cannot be reached: 503 with what to do, until it is there again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from databases import Server
from flask.testing import FlaskClient
from installation import Library
from relay import Relay, relaying
from sqlalchemy import make_url
from toys import close

from indexer.publish import rebuild
from indexer.verify import verify
from retrieval.analysis.local import LocalAnalyzer
from retrieval.assembly import Assembly
from retrieval.images.decoder_pool import DecoderPool
from webui import create_app
from webui.context import EXTENSION

pytestmark = pytest.mark.slow

SEARCH = {"positive": [{"image": 1, "point": [20, 20]}]}


@pytest.fixture
def relay(server: Server, tmp_path: Path) -> Iterator[Relay]:
    """What is between the web server and PostgreSQL."""
    with relaying(Path(str(server._admin.url.query["host"]), ".s.PGSQL.5432")) as relay:
        yield relay


@pytest.fixture
def moved(library: Library, server: Server, relay: Relay, tmp_path: Path) -> Iterator[Assembly]:
    """The installation, whose vectors are in PostgreSQL."""
    place = make_url(server.url_of(tmp_path / "vectors")).set(query={}, host="127.0.0.1", port=relay.port)
    url = place.render_as_string(hide_password=False)
    assembly = Assembly(replace(library.assembly.settings, index="pgvector", index_url=url))
    yield assembly
    close(assembly)
    server.forget(tmp_path)


def test_searches_fail_while_it_is_gone(moved: Assembly, relay: Relay, decoders: DecoderPool) -> None:
    assert rebuild(moved) == {"segments": 100, "photos": 4}
    assert verify(moved) == []
    app = create_app(moved, LocalAnalyzer(moved.recipe, decoders), follow=False)
    client: FlaskClient = app.test_client()
    before = client.post("/api/v1/search", json=SEARCH)
    assert before.status_code == 200, before.text
    relay.cut()
    answer = client.post("/api/v1/search", json=SEARCH)
    assert answer.status_code == 503
    assert "the index in PostgreSQL cannot answer" in answer.json["detail"]
    assert "check that its server runs" in answer.json["detail"]
    assert answer.headers["Retry-After"]
    assert client.get("/api/v1/images/1").status_code == 200, "what needs no index goes on"
    relay.restore()
    after = client.post("/api/v1/search", json=SEARCH)
    assert after.status_code == 200, after.text
    assert after.json["results"] == before.json["results"]
    app.extensions[EXTENSION].own.renditions.close()
