"""Keywords in XMP sidecars: read, and changed without touching what other programs wrote.

darktable, digiKam, Lightroom and Immich keep keywords in ``dc:subject``. Which of them are this program's is noted in a
field of its own, so that a name that was taken back goes, and a keyword that a person wrote stays.

References
----------
ISO 16684-1, "Extensible metadata platform (XMP) specification, part 1", 2019.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ElementTree, ParseError, SubElement, indent, register_namespace

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from ..errors import QueryError

META = "adobe:ns:meta/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = "http://purl.org/dc/elements/1.1/"
LR = "http://ns.adobe.com/lightroom/1.0/"
OWN = "https://segsearch.org/ns/1.0/"
PREFIXES = {"x": META, "rdf": RDF, "dc": DC, "lr": LR, "segsearch": OWN}

SUBJECT, HIERARCHICAL = f"{{{DC}}}subject", f"{{{LR}}}hierarchicalSubject"
WRITTEN = f"{{{OWN}}}keywords"
_DESCRIPTION, _BAG, _ITEM = f"{{{RDF}}}Description", f"{{{RDF}}}Bag", f"{{{RDF}}}li"

MOST_BYTES = 16 * 1024**2
"""Larger sidecars are left alone."""

_RESERVED = re.compile(r"ns\d+|xml.*", re.IGNORECASE)
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_one_at_a_time = threading.Lock()
"""`register_namespace` is for the whole process."""


@dataclass(frozen=True, slots=True)
class Keywords:
    """The keywords of a sidecar.

    Attributes
    ----------
    all : tuple of str
        In their order; the last parts of hierarchical ones are among them.
    written : tuple of str
        Those that this program wrote.
    """

    all: tuple[str, ...]
    written: tuple[str, ...]

    @property
    def of_others(self) -> tuple[str, ...]:
        """Those that people or other programs wrote."""
        own = set(self.written)
        return tuple(name for name in self.all if name not in own)


def read_keywords(content: bytes) -> Keywords:
    """The keywords in a sidecar.

    Raises
    ------
    QueryError
        It is no XMP.
    """
    root, _ = _parsed(content)
    plain, hierarchical, written = (_items(root, name) for name in (SUBJECT, HIERARCHICAL, WRITTEN))
    leaves = [name.rpartition("|")[2].strip() for name in hierarchical]
    return Keywords(tuple(dict.fromkeys(name for name in (*plain, *leaves) if name)), tuple(written))


def with_keywords(content: bytes | None, names: Sequence[str]) -> bytes | None:
    """A sidecar with this program's keywords; None if it has them already.

    Parameters
    ----------
    content : bytes or None
        The sidecar as it is, if there is one.
    names : sequence of str
        Keywords. Those that this program wrote before and that are not among them are taken out; those that somebody
        else wrote stay theirs.

    Raises
    ------
    QueryError
        It is no XMP.
    """
    if content is None and not names:
        return None
    root, prefixes = _parsed(content) if content is not None else (_empty(), {})
    there, before = _items(root, SUBJECT), set(_items(root, WRITTEN))
    of_others = [name for name in there if name not in before]
    own = [name for name in dict.fromkeys(_UNPRINTABLE.sub("", name) for name in names) if name not in of_others]
    kept = [name for name in there if name not in before or name in own]
    wanted = [*kept, *(name for name in own if name not in kept)]
    if wanted == there and set(own) == before:
        return None
    _put(root, SUBJECT, wanted)
    _put(root, WRITTEN, own)
    return _serialised(root, prefixes)


def _parsed(content: bytes) -> tuple[Element, dict[str, str]]:
    """The root of a sidecar, and the prefixes of its namespaces."""
    prefixes, root = dict[str, str](), None
    try:
        for event, value in iterparse(io.BytesIO(content), ("start-ns", "start")):
            if event == "start-ns":
                prefixes.setdefault(*value)
            elif root is None:
                root = value
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise QueryError(f"it is no XMP ({type(error).__name__}: {error})") from error
    if root is None or _rdf(root) is None:
        raise QueryError("it is no XMP: it has no rdf:RDF")
    return root, prefixes


def _rdf(root: Element) -> Element | None:
    return root if root.tag == f"{{{RDF}}}RDF" else root.find(f"{{{RDF}}}RDF")


def _empty() -> Element:
    root = Element(f"{{{META}}}xmpmeta")
    SubElement(SubElement(root, f"{{{RDF}}}RDF"), _DESCRIPTION, {f"{{{RDF}}}about": ""})
    return root


def _fields(root: Element, name: str) -> list[tuple[Element, Element]]:
    """The elements of a field, each with the description that it is in."""
    rdf = _rdf(root)
    descriptions = [] if rdf is None else rdf.findall(_DESCRIPTION)
    return [(each, field) for each in descriptions for field in each.findall(name)]


def _items(root: Element, name: str) -> list[str]:
    found = [item.text or "" for _, field in _fields(root, name) for item in field.iter(_ITEM)]
    return list(dict.fromkeys(text for item in found if (text := " ".join(item.split()))))


def _put(root: Element, name: str, items: Sequence[str]) -> None:
    """Put items in the place of those of a field, which goes if there are none."""
    fields = _fields(root, name)
    for description, field in fields[1:] if items else fields:
        description.remove(field)
    if not items:
        return
    if fields:
        field = fields[0][1]
        field.clear()
    else:
        field = SubElement(_description(root), name)
    bag = SubElement(field, _BAG)
    for item in items:
        SubElement(bag, _ITEM).text = item


def _description(root: Element) -> Element:
    """The first description, which is made if there is none."""
    rdf = _rdf(root)
    if rdf is None:
        raise QueryError("it is no XMP: it has no rdf:RDF")
    found = rdf.find(_DESCRIPTION)
    return SubElement(rdf, _DESCRIPTION, {f"{{{RDF}}}about": ""}) if found is None else found


def _serialised(root: Element, prefixes: dict[str, str]) -> bytes:
    indent(root, " ")
    sink = io.BytesIO()
    with _one_at_a_time:
        for prefix, uri in {**prefixes, **PREFIXES}.items():
            if prefix and not _RESERVED.fullmatch(prefix):
                register_namespace(prefix, uri)
        ElementTree(root).write(sink, encoding="utf-8", xml_declaration=True)
    return sink.getvalue() + b"\n"
