"""What files and sidecars say of their photos is read; damage and hostility in it costs nothing else."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from desktop_app.domain.errors import UnreadableImage
from desktop_app.domain.metadata import PhotoMetadata
from desktop_app.imaging.decode import decode_photo
from desktop_app.imaging.metadata import metadata_of_bytes, metadata_of_file
from desktop_app.imaging.xmp import MAX_PACKET, read_xmp

NOON = 1_556_712_000.0  # 2019-05-01 12:00
PICTURE = Image.fromarray(np.arange(48 * 64 * 3, dtype=np.uint32).astype(np.uint8).reshape(48, 64, 3))


def xmp(inside: str, attributes: str = "") -> bytes:
    spaces = {
        "xmp": "http://ns.adobe.com/xap/1.0/",
        "dc": "http://purl.org/dc/elements/1.1/",
        "photoshop": "http://ns.adobe.com/photoshop/1.0/",
        "exif": "http://ns.adobe.com/exif/1.0/",
        "tiff": "http://ns.adobe.com/tiff/1.0/",
        "aux": "http://ns.adobe.com/exif/1.0/aux/",
    }
    declared = " ".join(f'xmlns:{name}="{uri}"' for name, uri in spaces.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {declared} {attributes}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>'
    ).encode()


def subjects(*words: str) -> str:
    return f"<dc:subject><rdf:Bag>{''.join(f'<rdf:li>{word}</rdf:li>' for word in words)}</rdf:Bag></dc:subject>"


FULL = xmp(
    subjects("boat", "blue sea", "boat")
    + '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">At the pier</rdf:li></rdf:Alt></dc:title>'
    + "<exif:GPSLatitude>48,12.5N</exif:GPSLatitude><exif:GPSLongitude>16,22,30E</exif:GPSLongitude>"
    + "<photoshop:City>Wien</photoshop:City><photoshop:Country>Austria</photoshop:Country>",
    'xmp:Rating="4" tiff:Model="X100" aux:Lens="23mm" exif:DateTimeOriginal="2019-05-01T12:00:00+02:00"',
)


def exif(**tags: object) -> Image.Exif:
    made = Image.Exif()
    made[0x0110] = "ILCE-7M4"
    details = made.get_ifd(0x8769)
    details[0x9003] = "2019:05:01 12:00:00"
    details[0xA434] = "FE 35mm F1.8"
    place = made.get_ifd(0x8825)
    place.update({1: "S", 2: (33.0, 52.0, 10.0), 3: "E", 4: (151.0, 12.0, 30.0)})
    made[0x4746] = 3
    return made


def saved(format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    if format_ == "PNG" and "xmp" in options:
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", options.pop("xmp").decode())
    if format_ == "TIFF" and "xmp" in options:
        options["exif"][700] = options.pop("xmp")
    PICTURE.save(file, format_, **options)
    return file.getvalue()


def iptc(*entries: tuple[int, bytes]) -> bytes:
    records = b"".join(
        b"\x1c\x02" + bytes([number]) + len(text).to_bytes(2, "big") + text for number, text in entries
    )
    records += b"\0" * (len(records) % 2)
    resource = b"8BIM\x04\x04\0\0" + len(records).to_bytes(4, "big") + records
    return b"Photoshop 3.0\0" + resource


def with_segment(jpeg: bytes, marker: int, content: bytes) -> bytes:
    return jpeg[:2] + bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content + jpeg[2:]


def test_a_packet_gives_its_facts():
    assert read_xmp(FULL) == PhotoMetadata(
        taken=NOON,
        camera="X100",
        lens="23mm",
        latitude=pytest.approx(48 + 12.5 / 60),
        longitude=pytest.approx(16 + 22.5 / 60),
        place="Wien, Austria",
        rating=4,
        caption="At the pier",
        keywords=("boat", "blue sea"),
    )


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_exif_and_xmp_are_read_from_every_format(format_):
    facts = metadata_of_bytes(saved(format_, exif=exif(), xmp=FULL), "a")
    assert (facts.kind or "").upper() == format_
    assert facts.keywords == ("boat", "blue sea") and facts.rating == 4  # what people entered is newest in XMP
    assert (facts.taken, facts.camera, facts.lens) == (NOON, "ILCE-7M4", "FE 35mm F1.8")  # the camera knows best
    assert facts.latitude == pytest.approx(-(33 + 52 / 60 + 10 / 3600))
    assert facts.longitude == pytest.approx(151 + 12 / 60 + 30 / 3600)


def test_a_tiff_carries_xmp_as_a_tag():
    facts = metadata_of_bytes(saved("TIFF", exif=exif(), xmp=FULL), "a.tif")
    assert (facts.kind, facts.camera, facts.keywords) == ("TIFF", "ILCE-7M4", ("boat", "blue sea"))


def test_iptc_is_read_where_there_is_no_xmp():
    block = iptc((25, b"boat"), (25, "Größe".encode()), (90, b"Wien"), (101, b"Austria"), (120, b"A pier"))
    facts = metadata_of_bytes(with_segment(saved("JPEG"), 0xED, block), "a.jpg")
    assert facts.keywords == ("boat", "Größe")
    assert (facts.place, facts.caption) == ("Wien, Austria", "A pier")


def test_the_sidecar_wins_for_what_people_enter(tmp_path: Path):
    photo, sidecar = tmp_path / "a.jpg", tmp_path / "a.xmp"
    photo.write_bytes(saved("JPEG", exif=exif(), xmp=FULL))
    sidecar.write_bytes(xmp(subjects("harbour"), 'xmp:Rating="-1" tiff:Model="other"'))
    facts = metadata_of_file(bytes(photo), sidecar=bytes(sidecar))
    assert (facts.rating, facts.keywords, facts.camera) == (-1, ("harbour",), "ILCE-7M4")
    assert metadata_of_file(bytes(photo), sidecar=bytes(tmp_path / "gone.xmp")).rating == 4
    with pytest.raises(UnreadableImage):
        metadata_of_file(bytes(tmp_path / "gone.jpg"))


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c SYSTEM "file:///etc/passwd">]>"""


