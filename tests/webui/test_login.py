"""Signing in, API tokens, and what each role may."""

from __future__ import annotations

import io
import logging
import re
import stat
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from installation import PASSWORD, Library, drawing, encoded, sign_in

from retrieval.analysis.local import LocalAnalyzer
from retrieval.catalog.accounts import ROLES, Accounts, Role
from retrieval.errors import AccountError
from retrieval.images.decoder_pool import DecoderPool
from webui import create_app
from webui.auth import passwords
from webui.auth.login import LIFETIME, LoginMode, is_own_path, role_needed, session_key
from webui.auth.security import SESSION_COOKIE

OWN = {"Origin": "http://localhost"}

EVERYBODY = {
    *("GET /static/<path:filename>", "GET /bundles/<name>", "GET /healthz", "GET /readyz", "GET /login", "POST /login"),
    *("POST /language", "GET /messages/<code>.js"),
}
VIEWER = {
    *("GET /", "GET /worst", "GET /photos/<id:image_id>", "GET /search", "GET /concepts"),
    *("GET /discover", "POST /logout", "GET /metrics", "GET /account"),
    *("GET /api/v1/account", "POST /api/v1/account/password", "GET /api/v1/account/tokens"),
    *("POST /api/v1/account/tokens", "DELETE /api/v1/account/tokens/<id:token_id>"),
    *("GET /api/v1/images", "GET /api/v1/images/<id:image_id>", "GET /api/v1/images/<id:image_id>/file"),
    *("GET /api/v1/images/<id:image_id>/thumbnail", "GET /api/v1/images/<id:image_id>/preview"),
    *("GET /api/v1/segments/<id:segment_id>/cutout.png", "GET /api/v1/segments/<id:segment_id>/mask.png"),
    *(
        "GET /api/v1/segments/<id:segment_id>/crop",
        "POST /api/v1/queries",
        "POST /api/v1/queries/<id:query_id>/keep",
        "GET /api/v1/queries/<id:query_id>",
    ),
    *(
        "GET /api/v1/queries/<id:query_id>/file",
        "GET /api/v1/images/<id:image_id>/levels",
        "GET /api/v1/queries/<id:query_id>/levels",
        "POST /api/v1/search",
        "POST /api/v1/search/facets",
        "POST /api/v1/search/things",
        "POST /api/v1/search/batch",
        "POST /api/v1/images/batch",
        "POST /api/v1/segments/batch",
        "GET /api/v1/segments/<id:segment_id>",
        "POST /api/v1/segment",
        "GET /api/v1/feedback/<id:feedback_id>",
    ),
    *("GET /api/v1/concepts", "GET /api/v1/concepts/<id:concept_id>", "GET /api/v1/concepts/export"),
    "GET /api/v1/concepts/<id:concept_id>/photos",
    *("GET /api/v1/folders", "GET /api/v1/timeline", "GET /api/v1/timeline/photos", "GET /api/v1/timeline/ids"),
    *("GET /api/v1/clusters", "GET /api/v1/clusters/<id:cluster_id>", "GET /api/v1/status", "GET /api/v1/words"),
    *("GET /api/v1/duplicates", "GET /api/v1/images/<id:image_id>/duplicates", "GET /duplicates"),
    *("GET /api/v1/docs", "GET /api/v1/docs/<name>"),
    *("GET /api/v1/openapi.json", "GET /api/v1/tags", "GET /api/v1/images/download"),
    "GET /api/v1/export",
    *("POST /api/v1/exports", "GET /api/v1/exports", "GET /api/v1/exports/<id:export_id>"),
    *("GET /api/v1/exports/<id:export_id>/file", "DELETE /api/v1/exports/<id:export_id>"),
    *("GET /api/v1/events", "GET /api/v1/timeline/facets", "GET /api/v1/timeline/around"),
    *("GET /collections", "GET /api/v1/collections", "PATCH /api/v1/collections/<id:collection_id>"),
    *("DELETE /api/v1/collections/<id:collection_id>", "POST /api/v1/collections/<id:collection_id>/restore"),
    "POST /api/v1/collections/<id:collection_id>/members",
    "DELETE /api/v1/collections/<id:collection_id>/members/<user>",
}
EDITOR = {
    *(
        "GET /api/v1/intake",
        "GET /upload",
        "POST /api/v1/images",
        "DELETE /api/v1/images/<id:image_id>",
        "POST /api/v1/feedback",
        "POST /api/v1/collections",
    ),
    *("POST /api/v1/duplicates/dismiss", "POST /api/v1/duplicates/restore"),
    *("POST /api/v1/images/delete", "POST /api/v1/images/restore"),
    *("POST /api/v1/images/tags", "POST /api/v1/images/resegment"),
    *("POST /api/v1/trash/delete", "POST /api/v1/trash/empty"),
    *("POST /api/v1/feedback/<id:feedback_id>/rounds", "DELETE /api/v1/feedback/<id:feedback_id>/rounds/last"),
    *("POST /api/v1/concepts", "PATCH /api/v1/concepts/<id:concept_id>", "DELETE /api/v1/concepts/<id:concept_id>"),
    *("POST /api/v1/concepts/merge", "POST /api/v1/concepts/import", "POST /api/v1/concepts/learn"),
    *("POST /api/v1/clusters/<id:cluster_id>/name", "POST /api/v1/clusters/<id:cluster_id>/dismiss"),
    *("POST /api/v1/clusters/<id:cluster_id>/restore", "POST /api/v1/clusters/<id:cluster_id>/split"),
    *("POST /api/v1/intake/pause", "POST /api/v1/intake/resume", "POST /api/v1/intake/cancel"),
    *("POST /api/v1/intake/retry-failed", "GET /api/v1/images/<id:image_id>/recipes"),
    "POST /api/v1/images/<id:image_id>/segmentation/preview",
    "POST /api/v1/images/<id:image_id>/segmentation",
    *("POST /api/v1/clusters/merge", "POST /api/v1/clusters/update"),
}
ADMIN = {
    *("GET /api/v1/users", "POST /api/v1/users", "PATCH /api/v1/users/<user>", "DELETE /api/v1/users/<user>"),
    *("GET /api/v1/tokens", "POST /api/v1/tokens", "DELETE /api/v1/tokens/<id:token_id>", "GET /users"),
    *("GET /health", "GET /api/v1/health", "GET /recipes", "GET /api/v1/recipes", "POST /api/v1/recipes/resegment"),
}
NEEDED: dict[str, Role | None] = {
    **dict.fromkeys(EVERYBODY),
    **dict.fromkeys(VIEWER, "viewer"),
    **dict.fromkeys(EDITOR, "editor"),
    **dict.fromkeys(ADMIN, "admin"),
}


