"""The description of the API as a page, drawn by Swagger UI, whose files come with a package and not from elsewhere."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from flask import Blueprint, Response, render_template, send_file
from werkzeug import exceptions

PACKAGE = "flask_openapi3_swagger"

FILES = {"swagger-ui.css": "css/swagger-ui.css", "swagger-ui-bundle.js": "js/swagger-ui-bundle.js"}
"""What the page uses of the package."""

DAY = 24 * 3600

apidocs = Blueprint("apidocs", __name__, url_prefix="/api/v1/docs")


@apidocs.get("")
def page() -> str:
    """The page; it reads the OpenAPI document."""
    return render_template("apidocs.html", here="apidocs")


@apidocs.get("/<name>")
def file(name: str) -> Response:
    """A file of Swagger UI.

    Raises
    ------
    NotFound
        The page uses no such file.
    NotImplemented
        The package is not installed.
    """
    if name not in FILES:
        raise exceptions.NotFound(
            f"there is no file {name[:100]!r} here: the description of the API is at /api/v1/openapi.json"
        )
    try:
        folder = resources.files(PACKAGE)
    except ModuleNotFoundError as error:
        raise exceptions.NotImplemented(
            "the page needs the package flask-openapi3-swagger: install it with pip"
        ) from error
    return send_file(Path(str(folder)) / "templates/swagger" / FILES[name], max_age=DAY)
