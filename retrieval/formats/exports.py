"""One data set in any of the formats: as files, or as the bytes of one file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from ..types import RgbImage
from .coco import coco_json
from .cutouts import cutout_files
from .dataset import Dataset
from .table import csv_table
from .targets import File, Original, zipped
from .vectors import parquet_table
from .voc import voc_files
from .yolo import yolo_files
from .youtube_vis import youtube_vis_json

Format = Literal["coco", "yolo", "voc", "csv", "cutouts", "parquet", "youtube-vis"]
FORMATS: tuple[Format, ...] = get_args(Format)

EXTENSIONS: dict[Format, str] = {
    "coco": "json", "yolo": "zip", "voc": "zip", "csv": "csv", "cutouts": "zip", "parquet": "parquet",
    "youtube-vis": "json",
}  # fmt: skip
"""What the name of a single file ends with."""

FOLDERS: tuple[Format, ...] = ("yolo", "voc", "cutouts")
"""Formats of several files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A data set, and what of it is wanted.

    Attributes
    ----------
    dataset : Dataset
    format : {"coco", "yolo", "voc", "csv", "cutouts", "parquet", "youtube-vis"}
    picture : callable
        The upright photo with an id, with at most a given long side, (H, W, 3); for cut-outs.
    original : callable or None
        The extension and the bytes of a photo, if YOLO's and VOC's files shall include photos; None if it is gone.
    polygons : bool
        Whether COCO's masks are polygons.
    """

    dataset: Dataset
    format: Format
    picture: Callable[[int, int], RgbImage]
    original: Original | None = None
    polygons: bool = False

    def files(self) -> Iterator[File]:
        """The files of one of `FOLDERS`, one after another.

        Raises
        ------
        ValueError
            The format has a single file.
        """
        if self.format == "yolo":
            return yolo_files(self.dataset, self.original)
        if self.format == "voc":
            return voc_files(self.dataset, self.original)
        if self.format == "cutouts":
            return cutout_files(self.dataset, self.picture)
        raise ValueError(f"{self.format} has a single file")

    def parts(self) -> Iterator[bytes]:
        """The bytes of a single file, part by part; a ZIP file for `FOLDERS`.

        Raises
        ------
        ConfigurationError
            The format is ``parquet``, and pyarrow is not installed.
        QueryError
            The format is ``parquet``, and there are no vectors.
        """
        if self.format == "coco":
            return coco_json(self.dataset, polygons=self.polygons)
        if self.format == "youtube-vis":
            return youtube_vis_json(self.dataset)
        if self.format == "csv":
            return csv_table(self.dataset)
        if self.format == "parquet":
            return parquet_table(self.dataset)
        return zipped(self.files(), compressed=self.format != "cutouts")
