"""Users and tokens over the API."""

from __future__ import annotations

import pytest
from conftest import PASSWORD
from flask.testing import FlaskClient

from retrieval.catalog.accounts import Accounts


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
    assert client.patch("/api/v1/users/admin", json={"password": "y" * 12}, headers=admin).status_code == 200


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
