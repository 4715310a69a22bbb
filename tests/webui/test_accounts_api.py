"""Users and tokens over the API."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from installation import PASSWORD, Library, sign_in

from benchmarks.last_admin import play
from retrieval.catalog.accounts import Accounts
from retrieval.errors import AccountError

OWN = {"Origin": "http://localhost"}


@pytest.fixture
def admin(users: Accounts) -> dict[str, str]:
    """The header of an admin's program."""
    return {"Authorization": f"Bearer {users.add_token('admin', 'test')[1]}"}


def test_users(client: FlaskClient, users: Accounts, admin: dict[str, str]) -> None:
    listed = client.get("/api/v1/users", headers=admin).get_json()["users"]
    assert [(user["name"], user["role"]) for user in listed] == [(role, role) for role in ("admin", "editor", "viewer")]
    assert set(listed[0]) == {"name", "role", "created_at"}
    new = {"name": "Anna.B@example", "password": PASSWORD}
    answer = client.post("/api/v1/users", json=new, headers=admin)
    assert (answer.status_code, answer.get_json()["role"]) == (201, "viewer")
    assert PASSWORD not in answer.text
    assert client.post("/api/v1/users", json={**new, "name": "ANNA.B@EXAMPLE"}, headers=admin).status_code == 422
    answer = client.patch("/api/v1/users/anna.b@example", json={"role": "editor", "password": "x" * 12}, headers=admin)
    assert answer.get_json()["role"] == "editor"
    form = {"name": "anna.b@example", "password": "x" * 12}
    assert client.post("/login", data=form, headers={"Origin": "http://localhost"}).status_code == 303
    assert client.delete("/api/v1/users/anna.b@example", headers=admin).status_code == 204
    assert client.patch("/api/v1/users/anna.b@example", json={"role": "editor"}, headers=admin).status_code == 404
    assert client.get("/api/v1/status").status_code == 401


@pytest.mark.parametrize("name", ["", " x", "<script>", "a\nb", "a\0b", "../x", "x" * 65, "a b", "é", "-x", 5])
def test_names_that_are_none(client: FlaskClient, admin: dict[str, str], name: object) -> None:
    answer = client.post("/api/v1/users", json={"name": name, "password": PASSWORD}, headers=admin)
    assert answer.status_code == 422
    answer = client.post("/api/v1/tokens", json={"user": "admin", "name": name}, headers=admin)
    assert answer.status_code == 422


def test_a_refused_password_is_not_repeated(client: FlaskClient, admin: dict[str, str]) -> None:
    for password in ("short", ["a-listed-secret"], {"a": "secret"}):
        answer = client.post("/api/v1/users", json={"name": "x", "password": password}, headers=admin)
        assert answer.status_code == 422
        assert "short" not in answer.text.replace("too short", "")
        assert "secret" not in answer.text


def test_nobody_shuts_themselves_out(client: FlaskClient, admin: dict[str, str]) -> None:
    assert client.delete("/api/v1/users/ADMIN", headers=admin).status_code == 422
    assert client.patch("/api/v1/users/admin", json={"role": "viewer"}, headers=admin).status_code == 422
    answer = client.patch("/api/v1/users/admin", json={"password": "y" * 12}, headers=admin)
    assert (answer.status_code, "/account" in answer.get_json()["detail"]) == (422, True)
    assert client.patch("/api/v1/users/viewer", json={"password": "y" * 12}, headers=admin).status_code == 200


def test_tokens(client: FlaskClient, users: Accounts, admin: dict[str, str]) -> None:
    answer = client.post("/api/v1/tokens", json={"user": "viewer", "name": "script"}, headers=admin)
    made = answer.get_json()
    assert (answer.status_code, made["user"], made["name"]) == (201, "viewer", "script")
    own = {"Authorization": f"Bearer {made['token']}"}
    assert client.get("/api/v1/status", headers=own).status_code == 200
    listed = client.get("/api/v1/tokens", headers=admin).get_json()["tokens"]
    assert listed[-1] == {key: made[key] for key in ("id", "name", "user", "created_at")}
    assert client.delete(f"/api/v1/tokens/{made['id']}", headers=admin).status_code == 204
    assert client.delete(f"/api/v1/tokens/{made['id']}", headers=admin).status_code == 404
    assert client.get("/api/v1/status", headers=own).status_code == 401
    answer = client.post("/api/v1/tokens", json={"user": "nobody", "name": "script"}, headers=admin)
    assert answer.status_code == 404


