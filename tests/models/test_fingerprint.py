"""Fingerprints change with whatever they name, and with nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.models.fingerprint import digest_of_file, fingerprint
from retrieval.recipes import NAMES, recipe_spec
from retrieval.recipes.lite import PARAMETERS, projection_path


@dataclass(frozen=True)
class Inner:
    side: int = 3


@dataclass(frozen=True)
class Outer:
    name: str = "a"
    inner: Inner = Inner()


def test_parameters_within_parameters_count() -> None:
    found = {
        fingerprint("x", Outer()),
        fingerprint("x", Outer("b")),
        fingerprint("x", Outer(inner=Inner(4))),
        fingerprint("y", Outer()),
        fingerprint("x", Outer(), 1),
        fingerprint("x"),
    }
    assert len(found) == 6
    assert fingerprint("x", Outer()) == fingerprint("x", Outer(inner=Inner(3)))


@given(st.dictionaries(st.text(max_size=5), st.integers(), min_size=2, max_size=5))
def test_the_order_of_keys_does_not_count(values: dict[str, int]) -> None:
    assert fingerprint("x", values) == fingerprint("x", dict(reversed(values.items())))


def test_it_is_short_and_begins_with_its_name() -> None:
    name, digest = fingerprint("grid-1", 4).split(":")
    assert name == "grid-1"
    assert len(digest) == 12


def test_it_does_not_change_between_versions_of_python() -> None:
    digest = hashlib.sha256(b'["grid-1", [{"cells": 4}]]').hexdigest()
    assert fingerprint("grid-1", {"cells": 4}) == f"grid-1:{digest[:12]}"


@pytest.mark.parametrize(
    "name", [n for n in NAMES if n == "grid" or (n in PARAMETERS and projection_path(n).is_file())]
)
def test_every_recipe_has_its_own(name: str) -> None:
    others = {recipe_spec(other).fingerprint for other in NAMES if other != name and other in ("grid", "lite")}
    assert recipe_spec(name).fingerprint not in others
    assert len(recipe_spec(name).fingerprint) <= 64, "the column of the catalogue"


def test_the_digest_of_a_file(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(content)
    assert digest_of_file(tmp_path / "file") == hashlib.sha256(content).hexdigest()
