"""When the audit of dependencies fails, and when it only says that it could not be done."""

from __future__ import annotations

import json

import pytest

from tools.audit import judge

SAFE = {"name": "flask", "version": "3.1.3", "vulns": []}
FAULTY = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": []}]}
UNKNOWN = {"name": "torch", "skip_reason": "Dependency not found on PyPI"}


def report(*dependencies: dict) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_nothing_found() -> None:
    status, said = judge(report(SAFE, UNKNOWN), "")
    assert status == 0
    assert said == ["1 packages audited, 0 known vulnerabilities", "not known to the service: torch"]


def test_a_finding_fails() -> None:
    status, said = judge(report(SAFE, FAULTY), "Found 1 known vulnerability in 1 package")
    assert status == 1
    assert said[0] == "old 1.0: PYSEC-1, mended in 1.1"


@pytest.mark.parametrize(
    "errors",
    [
        "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed: ConnectionError",
        "pip_audit._service.interface.ConnectionError: Failed to resolve 'pypi.org'",
        "requests.exceptions.ReadTimeout: Read timed out. (read timeout=15)",
    ],
)
def test_a_service_out_of_reach_is_said(errors: str) -> None:
    status, said = judge("", errors)
    assert status == 0
    assert said[0].startswith("NOT AUDITED")


def test_so_is_one_that_knows_nothing() -> None:
    status, said = judge(report(UNKNOWN), "")
    assert status == 0
    assert said[0].startswith("NOT AUDITED")


@pytest.mark.parametrize(("output", "errors"), [("", ""), ("{}", "KeyError: 'x'"), ("[]", "No module named pip_audit")])
def test_what_else_goes_wrong_fails(output: str, errors: str) -> None:
    status, said = judge(output, errors)
    assert status == 1
    assert said[0].startswith("pip-audit failed")
