"""The first answer of a page of results, which comes with the page.

Its script need not ask for it, and the browser fetches the first photos while the script is still on its way. Only what
is asked for most is answered so: words, or one segment, with nothing else in the address. The script asks for
everything else, and also where there is no answer here because the server is busy or the search fails: it can wait, and
says what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import TooManyRequests

from retrieval.errors import RetrievalError

from ..api import answers
from ..api.masks import MaskWriter
from ..api.search_schemas import Search
from ..auth.limiting import count
from ..context import context
from ..serving.admission import at_once
from ..serving.metrics import observe_search

ENDPOINT = "api_search.find"
"""What limits these searches, as it limits those of scripts."""

URGENT = 4
"""So many photos are fetched before all else; ``static/js/results.js`` has the same."""


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """An answer, and what is to be fetched for it.

    Attributes
    ----------
    body : dict
        As `POST /search` answers it.
    photos : sequence of int
        Ids of the photos that are shown first.
    """

    body: Mapping[str, Any]
    photos: Sequence[int]


def request_of(arguments: MultiDict[str, str]) -> Mapping[str, Any] | None:
    """The body of `POST /search` that an address stands for, the same as ``static/js/refs.js`` makes.

    Parameters
    ----------
    arguments : MultiDict
        Of the page's address.

    Returns
    -------
    dict or None
        None where the address says more than words or one segment, or nothing.
    """
    if len(list(arguments.items(multi=True))) != 1:
        return None
    common = {"negative": [], "limit": 50, "group_by": "image", "min_quality": 0, "filters": {}, "masks": "rle"}
    text, segment = arguments.get("text"), arguments.get("segment", "")
    if text:
        return {**common, "positive": [], "text": text, "relations": [], "fold_duplicates": True}
    if segment.isascii() and segment.isdecimal() and len(segment) <= 15:
        return {**common, "positive": [{"segment": int(segment)}], "text": "", "fold_duplicates": True}
    return None


def first_answer(arguments: MultiDict[str, str]) -> FirstAnswer | None:
    """The answer to what the address asks for; None if the script is to ask for it."""
    asked = request_of(arguments)
    if asked is None:
        return None
    parts = context()
    try:
        body = Search.model_validate(asked)
        with at_once("search") as is_free:
            if not is_free:
                return None
            count(ENDPOINT)
            answer = parts.engine.search(body.to_request())
    except (ValidationError, RetrievalError, TooManyRequests):
        return None
    observe_search(answer)
    made = answers.search_answer(body, answer, MaskWriter(parts, body.mask_format, body.mask_frame))
    found = made.model_dump(exclude_unset=True)
    shown = sorted(found["results"], key=lambda result: not result["likely"])  # as `inOrder` of line.js
    return FirstAnswer(found, list(dict.fromkeys(result["image_id"] for result in shown))[:URGENT])
