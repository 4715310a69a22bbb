"""What goes wrong between client and server is told with what to do."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from retrieval.storage.disk import Storage
from segsearch.client import (
    Client,
    ConnectionFailedError,
    ForbiddenError,
    InsufficientStorageError,
    InvalidRequestError,
    NotFoundError,
    Reference,
    RejectedFileError,
    Retries,
    Search,
    SignInError,
    UnexpectedAnswerError,
)

pytestmark = pytest.mark.slow
FAST = Retries(attempts=4, base=0.01)


def test_no_server(either) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ConnectionFailedError, match="tried 4 times: check the address, and that the server is running"):
        either.ask(f"http://127.0.0.1:{port}", lambda client: client.installation.status())


def test_a_server_that_ends_in_between(served) -> None:
    with Client(served.url, retries=Retries(attempts=2, base=0.01), timeout=5) as client:
        photos = client.photos.all()
        assert next(photos).id == 1
        served.stop()
        with pytest.raises(ConnectionFailedError, match=r"no answer from http://127\.0\.0\.1"):
            while True:  # it may still answer what it has begun
                client.installation.status()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("127.0.0.1:8000", "is not the address"),
        ("ftp://host", "is not the address"),
        ("http://", "is not the address"),
        ("http://host:x", "port"),
        ("http://host:99999", "port"),
    ],
)
def test_an_address_that_is_none(url: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"(?i){told}"):
        Client(url)


@pytest.mark.parametrize(
    "options", [{"user": "a"}, {"password": "b"}, {"user": "a", "password": "b", "token": "c"}], ids=str
)
def test_half_a_way_to_sign_in(options: dict) -> None:
    with pytest.raises(ValueError, match="a token, or a user with a password, or neither"):
        Client(**options)


def test_a_token_that_is_none() -> None:
    with pytest.raises(ValueError, match="copy it again"):
        Client(token="segsearch_\n")


def test_wrong_tokens_and_passwords(either, served) -> None:
    served.tokens()
    for options in ({}, {"token": "segsearch_wrong"}):
        with pytest.raises(SignInError, match="send an API token") as failure:
            either.ask(served.url, lambda client: client.installation.status(), **options)
        assert failure.value.status == 401
    with pytest.raises(SignInError, match="name or the password is wrong"):
        either.ask(served.url, lambda client: client.installation.status(), user="editor", password="no such one")


def test_what_a_viewer_may(either, served) -> None:
    token = served.tokens()["viewer"]
    assert either.ask(served.url, lambda client: client.photos.get(1), token=token).id == 1
    assert either.ask(served.url, lambda client: client.searches.find(Search(positive=[1])), token=token).results
    for what in (
        lambda client: client.photos.tag([1], add=["a"]),
        lambda client: client.photos.upload(b"x"),
        lambda client: client.installation.health(),
    ):
        with pytest.raises(ForbiddenError, match="viewer has the role viewer: ask an admin"):
            either.ask(served.url, what, token=token)


def test_what_is_not_there(either, served) -> None:
    for what in (lambda client: client.photos.get(99), lambda client: client.segments.cutout(9999)):
        with pytest.raises(NotFoundError, match="99"):
            either.ask(served.url, what)


def test_requests_that_mean_nothing(either, served) -> None:
    for what in (Search(), Search("x" * 10_000), Search(positive=[Reference(point=(1, 1))])):
        with pytest.raises(InvalidRequestError) as failure:
            either.ask(served.url, lambda client, what=what: client.searches.find(what))
        assert failure.value.status == 422


def test_photos_that_are_none(either, served, tmp_path: Path) -> None:
    with pytest.raises(RejectedFileError, match="not a supported image"):
        either.ask(served.url, lambda client: client.photos.upload(b"no picture"))
    with pytest.raises(InvalidRequestError, match="empty"):
        either.ask(served.url, lambda client: client.photos.upload(b""))
    torn = served.library.paths[0].read_bytes()[:200]
    with pytest.raises(InvalidRequestError):
        either.ask(served.url, lambda client: client.queries.upload(torn))
    with pytest.raises(FileNotFoundError):
        either.ask(served.url, lambda client: client.photos.upload(tmp_path / "nowhere.jpg"))


def test_a_server_without_space(either, served) -> None:
    assembly = served.library.assembly
    assembly.__dict__["storage"] = Storage(replace(assembly.settings, min_free=1 << 60))
    with pytest.raises(InsufficientStorageError, match="SEGSEARCH_MIN_FREE"):
        either.ask(served.url, lambda client: client.upload_folder(served.library.photos))


def test_another_server(either, tmp_path: Path) -> None:
    import functools
    import http.server
    import threading

    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    (tmp_path / "api" / "v1").mkdir(parents=True)
    (tmp_path / "api" / "v1" / "status").write_text("<p>welcome")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        with pytest.raises(UnexpectedAnswerError, match="same version"):
            either.ask(url, lambda client: client.installation.status())
        with pytest.raises(UnexpectedAnswerError, match="not as SegSearch does"):
            either.ask(url, lambda client: client.photos.get(1))
        server.shutdown()


def test_a_file_that_cannot_be_written(either, served, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        either.ask(served.url, lambda client: client.photos.export(tmp_path / "nowhere" / "coco.json"))
    kept = tmp_path / "coco.json"
    kept.write_text("kept")
    with pytest.raises(InvalidRequestError):
        either.ask(served.url, lambda client: client.photos.export(kept, photos=[1], segments=[1]))
    assert [path.name for path in tmp_path.glob("*.json")] == ["coco.json"]
    assert kept.read_text() == "kept"
    assert not list(tmp_path.glob(".*.part"))


class CutAfterward(httpx.HTTPTransport):
    """Loses the answer of the first write that the server has made."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        if request.method == "POST" and not self.lost:
            self.lost += 1
            answer.read()
            answer.close()
            raise httpx.ReadError("the connection was cut", request=request)
        return answer


def test_a_write_whose_answer_was_lost_is_made_once(served) -> None:
    network = CutAfterward()
    with Client(served.url, retries=FAST, transport=network) as client:
        begun = client.feedback.begin(Search(positive=[1]))
        assert network.lost == 1
        assert client.feedback.begin(Search(positive=[1])).id == begun.id + 1, "there is no third one"


def test_an_upload_whose_answer_was_lost_is_new(served) -> None:
    network = CutAfterward()
    photo = served.library.paths[0].read_bytes() + b"more"
    with Client(served.url, retries=FAST, transport=network) as client:
        assert client.photos.upload(photo).is_new
        assert network.lost == 1
        assert not client.photos.upload(photo).is_new