def token_of(users: Accounts, user: str) -> dict[str, str]:
    """The header of a program of a user."""
    return {"Authorization": f"Bearer {users.add_token(user, 'test')[1]}"}


def address_of(route: str) -> tuple[str, str]:
    """A request to a route, to things that there are not."""
    method, rule = route.split(" ", 1)
    return method, re.sub(r"<[^>]*>", "987654", rule)


def routes_of(app: Flask) -> set[str]:
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


class TestRoles:
    def test_every_route_has_its_role_here(self, app: Flask) -> None:
        assert routes_of(app) == set(NEEDED)

    @pytest.mark.parametrize("route", sorted(NEEDED))
    def test_who_may(self, client: FlaskClient, users: Accounts, route: str) -> None:
        """One that may not is told so; one that may gets any other answer."""
        method, address = address_of(route)
        needed = NEEDED[route]
        nobody = client.open(address, method=method, headers=OWN)
        if needed is None:
            assert nobody.status_code not in (302, 403)
            return
        assert nobody.status_code == 401 or nobody.location.startswith("/login")
        for role in ROLES:
            headers = {**OWN, **token_of(users, role)}
            status = client.open(address, method=method, headers=headers).status_code
            may = ROLES.index(role) >= ROLES.index(needed)
            assert (status not in (401, 403)) is may, (role, status)

    def test_while_there_are_no_users_everybody_operates(self, client: FlaskClient, library: Library) -> None:
        """And nobody manages users, for the first one must be made on the server."""
        for address in ("/health", "/api/v1/health", "/recipes", "/api/v1/recipes"):
            assert client.get(address).status_code == 200
        assert client.get("/users").status_code == 403
        assert 'aria-label="Administration"' in client.get("/").text

    @pytest.mark.parametrize(("role", "may"), [("viewer", False), ("editor", False), ("admin", True)])
    def test_who_is_offered_administration(self, client: FlaskClient, users: Accounts, role: str, may: bool) -> None:
        text = client.get("/", headers=token_of(users, role)).text
        assert ('aria-label="Administration"' in text) is may
        assert ('href="/users"' in text) is may

    @pytest.mark.parametrize("address", ["/nothing", "/api/v1/nothing", "/.env", "/api/v1/images/x"])
    def test_what_is_not_there_is_not_told_to_strangers(
        self, client: FlaskClient, users: Accounts, address: str
    ) -> None:
        for method in ("GET", "POST", "DELETE", "HEAD", "PUT"):
            answer = client.open(address, method=method)
            assert answer.status_code == 401 or answer.location.startswith("/login")
        assert client.get(address, headers=token_of(users, "viewer")).status_code == 404

    def test_a_route_that_nobody_thought_of_is_not_open(self) -> None:
        assert role_needed("new.look", "GET") == "viewer"
        assert role_needed("new.change", "POST") == "editor"
        assert role_needed(None, "PURGE") == "editor"

    def test_other_methods_do_not_get_around_it(self, client: FlaskClient, users: Accounts) -> None:
        assert client.options("/api/v1/images").status_code == 401
        assert client.head("/api/v1/images").status_code == 401
        override = {**token_of(users, "viewer"), "X-HTTP-Method-Override": "DELETE", "X-Original-URL": "/upload"}
        assert client.get("/api/v1/images/1", headers=override).get_json()["id"] == 1
        assert client.get("/api/v1/images/1", headers=override).status_code == 200  # it is there still

    def test_a_refusal_says_what_is_needed(self, client: FlaskClient, users: Accounts) -> None:
        answer = client.delete("/api/v1/images/1", headers=token_of(users, "viewer"))
        assert answer.mimetype == "application/problem+json"
        assert "role editor" in answer.get_json()["detail"]
        assert client.get("/api/v1/images/1", headers=token_of(users, "viewer")).status_code == 200


