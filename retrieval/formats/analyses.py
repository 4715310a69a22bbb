"""Analyses of photos that were made elsewhere, read from a Parquet file of `vectors`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..analysis.local import ANALYSIS_SIDE
from ..errors import QueryError
from ..images.colors import COLORS
from ..images.formats import FORMATS
from ..images.masks import checked_mask, decode_mask
from ..processes.extras import required
from ..types import Analysis, AnalyzedImage, Segments, Vectors

AT_ONCE = 1024
"""Rows that are read at once."""

UNIT = 0.01
"""How far the length of a vector may be from 1."""

_OF_PHOTO = ("image_id", "sha256", "width", "height", "format", "taken_at", "recipe", "space", "segments_of_photo")
_OPTIONAL = ("taken_at", "label", "label_score", "colors", "photo_vector")
_KINDS = {
    "segment_id": "integer", "image_id": "integer", "path": "string", "quality": "floating", "space": "string",
    "vector": "list", "label": "string", "label_score": "floating", "is_imported": "boolean", "mask_size_hw": "list",
    "mask_counts": "binary", "colors": "binary", "sha256": "string", "width": "integer", "height": "integer",
    "format": "string", "taken_at": "timestamp", "recipe": "string", "segments_of_photo": "integer",
    "photo_vector": "list",
}  # fmt: skip
"""The columns that are read, and the kind of type of each."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, eq=False, slots=True)
class StoredPhoto:
    """The rows of a photo.

    Attributes
    ----------
    rows : list of dict
        A row's columns by name, without vectors; of segments that the photo's recipe found.
    vectors : ndarray of shape (N, D), float32
    photo_vector : ndarray of shape (P,), float32, or None
        None if the file has none.
    imported : int
        How many further rows there are, of imported segments.
    """

    rows: list[dict[str, Any]]
    vectors: Vectors
    photo_vector: Vectors | None
    imported: int

    @property
    def sha256(self) -> str:
        """The digest of the photo's bytes."""
        return str(self.rows[0]["sha256"])

    @property
    def path(self) -> str:
        """Where the photo was when the file was written."""
        return str(self.rows[0]["path"])

    @property
    def recipe(self) -> str:
        """The fingerprint of what analysed it."""
        return str(self.rows[0]["recipe"])

    @property
    def space(self) -> str:
        """The space of its vectors."""
        return str(self.rows[0]["space"])

    def analyzed(self) -> AnalyzedImage:
        """The analysis, as the recipe gave it; holds all masks of the photo for a moment."""
        first = self.rows[0]
        labels = tuple(row["label"] for row in self.rows)
        segments = Segments.from_masks(
            np.stack([decode_mask(tuple(row["mask_size_hw"]), row["mask_counts"]) for row in self.rows]),
            np.array([row["quality"] for row in self.rows], np.float32),
            labels,
            np.array([row["label_score"] or 0 for row in self.rows], np.float32),
        )
        colors = None
        if first["colors"] is not None:
            colors = np.frombuffer(b"".join(row["colors"] for row in self.rows), np.uint8).reshape(-1, len(COLORS))
        whole = np.zeros(0, np.float32) if self.photo_vector is None else self.photo_vector
        return AnalyzedImage(
            size_hw=(first["height"], first["width"]),
            format=first["format"],
            taken_at=first["taken_at"],
            analysis=Analysis(segments, self.vectors, whole, colors=colors),
        )


