"""Reads existing tags of photos: folder names, a CSV file, or COCO or VOC boxes.

A photo is named by a path: an absolute one, one relative to the file that names it, or a file name that only one photo
in the catalogue has.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from retrieval.catalog import Catalog
from retrieval.errors import QueryError
from retrieval.formats.places import PhotosByPath, absolute
from retrieval.images.masks import box_iou
from retrieval.processes.program import PROGRAM
from retrieval.storage.locations import folder_name_of, is_file, path_of

FITS = 0.5
"""Lowest IoU of a segment's box with a drawn box for the segment to be an example."""

Pair = tuple[int, int]
"""A photo and a segment of it."""


@dataclass(frozen=True, slots=True)
class Tags:
    """Photos by tag, and the paths without a photo in the catalogue."""

    photos: dict[str, list[int]]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """A drawn box: x0, y0, x1, y1 as shares of the photo's width and height, or in pixels if `size_wh` is absent."""

    path: str
    name: str
    box_xyxy: tuple[float, float, float, float]
    size_wh: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Fitted:
    """Segments that fit the boxes of each name, the best first.

    Attributes
    ----------
    segments : dict of str to list of (int, int)
    boxes, misfits : int
        Number of boxes, and number of boxes on known photos that fit no segment.
    unknown : tuple of str
        Paths without a photo in the catalogue.
    """

    segments: dict[str, list[Pair]]
    boxes: int
    misfits: int
    unknown: tuple[str, ...]


# ---- folders


def folder_tags(catalog: Catalog, below: Path | None, excluded: Collection[str] = ()) -> Tags:
    """Photos by the name of their folder, for folders below `below` or for all.

    Raises
    ------
    QueryError
        There are no photos, or an excluded name is not a folder.
    """
    top = absolute(below) if below is not None else None
    found: dict[str, list[int]] = defaultdict(list)
    for key, uri in catalog.locations.all():
        if top is None or (is_file(uri) and top in path_of(uri).parent.parents):
            found[folder_name_of(uri)].append(key)
    if not found:
        where = f"in a folder below {below}" if below is not None else "in the catalogue"
        raise QueryError(f"there are no photos {where}: add some with `{PROGRAM} ingest`")
    if strange := set(excluded) - found.keys():
        raise QueryError(f"there is no folder {min(strange)!r} to leave out: folder names are case-sensitive")
    return Tags({name: found[name] for name in sorted(found.keys() - set(excluded) - {""})})


# ---- CSV


def csv_tags(catalog: Catalog, file: Path) -> Tags:
    """Photos by the tags of a CSV file with the columns ``path`` and ``tag``, with one row per photo and tag.

    Raises
    ------
    QueryError
        The file is malformed; the message names the line.
    """
    places, found, unknown = PhotosByPath.of(catalog), dict[str, list[int]](), dict[str, None]()
    for path, tag in _csv_rows(file):
        key = places.photo(path, [file.parent])
        if key is None:
            unknown[path] = None
        else:
            found.setdefault(tag, []).append(key)
    return Tags(found, tuple(unknown))


