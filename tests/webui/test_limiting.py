"""Who is held back when asking too often, and who is not."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from installation import PASSWORD
from limits import parse
from werkzeug.test import TestResponse

from retrieval.catalog.accounts import Accounts
from webui.auth.limiting import LIMITER, RATES, spend

FAR = {"REMOTE_ADDR": "192.0.2.7"}
NEAR = {"REMOTE_ADDR": "127.0.0.1"}


@pytest.fixture(autouse=True)
def soon_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RATES, "api_search.find", parse("3/minute"))


def search(client: FlaskClient, place: dict[str, str] = FAR, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/api/v1/search", json={"text": "dog"}, environ_overrides=place, headers=named)


def statuses(client: FlaskClient, count: int, **options) -> list[int]:
    return [search(client, **options).status_code for _ in range(count)]


def test_every_rate_is_of_an_endpoint(app: Flask) -> None:
    assert set(RATES) <= {rule.endpoint for rule in app.url_map.iter_rules()}


def test_too_often_is_a_problem_that_says_when(client: FlaskClient) -> None:
    assert statuses(client, 3) == [200] * 3
    answer = search(client)
    assert (answer.status_code, answer.mimetype) == (429, "application/problem+json")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert "try again in" in answer.get_json()["detail"]


def test_addresses_are_counted_for_themselves(client: FlaskClient) -> None:
    assert statuses(client, 4)[-1] == 429
    assert search(client, {"REMOTE_ADDR": "192.0.2.8"}).status_code == 200


def test_claimed_addresses_do_not_count(client: FlaskClient) -> None:
    asked = [search(client, X_Forwarded_For=f"198.51.100.{row}", Forwarded=f"for={row}") for row in range(4)]
    assert asked[-1].status_code == 429


def test_a_network_of_ipv6_is_one_client(client: FlaskClient) -> None:
    asked = [search(client, {"REMOTE_ADDR": f"2001:db8::{row}"}) for row in range(1, 5)]
    assert asked[-1].status_code == 429
    assert search(client, {"REMOTE_ADDR": "2001:db8:0:1::1"}).status_code == 200


def test_programs_of_this_machine_are_left_alone(client: FlaskClient) -> None:
    assert statuses(client, 8, place=NEAR) == [200] * 8
    assert statuses(client, 8, place={"REMOTE_ADDR": "::1"}) == [200] * 8


def test_what_comes_by_a_proxy_of_this_machine_is_not(app: Flask, copy_template, tmp_path, decoders) -> None:
    from retrieval.analysis.local import LocalAnalyzer
    from webui import create_app

    library = copy_template(tmp_path / "second")
    analyzer = LocalAnalyzer(library.assembly.recipe, decoders)
    client = create_app(library.assembly, analyzer, hosts=["photos.example"], follow=False).test_client()
    assert statuses(client, 4, place=NEAR, Host="photos.example")[-1] == 429


def test_tokens_are_left_alone(client: FlaskClient, users: Accounts) -> None:
    secret = users.add_token("viewer", "script")[1]
    assert statuses(client, 8, Authorization=f"Bearer {secret}") == [200] * 8


def test_users_are_counted_wherever_they_are(client: FlaskClient, users: Accounts) -> None:
    form = {"name": "viewer", "password": PASSWORD}
    own = {"Origin": "http://localhost"}
    client.post("/login", data=form, headers=own)
    asked = [search(client, {"REMOTE_ADDR": f"192.0.2.{row}"}, **own) for row in range(4)]
    assert asked[-1].status_code == 429
    client.post("/login", data={**form, "name": "editor"}, headers=own)
    assert search(client, **own).status_code == 200


@pytest.mark.parametrize("place", [FAR, NEAR])
def test_attempts_to_sign_in(client: FlaskClient, users: Accounts, place: dict[str, str]) -> None:
    """From anywhere, under any names: passwords are guessed by programs of this machine, too."""
    own = {"Origin": "http://localhost"}

    def attempt(name: str, password: str = "wrong") -> TestResponse:
        return client.post("/login", data={"name": name, "password": password}, headers=own, environ_overrides=place)

    assert [attempt(f"user{row}").status_code for row in range(10)] == [401] * 10
    answer = attempt("admin", PASSWORD)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert "too many requests" in answer.text
    assert "Set-Cookie" not in answer.headers
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    form = {"name": "admin", "password": PASSWORD}
    assert client.post("/login", data=form, headers=own, environ_overrides=elsewhere).status_code == 303


def test_what_is_refused_costs_nothing(client: FlaskClient, app: Flask, users: Accounts) -> None:
    assert statuses(client, 8) == [401] * 8
    assert not app.extensions[LIMITER].requests.storage.events
    search(client, Authorization=f"Bearer {users.add_token('viewer', 'x')[1]}")
    assert not app.extensions[LIMITER].requests.storage.events
    spend_one(app)
    assert app.extensions[LIMITER].requests.storage.events


def spend_one(app: Flask) -> None:
    """So that it is seen that what is counted would be seen."""
    with app.test_request_context():
        spend(RATES["api_search.find"], "x")


def test_what_looks_at_every_photo_is_limited(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RATES, "api_concepts.list_folders", parse("2/minute"))
    asked = [client.get("/api/v1/folders", environ_overrides=FAR).status_code for _ in range(3)]
    assert asked == [200, 200, 429]
