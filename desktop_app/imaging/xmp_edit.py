"""Rating and keywords put into an XMP packet; everything else that it holds stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.dom import Node, minidom

from desktop_app.imaging.xmp import is_sound

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC = "http://purl.org/dc/elements/1.1/"
_XMP = "http://ns.adobe.com/xap/1.0/"
_XMLNS = "http://www.w3.org/2000/xmlns/"
_EMPTY = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    b' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n  <rdf:Description rdf:about=""/>\n'
    b' </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>\n'
)


def with_labels(packet: bytes | None, *, rating: int | None, keywords: Sequence[str]) -> bytes:
    """The packet (None: a new one) with these keywords (dc:subject) and this rating (xmp:Rating, -1..5).

    A rating of None leaves the packet's own. The answer is UTF-8. Raises ValueError for a packet that cannot be
    read from end to end.
    """
    packet = _EMPTY if packet is None or not packet.strip(b"\0 \t\r\n") else packet
    if not is_sound(packet):
        raise ValueError("it is damaged")
    document = minidom.parseString(packet.strip(b"\0 \t\r\n"))
    try:
        descriptions = list(_descriptions(document))
        if not descriptions:
            raise ValueError("it is no XMP")
        _set_keywords(document, descriptions, keywords)
        if rating is not None:
            _set_rating(document, descriptions, rating)
        return ("\n".join(node.toxml() for node in document.childNodes) + "\n").encode()
    finally:
        document.unlink()


def _descriptions(document: minidom.Document) -> Iterator[minidom.Element]:
    """The descriptions of the picture itself: children of rdf:RDF, not those of structures inside."""
    for root in document.getElementsByTagNameNS(_RDF, "RDF"):
        for child in root.childNodes:
            if isinstance(child, minidom.Element) and (child.namespaceURI, child.localName) == (
                _RDF,
                "Description",
            ):
                yield child


def _children(parent: minidom.Element, space: str, name: str) -> list[minidom.Element]:
    return [
        child
        for child in parent.childNodes
        if child.nodeType == Node.ELEMENT_NODE and (child.namespaceURI, child.localName) == (space, name)
    ]


def _set_rating(document: minidom.Document, descriptions: list[minidom.Element], rating: int) -> None:
    there = False
    for description in descriptions:
        attribute = description.getAttributeNodeNS(_XMP, "Rating")
        if attribute is not None:
            attribute.value = str(rating)
            there = True
        for element in _children(description, _XMP, "Rating"):
            _empty(element)
            element.appendChild(document.createTextNode(str(rating)))
            there = True
    if not there:
        prefix = _prefix(descriptions[0], _XMP, "xmp")
        descriptions[0].setAttributeNS(_XMP, f"{prefix}:Rating", str(rating))


def _set_keywords(
    document: minidom.Document, descriptions: list[minidom.Element], keywords: Sequence[str]
) -> None:
    found = []
    for description in descriptions:
        if description.hasAttributeNS(_DC, "subject"):
            description.removeAttributeNS(_DC, "subject")
        found += _children(description, _DC, "subject")
    for other in found[1:] if keywords else found:
        if other.parentNode is not None:
            other.parentNode.removeChild(other)
    if not keywords:
        return
    if found:
        subject = found[0]
        _empty(subject)
    else:
        subject = document.createElementNS(_DC, f"{_prefix(descriptions[0], _DC, 'dc')}:subject")
        descriptions[0].appendChild(subject)
    prefix = descriptions[0].prefix
    bag = subject.appendChild(document.createElementNS(_RDF, f"{prefix}:Bag"))
    for keyword in keywords:
        item = bag.appendChild(document.createElementNS(_RDF, f"{prefix}:li"))
        item.appendChild(document.createTextNode(keyword))


def _prefix(element: minidom.Element, space: str, wanted: str) -> str:
    """The prefix that stands for `space` at an element; declared there where none does."""
    above: Node | None = element
    taken: set[str] = set()
    while isinstance(above, minidom.Element):
        for name, value in above.attributes.items():
            before, _, declared = name.partition(":")
            if before == "xmlns" and declared:
                if value == space and declared not in taken:
                    return declared
                taken.add(declared)
        above = above.parentNode
    name = wanted
    while name in taken:
        name += "0"
    element.setAttributeNS(_XMLNS, f"xmlns:{name}", space)
    return name


def _empty(element: minidom.Element) -> None:
    while element.firstChild is not None:
        element.removeChild(element.firstChild)
