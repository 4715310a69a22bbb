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
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..images.masks import resized_mask
from .dataset import AnnotatedImage, Annotation, Dataset, shown_path
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
    _add(root, "path", shown_path(entry.image))
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
