"""XMP (ISO 16684-1): the few properties the product uses, from a packet in a picture or a sidecar file.

Packets come from anywhere, so they are parsed by expat without a document type: entities, and with them every
attack that grows from them, are refused. Whatever is odd is left out; nothing here raises.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from desktop_app.domain.metadata import LEAST_RATING, MOST_RATING, PhotoMetadata
from desktop_app.imaging.header import wall_clock_seconds

log = logging.getLogger(__name__)

MAX_PACKET = 8 << 20
"""Larger packets hold pictures or other programs' histories; they are not read."""
MAX_KEYWORDS = 256
MAX_TEXT = 2000

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_SPACES = {
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/exif/1.0/aux/": "aux",
    "http://cipa.jp/exif/1.0/": "exifEX",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "Iptc4xmpCore",
}
_DEGREES = re.compile(r"\s*(\d{1,3}),(\d{1,2}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?\s*([NSEW])\s*")
_MOST_DEPTH = 64
_DESCRIPTION = f"{_RDF} Description"
_STRUCTURE = {f"{_RDF} {name}" for name in ("RDF", "Description", "Bag", "Seq", "Alt", "li")}


class _Refused(Exception):
    """The packet holds something that no honest packet has."""


@dataclass(slots=True)
class _Properties:
    """Collects `prefix:name` -> values while expat walks over the packet."""

    values: dict[str, list[str]] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)  # the elements we are inside of
    _text: list[str] = field(default_factory=list)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= _MOST_DEPTH:
            raise _Refused("it is nested too deeply")
        self._open.append(name)
        self._text = []
        if name == _DESCRIPTION and not self._properties():
            for attribute, value in attributes.items():
                self._add(attribute, value)

    def end(self, _name: str) -> None:
        properties = self._properties()
        text = "".join(self._text).strip()
        if text and len(properties) == 1:
            self._add(properties[0], text)
        self._text = []
        self._open.pop()

    def characters(self, text: str) -> None:
        self._text.append(text)

    def _properties(self) -> list[str]:
        """The properties we are inside of; more than one where they are structured."""
        if _DESCRIPTION not in self._open:
            return []
        inside = self._open[self._open.index(_DESCRIPTION) :]
        return [name for name in inside if name not in _STRUCTURE]

    def _add(self, name: str, value: str) -> None:
        space, _, local = name.rpartition(" ")
        prefix = _SPACES.get(space)
        if prefix is not None and value.strip():
            self.values.setdefault(f"{prefix}:{local}", []).append(value.strip())


def read_xmp(packet: bytes) -> PhotoMetadata:
    """The facts in an XMP packet (or sidecar file); empty for a packet that is damaged, hostile or too large."""
    if not packet or len(packet) > MAX_PACKET:
        return PhotoMetadata()
    collected = _Properties()
    try:
        _parse(packet.strip(b"\0 \t\r\n"), collected)
    except (expat.ExpatError, _Refused, ValueError, LookupError) as error:
        log.debug("damaged XMP: %s", error)  # what came before the damage still counts
    return _facts(collected.values)


def is_sound(packet: bytes) -> bool:
    """Whether a packet can be read from end to end, so that it may be changed."""
    try:
        _parse(packet.strip(b"\0 \t\r\n"), _Properties())
    except (expat.ExpatError, _Refused, ValueError, LookupError):
        return False
    return 0 < len(packet) <= MAX_PACKET


def _parse(packet: bytes, collected: _Properties) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler = collected.start
    parser.EndElementHandler = collected.end
    parser.CharacterDataHandler = collected.characters
    parser.Parse(packet, True)


def _refuse(*_declared: object) -> None:
    raise _Refused("it declares a document type")


def _facts(values: dict[str, list[str]]) -> PhotoMetadata:
    def first(*names: str) -> str | None:
        return next((tidy(value) for name in names for value in values.get(name, ()) if tidy(value)), None)

    latitude = _position(first("exif:GPSLatitude"), "NS", 90)
    longitude = _position(first("exif:GPSLongitude"), "EW", 180)
    both = latitude is not None and longitude is not None
    return PhotoMetadata(
        taken=_time(first("exif:DateTimeOriginal", "photoshop:DateCreated", "xmp:CreateDate")),
        camera=first("tiff:Model"),
        lens=first("exifEX:LensModel", "aux:Lens", "aux:LensModel"),
        latitude=latitude if both else None,
        longitude=longitude if both else None,
        place=place_name(
            first("Iptc4xmpCore:Location"),
            first("photoshop:City"),
            first("photoshop:State"),
            first("photoshop:Country"),
        ),
        rating=_rating(first("xmp:Rating")),
        caption=joined(first("dc:title", "photoshop:Headline"), first("dc:description")),
        keywords=tidy_keywords(values.get("dc:subject", ())),
    )


def tidy(text: str, *, most: int = MAX_TEXT) -> str:
    """One line of printable text."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text[:most]).split())


def tidy_keywords(keywords: object) -> tuple[str, ...]:
    """Each keyword once, without empty ones, at most `MAX_KEYWORDS`."""
    found = (tidy(word, most=200) for word in _strings(keywords))
    return tuple(dict.fromkeys(word for word in found if word))[:MAX_KEYWORDS]


def place_name(*parts: str | None) -> str | None:
    """The parts of a place's name from the nearest to the widest, as one name."""
    return ", ".join(dict.fromkeys(part for part in parts if part)) or None


def joined(*parts: str | None) -> str | None:
    """Texts one after the other, each once."""
    return " · ".join(dict.fromkeys(part for part in parts if part))[:MAX_TEXT] or None


def _strings(keywords: object) -> Iterator[str]:
    if isinstance(keywords, (list, tuple)):
        yield from (word for word in keywords if isinstance(word, str))


def _time(text: str | None) -> float | None:
    """ISO 8601 as a wall clock; the zone is left out, as the camera's clock has none."""
    if text is None:
        return None
    whole, _, fraction = text.partition(".")
    if re.fullmatch(r"\d{4}-\d\d-\d\d", whole):
        whole += "T00:00:00"
    elif re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?!:)", whole):
        whole = whole[:16] + ":00"
    return wall_clock_seconds(whole, re.sub(r"\D.*", "", fraction))


def _rating(text: str | None) -> int | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return round(number) if math.isfinite(number) and LEAST_RATING <= number <= MOST_RATING else None


def _position(text: str | None, sides: str, limit: int) -> float | None:
    """ "48,12.5N" or "48,12,30N" in degrees."""
    match = _DEGREES.fullmatch(text or "")
    if not match or match[4] not in sides:
        return None
    degrees = int(match[1]) + float(match[2]) / 60 + float(match[3] or 0) / 3600
    return None if degrees > limit else -degrees if match[4] in "SW" else degrees
