"""Words read by a text tower, from the API and the terminal to the process that has it: a small true CLIP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tiny_models
from click.testing import CliRunner
from flask.testing import FlaskClient
from installation import PALETTES, Library, drawing, encoded
from toys import held_ids

from indexer.commands.search import search
from retrieval.analysis.doors import PrivateDoor
from retrieval.analysis.local import LocalAnalyzer
from retrieval.analysis.remote import RemoteAnalyzer
from retrieval.analysis.server import AnalyzerServer
from retrieval.assembly import Assembly
from retrieval.images.decoder_pool import DecoderPool
from retrieval.recipes import load
from retrieval.settings import Settings
from webui import create_app

pytestmark = pytest.mark.slow
RECIPE = "grid+clip:tiny/clip"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """An installation on CLIP with four photos."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "photos").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGSEARCH_WEIGHTS", str(tiny_models.save_all(folder / "weights")))
        settings = Settings.in_data_dir(folder / "home", device="cpu", recipe=RECIPE)
        found = Library(Assembly(settings), folder / "photos")
        for number, colors in enumerate(PALETTES, 1):
            found.add(f"photo{number}.png", encoded(drawing(colors)))
        yield found


@pytest.fixture
def analyzer(library: Library, decoders: DecoderPool) -> Iterator[AnalyzerServer]:
    """The process with the network, here in a thread."""
    folder = library.assembly.settings.analyzers_dir
    server = AnalyzerServer(LocalAnalyzer(library.assembly.recipe, decoders), PrivateDoor(folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.close()
    thread.join(10)


@pytest.fixture
def client(library: Library) -> FlaskClient:
    """A web worker, which has no network."""
    app = create_app(library.assembly, RemoteAnalyzer(library.assembly.settings.analyzers_dir), follow=False)
    return app.test_client()


def ask(client: FlaskClient, text: str) -> Any:
    return client.post("/api/v1/search", json={"text": text, "group_by": "segment"})


def test_any_text_is_searched_by(library: Library, client: FlaskClient, analyzer: AnalyzerServer) -> None:
    found = ask(client, "photos of a red car").get_json()
    (term,) = found["words"]["understood"]
    assert (term["text"], term["name"], term["labels"]) == ("red car", "red car", [])
    assert found["words"]["unknown"] == found["words"]["suggestions"] == []
    recipe: Any = load(RECIPE, "cpu")
    followed = library.assembly.indexes.segments()
    followed.refresh()
    index = followed.index
    scores = index.get(held_ids(index)) @ recipe.embed_texts(["red car"])[0]
    of = dict(zip(held_ids(index).tolist(), scores.tolist(), strict=True))
    assert found["results"]
    assert found["results"][0]["score"] == pytest.approx(scores.max(), abs=2e-3)
    for result in found["results"]:
        assert result["score"] == pytest.approx(of[result["segment_id"]], abs=2e-3)


def test_without_the_analyzer_new_texts_wait_and_known_ones_do_not(
    client: FlaskClient, analyzer: AnalyzerServer
) -> None:
    assert ask(client, "dog").status_code == 200
    analyzer.close()
    assert ask(client, "dog").status_code == 200
    refused = ask(client, "bicycle")
    assert refused.status_code == 503
    assert refused.mimetype == "application/problem+json"
    assert "cannot read words right now" in refused.get_json()["detail"]
    assert refused.headers["Retry-After"] == "5"


def test_too_long_a_text(client: FlaskClient, analyzer: AnalyzerServer) -> None:
    assert ask(client, "x" * 501).status_code in (400, 422)


@pytest.mark.parametrize("is_up", [True, False])
def test_on_the_terminal(library: Library, is_up: bool, request: pytest.FixtureRequest) -> None:
    if is_up:
        request.getfixturevalue("analyzer")
    options = ["--text", "a zorgle on a sofa"]
    found = CliRunner().invoke(search, [*options, "--json"], obj=library.assembly.settings)
    assert found.exit_code == 0, found.output
    answer = json.loads(found.output)
    assert [term["name"] for term in answer["words"]["understood"]] == ["zorgle on a sofa"]
    assert len(answer["results"]) == 4
    table = CliRunner().invoke(search, options, obj=library.assembly.settings).output
    assert "zorgle on a sofa → taken literally" in table
    assert "cannot search by words" not in table


def test_photos_are_found_by_their_whole(library: Library, client: FlaskClient) -> None:
    found = client.post("/api/v1/search", json={"positive": [{"image": 1}]}).get_json()
    assert len(found["results"]) == 3
    assert np.isfinite([each["score"] for each in found["results"]]).all()
