"""Says in answers that what was used is deprecated, and how long it stays.

References
----------
Dalal and Wilde, "The Deprecation HTTP Response Header Field", RFC 9745, 2025; Wilde, "The Sunset HTTP Header Field",
RFC 8594, 2019.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from functools import wraps
from typing import Any

from flask import Response
from werkzeug.http import http_date

POLICY = "/api/v1/docs"

View = Callable[..., Response]


def deprecated(*, since: date, sunset: date, when: Callable[..., bool] = lambda **_: True) -> Callable[[View], View]:
    """A decorator for views that adds the headers ``Deprecation``, ``Sunset`` and ``Link``.

    Parameters
    ----------
    since : date
        From when on it is deprecated.
    sunset : date
        From when on it may be gone.
    when : callable
        Takes the arguments of the view, and tells whether a request uses what is deprecated; the call as a whole is, if
        left out.

    Raises
    ------
    ValueError
        It would be gone before it is deprecated.
    """
    if sunset <= since:
        raise ValueError(f"the sunset {sunset} is not after {since}")
    moments = [datetime.combine(day, time(), UTC) for day in (since, sunset)]
    headers = {
        "Deprecation": f"@{moments[0].timestamp():.0f}",
        "Sunset": http_date(moments[1]),
        "Link": f'<{POLICY}>; rel="deprecation"; type="text/html"',
    }

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(**given: Any) -> Response:
            response = view(**given)
            if when(**given):
                response.headers.update(headers)
            return response

        return answer

    return decorate


def _has_boolean_masks(**given: Any) -> bool:
    asked = given.get("body") or given.get("query")
    return any(isinstance(each.masks, bool) for each in getattr(asked, "searches", None) or [asked])


boolean_masks = deprecated(since=date(2026, 11, 28), sunset=date(2027, 11, 28), when=_has_boolean_masks)
"""`masks` was a boolean before it was a format."""
