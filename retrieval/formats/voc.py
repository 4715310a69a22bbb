"""PASCAL VOC: an XML file for each photo, and pictures of objects and classes.

A pixel of a picture belongs to one object, and segments overlap: a whole has parts. So smaller objects are drawn over
larger ones, and the XML file also has the whole mask of each as COCO's run lengths in ``<rle>``, which other readers
pass over.

References
----------
Everingham et al., "The PASCAL Visual Object Classes Challenge: A Retrospective", IJCV 2015. ``labelmap.txt`` is that of
CVAT and Datumaro.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, SubElement, indent, tostring

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse
from numpy.typing import NDArray
from PIL import Image

from ..errors import QueryError
from ..images.masks import checked_mask, encode_mask, resized_mask
from .dataset import AnnotatedImage, Annotation, Dataset
from .labelled import LabelledObject, LabelledPhoto, checked_quality, checked_size
from .targets import File, Original

LAST = 254
"""The greatest number that a palette picture tells; 255 means void. Pictures with greater ones have 16 bits."""

BACKGROUND = "background"


def voc_files(dataset: Dataset, original: Original | None = None) -> Iterator[File]:
    """The files of a data set, one after another; lists of photos and of classes are the last.

    Parameters
    ----------
    dataset : Dataset
    original : callable, optional
        The extension and the bytes of a photo, None if it is gone, if photos are included.
    """
    classes = {BACKGROUND: 0}
    stems: list[str] = []
    for entry in dataset:
        stems.append(entry.stem)
        for annotation in entry.annotations:
            classes.setdefault(annotation.category, len(classes))
        name = entry.image.place.name if entry.image.place is not None else ""
        picture = None if original is None else original(entry.image)
        if picture is not None:
            name = f"{entry.stem}.{picture[0]}"
            yield f"JPEGImages/{name}", picture[1]
        yield f"Annotations/{entry.stem}.xml", _xml(entry, name)
        objects, of_class = _drawn(entry, classes)
        yield f"SegmentationObject/{entry.stem}.png", _png(objects)
        yield f"SegmentationClass/{entry.stem}.png", _png(of_class)
    yield "ImageSets/Segmentation/all.txt", "".join(f"{stem}\n" for stem in stems).encode()
    colors = palette().reshape(-1, 3)
    rows = (f"{name}:{','.join(map(str, colors[number % 256]))}::\n" for name, number in classes.items())
    yield "labelmap.txt", ("# label:color_rgb:parts:actions\n" + "".join(rows)).encode()


def palette() -> NDArray[np.uint8]:
    """VOC's colours of the numbers 0 to 255, (768,)."""
    numbers = np.arange(256)
    colors = np.zeros((256, 3), np.int64)
    for bit in range(8):
        for channel in range(3):
            colors[:, channel] |= ((numbers >> (3 * bit + channel)) & 1) << (7 - bit)
    return colors.astype(np.uint8).ravel()


def _drawn(entry: AnnotatedImage, classes: dict[str, int]) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """The number of the object at each pixel, as the XML file orders them from 1, and that of its class."""
    numbers = [0, *(classes[each.category] for each in entry.annotations)]
    objects = np.zeros(entry.size_hw, np.uint16)
    order = sorted(range(len(entry.annotations)), key=lambda row: -entry.annotations[row].segment.area)
    for row in order:
        objects[_mask(entry, entry.annotations[row])] = row + 1
    return objects, np.array(numbers, np.uint16)[objects]


def _mask(entry: AnnotatedImage, annotation: Annotation) -> NDArray[np.bool_]:
    segment = annotation.segment
    return resized_mask((segment.mask_size_hw, segment.mask_counts), entry.size_hw)


