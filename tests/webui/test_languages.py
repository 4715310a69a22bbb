"""Which language pages have, and the texts of scripts."""

from __future__ import annotations

import json
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webui.auth import passwords
from webui.context import WebContext
from webui.pages.languages import COOKIE
from webui.texts import gettext, ngettext, number

OWN = {"Origin": "http://localhost"}
GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}


def language_of(client: FlaskClient, **headers: str) -> str:
    page = client.get("/concepts", headers={name.replace("_", "-"): value for name, value in headers.items()})
    [found] = re.findall(r'<html lang="(\w+)">', page.text)
    assert ("Konzepte" in page.text) is (found == "de")
    return str(found)


def choose(client: FlaskClient, language: str, following: str = "/"):
    return client.post("/language", data={"language": language, "next": following}, headers=OWN)


class TestChoice:
    @pytest.mark.parametrize(
        ("accepted", "language"),
        [
            ("de", "de"),
            ("de-AT,en;q=0.5", "de"),
            ("en-GB,de;q=0.5", "en"),
            ("fr,de;q=0.5", "de"),
            ("fr", "en"),
            ("*", "en"),
            (";;x", "en"),
        ],
    )
    def test_is_what_the_browser_prefers(self, client: FlaskClient, accepted: str, language: str) -> None:
        assert language_of(client, Accept_Language=accepted) == language

    def test_of_the_visitor_comes_before_the_browsers(self, client: FlaskClient) -> None:
        answer = choose(client, "de", "/search?text=dog")
        assert (answer.status_code, answer.location) == (303, "/search?text=dog")
        assert "HttpOnly" in answer.headers["Set-Cookie"]
        assert language_of(client, Accept_Language="en") == "de"
        choose(client, "en")
        assert language_of(client, **{"Accept_Language": "de"}) == "en"

    @pytest.mark.parametrize("kept", ["fr", "", "../../etc", "de; x", "\u00e4"])
    def test_a_cookie_without_sense_is_ignored(self, client: FlaskClient, kept: str) -> None:
        client.set_cookie(COOKIE, kept)
        assert language_of(client, Accept_Language="de") == "de"

    @pytest.mark.parametrize("language", ["", "fr", "../de", "x" * 5000])
    def test_of_no_language_is_refused(self, client: FlaskClient, language: str) -> None:
        answer = choose(client, language)
        assert answer.status_code == 400
        assert "choose one of en, de" in answer.text
        assert "Set-Cookie" not in answer.headers

    @pytest.mark.parametrize("following", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere", ""])
    def test_leads_to_no_other_site(self, client: FlaskClient, following: str) -> None:
        assert choose(client, "de", following).location == "/"

    def test_is_not_made_by_another_site(self, client: FlaskClient) -> None:
        answer = client.post("/language", data={"language": "de"}, headers={"Origin": "https://elsewhere.example"})
        assert answer.status_code == 403

    def test_is_kept_with_the_account(self, app: Flask, parts: WebContext) -> None:
        parts.assembly.accounts.add("ada", "admin", passwords.hashed("correct horse battery"))
        signed_in = app.test_client()
        signed_in.post("/login", data={"name": "ada", "password": "correct horse battery"}, headers=OWN)
        choose(signed_in, "de")
        assert parts.assembly.accounts.named("ada").language == "de"
        elsewhere = app.test_client()
        elsewhere.set_cookie(COOKIE, "en")
        elsewhere.post("/login", data={"name": "ada", "password": "correct horse battery"}, headers=OWN)
        assert language_of(elsewhere, Accept_Language="en") == "de"

    def test_can_be_made_before_signing_in(self, app: Flask, parts: WebContext) -> None:
        parts.assembly.accounts.add("ada", "admin", passwords.hashed("correct horse battery"))
        client = app.test_client()
        choose(client, "de", "/login")
        assert "Anmelden" in client.get("/login").text
        wrong = client.post("/login", data={"name": "ada", "password": "wrong"}, headers=OWN)
        assert "Name oder Passwort ist falsch." in wrong.text


class TestAnswers:
    def test_pages_vary_by_what_decides_on_the_language(self, client: FlaskClient) -> None:
        assert {"Accept-Language", "Cookie"} <= set(client.get("/").vary)

    def test_errors_are_translated(self, client: FlaskClient) -> None:
        assert "Nicht gefunden" in client.get("/nothing", headers=GERMAN).text

    def test_the_api_is_english(self, client: FlaskClient, parts: WebContext) -> None:
        parts.ingest_queue.pause()
        told = [each["text"] for each in client.get("/api/v1/health", headers=GERMAN).json["findings"]]
        assert any(text.startswith("Ingest is paused; ") for text in told)
        assert "Das Einlesen ist angehalten; " in client.get("/health", headers=GERMAN).text
        problem = client.get("/api/v1/images/987654", headers=GERMAN).json
        assert problem["detail"] == client.get("/api/v1/images/987654").json["detail"]

    def test_numbers_and_texts_are_those_of_the_language(self, app: Flask) -> None:
        with app.test_request_context("/", headers=GERMAN):
            assert number(1234.5) == "1.234,5"
            assert ngettext("%(num)s photo deleted.", "%(num)s photos deleted.", 2) == "2 photos deleted."  # of scripts
            assert ngettext("%(num)s photo", "%(num)s photos", 1204) == "1.204 Fotos"
            assert ngettext("%(num)s photo", "%(num)s photos", 1) == "1 Foto"
        with app.test_request_context("/"):
            assert number(1234.5) == "1,234.5"
            assert ngettext("%(num)s photo", "%(num)s photos", 1204) == "1,204 photos"

    def test_without_a_request_texts_are_english(self) -> None:
        assert gettext("Photo %(id)s", id=3) == "Photo 3"


class TestScripts:
    def test_have_their_texts_in_the_language_of_the_page(self, client: FlaskClient) -> None:
        assert 'src="/messages/de.js?v=' in client.get("/", headers=GERMAN).text
        assert "/messages/" not in client.get("/").text

    def test_get_texts_by_english_ones_and_a_rule_of_plurals(self, client: FlaskClient) -> None:
        answer = client.get("/messages/de.js")
        assert answer.mimetype == "text/javascript"
        [told, rule] = re.fullmatch(r"globalThis\.messages=\{texts:(.*),plural:(.*)\};\n", answer.text).groups()
        texts = json.loads(told)
        assert texts["Searching…"] == "Suche läuft…"
        assert texts["%(num)s result"] == ["%(num)s Treffer", "%(num)s Treffer"]
        assert texts["verb\x04Name"] == "Benennen"
        assert rule == "(n)=>Number((n != 1))"

    def test_are_kept_by_browsers_until_they_change(self, client: FlaskClient) -> None:
        answer = client.get("/messages/de.js")
        assert answer.cache_control.no_cache
        again = client.get("/messages/de.js", headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")

    @pytest.mark.parametrize("language", ["en", "fr", "..%2fde", "de.js", "x" * 300])
    def test_of_no_language_are_not_found(self, client: FlaskClient, language: str) -> None:
        assert client.get(f"/messages/{language}.js").status_code == 404