@dataclass(frozen=True, slots=True)
class AnalysesFile:
    """A Parquet file that `export --format parquet` wrote.

    Attributes
    ----------
    path : Path
    space : str
        Vectors of this space are read; a file with others is refused.
    segment_dim, photo_dim : int
        Lengths of the vectors.
    """

    path: Path
    space: str
    segment_dim: int
    photo_dim: int

    def check(self) -> int:
        """Read the whole file, and see that all of it can be imported; returns how many photos there are.

        Raises
        ------
        ConfigurationError
            pyarrow is not installed.
        QueryError
            The file is truncated or damaged, vectors are of another space, of another length or not of unit
            length, a mask is broken, or a photo is not complete or there twice.

        Notes
        -----
        Holds `AT_ONCE` rows, and the digests of all photos.
        """
        seen = set[str]()
        for photo in self:
            if (fault := self._fault(photo)) is not None:
                raise QueryError(f"{self.path}: photo {photo.path}: {fault}")
            if photo.sha256 in seen:
                raise QueryError(
                    f"{self.path}: photo {photo.path} is there twice, or its rows are not one after another: "
                    "import the file as it was exported"
                )
            seen.add(photo.sha256)
        if not seen:
            raise QueryError(f"{self.path} has no segment that a recipe found: there is nothing to import")
        return len(seen)

    def __iter__(self) -> Iterator[StoredPhoto]:
        """The photos that have segments of a recipe, in the order of the file; their values are not checked."""
        for rows, vectors in self._photos():
            own = [number for number, row in enumerate(rows) if not row["is_imported"]]
            if own:
                whole = rows[0]["photo_vector"]
                yield StoredPhoto(
                    [rows[number] for number in own],
                    vectors[own],
                    None if whole is None else np.array(whole, np.float32),
                    len(rows) - len(own),
                )

    # ---- reading

    def _photos(self) -> Iterator[tuple[list[dict[str, Any]], Vectors]]:
        """Rows of one photo after another with their vectors."""
        rows, parts = list[dict[str, Any]](), list[Vectors]()
        for more, vectors in self._batches():
            start = 0
            for number, row in enumerate(more):
                if rows and any(row[name] != rows[0][name] for name in _OF_PHOTO):
                    parts.append(vectors[start:number])
                    yield rows, np.concatenate(parts)
                    rows, parts, start = [], [], number
                rows.append(row)
            parts.append(vectors[start:])
        if rows:
            yield rows, np.concatenate(parts)

    def _batches(self) -> Iterator[tuple[list[dict[str, Any]], Vectors]]:
        parquet = required("pyarrow.parquet")
        with self._reading(), parquet.ParquetFile(self.path, page_checksum_verification=True) as file:
            self._check_columns(file.schema_arrow)
            for batch in file.iter_batches(AT_ONCE, columns=list(_KINDS)):
                if not batch.num_rows:
                    continue
                for name in _KINDS:
                    if name not in _OPTIONAL and batch.column(name).null_count:
                        raise QueryError(f"{self.path}: {name} is missing in a row: import the file as it was exported")
                yield batch.drop_columns(["vector"]).to_pylist(), self._vectors(batch.column("vector"))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Tell what pyarrow says about a broken file."""
        arrow = required("pyarrow")
        try:
            yield
        except (OSError, arrow.ArrowException) as error:
            reason = str(error).partition("\n")[0]
            raise QueryError(
                f"{self.path} is truncated, damaged, or no Parquet file ({reason}): export it again, and copy all of it"
            ) from error

    def _check_columns(self, schema: Any) -> None:
        missing = [name for name in _KINDS if name not in schema.names]
        if missing:
            raise QueryError(
                f"{self.path} has no column {', '.join(missing)}: export it with `--format parquet` by this version; "
                "vectors that other models made come in as a recipe (docs/plugins.md)"
            )
        for name, kind in _KINDS.items():
            if not _is_of(kind, schema.field(name).type):
                raise QueryError(
                    f"{self.path}: column {name} has the type {schema.field(name).type}: import the file as it was "
                    "exported"
                )

    def _vectors(self, column: Any) -> Vectors:
        lengths = np.unique(required("pyarrow.compute").list_value_length(column).to_numpy(zero_copy_only=False))
        if lengths.tolist() != [self.segment_dim]:
            found = " and ".join(str(int(each)) for each in lengths[:3])
            raise QueryError(
                f"{self.path} has vectors of length {found}, but those of {self.space} have {self.segment_dim}: set "
                "SEGSEARCH_RECIPE to the recipe that made them"
            )
        values = column.flatten().to_numpy(zero_copy_only=False)
        return np.asarray(values, np.float32).reshape(-1, self.segment_dim)

    # ---- checking

    def _fault(self, photo: StoredPhoto) -> str | None:
        """Why a photo cannot be imported, and what to do; None if it can."""
        first = photo.rows[0]
        if first["space"] != self.space:
            return (
                f"its vectors are of {first['space']}, but searches use {self.space}: set SEGSEARCH_RECIPE to the "
                "recipe that made them"
            )
        if len(photo.rows) + photo.imported != first["segments_of_photo"]:
            return (
                f"the file has {len(photo.rows) + photo.imported} of its {first['segments_of_photo']} segments: export "
                "whole photos, without --words, --concept, --like or --segment"
            )
        if len({row["segment_id"] for row in photo.rows}) < len(photo.rows):
            return "a segment is there twice: import the file as it was exported"
        if photo.photo_vector is None or len(photo.photo_vector) != self.photo_dim:
            return f"its first row has no photo_vector of length {self.photo_dim}: import the file as it was exported"
        return (
            _fault_of_vectors(photo.vectors)
            or _fault_of_vectors(photo.photo_vector[None])
            or _fault_of_photo(first)
            or _fault_of_segments(photo.rows)
        )


def _is_of(kind: str, type_: Any) -> bool:
    types = required("pyarrow.types")
    if kind == "list":
        is_list = types.is_list(type_) or types.is_fixed_size_list(type_) or types.is_large_list(type_)
        return bool(is_list and (types.is_floating(type_.value_type) or types.is_integer(type_.value_type)))
    if kind == "timestamp":
        return bool(types.is_timestamp(type_) and type_.tz is None)
    large = getattr(types, f"is_large_{kind}", None)
    return bool(getattr(types, f"is_{kind}")(type_) or (large is not None and large(type_)))


def _fault_of_vectors(vectors: Vectors) -> str | None:
    if not np.isfinite(vectors).all():
        return "a vector has values that are not finite (NaN or infinite): analyse the photo again, and export it"
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    if not lengths.all():
        return "a vector is zero, which is like nothing: analyse the photo again, and export it"
    if (np.abs(lengths - 1) > UNIT).any():
        return "a vector is not of unit length: divide vectors by their lengths"
    return None


def _fault_of_photo(first: dict[str, Any]) -> str | None:
    if _DIGEST.fullmatch(first["sha256"]) is None:
        return "its sha256 is no digest: import the file as it was exported"
    if first["format"] not in FORMATS:
        return f"its format is {first['format']!r}, not one of {', '.join(FORMATS)}"
    if not 1 <= first["width"] < 2**20 or not 1 <= first["height"] < 2**20:
        return f"its size is {first['width']} x {first['height']}: import the file as it was exported"
    if not first["recipe"].isprintable() or not 1 <= len(first["recipe"]) <= 64:
        return "its recipe is no fingerprint: import the file as it was exported"
    return None


def _fault_of_segments(rows: list[dict[str, Any]]) -> str | None:
    size = rows[0]["mask_size_hw"]
    if len(size) != 2 or not all(each is not None and 1 <= each <= ANALYSIS_SIDE for each in size):
        return f"its masks have the size {size}: sides are at most {ANALYSIS_SIDE}"
    colors = {None if row["colors"] is None else len(row["colors"]) for row in rows}
    if colors not in ({None}, {len(COLORS)}):
        return f"colors are {len(COLORS)} bytes in all its rows, or in none"
    for row in rows:
        where = f"segment {row['segment_id']}"
        if row["mask_size_hw"] != size:
            return f"{where}: its mask has another size than those of the other segments"
        if not 0 <= row["quality"] <= 1:
            return f"{where}: its quality is {row['quality']}, not from 0 to 1"
        if row["label"] is not None and not 0 <= (-1 if row["label_score"] is None else row["label_score"]) <= 1:
            return f"{where}: the score of its label is {row['label_score']}, not from 0 to 1"
        try:
            checked_mask((size[0], size[1]), row["mask_counts"].decode("latin-1"))
        except ValueError as error:
            return f"{where}: its mask cannot be read: {error}"
    return None