class TestWithoutUsers:
    def test_it_is_open(self, reader: FlaskClient) -> None:
        assert reader.get("/api/v1/images").status_code == 200
        assert reader.get("/upload").status_code == 200
        assert reader.get("/login").location == "/"
        assert "Sign out" not in reader.get("/").text

    def test_but_nobody_makes_the_first_user_from_outside(self, reader: FlaskClient) -> None:
        for method, path, body in (
            ("POST", "/users", {"name": "x", "role": "admin", "password": PASSWORD}),
            ("GET", "/tokens", None),
            ("GET", "/account", None),
            ("POST", "/account/tokens", {"name": "x"}),
            ("POST", "/account/password", {"current": "", "password": PASSWORD}),
        ):
            answer = reader.open(f"/api/v1{path}", method=method, json=body)
            assert answer.status_code == 403
            assert "segsearch users add" in answer.get_json()["detail"]

    def test_unless_it_must_not_be(self, library: Library, decoders: DecoderPool) -> None:
        analyzer = LocalAnalyzer(library.assembly.recipe, decoders)
        app = create_app(library.assembly, analyzer, follow=False, login_mode="always")
        client = app.test_client()
        assert client.get("/api/v1/images").status_code == 401
        assert client.get("/").location == "/login"
        assert client.get("/login").status_code == 200
        assert client.get("/healthz").status_code == 200

    def test_the_first_user_closes_it_at_once(self, client: FlaskClient, parts, password_hash: str) -> None:
        assert client.get("/api/v1/images").status_code == 200
        parts.assembly.accounts.add("anna", "admin", password_hash)
        assert client.get("/api/v1/images").status_code == 401

    @pytest.mark.parametrize("mode", ["once", "never", "always"])
    def test_after_the_last_user(
        self, library: Library, decoders: DecoderPool, password_hash: str, mode: LoginMode
    ) -> None:
        """Closed, with a sentence that says how to get in again; open only where that was asked for."""
        accounts = library.assembly.accounts
        analyzer = LocalAnalyzer(library.assembly.recipe, decoders)
        client = create_app(library.assembly, analyzer, follow=False, login_mode=mode).test_client()
        accounts.add("anna", "admin", password_hash)
        assert client.get("/api/v1/images").status_code == 401
        accounts.remove("anna", last=True)
        answer = client.get("/api/v1/images")
        if mode == "never":
            assert answer.status_code == 200
            return
        assert answer.status_code == 401
        advice = "nobody can sign in, because there are no users: create one on the server with `segsearch users add"
        assert advice in answer.get_json()["detail"]
        assert advice[1:] in client.get("/login").text, "it starts with a capital there"
        assert client.get("/").location == "/login"