def test_the_last_admin_stays(users: Accounts, password_hash: str) -> None:
    """Whoever asks, by whatever way; an only user goes where that is said."""
    with pytest.raises(AccountError, match="admin is the only admin: make another user an admin first"):
        users.remove("ADMIN")
    with pytest.raises(AccountError, match="only admin"):
        users.change("admin", role="editor")
    users.change("admin", role="admin")
    users.change("admin", password_hash=password_hash)
    users.change("editor", role="admin")
    users.change("admin", role="viewer")
    users.remove("admin")
    with pytest.raises(AccountError, match="editor is the only admin"):
        users.remove("editor")
    users.remove("viewer")
    with pytest.raises(AccountError, match="editor is the only admin"):
        users.remove("editor")
    users.remove("editor", last=True)
    assert not users.any()
    assert users.ever()


def test_the_first_user_is_an_admin(library: Library) -> None:
    accounts = library.assembly.accounts
    for role in ("viewer", "editor"):
        with pytest.raises(AccountError, match="the first one must be an admin: .*segsearch users add"):
            accounts.add("anna", role, "x")
    assert not accounts.ever()
    accounts.add("anna", "admin", "x")
    accounts.add("ben", "viewer", "x")
    accounts.remove("ben")
    accounts.remove("anna", last=True)
    with pytest.raises(AccountError, match="the first one must be an admin"):
        accounts.add("ben", "viewer", "x")


def test_admins_against_each_other(tmp_path: Path) -> None:
    """By two real servers on one catalogue, at once."""
    counted = play(tmp_path / "home", rounds=8, seed=1)
    assert sum(counted.values()) == 8
    assert (counted["no admin left"], counted["open to strangers"]) == (0, 0)


@pytest.mark.parametrize("removes", [True, False])
def test_one_after_the_other_of_two_admins(library: Library, removes: bool) -> None:
    """Both were let in as admins; whichever comes second finds that the other is the only one."""
    accounts = library.assembly.accounts
    for name in ("anna", "ben"):
        accounts.add(name, "admin", "x")
    if removes:
        accounts.remove("ben")
    else:
        accounts.change("ben", role="viewer")
    for attack in (lambda: accounts.remove("anna"), lambda: accounts.change("anna", role="viewer")):
        with pytest.raises(AccountError, match="anna is the only admin"):
            attack()


