"""Rating and keywords go into an XMP packet; whatever else it holds comes out as it went in."""

from __future__ import annotations

import re
from xml.dom import minidom

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_app.imaging.xmp import read_xmp
from desktop_app.imaging.xmp_edit import with_labels

DARKTABLE = """<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <!-- a person's remark -->
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:darktable="http://darktable.sf.net/"
   xmlns:dc="http://purl.org/dc/elements/1.1/" xmp:Rating="1" darktable:history_end="4">
   <darktable:history><rdf:Seq><rdf:li darktable:operation="exposure" darktable:params="gz02eJx"/></rdf:Seq>
   </darktable:history>
   <dc:subject><rdf:Bag><rdf:li>old</rdf:li><rdf:li>older</rdf:li></rdf:Bag></dc:subject>
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">Ein Fluß &amp; mehr</rdf:li></rdf:Alt></dc:description>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""
ELEMENTS = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<r:Description r:about="" xmlns:xmp="urn:other"><xmp:thing>1</xmp:thing></r:Description>
<r:Description r:about="" xmlns:a="http://ns.adobe.com/xap/1.0/"><a:Rating>2</a:Rating><a:Label>Red</a:Label>
</r:Description></r:RDF></x:xmpmeta>"""
OWN = re.compile(r' xmlns:dc0?="[^"]*"| xmp:Rating="[^"]*"|<dc:subject.*?</dc:subject>|\s+', re.DOTALL)


def rest(packet: bytes) -> str:
    """All of a packet but rating, keywords and white space."""
    text = packet.decode()
    return OWN.sub("", minidom.parseString(text.encode()).documentElement.toxml())


@pytest.mark.parametrize("keywords", [(), ("sea",), ("sea", "a < b & c", "Fluß")])
def test_all_else_stays(keywords):
    done = with_labels(DARKTABLE.encode(), rating=5, keywords=keywords)
    facts = read_xmp(done)
    assert (facts.rating, facts.keywords, facts.caption) == (5, keywords, "Ein Fluß & mehr")
    assert rest(done) == rest(DARKTABLE.encode()) and "<!-- a person's remark -->" in done.decode()


def test_properties_are_found_under_any_prefix_and_as_elements():
    done = with_labels(ELEMENTS.encode(), rating=-1, keywords=["x"])
    facts = read_xmp(done)
    assert (facts.rating, facts.keywords) == (-1, ("x",))
    assert done.count(b"Rating") == 2 and b"<a:Label>Red</a:Label>" in done and b"<xmp:thing>1</xmp:thing>" in done


def test_a_prefix_that_means_something_else_is_not_taken():
    packet = ELEMENTS.replace("<a:Rating>2</a:Rating>", "").replace(' xmlns:a="http://ns.adobe.com/xap/1.0/"', "")
    done = with_labels(packet.replace("<a:Label>Red</a:Label>", "").encode(), rating=3, keywords=[])
    assert read_xmp(done).rating == 3 and b'xmlns:xmp="urn:other"' in done


def test_without_a_rating_the_packets_own_stays():
    assert read_xmp(with_labels(DARKTABLE.encode(), rating=None, keywords=["new"])).rating == 1


@pytest.mark.parametrize("packet", [None, b"", b" \n"])
def test_a_new_packet_is_made_where_there_is_none(packet):
    facts = read_xmp(with_labels(packet, rating=4, keywords=["new"]))
    assert (facts.rating, facts.keywords) == (4, ("new",))


@pytest.mark.parametrize(
    "packet",
    [
        b"not XML at all",
        DARKTABLE.encode()[:400],
        b'<!DOCTYPE a [<!ENTITY b "c">]><x:xmpmeta xmlns:x="adobe:ns:meta/"/>',
        b"<html/>",
    ],
)
def test_what_cannot_be_read_is_not_changed(packet):
    with pytest.raises(ValueError, match=r"damaged|no XMP"):
        with_labels(packet, rating=1, keywords=[])


@settings(max_examples=60, deadline=None)
@given(
    keywords=st.lists(
        st.text(st.characters(min_codepoint=33, max_codepoint=0xD7FF, exclude_categories=["C", "Z"]), min_size=1),
        max_size=4,
        unique=True,
    ),
    rating=st.integers(-1, 5),
)
def test_what_is_written_is_read_again_and_writing_it_twice_changes_nothing(keywords, rating):
    once = with_labels(DARKTABLE.encode(), rating=rating, keywords=keywords)
    facts = read_xmp(once)
    assert facts.rating == rating and list(facts.keywords) == [word[:200] for word in keywords]
    assert with_labels(once, rating=rating, keywords=keywords) == once
