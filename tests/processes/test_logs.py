"""Log records as lines and as JSON."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.errors import ConfigurationError
from retrieval.processes.logs import JsonLines, TextLines, request_id, set_up


@pytest.fixture
def in_request() -> Iterator[None]:
    token = request_id.set("r-1")
    yield
    request_id.reset(token)


def record(message: str, *arguments: object, error: BaseException | None = None, **extra: object) -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__) if error is not None else None
    made = logging.getLogger("retrieval.x").makeRecord(
        "retrieval.x", logging.WARNING, __file__, 1, message, arguments, exc_info, extra=extra
    )
    made.created = 1_700_000_000.25
    return made


class TestTextLines:
    def test_a_line_is_escaped(self) -> None:
        line = TextLines().format(record("%s is broken", "a\nb"))
        assert line.endswith("WARNING retrieval.x: a\\nb is broken")

    @pytest.mark.usefixtures("in_request")
    def test_the_request_is_named(self) -> None:
        assert TextLines().format(record("slow")).endswith("retrieval.x: slow [request r-1]")


class TestJsonLines:
    def test_the_fields(self) -> None:
        found = json.loads(JsonLines().format(record("%d photos", 3, path="/a")))
        assert found.pop("process") > 0
        assert found == {
            "time": "2023-11-14T22:13:20.250+00:00",
            "level": "WARNING",
            "logger": "retrieval.x",
            "message": "3 photos",
            "path": "/a",
        }

    @pytest.mark.usefixtures("in_request")
    def test_the_request_is_named(self) -> None:
        assert json.loads(JsonLines().format(record("slow")))["request_id"] == "r-1"

    def test_what_comes_from_outside_stays_on_the_line_and_out_of_the_terminal(self) -> None:
        line = JsonLines().format(record("%s", "a\n\x1b[31m\u202e\udce9"))
        assert re.fullmatch(r"[\x20-\x7e]+", line)
        assert json.loads(line)["message"] == "a\n\x1b[31m\u202e\udce9"

    def test_an_exception_is_a_field(self) -> None:
        found = json.loads(JsonLines().format(record("failed", error=ValueError("no"))))
        assert found["exception"].endswith("ValueError: no")


def test_another_format_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="SEGSEARCH_LOG_FORMAT='xml' must be text or json"):
        set_up(logging.INFO, {"SEGSEARCH_LOG_FORMAT": "xml"})


@pytest.mark.slow
@pytest.mark.parametrize("chosen", ["text", "json", ""])
def test_the_environment_chooses(tmp_path: Path, chosen: str) -> None:
    code = (
        "import logging, os; from retrieval.processes.logs import set_up; "
        "set_up(logging.INFO, os.environ); logging.getLogger('x').info('hello')"
    )
    environment = {"PATH": str(tmp_path), "SEGSEARCH_LOG_FORMAT": chosen}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    if chosen == "json":
        assert json.loads(done.stderr)["message"] == "hello"
    else:
        assert done.stderr.strip().endswith("INFO x: hello")