@pytest.mark.parametrize(
    "packet",
    [
        LAUGHS + FULL[FULL.index(b"<x:xmpmeta") :],
        FULL.replace(b"At the pier", b"&b;&c;"),
        b"<a>" * 100_000,
        b"\xff\xfe\0",
        b"",
        FULL + b" " * MAX_PACKET,
        xmp("", 'xmp:Rating="nan" exif:GPSLatitude="91,0N" exif:GPSLongitude="16,0E" xmp:CreateDate="2019-13-40"'),
        xmp("", 'xmp:Rating="17" exif:GPSLatitude="48,0W" exif:GPSLongitude="16,0E"'),
    ],
    ids=["entities", "undeclared", "deep", "bytes", "empty", "large", "odd values", "wrong side"],
)
def test_hostile_packets_give_nothing_false(packet):
    facts = read_xmp(packet)
    assert facts.caption is None or "root" not in facts.caption
    assert (facts.rating, facts.place) == (None, None) or packet == FULL.replace(b"At the pier", b"&b;&c;")
    data = saved("JPEG", xmp=packet[:60_000], exif=exif())
    assert metadata_of_bytes(data, "a.jpg").camera == "ILCE-7M4"


def test_what_is_entered_is_one_line_and_bounded():
    words = [f"word {number}\n\x07" for number in range(1000)]
    facts = read_xmp(xmp(subjects(*(word.replace("\x07", "") for word in words), "x" * 5000)))
    assert len(facts.keywords) == 256 and facts.keywords[0] == "word 0"


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_files_never_raise(data):
    whole = saved("JPEG", exif=exif(), xmp=FULL)
    cut = bytearray(whole[: data.draw(st.integers(1, len(whole)))])
    for at in data.draw(st.lists(st.integers(0, len(cut) - 1), max_size=30)):
        cut[at] = data.draw(st.integers(0, 255))
    facts = metadata_of_bytes(bytes(cut), "a.jpg")
    assert facts.rating is None or -1 <= facts.rating <= 5
    assert facts.latitude is None or -90 <= facts.latitude <= 90


def test_decoding_gives_the_metadata_with_the_pixels(tmp_path: Path):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(saved("JPEG", exif=exif(), xmp=FULL))
    decoded = decode_photo(photo, metadata=True)
    assert decoded.metadata == metadata_of_file(photo) and decoded.metadata.kind == "JPEG"
    assert decode_photo(photo).metadata == PhotoMetadata()
