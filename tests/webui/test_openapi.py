"""The API keeps to its own description: schemathesis calls every operation, rightly and wrongly."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from installation import PALETTES, Library, drawing, encoded
from schemathesis import GenerationMode

from retrieval.analysis.local import LocalAnalyzer
from retrieval.images.decoder_pool import DecoderPool
from webui import create_app
from webui.api import BLUEPRINTS
from webui.context import EXTENSION

EXAMPLES = 15
SMALL = (64, 48)
PICTURES = [encoded(drawing(colors, SMALL), kind) for colors in PALETTES for kind in ("PNG", "JPEG", "GIF")]
CONFIG = schemathesis.Config.from_dict(
    {
        # 409 and 422: a key whose request is being answered, or that came with another request before; a text can be longer
        # than any request may be
        "checks": {
            "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "409", "422"]},
            "negative_data_rejection": {"expected-statuses": ["4xx"]},
        },
        "operations": [
            {
                # an object without entries, where a text is due, is sent as an empty text, which stands for none
                "include-path-regex": "/timeline",
                "checks": {
                    "positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "422"]},
                    "negative_data_rejection": {"expected-statuses": ["200", "4xx"]},
                },
            },
            {
                # rounds and clusters can be asked for that there are not, and segments judged that are not there; 1.0 is no id
                "include-path-regex": "/feedback|/concepts|/clusters|/images/delete|/images/restore|/images/tags|/images/resegment|/recipes|/trash",
                "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "422"]}},
            },
            {
                # as below; a list of one folder is sent as a folder is, and is right
                "include-name": "POST /api/v1/images",
                "checks": {
                    "positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "413", "415", "422"]},
                    "negative_data_rejection": {"expected-statuses": ["200", "202", "4xx"]},
                },
            },
            {
                # of parts that the schema does not name there can be more than a form may have; some files are no pictures,
                # but constants of the code under test
                "include-path-regex": "/images$|/queries$",
                "checks": {
                    "positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "413", "415", "422"]},
                    "negative_data_rejection": {"expected-statuses": ["4xx"]},
                },
            },
            {
                # only one selection may be given, of what is there; libraries that an extra installs may be missing
                "include-name": "GET /api/v1/export",
                "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "404", "422", "501"]}},
            },
            {
                # what an example points at can be wrong in ways that no schema says: a point outside of its photo
                "include-path-regex": "/search|/levels|/segment$",
                "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "422"]}},
            },
        ],
    }
)
schemathesis.openapi.format("binary", st.sampled_from(PICTURES))
OPERATIONS = [
    (path, method)
    for blueprint in BLUEPRINTS
    for path, item in blueprint.paths.items()
    for method in ("get", "post", "patch", "delete")
    if getattr(item, method) is not None and path != "/api/v1/events"  # it is followed in test_events
]


@pytest.fixture(scope="module")
def module_app(
    tmp_path_factory: pytest.TempPathFactory, copy_template: Callable[[Path], Library], decoders: DecoderPool
) -> Iterator[Flask]:
    """One application for all operations; what one deletes another misses, and that is to be said well."""
    library = copy_template(tmp_path_factory.mktemp("openapi"))
    app = create_app(library.assembly, LocalAnalyzer(library.assembly.recipe, decoders), follow=False)
    answer = app.wsgi_app

    def uncompressed(environ: dict[str, Any], start: Any) -> Any:
        environ.pop("HTTP_ACCEPT_ENCODING", None)  # schemathesis asks for it, and does not decompress without a network
        return answer(environ, start)

    app.wsgi_app = uncompressed  # type: ignore[method-assign]
    yield app
    app.extensions[EXTENSION].own.renditions.close()


@pytest.fixture(scope="module")
def api(module_app: Flask) -> schemathesis.BaseSchema:
    """What the application says of itself."""
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", module_app, config=CONFIG)


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_operation(api: schemathesis.BaseSchema, path: str, method: str, mode: GenerationMode) -> None:
    operation = api[path][method.upper()]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        case.call_and_validate()

    try:
        check()
    except Unsatisfiable:
        pytest.skip("there is nothing to get wrong")


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_operation_at_its_limits(api: schemathesis.BaseSchema, path: str, method: str) -> None:
    operation = api[path][method.upper()]
    modes, generation = list(GenerationMode), api.config.generation_for(operation=operation)
    for case in api.iter_coverage_cases(operation, generation_modes=modes, generation_config=generation):
        case.call_and_validate()


def test_every_route_is_described(reader: FlaskClient) -> None:
    document = reader.get("/api/v1/openapi.json").get_json()
    described = {(path, method.upper()) for path, item in document["paths"].items() for method in item}
    routes = {
        (re.sub(r"<(?:[^<:]+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in reader.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/") and not rule.endpoint.startswith("apidocs.")
    }
    assert described == routes


def test_every_operation_documents_its_errors(reader: FlaskClient) -> None:
    document = reader.get("/api/v1/openapi.json").get_json()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation["description"], where
            errors = {status: body for status, body in operation["responses"].items() if status >= "400"}
            assert {"400", "403", "422", "500"} <= set(errors), where
            assert all(list(body["content"]) == ["application/problem+json"] for body in errors.values()), where


def test_masks_say_their_frame(reader: FlaskClient) -> None:
    schemas = reader.get("/api/v1/openapi.json").get_json()["components"]["schemas"]
    assert "covers the whole photo" in schemas["Mask"]["description"]
