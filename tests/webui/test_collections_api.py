"""Collections: what is in one is found in it and nowhere else, and only by those who may see it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from installation import Library, drawing, encoded

from retrieval.assembly import Assembly
from retrieval.catalog import CollectionRecord, ImageRepository
from retrieval.catalog.accounts import Accounts
from retrieval.errors import CatalogError
from webui.context import EXTENSION

Caller = Callable[..., Any]

OWN = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def anna(client: FlaskClient, two_users: Accounts) -> Caller:
    """Sends requests as anna."""
    return caller(client, two_users, "anna")


@pytest.fixture
def ben(client: FlaskClient, two_users: Accounts) -> Caller:
    """Sends requests as ben."""
    return caller(client, two_users, "ben")


@pytest.fixture
def admin(client: FlaskClient, two_users: Accounts) -> Caller:
    """Sends requests as the admin."""
    return caller(client, two_users, "admin")


@pytest.fixture
def two_users(library: Library, password_hash: str) -> Accounts:
    """An admin and two editors."""
    accounts = library.assembly.accounts
    for name, role in (("admin", "admin"), ("anna", "editor"), ("ben", "editor")):
        accounts.add(name, role, password_hash)
    return accounts


def caller(client: FlaskClient, accounts: Accounts, user: str) -> Caller:
    """Sends requests with a token of a user; returns the answer."""
    headers = {"Authorization": f"Bearer {accounts.add_token(user, 'test')[1]}"}

    def call(method: str, address: str, json: object = None) -> Any:
        body = {} if json is None and method == "POST" else json
        return client.open(address, method=method, headers=headers, json=body)

    return call


def made(call: Caller, name: str) -> int:
    """Make a collection; returns its id."""
    answer = call("POST", "/api/v1/collections", {"name": name})
    assert answer.status_code == 201, answer.text
    return int(answer.json["id"])


def fill(library: Library, number: int, *palettes: tuple[str, str]) -> Library:
    """Enter drawings in a collection."""
    record = library.assembly.collections.get(number)
    inside = Library(library.assembly.of_collection(record), library.photos)
    for at, colors in enumerate(palettes):
        inside.add(f"collection{number}-{at}.png", encoded(drawing(colors)))
    return inside


class TestOwners:
    def test_a_collection_is_its_owners_alone(self, anna: Caller, ben: Caller, admin: Caller, library: Library) -> None:
        number = made(anna, "Holiday in Rome")
        fill(library, number, ("teal", "pink"))
        listed = anna("GET", "/api/v1/collections").json["collections"]
        assert [(each["name"], each["owner"], each["role"], each["photos"], each["address"]) for each in listed] == [
            ("Holiday in Rome", "anna", "owner", 1, f"/c/{number}")
        ]
        for other in (ben, admin):
            assert other("GET", "/api/v1/collections").json == {"collections": []}
            assert other("GET", f"/c/{number}/api/v1/images").status_code == 404
        assert [each["id"] for each in anna("GET", f"/c/{number}/api/v1/images").json["items"]] == [1]

    def test_what_is_in_it_is_not_in_the_installation(self, anna: Caller, library: Library) -> None:
        number = made(anna, "Rome")
        fill(library, number, ("teal", "pink"))
        assert anna("GET", f"/c/{number}/api/v1/status").json["segments"] == 25
        assert anna("GET", "/api/v1/status").json["segments"] == 100
        found = anna("POST", f"/c/{number}/api/v1/search", {"positive": [{"segment": 1}], "group_by": "segment"})
        assert found.status_code == 200
        assert anna("GET", f"/c/{number}/api/v1/images/4").status_code == 404
        assert anna("GET", "/api/v1/images/4").status_code == 200

    def test_unknown_and_foreign_ones_are_answered_alike(self, anna: Caller, ben: Caller, library: Library) -> None:
        number = made(anna, "Rome")
        paths = ("", "/photos/1", "/api/v1/images/1", "/api/v1/images/1/thumbnail", "/api/v1/status", "/nothing")
        for path in paths:
            foreign, unknown = ben("GET", f"/c/{number}{path}"), ben("GET", f"/c/999{path}")
            assert foreign.status_code == unknown.status_code == 404
            assert plain(foreign.text) == plain(unknown.text)
        for method, path in (("PATCH", ""), ("DELETE", ""), ("POST", "/restore"), ("DELETE", "/members/ben")):
            body = {"name": "mine"} if method == "PATCH" else None
            answers = [ben(method, f"/api/v1/collections/{each}{path}", body) for each in (number, 999)]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert plain(answers[0].text) == plain(answers[1].text)

    def test_names_are_each_owners_own(self, anna: Caller, ben: Caller) -> None:
        made(anna, "Rome")
        made(ben, "Rome")
        again = anna("POST", "/api/v1/collections", {"name": " rome "})
        assert again.status_code == 422
        assert "there is already a collection 'rome'" in again.json["detail"]


class TestSharing:
    def test_viewers_look_and_editors_change(self, anna: Caller, ben: Caller, library: Library) -> None:
        number = made(anna, "Rome")
        fill(library, number, ("teal", "pink"))
        inside, members = f"/c/{number}/api/v1", f"/api/v1/collections/{number}/members"
        assert anna("POST", members, {"user": "ben"}).json["members"] == [{"user": "ben", "role": "viewer"}]
        assert ben("GET", f"{inside}/images/1").status_code == 200
        assert ben("DELETE", f"{inside}/images/1").status_code == 403
        assert ben("GET", "/api/v1/collections").json["collections"][0]["members"] == []
        assert ben("PATCH", f"/api/v1/collections/{number}", {"name": "mine"}).status_code == 403
        anna("POST", members, {"user": "ben", "role": "editor"})
        assert ben("DELETE", f"{inside}/images/1").status_code == 204
        refused = ben("POST", f"{inside}/recipes/resegment", {"recipe": "grid"})
        assert (refused.status_code, refused.json["detail"]) == (
            403,
            "this is for the owner of the collection: ask anna",
        )
        assert f'href="/c/{number}/recipes"' not in ben("GET", f"/c/{number}/").text
        assert f'href="/c/{number}/recipes"' in anna("GET", f"/c/{number}/").text
        listed = anna("GET", f"{inside}/recipes").json["recipes"]
        assert f"--collection {number} worker" in next(each["command"] for each in listed if not each["is_current"])
        anna("DELETE", f"{members}/ben")
        assert ben("GET", f"{inside}/images").status_code == 404

    def test_a_former_owner_keeps_nothing(self, anna: Caller, ben: Caller, admin: Caller, library: Library) -> None:
        number = made(anna, "Rome")
        anna("POST", f"/api/v1/collections/{number}/members", {"user": "admin"})
        assert anna("PATCH", f"/api/v1/collections/{number}", {"owner": "ben"}).status_code == 422
        library.assembly.collections.change(number, owner="ben")
        for former in (anna, admin):
            assert former("GET", f"/c/{number}/api/v1/images").status_code == 404
        assert ben("GET", f"/c/{number}/api/v1/images").status_code == 200

    def test_browsers_ask_before_they_show_a_copy(self, anna: Caller, ben: Caller, library: Library) -> None:
        number = made(anna, "Rome")
        fill(library, number, ("teal", "pink"))
        assert "no-cache" in anna("GET", f"/c/{number}/api/v1/images/1/thumbnail").headers["Cache-Control"]
        assert "no-cache" not in anna("GET", "/api/v1/images/1/thumbnail").headers["Cache-Control"]

    def test_events_end_when_sharing_does(self, anna: Caller, ben: Caller, app: Flask) -> None:
        number = made(anna, "Rome")
        anna("POST", f"/api/v1/collections/{number}/members", {"user": "ben"})
        events = ben("GET", f"/c/{number}/api/v1/events").response
        assert b"status" in b"".join(next(iter(events)) for _ in range(2))
        anna("DELETE", f"/api/v1/collections/{number}/members/ben")
        assert list(events) == []

    @pytest.mark.parametrize(
        ("user", "status", "words"),
        [("nobody", 404, "there is no user 'nobody'"), ("anna", 422, "anna owns this collection")],
    )
    def test_with_whom_it_cannot_be(self, anna: Caller, user: str, status: int, words: str) -> None:
        answer = anna("POST", f"/api/v1/collections/{made(anna, 'Rome')}/members", {"user": user})
        assert answer.status_code == status
        assert words in answer.json["detail"]

    def test_owners_cannot_be_removed(self, anna: Caller, admin: Caller) -> None:
        made(anna, "Rome")
        answer = admin("DELETE", "/api/v1/users/anna")
        assert answer.status_code == 422
        assert "anna owns 1 collection: give them to others first" in answer.json["detail"]


class TestDeleting:
    def test_it_can_be_restored(self, anna: Caller, ben: Caller, library: Library) -> None:
        number = made(anna, "Rome")
        fill(library, number, ("teal", "pink"))
        anna("POST", f"/api/v1/collections/{number}/members", {"user": "ben"})
        assert anna("DELETE", f"/api/v1/collections/{number}").status_code == 204
        assert anna("GET", f"/c/{number}/api/v1/images").status_code == 404
        assert anna("GET", "/api/v1/collections").json == {"collections": []}
        assert [each["id"] for each in anna("GET", "/api/v1/collections?deleted=true").json["collections"]] == [number]
        assert ben("GET", "/api/v1/collections?deleted=true").json == {"collections": []}
        assert ben("POST", f"/api/v1/collections/{number}/restore").status_code == 403
        assert anna("POST", f"/api/v1/collections/{number}/restore").status_code == 200
        assert len(ben("GET", f"/c/{number}/api/v1/images").json["items"]) == 1

    def test_one_that_was_restored_is_not_erased(self, anna: Caller, library: Library) -> None:
        number = made(anna, "Rome")
        inside = fill(library, number, ("teal", "pink"))
        anna("DELETE", f"/api/v1/collections/{number}")
        anna("POST", f"/api/v1/collections/{number}/restore")
        library.assembly.erase_collection(number)
        assert inside.assembly.settings.data_dir.exists()
        assert anna("GET", f"/c/{number}/api/v1/images/1").status_code == 200

    def test_one_that_is_deleted_elsewhere_is_let_go(self, anna: Caller, library: Library, app: Flask) -> None:
        number = made(anna, "Rome")
        anna("GET", f"/c/{number}/")
        contexts = app.extensions[EXTENSION]
        assert len(contexts.opened()) == 2
        contexts.close_gone()
        assert len(contexts.opened()) == 2
        library.assembly.collections.delete(number)
        contexts.close_gone()
        assert len(contexts.opened()) == 1

    def test_one_that_cannot_be_opened_can_be_deleted(self, anna: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
        number = made(anna, "Rome")

        def fail(_: object) -> None:
            raise CatalogError("the catalogue is damaged")

        monkeypatch.setattr(ImageRepository, "counts", fail)
        assert anna("GET", "/api/v1/collections").json["collections"][0]["photos"] is None
        assert anna("DELETE", f"/api/v1/collections/{number}").status_code == 204

    def test_it_is_erased_with_its_files(self, anna: Caller, library: Library) -> None:
        number = made(anna, "Rome")
        inside = fill(library, number, ("teal", "pink"))
        folder = inside.assembly.settings.data_dir
        library.assembly.erase_collection(number)
        assert folder.exists()
        anna("DELETE", f"/api/v1/collections/{number}")
        library.assembly.erase_collection(number)
        assert not folder.exists()
        assert anna("POST", f"/api/v1/collections/{number}/restore").status_code == 404
        assert made(anna, "Rome") != number


def test_without_users_all_are_everybodys(client: FlaskClient, library: Library) -> None:
    number = client.post("/api/v1/collections", json={"name": "Rome"}, headers=OWN).json["id"]
    assert client.get(f"/c/{number}/api/v1/images").json["items"] == []
    assert client.get(f"/c/{number}/").status_code == 200
    assert client.get("/c/999/").status_code == 404


def test_a_recipe_is_the_admins_choice(anna: Caller, admin: Caller) -> None:
    body = {"name": "Rome", "recipe": "lite-crops"}
    assert anna("POST", "/api/v1/collections", body).status_code == 403
    assert admin("POST", "/api/v1/collections", body).json["recipe"] == "lite-crops"
    wrong = admin("POST", "/api/v1/collections", {"name": "Paris", "recipe": "nothing"})
    assert wrong.status_code == 422
    assert "nothing" in wrong.json["detail"]


def test_pages_stay_in_the_collection(anna: Caller, library: Library) -> None:
    number = made(anna, "Rome")
    fill(library, number, ("teal", "pink"))
    page = anna("GET", f"/c/{number}/").text
    assert f'href="/c/{number}/photos/1"' in page
    assert f'src="/c/{number}/api/v1/images/1/thumbnail"' in page
    assert f'data-base="/c/{number}"' in page
    assert 'src="/bundles/library.js?v=' in page
    assert 'href="/account"' in page
    assert anna("GET", f"/c/{number}/account").status_code == 404


@pytest.mark.parametrize("path", ["/c/0/", "/c/01/", "/c/x/", "/c/", "/c/99999999999999999999/", "/c/1x/"])
def test_paths_that_name_no_collection(anna: Caller, path: str) -> None:
    assert anna("GET", path).status_code == 404


def plain(text: str) -> str:
    """An answer without what tells one request from another."""
    return re.sub(r"[0-9a-f]{32}|/c/\d+", "", text)


class TestSearchingSeveral:
    @pytest.fixture
    def two(self, anna: Caller, ben: Caller, library: Library) -> tuple[int, int]:
        """A collection of anna's with two photos, and one of ben's with one."""
        rome, paris = made(anna, "Rome"), made(ben, "Paris")
        fill(library, rome, ("red", "blue"), ("teal", "pink"))
        fill(library, paris, ("red", "blue"))
        return rome, paris

    def test_an_example_is_found_in_all_that_one_may_see(self, anna: Caller, two: tuple[int, int]) -> None:
        rome, _ = two
        example = {"positive": [{"image": 1, "point": [10, 10]}], "limit": 20, "masks": "rle"}
        answer = anna("POST", "/api/v1/search", {**example, "collections": "all"}).json
        assert [(each["id"], each["name"], each["address"]) for each in answer["collections"]] == [
            (0, None, ""),
            (rome, "Rome", f"/c/{rome}"),
        ]
        found = [(each["collection"], each["image_id"]) for each in answer["results"]]
        assert found[0] == (rome, 1)
        assert sorted(found) == [(0, 2), (0, 3), (0, 4), (rome, 1), (rome, 2)]
        assert answer["index"]["segments"] == 150
        assert all(each["mask"] for each in answer["results"])

    def test_scores_are_those_of_each_collection(self, anna: Caller, two: tuple[int, int]) -> None:
        rome, _ = two
        example = {"positive": [{"image": 2, "point": [10, 10]}], "limit": 20}
        own = anna("POST", "/api/v1/search", example).json["results"]
        together = anna("POST", "/api/v1/search", {**example, "collections": [0, rome]}).json["results"]
        here = [{**each, "likely": None} for each in together if each.pop("collection") == 0]
        assert here == [{**each, "likely": None} for each in own]
        scores = [each["score"] for each in together]
        assert scores == sorted(scores, reverse=True)

    def test_another_one_can_be_searched_alone(self, anna: Caller, two: tuple[int, int]) -> None:
        rome, _ = two
        asked = {"positive": [{"image": 1, "point": [10, 10]}], "collections": [rome]}
        found = anna("POST", "/api/v1/search", asked).json["results"]
        assert {each["collection"] for each in found} == {rome}
        inside = anna("POST", f"/c/{rome}/api/v1/search", {**asked, "collections": [0]}).json["results"]
        assert {each["collection"] for each in inside} == {0}

    def test_foreign_and_unknown_ones_are_refused_alike(self, anna: Caller, two: tuple[int, int]) -> None:
        _, paris = two
        asked = {"positive": [{"segment": 1}]}
        foreign, unknown = (anna("POST", "/api/v1/search", {**asked, "collections": [0, n]}) for n in (paris, 999))
        assert foreign.status_code == unknown.status_code == 404
        assert plain(foreign.text) == plain(unknown.text)

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ({"collections": []}, "0 collections cannot be searched at once"),
            ({"collections": list(range(60))}, "60 collections cannot be searched at once"),
            ({"collections": "all", "match": "same"}, "the very object is looked for in one collection"),
            ({"collections": "all", "filters": {"concept": 1}}, "a concept is of one collection"),
            ({"collections": "mine"}, "collections"),
        ],
    )
    def test_what_cannot_be_asked(self, anna: Caller, more: dict[str, object], words: str) -> None:
        answer = anna("POST", "/api/v1/search", {"positive": [{"segment": 1}], **more})
        assert answer.status_code == 422
        assert words in answer.text

    def test_a_collection_of_another_recipe_is_named(
        self, anna: Caller, admin: Caller, library: Library, two: tuple[int, int]
    ) -> None:
        other = admin("POST", "/api/v1/collections", {"name": "Oslo", "recipe": "lite-crops"}).json["id"]
        admin("POST", f"/api/v1/collections/{other}/members", {"user": "anna"})
        asked = {"positive": [{"segment": 1}], "collections": [0, other]}
        answer = anna("POST", "/api/v1/search", asked).json
        assert [each["left_out"] for each in answer["collections"]] == [
            None,
            "it is analysed by another recipe, so nothing in it can be compared with the example",
        ]

    def test_what_cannot_be_opened_is_left_out(
        self, anna: Caller, library: Library, two: tuple[int, int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rome, _ = two
        fail = CatalogError("the catalogue is damaged")

        def of_collection(_: Assembly, record: CollectionRecord) -> Assembly:
            raise fail

        monkeypatch.setattr(Assembly, "of_collection", of_collection)
        asked = {"positive": [{"segment": 1}]}
        answer = anna("POST", "/api/v1/search", {**asked, "collections": "all"}).json
        assert [(each["id"], each["left_out"]) for each in answer["collections"]] == [
            (0, None),
            (rome, "it cannot be opened now"),
        ]
        assert anna("POST", "/api/v1/search", {**asked, "collections": [0, rome]}).status_code == 500

    def test_words_are_each_collections_own(self, anna: Caller, library: Library, two: tuple[int, int]) -> None:
        rome, _ = two
        made = anna("POST", f"/c/{rome}/api/v1/concepts", {"name": "zeppelin", "positive": [1]})
        assert made.status_code == 201
        inside = anna("POST", f"/c/{rome}/api/v1/search", {"text": "zeppelin"}).json
        assert inside["words"]["understood"][0]["concept"] == made.json["id"]
        outside = anna("POST", "/api/v1/search", {"text": "zeppelin"}).json
        assert "concept" not in outside["words"]["understood"][0]
        assert anna("GET", "/api/v1/words?prefix=zepp").json["words"] == []


def test_commands_on_pages_are_for_the_collection(anna: Caller) -> None:
    number = made(anna, "Rome")
    assert f"--collection {number} ingest ~/Pictures" in anna("GET", f"/c/{number}/").text
    assert "--collection" not in anna("GET", "/upload").text
