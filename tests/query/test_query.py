"""What can be asked, and what is refused before anything is looked up."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from retrieval.errors import QueryError
from retrieval.query.request import MAX_LIMIT, MAX_TEXT, Ref, SearchRequest

VALUES: dict[str, Any] = {
    "segment": 3,
    "image": 1,
    "query": 2,
    "point": (1.0, 2.0),
    "box": (0.0, 0.0, 4.0, 4.0),
    "polygon": ((0.0, 0.0), (9.0, 0.0), (4.0, 7.0)),
    "points": ((1.0, 2.0), (3.0, 3.0)),
    "mask": ((2, 2), "13"),
}
PLACES = ("point", "box", "polygon", "points", "mask")
VALID = {
    frozenset(("segment",)),
    frozenset(("query", "segment")),
    *(frozenset((photo,)) for photo in ("image", "query")),
    *(frozenset((photo, place)) for photo in ("image", "query") for place in PLACES),
}
ALL = [frozenset(name for name, given in zip(VALUES, mask, strict=True) if given) for mask in product((0, 1), repeat=8)]


@pytest.mark.parametrize("names", [pytest.param(each, id="+".join(sorted(each)) or "none") for each in ALL])
def test_a_reference_is_of_one_kind(names: frozenset[str]) -> None:
    given = {name: VALUES[name] for name in names}
    if names in VALID:
        assert Ref(**given).is_photo == (names in ({"image"}, {"query"}))
        return
    with pytest.raises(QueryError, match="a reference is one of"):
        Ref(**given)


def test_ids_of_zero_are_ids() -> None:
    assert not Ref(query=1, segment=0).is_photo
    assert Ref(image=0).is_photo


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
@pytest.mark.parametrize("name", ["segment", "image", "query"])
def test_an_id_that_no_database_holds_is_refused(name: str, number: int) -> None:
    with pytest.raises(QueryError, match="there is no id"):
        Ref(**{name: number})


@pytest.mark.parametrize("names", [pytest.param(each, id="+".join(sorted(each))) for each in sorted(VALID, key=sorted)])
@pytest.mark.parametrize("choice", [{"granularity": 0.5}, {"level": 1}, {"granularity": 0, "level": 0}])
def test_levels_and_granularity_are_of_points(names: frozenset[str], choice: dict[str, Any]) -> None:
    given = {name: VALUES[name] for name in names}
    if "point" in names:
        assert not Ref(**given, **choice).is_photo
        return
    with pytest.raises(QueryError, match="give a point, too"):
        Ref(**given, **choice)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"granularity": -0.1}, r"granularity is -0.1; it must be from 0 \(a part\) to 1 \(the whole\)"),
        ({"granularity": 1.01}, "granularity is 1.01"),
        ({"granularity": float("nan")}, "granularity is nan"),
        ({"level": -1}, "level is -1; the first is 0"),
    ],
)
def test_choices_out_of_range_are_refused(choice: dict[str, Any], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        Ref(image=1, point=(1, 1), **choice)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positive": (), "text": ""}, "the query is empty"),
        ({"positive": (), "text": " \n\t"}, "the query is empty"),
        ({"positive": (), "negative": (Ref(segment=1),)}, "the query is empty"),
        ({"limit": 0}, "limit is 0"),
        ({"limit": -1}, "limit is -1"),
        ({"limit": MAX_LIMIT + 1}, f"limit is {MAX_LIMIT + 1}; it must be from 1 to {MAX_LIMIT}"),
        ({"min_quality": -0.1}, "min_quality is -0.1; it must be from 0 to 1"),
        ({"min_quality": 1.5}, "min_quality is 1.5"),
        ({"min_quality": float("nan")}, "min_quality is nan"),
        ({"text": "x" * (MAX_TEXT + 1)}, f"at most {MAX_TEXT}"),
    ],
)
def test_what_cannot_be_searched_for(change: dict[str, Any], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        SearchRequest(**{"positive": (Ref(segment=1),), **change})


@pytest.mark.parametrize("limit", [1, MAX_LIMIT])
def test_limits_that_are_allowed(limit: int) -> None:
    assert SearchRequest(text="cat", limit=limit).limit == limit


def test_defaults() -> None:
    request = SearchRequest(positive=(Ref(segment=1),))
    assert (request.limit, request.group_by, request.text, request.negative) == (50, "image", "", ())
