"""Files, classes and folders stay small enough to be read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LINES = 400
"""Of a file, at most."""

METHODS = 24
"""That a class defines by itself, at most."""

LOOSE = 7
"""Modules beside the rooms of the library, at most."""

CODE = ("benchmarks", "demo", "indexer", "migrations", "retrieval", "segsearch", "tools", "training", "webui")


def code(root: Path) -> Iterator[Path]:
    """The files of code, without tests and without the steps of the schema, which are never changed."""
    yield from sorted(root.glob("*.py"))
    for folder in CODE:
        yield from sorted(path for path in (root / folder).rglob("*.py") if "versions" not in path.parts)


def long_files(root: Path) -> list[str]:
    """Files with too many lines."""
    counts = {path.relative_to(root).as_posix(): len(path.read_bytes().splitlines()) for path in code(root)}
    return [f"{name}: {count} lines" for name, count in counts.items() if count > LINES]


def large_classes(root: Path) -> list[str]:
    """Classes that define too many methods."""
    found = []
    for path in code(root):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ClassDef):
                count = sum(isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) for each in node.body)
                if count > METHODS:
                    found.append(f"{path.relative_to(root)}: {node.name} has {count} methods")
    return found


def loose_modules(root: Path) -> list[str]:
    """Modules at the top of the library, its `__init__.py` included."""
    return sorted(path.name for path in (root / "retrieval").glob("*.py"))


def test_no_file_is_long() -> None:
    assert long_files(ROOT) == []


def test_no_class_is_large() -> None:
    assert large_classes(ROOT) == []


def test_few_modules_lie_beside_the_rooms() -> None:
    assert 0 < len(loose_modules(ROOT)) <= LOOSE


def test_all_code_is_looked_at() -> None:
    looked = {path.relative_to(ROOT).as_posix() for path in code(ROOT)}
    assert {"manage.py", "retrieval/assembly.py", "benchmarks/kills.py", "migrations/env.py"} <= looked
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"tests"} <= set(CODE), "a folder of code is not looked at"


@pytest.mark.parametrize(("lines", "is_long"), [(400, False), (401, True)])
def test_a_long_file_would_be_seen(tmp_path: Path, lines: int, is_long: bool) -> None:
    (tmp_path / "indexer").mkdir()
    (tmp_path / "indexer" / "all.py").write_text("x = 1\n" * lines)
    assert bool(long_files(tmp_path)) == is_long


@pytest.mark.parametrize(("methods", "is_large"), [(24, False), (25, True)])
def test_a_large_class_would_be_seen(tmp_path: Path, methods: int, is_large: bool) -> None:
    body = "".join(f"    {'async ' * (number % 2)}def m{number}(self): ...\n" for number in range(methods))
    (tmp_path / "own.py").write_text(f"def f():\n    pass\nclass All:\n{body}")
    assert bool(large_classes(tmp_path)) == is_large