def _png(numbers: NDArray[np.uint16]) -> bytes:
    if numbers.max(initial=0) > LAST:
        picture = Image.fromarray(numbers)
    else:
        picture = Image.fromarray(numbers.astype(np.uint8), "P")
        picture.putpalette(palette().tolist())
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def _xml(entry: AnnotatedImage, name: str) -> bytes:
    height, width = entry.size_hw
    root = Element("annotation")
    _add(root, "folder", "JPEGImages")
    _add(root, "filename", name or entry.stem)
    _add(root, "path", entry.image.displayed)
    source = SubElement(root, "source")
    _add(source, "database", "SegSearch export")
    _add(source, "sha256", entry.image.sha256)
    size = SubElement(root, "size")
    for tag, value in (("width", width), ("height", height), ("depth", 3)):
        _add(size, tag, value)
    _add(root, "segmented", int(bool(entry.annotations)))
    for annotation in entry.annotations:
        _add_object(root, entry, annotation)
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _add_object(root: Element, entry: AnnotatedImage, annotation: Annotation) -> None:
    """VOC counts pixels from 1, and boxes include their last one."""
    segment, (height, width) = annotation.segment, entry.size_hw
    x0, y0, x1, y1 = segment.box_xyxy
    found = SubElement(root, "object")
    _add(found, "name", annotation.category)
    _add(found, "pose", "Unspecified")
    _add(found, "truncated", int(x0 == 0 or y0 == 0 or x1 == width or y1 == height))
    _add(found, "difficult", 0)
    box = SubElement(found, "bndbox")
    for tag, value in (("xmin", x0 + 1), ("ymin", y0 + 1), ("xmax", x1), ("ymax", y1)):
        _add(box, tag, value)
    _add(found, "score", round(segment.quality, 4))
    mask = SubElement(found, "rle")
    _add(mask, "size", f"{segment.mask_size_hw[0]} {segment.mask_size_hw[1]}")
    _add(mask, "counts", segment.mask_counts.decode("ascii"))


def _add(parent: Element, tag: str, value: Any) -> None:
    """An element with text; control characters, which XML cannot have, are replaced."""
    text = str(value)
    SubElement(parent, tag).text = "".join(char if char.isprintable() else "\ufffd" for char in text)


def read_voc(folder: Path) -> Iterator[LabelledPhoto]:
    """The photos of a data set, one for each XML file in ``Annotations``, with their objects.

    An object's mask is in ``<rle>``, else it is the pixels of the object's number in ``SegmentationObject``.

    Raises
    ------
    QueryError
        There are no such files.
    """
    files = sorted((folder / "Annotations").glob("*.xml"))
    if not files:
        raise QueryError(f"{folder} has no XML files in a folder named Annotations, as VOC's data sets do")
    for file in files:
        yield _photo(file, folder / "SegmentationObject" / f"{file.stem}.png")


def _photo(file: Path, picture: Path) -> LabelledPhoto:
    try:
        root = parse(file).getroot()
        size = checked_size(*(int(_text(root, f"size/{side}")) for side in ("height", "width")))
        path = _text(root, "filename")
    except (ParseError, DefusedXmlException, ValueError, OSError) as error:
        return LabelledPhoto(path=file.stem, objects=(), is_stem=True, faults=(f"{file}: {error}",))
    found: list[LabelledObject] = []
    faults: list[str] = []
    drawn: NDArray[np.integer] | None = None
    for number, each in enumerate(root.iter("object"), 1):
        try:
            if each.find("rle") is None and drawn is None:
                drawn = _numbers(picture, size)
            found.append(_object(each, number, drawn))
        except ValueError as error:
            faults.append(f"object {number}: {error}")
    digest = root.findtext("source/sha256")
    return LabelledPhoto(path=path, objects=found, size_hw=size, sha256=digest, faults=tuple(faults))


def _object(element: Element, number: int, drawn: NDArray[np.integer] | None) -> LabelledObject:
    name, score = _text(element, "name"), element.findtext("score")
    quality = checked_quality(float(score)) if score else 1.0
    if element.find("rle") is not None:
        height, width = map(int, _text(element, "rle/size").split())
        run = checked_mask(checked_size(height, width), _text(element, "rle/counts"))
    else:
        mask = drawn == number
        if drawn is None or not np.any(mask):
            raise ValueError("SegmentationObject has no pixel of it")
        run = (drawn.shape[0], drawn.shape[1]), encode_mask(np.asarray(mask, bool))
    return LabelledObject(category=name, quality=quality, run=run)


def _numbers(picture: Path, size_hw: tuple[int, int]) -> NDArray[np.integer]:
    """The number of the object at each pixel, (H, W).

    Raises
    ------
    ValueError
        There is no such picture, or it is not of this size.
    """
    try:
        with Image.open(picture, formats=("PNG",)) as opened:
            if opened.size[::-1] != size_hw:
                raise ValueError(f"{picture} is not of {size_hw[1]} x {size_hw[0]} pixels, as the XML file says")
            found = np.asarray(opened)
    except OSError as error:
        raise ValueError(f"it has no mask, for {picture} cannot be read: {error}") from error
    if found.ndim != 2:
        raise ValueError(f"{picture} has colours: it must have a palette, or be grey")
    return found


def _text(element: Element, name: str) -> str:
    found = element.findtext(name)
    if not found or not found.strip():
        raise ValueError(f"<{name}> is missing or empty")
    return found.strip()
