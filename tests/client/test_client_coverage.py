"""The client has every call of the API, or there is a reason why not."""

from __future__ import annotations

import pytest

from segsearch.client import calls, collection_values, exports, library_values, search_values, values
from segsearch.client.collections import Collections
from segsearch.client.duplicates import Duplicates
from segsearch.client.exports import Exports
from segsearch.client.installation import Installation, Timeline
from segsearch.client.naming import Clusters, Concepts
from segsearch.client.photos import Photos, QueryPhotos, Segments
from segsearch.client.searching import Feedback, Searches

GROUPS = (
    *(Photos, Segments, QueryPhotos, Searches, Feedback, Concepts, Clusters, Duplicates, Timeline, Installation),
    Exports,
    Collections,
)
DESCRIBED = [each for group in GROUPS for each in vars(group).values() if isinstance(each, calls.Described)]

LEFT_OUT = {
    "POST /trash/delete": "it cannot be undone: the page Trash asks first",
    "POST /trash/empty": "it cannot be undone: the page Trash asks first",
    "GET /events": "for pages; programs ask for the status",
    "GET /openapi.json": "for tools that make clients",
    "GET /images/{image_id}/recipes": "people look at both and choose: the page of the photo",
    "POST /images/{image_id}/segmentation/preview": "people look at both and choose: the page of the photo",
    "POST /images/{image_id}/segmentation": "people look at both and choose: the page of the photo",
    "GET /recipes": "for who operates the server: the page Recipes",
    "POST /recipes/resegment": "for who operates the server: the page Recipes",
    "POST /account/password": "people change their passwords",
    "GET /account/tokens": "people make tokens",
    "POST /account/tokens": "people make tokens",
    "DELETE /account/tokens/{token_id}": "people make tokens",
    "GET /users": "for who operates the server: the page Users",
    "POST /users": "for who operates the server: the page Users",
    "PATCH /users/{user}": "for who operates the server: the page Users",
    "DELETE /users/{user}": "for who operates the server: the page Users",
    "GET /tokens": "for who operates the server: the page Users",
    "POST /tokens": "for who operates the server: the page Users",
    "DELETE /tokens/{token_id}": "for who operates the server: the page Users",
}

VALUES = {
    kind.__name__: kind
    for module in (values, search_values, library_values, collection_values, exports)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, values.Value) and kind.__module__ == module.__name__
}
OTHER_NAMES = {
    "Photo": "Item",
    "PhotoWithSegments": "ItemWithSegments",
    "Folder": "FolderTag",
    "FoundPhotos": "FoundImages",
    "Mask": None,  # one value for run lengths and for polygons
    "NamedCount": None,  # the server has two schemas of one name
    "Value": None,
}


@pytest.fixture
def document(served) -> dict:
    """The API as the server describes it."""
    import httpx

    found: dict = httpx.get(f"{served.url}/api/v1/openapi.json").json()
    return found


@pytest.mark.slow
def test_every_route_is_covered_or_left_out_for_a_reason(document) -> None:
    routes = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in document["paths"].items()
        for method in methods
    }
    covered = {f"{each.method} {each.route}" for each in DESCRIBED}
    assert covered <= routes, "the server has no such route"
    assert not covered & LEFT_OUT.keys()
    assert routes == covered | LEFT_OUT.keys(), "add the call to the client, or to LEFT_OUT with the reason"


@pytest.mark.slow
def test_query_parameters_are_those_of_the_server(document) -> None:
    asked = [
        (Photos.all, {"state": "indexed", "max_quality": 0.5}),
        (Photos.export, {"photos": [1], "segments": [1], "concept": 1, "text": "a", "like": 1, "limit": 1}),
        (Photos.download, {"image_ids": [1]}),
        (Photos.levels, {"image_id": 1, "x": 1, "y": 1, "granularity": 0.5}),
        (Segments.mask, {"segment_id": 1}),
        (Searches.words, {"prefix": "a"}),
        (Feedback.get, {"feedback_id": 1, "round": 1}),
        (Feedback.undo, {"feedback_id": 1}),
        (Concepts.photos, {"concept_id": 1}),
        (Concepts.folders, {}),
        (Clusters.all, {}),
        (Duplicates.all, {"min_likeness": 0.9}),
        (Timeline.photos, {"month": "2024-01"}),
        (Timeline.ids, {}),
        (Timeline.around, {"image_id": 1}),
    ]
    for described, arguments in asked:
        call = described.call(**arguments)
        told = document["paths"][f"/api/v1{described.route}"][described.method.lower()]["parameters"]
        assert call.parameters().keys() <= {each["name"] for each in told if each.get("in") == "query"}, described.route


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in VALUES if OTHER_NAMES.get(name, name)])
def test_values_have_the_fields_of_the_server(name: str, document) -> None:
    schemas = document["components"]["schemas"]
    schema = schemas[OTHER_NAMES.get(name, name)]
    own = {"is_new"} if name == "Entered" else set()
    assert VALUES[name].model_fields.keys() - own == schema["properties"].keys()
    required = {field for field, each in VALUES[name].model_fields.items() if each.is_required()}
    assert required <= set(schema.get("required", ())), "the server may leave it out"


def test_fields_of_a_newer_server_are_ignored() -> None:
    found = values.CountedTag.model_validate({"name": "a", "photos": 1, "colour": "red"})
    assert (found.name, found.photos) == ("a", 1)
