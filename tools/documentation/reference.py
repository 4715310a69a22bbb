"""The generated parts of reference pages, each by the mark that stands for it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from retrieval.analysis.local import LocalAnalyzer
from retrieval.assembly import Assembly
from retrieval.images.decoder_pool import DecoderPool
from retrieval.settings import VARIABLES, Settings
from tools.documentation.paths import DOCS
from tools.documentation.routes import api_routes, other_routes
from tools.documentation.tables import table
from webui import create_app
from webui.serving.metrics import METRICS

OWN_METRICS = "segsearch_"


@contextmanager
def empty_application() -> Iterator[Flask]:
    """The web application over an empty installation that loads no network."""
    with tempfile.TemporaryDirectory() as folder, DecoderPool(1) as decoders:
        assembly = Assembly(Settings.in_data_dir(Path(folder) / "var", device="cpu", recipe="grid"))
        try:
            yield create_app(assembly, LocalAnalyzer(assembly.recipe, decoders), follow=False)
        finally:
            assembly.close()


def settings() -> str:
    """The environment variables."""
    rows = [(f"`{each.name}`", f"`{each.default}`" if each.default else "", each.meaning) for each in VARIABLES]
    return table(("variable", "default", "meaning"), rows)


def routes() -> str:
    """The operations of the API by what they are about, and their schemas."""
    with empty_application() as app:
        document = app.test_client().get("/api/v1/openapi.json").get_json()
        return api_routes(app, document)


def pages() -> str:
    """The routes that are not of the API."""
    with empty_application() as app:
        return other_routes(app)


def metrics() -> str:
    """The metrics of a web server; those of the process and of Python are the library's own."""
    with empty_application() as app:
        app.test_client().get("/healthz")  # labels are known by what was counted
        families = [each for each in app.extensions[METRICS].registry.collect() if each.name.startswith(OWN_METRICS)]
    rows = []
    for each in sorted(families, key=lambda family: family.name):
        labels = dict.fromkeys(label for sample in each.samples for label in sample.labels if label != "le")
        name = each.name + "_total" * (each.type == "counter")
        rows.append((f"`{name}`", each.type, ", ".join(labels), each.documentation))
    return table(("metric", "type", "labels", "meaning"), rows)


def notebook() -> str:
    """The notebook's text and code, without outputs."""
    cells = json.loads((DOCS / "tutorial.ipynb").read_text())["cells"]
    texts = ("".join(cell["source"]) for cell in cells)
    return "\n\n".join(
        text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```"
        for cell, text in zip(cells, texts, strict=True)
    )


TABLES: dict[str, Callable[[], str]] = {
    "<!-- generated: settings -->": settings,
    "<!-- generated: API routes -->": routes,
    "<!-- generated: other routes -->": pages,
    "<!-- generated: metrics -->": metrics,
    "<!-- generated: notebook -->": notebook,
}