class TestSessions:
    def test_in_and_out(self, client: FlaskClient, users: Accounts) -> None:
        answer = sign_in(client, "Editor ")
        assert (answer.status_code, answer.location) == (303, "/")
        page = client.get("/")
        assert page.status_code == 200
        assert "Sign out" in page.text
        assert "editor</span>" in page.text
        assert page.headers["Cache-Control"] == "no-store"
        assert "Cookie" in page.headers["Vary"]
        answer = client.post("/logout", headers=OWN)
        assert (answer.status_code, answer.location) == (303, "/login")
        assert answer.headers["Clear-Site-Data"] == '"cache"'
        assert client.get("/").location == "/login"

    def test_the_cookie(self, client: FlaskClient, users: Accounts) -> None:
        cookie = sign_in(client, "viewer").headers["Set-Cookie"]
        assert cookie.startswith(f"{SESSION_COOKIE}=")
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        assert "Domain" not in cookie

    def test_the_cookie_of_an_encrypted_connection(self, client: FlaskClient, users: Accounts) -> None:
        form = {"name": "viewer", "password": PASSWORD}
        answer = client.post("/login", data=form, base_url="https://localhost", headers={"Origin": "https://localhost"})
        assert "Secure" in answer.headers["Set-Cookie"].split("; ")

    def test_what_a_proxy_says_does_not_count_by_itself(self, client: FlaskClient, users: Accounts) -> None:
        told = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "127.0.0.1"}
        answer = client.post("/login", data={"name": "viewer", "password": PASSWORD}, headers={**OWN, **told})
        assert "Secure" not in answer.headers["Set-Cookie"]
        assert answer.location == "/"

    @pytest.mark.parametrize(
        ("name", "password"),
        [
            ("viewer", "wrong"),
            ("nobody", PASSWORD),
            ("", ""),
            ("viewer", ""),
            ("viewer'--", PASSWORD),
            ("x" * 5000, "y" * 5000),
        ],
    )
    def test_wrong_ones_are_all_answered_alike(
        self, client: FlaskClient, users: Accounts, name: str, password: str
    ) -> None:
        answer = sign_in(client, name, password)
        assert answer.status_code == 401
        assert "Wrong user name or password." in answer.text
        assert "Set-Cookie" not in answer.headers

    def test_unknown_names_take_as_long(
        self, client: FlaskClient, users: Accounts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Both compute one hash with the same parameters."""
        asked: list[str] = []
        check = passwords.check_password_hash
        monkeypatch.setattr(
            passwords, "check_password_hash", lambda kept, given: asked.append(kept) or check(kept, given)
        )
        sign_in(client, "nobody")
        sign_in(client, "viewer", "wrong")
        assert [kept.partition("$")[0] for kept in asked] == ["scrypt:32768:8:3"] * 2
        assert len({kept.rpartition("$")[2] for kept in asked}) == 2

    def test_another_password_ends_it(self, client: FlaskClient, users: Accounts) -> None:
        sign_in(client, "viewer")
        users.change("viewer", password_hash=passwords.hashed("another password"))
        assert client.get("/api/v1/status").status_code == 401
        assert sign_in(client, "viewer", "another password").status_code == 303

    def test_removal_ends_it(self, client: FlaskClient, users: Accounts, password_hash: str) -> None:
        sign_in(client, "editor")
        headers = token_of(users, "editor")
        users.remove("editor")
        assert client.get("/api/v1/status").status_code == 401
        assert client.get("/api/v1/status", headers=headers).status_code == 401
        users.add("editor", "admin", password_hash)
        assert client.get("/api/v1/status").status_code == 401
        assert users.tokens() == []

    def test_another_role_counts_at_once(self, client: FlaskClient, users: Accounts) -> None:
        sign_in(client, "editor")
        users.change("editor", role="viewer")
        assert client.delete("/api/v1/images/1", headers=OWN).status_code == 403

    def test_it_does_not_last(self, client: FlaskClient, users: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
        sign_in(client, "viewer")
        import itsdangerous.timed

        later = itsdangerous.timed.time.time() + LIFETIME.total_seconds() + 1
        monkeypatch.setattr(itsdangerous.timed.TimestampSigner, "get_timestamp", lambda _self: int(later))
        assert client.get("/api/v1/status").status_code == 401

    @pytest.mark.parametrize(
        "spoil", [lambda value: value[:-3] + "abc", lambda value: "x" + value, lambda _: "e30.x.y"]
    )
    def test_forged_ones_are_none(self, client: FlaskClient, users: Accounts, spoil) -> None:
        sign_in(client, "admin")
        cookie = client.get_cookie(SESSION_COOKIE)
        assert cookie is not None
        client.set_cookie(SESSION_COOKIE, spoil(cookie.value))
        assert client.get("/api/v1/status").status_code == 401

    def test_a_session_of_another_installation_is_none(self, app: Flask, client: FlaskClient, users: Accounts) -> None:
        sign_in(client, "admin")
        app.secret_key = b"another"
        assert client.get("/api/v1/status").status_code == 401

    def test_pages_lead_to_the_form_and_back(self, client: FlaskClient, users: Accounts) -> None:
        answer = client.get("/search?text=dog&x=%2F")
        assert answer.status_code == 302
        assert answer.location == "/login?next=/search%3Ftext%3Ddog%26x%3D%252F"
        page = client.get(answer.location)
        assert 'name="next" value="/search?text=dog&amp;x=%2F"' in page.text
        assert sign_in(client, "viewer", next="/search?text=dog").location == "/search?text=dog"

    def test_what_scripts_fetch_is_refused_and_not_led_astray(self, client: FlaskClient, users: Accounts) -> None:
        answer = client.get("/api/v1/timeline", headers={"Sec-Fetch-Mode": "cors"})
        assert answer.status_code == 401

    @pytest.mark.parametrize(
        "target",
        [
            *("//evil.example", "https://evil.example/", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)"),
            *("/\t/evil.example", "/\n/evil.example", "", "evil.example", "http:evil.example", "\u2028//evil.example"),
        ],
    )
    def test_it_leads_nowhere_else(self, client: FlaskClient, users: Accounts, target: str) -> None:
        assert not is_own_path(target)
        assert 'name="next" value="/"' in client.get("/login", query_string={"next": target}).text
        assert sign_in(client, "viewer", next=target).location == "/"
        assert client.get("/login", query_string={"next": target}).location == "/"

    def test_the_key_is_the_owners_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "home" / "key"
        key = session_key(path)
        assert len(key) == 32
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert session_key(path) == key
        assert list(path.parent.iterdir()) == [path]
        assert session_key(tmp_path / "other") != key


class TestTokens:
    def test_one_is_told_once(self, client: FlaskClient, users: Accounts, library: Library) -> None:
        record, secret = users.add_token("editor", "script")
        assert len(secret) >= 43
        assert client.get("/api/v1/status", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
        for path in (library.photos.parent / "home").glob("catalog.db*"):
            assert secret.encode() not in path.read_bytes()
        assert [each.name for each in users.tokens()] == ["script"]
        users.revoke(record.id)
        assert client.get("/api/v1/status", headers={"Authorization": f"Bearer {secret}"}).status_code == 401

    @pytest.mark.parametrize(
        "header",
        [
            "Bearer",
            "Bearer ",
            "Bearer x",
            "Basic YWRtaW46Y29ycmVjdCBob3JzZQ==",
            "Basic \u00ff",
            "Digest \u00ff",
            "Bearer \u00ff",
            "x",
            "Bearer a=b, c=d",
        ],
    )
    def test_others_are_none(self, client: FlaskClient, users: Accounts, header: str) -> None:
        answer = client.get("/api/v1/status", headers={"Authorization": header})
        assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    def test_a_wrong_one_beside_a_session_is_wrong(self, client: FlaskClient, users: Accounts) -> None:
        sign_in(client, "admin")
        assert client.get("/api/v1/status", headers={"Authorization": "Bearer x"}).status_code == 401

    def test_it_needs_no_origin(self, client: FlaskClient, users: Accounts) -> None:
        headers = {**token_of(users, "editor"), "Origin": "https://elsewhere.example"}
        assert client.delete("/api/v1/images/1", headers=headers).status_code == 204


class TestForgery:
    """What a foreign page can have a signed-in browser send."""

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Referer": "http://localhost/"},
            {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
        ],
    )
    def test_is_refused(self, client: FlaskClient, users: Accounts, headers: dict[str, str]) -> None:
        sign_in(client, "admin")
        for method, address in (("DELETE", "/api/v1/images/1"), ("POST", "/api/v1/search"), ("POST", "/logout")):
            assert client.open(address, method=method, headers=headers).status_code == 403
        form = {"name": "viewer", "password": PASSWORD}
        assert client.post("/login", data=form, headers=headers).status_code == 403
        assert client.get("/api/v1/images/1").status_code == 200

    def test_a_form_can_send_no_json(self, client: FlaskClient, users: Accounts) -> None:
        sign_in(client, "editor")
        answer = client.post("/api/v1/concepts", data='{"name": "x"}', content_type="text/plain", headers=OWN)
        assert answer.status_code == 415


class TestSecrets:
    def test_are_never_logged(
        self, client: FlaskClient, users: Accounts, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        caplog.set_level(logging.DEBUG)
        secret = users.add_token("admin", "script")[1]
        wrong = "segsearch_wrongwrongwrong"
        sign_in(client, "admin")
        cookie = client.get_cookie(SESSION_COOKIE)
        assert cookie is not None
        sign_in(client, "admin", "hunter2hunter2")
        sign_in(client, "typed my passphrase here", "x")
        for token in (secret, wrong):
            client.get("/api/v1/status", headers={"Authorization": f"Bearer {token}"})
        client.post(
            "/api/v1/users",
            json={"name": "new", "password": "a-brand-new-secret"},
            headers={"Authorization": f"Bearer {secret}"},
        )
        client.post(
            "/api/v1/users",
            json={"name": "!", "password": "short-but-secret"},
            headers={"Authorization": f"Bearer {secret}"},
        )
        assert "signed in" in caplog.text
        assert "failed" in caplog.text
        kept = [user.password_hash for user in users.all()]
        for told in (PASSWORD, "hunter2", "passphrase", secret, wrong, "-secret", cookie.value, *kept):
            assert told not in caplog.text

    def test_errors_of_the_database_quote_no_values(self, users: Accounts, password_hash: str) -> None:
        from sqlalchemy.exc import IntegrityError

        from retrieval.catalog.models import Account

        with pytest.raises(IntegrityError) as caught, users._sessions.begin() as session:
            session.add(Account(name="x", key="admin", role="admin", password_hash=password_hash))
        assert password_hash not in str(caught.value)

    def test_records_do_not_show_them(self, users: Accounts) -> None:
        assert all(user.password_hash not in repr(user) for user in users.all())


class TestPasswords:
    def test_what_is_kept(self, password_hash: str) -> None:
        assert PASSWORD not in password_hash
        assert passwords.matches(PASSWORD, password_hash)
        assert not passwords.matches(PASSWORD + " ", password_hash)
        assert not passwords.matches(PASSWORD, None)
        assert passwords.hashed(PASSWORD) != password_hash

    def test_however_it_is_typed(self) -> None:
        assert passwords.matches("Cafe\u0301 Cafe\u0301 Cafe\u0301", passwords.hashed("Café Café Café"))

    @pytest.mark.parametrize("password", ["", "x" * (passwords.LEAST - 1), "x" * (passwords.MOST + 1)])
    def test_too_short_or_too_long(self, password: str) -> None:
        with pytest.raises(AccountError, match="characters"):
            passwords.hashed(password)


class TestWhatIsShown:
    @pytest.mark.parametrize(
        ("role", "may"),
        [("viewer", False), ("editor", True)],
    )
    def test_what_one_may_not_do_is_not_offered(
        self, client: FlaskClient, users: Accounts, role: str, may: bool
    ) -> None:
        sign_in(client, role)
        client.get("/")
        editor = token_of(users, "editor")
        taught = client.post("/api/v1/concepts", json={"name": "rex", "positive": [1]}, headers=editor)
        assert taught.status_code == 201
        for address, sign in (
            ("/photos/1", 'id="delete"'),
            ("/concepts", 'id="import"'),
            ("/concepts", 'data-do="delete"'),
            ("/concepts", "rename"),
            ("/discover", 'id="update"'),
            ("/", 'href="/upload"'),
        ):
            assert (sign in client.get(address).text) is may, (address, sign)
        assert ("data-looks-only" in client.get("/search").text) is not may


def test_uploads_by_role(client: FlaskClient, users: Accounts) -> None:
    content = encoded(drawing(("teal", "pink")))
    for role, call, status in (("viewer", "images", 403), ("editor", "images", 202), ("viewer", "queries", 201)):
        data = {"file": (io.BytesIO(content), "x.png")}
        answer = client.post(f"/api/v1/{call}", data=data, headers=token_of(users, role))
        assert answer.status_code == status, (role, call)


def test_the_document_names_the_schemes(client: FlaskClient, reader: FlaskClient, users: Accounts) -> None:
    closed = client.get("/api/v1/openapi.json", headers=token_of(users, "viewer")).get_json()
    assert closed["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert closed["security"] == [{"token": []}, {"session": []}]
    assert reader.get("/api/v1/openapi.json").get_json()["security"] == [{"token": []}, {"session": []}, {}]