class TestOwnAccount:
    """What everybody who signs in may do about their own account."""

    def test_who_asks(self, client: FlaskClient, users: Accounts) -> None:
        sign_in(client, "viewer")
        assert client.get("/api/v1/account").get_json() == {"name": "viewer", "role": "viewer"}

    def test_another_password_ends_all_other_sessions(
        self, app: Flask, client: FlaskClient, users: Accounts, admin: dict[str, str]
    ) -> None:
        elsewhere = app.test_client()
        for each in (client, elsewhere):
            sign_in(each, "viewer")
        change = {"current": PASSWORD, "password": "a new password"}
        assert client.post("/api/v1/account/password", json=change, headers=OWN).status_code == 204
        assert client.get("/api/v1/account").status_code == 200
        assert elsewhere.get("/api/v1/account").status_code == 401
        assert sign_in(elsewhere, "viewer").status_code == 401
        assert sign_in(elsewhere, "viewer", "a new password").status_code == 303
        assert client.get("/api/v1/account", headers=admin).get_json()["name"] == "admin"

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"current": "wrong", "password": "a new password"}, "current password is wrong"),
            ({"current": PASSWORD, "password": "short"}, "password: "),
            ({"password": "a new password"}, "current"),
        ],
    )
    def test_a_password_that_is_not_changed(
        self, client: FlaskClient, users: Accounts, change: dict[str, str], told: str
    ) -> None:
        sign_in(client, "viewer")
        answer = client.post("/api/v1/account/password", json=change, headers=OWN)
        assert answer.status_code == 422
        assert told in answer.get_json()["detail"]
        assert client.get("/api/v1/account").status_code == 200
        assert sign_in(client, "viewer").status_code == 303

    def test_a_stolen_session_does_not_guess_the_password(self, client: FlaskClient, users: Accounts) -> None:
        sign_in(client, "viewer")
        change = {"current": "wrong", "password": "a new password"}
        statuses = [client.post("/api/v1/account/password", json=change, headers=OWN).status_code for _ in range(11)]
        assert statuses == [422] * 10 + [429]

    def test_a_token_changes_it_only_with_the_password(self, client: FlaskClient, users: Accounts) -> None:
        by_token = {"Authorization": f"Bearer {users.add_token('viewer', 'test')[1]}"}
        change = {"current": PASSWORD, "password": "a new password"}
        wrong = {**change, "current": "wrong"}
        assert client.post("/api/v1/account/password", json=wrong, headers=by_token).status_code == 422
        answer = client.post("/api/v1/account/password", json=change, headers=by_token)
        assert (answer.status_code, "Set-Cookie" in answer.headers) == (204, False)
        assert client.get("/api/v1/account", headers=by_token).status_code == 200

    def test_tokens_are_ones_own(self, client: FlaskClient, users: Accounts, admin: dict[str, str]) -> None:
        sign_in(client, "viewer")
        answer = client.post("/api/v1/account/tokens", json={"name": "script"}, headers=OWN)
        made = answer.get_json()
        assert (answer.status_code, made["user"]) == (201, "viewer")
        assert users.by_token(made["token"]) == users.named("viewer")
        listed = client.get("/api/v1/account/tokens")
        assert [token["name"] for token in listed.get_json()["tokens"]] == ["script"]
        assert made["token"] not in listed.text
        of_admin = next(token.id for token in users.tokens() if token.user == "admin")
        assert client.delete(f"/api/v1/account/tokens/{of_admin}", headers=OWN).status_code == 404
        assert client.get("/api/v1/account", headers=admin).status_code == 200
        assert client.delete(f"/api/v1/account/tokens/{made['id']}", headers=OWN).status_code == 204
        assert users.by_token(made["token"]) is None
        of_another = {"name": "script", "user": "admin"}
        assert client.post("/api/v1/account/tokens", json=of_another, headers=OWN).status_code == 422

    @pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
    def test_not_by_a_foreign_page(self, client: FlaskClient, users: Accounts, headers: dict[str, str]) -> None:
        sign_in(client, "admin")
        change = {"current": PASSWORD, "password": "a new password"}
        for method, path, body in (
            ("POST", "/account/password", change),
            ("POST", "/account/tokens", {"name": "x"}),
            ("PATCH", "/users/viewer", {"role": "admin"}),
            ("DELETE", "/users/viewer", None),
        ):
            assert client.open(f"/api/v1{path}", method=method, json=body, headers=headers).status_code == 403
        assert users.tokens() == []


class TestPages:
    def test_an_admin_sees_users_and_tokens_and_no_secret(self, client: FlaskClient, users: Accounts) -> None:
        secret = users.add_token("editor", "nightly")[1]
        sign_in(client, "admin")
        page = client.get("/users")
        assert page.headers["Cache-Control"] == "no-store"
        assert all(f'data-user="{role}"' in page.text for role in ("admin", "editor", "viewer"))
        assert 'aria-label="Remove editor"' in page.text
        assert 'aria-label="Remove admin"' not in page.text
        assert 'aria-label="Revoke nightly of editor"' in page.text
        kept = [user.password_hash for user in users.all()]
        assert not any(told in page.text for told in (secret, *kept))
        assert 'href="/users"' in client.get("/account").text

    def test_others_see_their_own_account(self, client: FlaskClient, users: Accounts) -> None:
        users.add_token("editor", "nightly")
        users.add_token("viewer", "mine")
        sign_in(client, "viewer")
        page = client.get("/account").text
        assert "you can view and search" in page
        assert 'data-name="mine"' in page
        assert 'data-name="nightly"' not in page
        assert 'href="/users"' not in page
        assert client.get("/users").status_code == 403

    def test_where_nobody_signs_in_it_says_how_that_changes(self, reader: FlaskClient) -> None:
        page = reader.get("/account").text
        assert "segsearch users add NAME --role admin" in page
        assert '<form id="new-' not in page
        refused = reader.get("/users")
        assert refused.status_code == 403
        assert "segsearch users add NAME --role admin" in refused.text
