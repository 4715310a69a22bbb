"""Constants of the scripts that are copied from Python agree with it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from retrieval.formats.exports import FORMATS
from retrieval.learning.weak_labels import LEAST_PHOTOS
from retrieval.query.relations import RELATIONS
from retrieval.query.request import MAX_LIMIT
from webui.api.export_schemas import MAX_ORDERED
from webui.api.schemas import MAX_JUDGED, MAX_PAGE

SCRIPTS = Path(__file__).parents[2] / "webui" / "static" / "js"


def constant(script: str, name: str) -> object:
    """The value of a constant that a script defines on one line."""
    found = re.search(rf"^(?:export )?const {name} = (.+?);", (SCRIPTS / script).read_text(), re.MULTILINE)
    assert found, f"{script} defines no {name}"
    return json.loads(found[1])


def test_relations() -> None:
    assert constant("relations.js", "RELATIONS") == list(RELATIONS)


def test_largest_limit_of_a_search() -> None:
    assert constant("refs.js", "MOST") == MAX_LIMIT


def test_photos_a_folder_needs_to_be_learnt() -> None:
    assert constant("concepts.js", "LEAST") == LEAST_PHOTOS


def test_examples_of_one_request() -> None:
    assert constant("teaching.js", "MOST") == MAX_JUDGED


def test_photos_of_one_request() -> None:
    assert constant("bulk.js", "DOWNLOADED") == MAX_PAGE
    assert constant("bulk.js", "AT_ONCE") <= MAX_PAGE  # type: ignore[operator]
    assert constant("undo.js", "AT_ONCE") <= MAX_PAGE  # type: ignore[operator]


def test_formats_of_exports() -> None:
    script = (SCRIPTS / "formats.js").read_text()
    assert set(re.findall(r'^  \["([\w-]+)", [g"]', script, re.MULTILINE)) == set(FORMATS)
    assert constant("exporting.js", "MOST") == MAX_PAGE
    assert constant("exporting.js", "MOST_ORDERED") == MAX_ORDERED
