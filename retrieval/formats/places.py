"""Photos of the catalogue by the paths and names that other files give them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from ..catalog import Catalog
from ..storage.locations import displayed, is_file, name_of, path_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PhotosByPath:
    """Photos by path, and by file name if only one photo has it; with and without extensions.

    Attributes
    ----------
    paths, names : dict
        Ids by path, and by file name; None for names that several photos have. The address of an object counts as a
        name.
    stems, name_stems : dict
        The same without extensions.
    """

    paths: dict[Path, int]
    names: dict[str, int | None]
    stems: dict[Path, int | None]
    name_stems: dict[str, int | None]

    @classmethod
    def of(cls, catalog: Catalog, below: Path | None = None) -> PhotosByPath:
        """All photos, or those below a folder."""
        top = None if below is None else absolute(below)
        found = cls({}, {}, {}, {})
        for key, uri in catalog.locations.all():
            if not is_file(uri):
                if top is None:
                    found._note_object(uri, key)
                continue
            path = path_of(uri)
            if top is None or top in path.parents:
                found.paths[path] = key
                _note(found.names, path.name, key)
                _note(found.stems, path.with_suffix(""), key)
                _note(found.name_stems, path.stem, key)
        return found

    def _note_object(self, uri: str, key: int) -> None:
        name = PurePosixPath(name_of(uri))
        _note(self.names, displayed(uri), key)
        _note(self.names, name.name, key)
        _note(self.name_stems, name.stem, key)

    def photo(self, path: str, roots: Iterable[Path]) -> int | None:
        """The photo that a path names; relative paths are resolved against the roots."""
        for root in roots:
            found = self.paths.get(absolute(root / path))
            if found is not None:
                return found
        return self.names.get(path)

    def photo_of_stem(self, stem: str, roots: Iterable[Path]) -> int | None:
        """The photo that a path without an extension names."""
        for root in roots:
            found = self.stems.get(absolute(root / stem))
            if found is not None:
                return found
        return self.name_stems.get(stem.rpartition("/")[2])


def _note(known: dict[T, int | None], name: T, key: int) -> None:
    """Note what a name means; nothing, if it means several photos."""
    known[name] = key if known.get(name, key) == key else None


def absolute(path: Path) -> Path:
    """A path as locations are kept: links are not followed."""
    return Path(os.path.abspath(path))  # noqa: PTH100
