"""Texts in the language of an answer, by Flask-Babel; English outside of a request.

Texts are plain strings in the calls, so that Babel finds them; what varies in them is ``%(name)s``.
"""

from __future__ import annotations

import flask_babel

__all__ = ["gettext", "lazy_gettext", "ngettext", "number"]


def gettext(text: str, **values: object) -> str:
    """A text, with `values` in it."""
    return str(flask_babel.gettext(text, **values))


def ngettext(one: str, many: str, count: int, **values: object) -> str:
    """A text about a number of things, which is ``%(num)s`` in it."""
    text = str(flask_babel.get_translations().ungettext(one, many, count))
    return text % {"num": number(count), **values}


def lazy_gettext(text: str, **values: object) -> object:
    """A text that is looked up whenever it is shown."""
    lazy: object = flask_babel.lazy_gettext(text, **values)
    return lazy


def number(value: float, pattern: str | None = None) -> str:
    """A number as it is written in the language: "1,234.5" or "1.234,5".

    Parameters
    ----------
    value : float
    pattern : str or None
        Of CLDR, such as ``0.00`` for two decimals.
    """
    return str(flask_babel.format_decimal(value, format=pattern))