def _csv_rows(file: Path) -> Iterator[tuple[str, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            rows = csv.reader(opened, strict=True)
            header = [name.strip().lower() for name in next(rows, [])]
            if sorted(header) != ["path", "tag"]:
                raise QueryError(f"{file}, line 1: the header must be `path,tag`, not {','.join(header)!r}")
            for row in rows:
                if row:
                    yield _csv_row(file, rows.line_num, header, row)
    except UnicodeDecodeError as error:
        raise QueryError(f"{file} is not UTF-8: save it as UTF-8 ({error.reason} at byte {error.start})") from error
    except csv.Error as error:
        raise QueryError(f"{file}, line {rows.line_num}: {error}") from error
    except OSError as error:
        raise QueryError(f"{file} cannot be read: {error.strerror}") from error


def _csv_row(file: Path, line: int, header: Sequence[str], row: Sequence[str]) -> tuple[str, str]:
    values = dict(zip(header, (each.strip() for each in row), strict=False))
    if len(row) != len(header) or not all(values.values()):
        raise QueryError(
            f"{file}, line {line}: a row must be a path and a tag, separated by a comma; put quotes around a path or "
            "tag that contains a comma"
        )
    return values["path"], values["tag"]


# ---- boxes


def boxes_of(source: Path) -> list[Box]:
    """Boxes of a COCO instances file, or of a folder of VOC XML files.

    Raises
    ------
    QueryError
        The source is neither.
    """
    if not source.is_dir():
        return _coco_boxes(source)
    files = sorted(source.glob("*.xml"))
    if not files:
        raise QueryError(f"{source} contains no .xml files: give VOC's Annotations folder itself")
    return [box for file in files for box in _voc_boxes(file)]


def _coco_boxes(file: Path) -> list[Box]:
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        names = {each["id"]: str(each["name"]) for each in stored["categories"]}
        images = {each["id"]: each for each in stored["images"]}
        return [
            _coco_box(images[each["image_id"]], names[each["category_id"]], each["bbox"])
            for each in stored["annotations"]
            if not each.get("iscrowd")
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise QueryError(
            f"{file} is not a COCO instances JSON (images, annotations with bbox, categories): "
            f"{type(error).__name__} {error}"
        ) from error
    except OSError as error:
        raise QueryError(f"{file} cannot be read: {error.strerror}") from error


def _coco_box(image: Mapping[str, Any], name: str, bbox: Sequence[float]) -> Box:
    x, y, width, height = (float(each) for each in bbox)
    size = (float(image["width"]), float(image["height"])) if image.get("width") and image.get("height") else None
    return Box(str(image["file_name"]), name, (x, y, x + width, y + height), size)


def _voc_boxes(file: Path) -> Iterator[Box]:
    """VOC counts pixels from 1, and boxes include their last one."""
    try:
        root = parse(file).getroot()
        size = _numbers(root.find("size"), "width", "height") if root.find("size") is not None else ()
        for each in root.iter("object"):
            x0, y0, x1, y1 = _numbers(each.find("bndbox"), "xmin", "ymin", "xmax", "ymax")
            whole = (size[0], size[1]) if size and min(size) > 0 else None
            yield Box(_text(root, "filename"), _text(each, "name"), (x0 - 1, y0 - 1, x1, y1), whole)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise QueryError(f"{file} is not a VOC annotation: {error}") from error


def _numbers(element: Element | None, *names: str) -> list[float]:
    return [float(_text(element, name)) for name in names]


def _text(element: Element | None, name: str) -> str:
    found = element.findtext(name) if element is not None else None
    if not found or not found.strip():
        raise ValueError(f"<{name}> is missing or empty")
    return found.strip()


def fitted(catalog: Catalog, boxes: Iterable[Box], source: Path) -> Fitted:
    """The segment with the highest IoU with each box, if that is at least `FITS`.

    Parameters
    ----------
    catalog : Catalog
    boxes : iterable of Box
    source : Path
        Where they were read from: paths are relative to it, or to a folder of photos next to it.
    """
    folder = source if source.is_dir() else source.parent
    roots = [folder, folder / "images", folder.parent / "images", folder.parent / "JPEGImages"]
    places, by_photo = PhotosByPath.of(catalog), defaultdict[int, list[Box]](list)
    unknown, count = dict[str, None](), 0
    for box in boxes:
        count += 1
        key = places.photo(box.path, roots)
        if key is None:
            unknown[box.path] = None
        else:
            by_photo[key].append(box)
    matches: dict[str, list[tuple[float, Pair]]] = defaultdict(list)
    for key, drawn in by_photo.items():
        for name, overlap, segment in _matches(catalog, key, drawn):
            matches[name].append((overlap, (key, segment)))
    known = {box.name for drawn in by_photo.values() for box in drawn}
    misfits = sum(map(len, by_photo.values())) - sum(map(len, matches.values()))
    best_first = {name: sorted(matches[name], key=lambda each: -each[0]) for name in sorted(known)}
    return Fitted(
        {name: [pair for _, pair in each] for name, each in best_first.items()}, count, misfits, tuple(unknown)
    )


def _matches(catalog: Catalog, image_id: int, boxes: Sequence[Box]) -> Iterator[tuple[str, float, int]]:
    """Name, IoU and segment of each box that a segment fits; of equals the segment of the highest quality."""
    image = catalog.images.get(image_id)
    segments = sorted(catalog.segments.of_image(image_id), key=lambda each: (-each.quality, each.id))
    if not segments:
        return
    sides = np.array([each.box_xyxy for each in segments], float)
    for box in boxes:
        scale = np.array([image.width or 1, image.height or 1]) / box.size_wh if box.size_wh else np.ones(2)
        overlaps = box_iou(np.multiply(box.box_xyxy, np.tile(scale, 2)).tolist(), sides)
        if overlaps.max() >= FITS:
            yield box.name, float(overlaps.max()), segments[int(overlaps.argmax())].id
