"""Keywords in XMP: read, and changed so that all else stays."""

from __future__ import annotations

import pytest
from defusedxml.ElementTree import fromstring

from retrieval.errors import QueryError
from retrieval.formats.xmp import DC, RDF, read_keywords, with_keywords

DARKTABLE = b"""<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
    xmlns:darktable="http://darktable.sf.net/" xmp:Rating="3" darktable:auto_presets_applied="1">
   <dc:subject><rdf:Bag><rdf:li>holiday</rdf:li><rdf:li>sea</rdf:li></rdf:Bag></dc:subject>
   <lr:hierarchicalSubject><rdf:Bag><rdf:li>places|Italy|Rome</rdf:li></rdf:Bag></lr:hierarchicalSubject>
   <darktable:history><rdf:Seq><rdf:li darktable:num="0" darktable:operation="exposure"/></rdf:Seq></darktable:history>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""


def others(content: bytes) -> list[tuple[str, dict[str, str], str]]:
    """All elements but those of keywords, with their attributes and texts."""
    root = fromstring(content)
    rdf = root.find(f"{{{RDF}}}RDF")
    assert rdf is not None
    for description in rdf:
        for each in list(description):
            if each.tag in (f"{{{DC}}}subject", "{https://segsearch.org/ns/1.0/}keywords"):
                description.remove(each)
    return [(each.tag, dict(each.attrib), (each.text or "").strip()) for each in root.iter()]


def written(content: bytes | None, *names: str) -> bytes:
    found = with_keywords(content, names)
    assert found is not None
    return found


def test_keywords_of_another_program() -> None:
    found = read_keywords(DARKTABLE)
    assert found.all == ("holiday", "sea", "Rome")
    assert found.written == ()


def test_a_new_sidecar() -> None:
    made = written(None, "dog", "Ähre & <b>")
    assert read_keywords(made).all == read_keywords(made).written == ("dog", "Ähre & <b>")
    assert with_keywords(made, ["dog", "Ähre & <b>"]) is None
    assert with_keywords(None, []) is None


def test_what_others_wrote_stays() -> None:
    made = written(DARKTABLE, "dog", "sea")
    assert others(made) == others(DARKTABLE)
    assert b"xmlns:darktable=" in made
    found = read_keywords(made)
    assert found.all == ("holiday", "sea", "dog", "Rome")
    assert found.written == ("dog",)
    assert found.of_others == ("holiday", "sea", "Rome")


def test_a_name_that_is_taken_back_goes_and_that_of_another_stays() -> None:
    made = written(written(DARKTABLE, "dog", "cat"), "cat")
    assert read_keywords(made).all == ("holiday", "sea", "cat", "Rome")
    back = written(made)
    assert read_keywords(back).all == read_keywords(DARKTABLE).all
    assert read_keywords(back).written == ()
    assert others(back) == others(DARKTABLE)
    assert with_keywords(DARKTABLE, []) is None


def test_a_keyword_that_another_program_took_out_comes_again_only_if_it_is_a_name_still() -> None:
    made = written(DARKTABLE, "dog")
    without = made.replace(b"<rdf:li>dog</rdf:li>", b"", 1)
    assert read_keywords(without).all == ("holiday", "sea", "Rome")
    assert read_keywords(written(without, "dog")).all == ("holiday", "sea", "dog", "Rome")
    assert read_keywords(written(without)).all == ("holiday", "sea", "Rome")


def test_signs_that_xml_cannot_have_are_left_out() -> None:
    assert read_keywords(written(None, "a\x00b\ud800c")).all == ("abc",)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"no xml",
        DARKTABLE[:300],
        b"<svg/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        b'<?xml version="1.0" encoding="nonsense"?><a/>',
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_xmp_is_refused(broken: bytes) -> None:
    for attempt in (lambda: read_keywords(broken), lambda: with_keywords(broken, ["dog"])):
        with pytest.raises(QueryError, match="it is no XMP"):
            attempt()
