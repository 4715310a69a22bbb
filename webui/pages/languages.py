"""The language of the pages, and their texts for scripts. The API answers in English."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from babel.core import negotiate_locale
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from flask import Blueprint, Flask, Response, g, make_response, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import Babel, get_locale
from werkzeug import exceptions

from ..auth.login import identified, is_own_path
from ..context import installation
from ..serving.assets import Asset, sent

LANGUAGES: Mapping[str, str] = {"en": "English", "de": "Deutsch"}
"""The languages of pages, each by its own name. Texts in the code are in the first one."""

COOKIE, YEAR = "lang", 365 * 24 * 3600
TRANSLATIONS = Path(__file__).parents[1] / "translations"

languages = Blueprint("languages", __name__)


def translate(app: Flask) -> None:
    """Have the pages of `app` speak the visitor's language."""
    Babel(app, default_translation_directories=str(TRANSLATIONS), locale_selector=language)
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.context_processor(lambda: {"language": str(get_locale()), "languages": LANGUAGES})
    app.register_blueprint(languages)

    @app.url_defaults
    def name_digest(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "languages.messages":
            values["v"] = _script(values["code"]).digest

    @app.after_request
    def depend_on_visitor(response: Response) -> Response:
        if response.mimetype == "text/html":
            response.vary.update(("Accept-Language", "Cookie"))
        return response


def language() -> str:
    """The language of an answer: that of the account, of the cookie, or the one that the browser prefers.

    Returns
    -------
    str
        A key of `LANGUAGES`; English for the API.
    """
    english = next(iter(LANGUAGES))
    if (request.blueprint or "").startswith("api_"):
        return english
    visitor = g.get("visitor")
    for chosen in (visitor and visitor.language, request.cookies.get(COOKIE)):
        if chosen in LANGUAGES:
            return str(chosen)
    return negotiate_locale(request.accept_languages.values(), LANGUAGES, sep="-") or english


@languages.post("/language")
def choose() -> ResponseReturnValue:
    """Keep the choice of a language, in the browser and with the visitor's account.

    Raises
    ------
    BadRequest
        There is no such language.
    """
    chosen, following = request.form.get("language", ""), request.form.get("next", "/")
    if chosen not in LANGUAGES:
        raise exceptions.BadRequest(f"there is no language {chosen[:20]!r} here: choose one of {', '.join(LANGUAGES)}")
    visitor = identified()
    if visitor is not None and visitor.name:
        installation().accounts.choose_language(visitor.name, chosen)
    answer = make_response(redirect(following if is_own_path(following) else "/", 303))
    answer.set_cookie(COOKIE, chosen, max_age=YEAR, secure=request.is_secure, httponly=True, samesite="Lax")
    return answer


@languages.get("/messages/<code>.js")
def messages(code: str) -> Response:
    """The texts of scripts in a language, as a script.

    Raises
    ------
    NotFound
        There is no catalogue of that language.
    """
    if code not in LANGUAGES or not _catalogue(code).exists():
        raise exceptions.NotFound(f"there are no texts in {code[:20]!r}: choose one of {', '.join(LANGUAGES)}")
    return sent(_script(code))


def _catalogue(code: str) -> Path:
    return TRANSLATIONS / code / "LC_MESSAGES" / "scripts.po"


@cache
def _script(code: str) -> Asset:
    """The catalogue of scripts: translations by text, or by context and text, and the rule that chooses a plural."""
    with _catalogue(code).open("rb") as file:
        catalogue = read_po(file, locale=code)
    texts = {_key(each): each.string for each in catalogue if each.id and each.string}
    told = json.dumps(texts, ensure_ascii=False, separators=(",", ":"))
    script = f"globalThis.messages={{texts:{told},plural:(n)=>Number({catalogue.plural_expr})}};\n"
    return Asset.of(script.encode(), f"{code}.js")


def _key(message: Message) -> str:
    text = message.id if isinstance(message.id, str) else message.id[0]
    return f"{message.context}\4{text}" if message.context else text
