"""RAW files: a small DNG, written by hand, through the optional package rawpy."""

import io
import struct

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from desktop_app.domain.errors import UnreadableImage
from desktop_app.imaging.decode import decode_full, decode_photo
from tests.support.odd_files import at_preview_scale, difference

WHITE = 4000


def mosaic(rgb):
    """The sensor values [h, w] of linear light behind a red-green-green-blue filter."""
    linear = (rgb / 255.0) ** 2.2 * WHITE
    values = linear[..., 1].copy()
    values[0::2, 0::2] = linear[0::2, 0::2, 0]
    values[1::2, 1::2] = linear[1::2, 1::2, 2]
    return values.astype("<u2")


def dng(rgb, *, orientation=1, preview=None):
    """A minimal DNG 1.2 file: one uncompressed colour filter array, and a JPEG preview beside it if given."""
    sensor = mosaic(rgb).tobytes()
    height, width = rgb.shape[:2]
    matrix = [3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570]  # XYZ to linear sRGB
    rationals = b"".join(struct.pack("<ii", round(v * 10_000), 10_000) for v in matrix)
    raw_tags = [
        (254, 4, [0]),
        (256, 4, [width]),
        (257, 4, [height]),
        (258, 3, [16]),
        (259, 3, [1]),
        (262, 3, [32803]),
        (273, 4, ["sensor"]),
        (277, 3, [1]),
        (278, 4, [height]),
        (279, 4, [len(sensor)]),
        (33421, 3, [2, 2]),
        (33422, 1, [0, 1, 1, 2]),
        (50717, 4, [WHITE]),
    ]
    shared_tags = [
        (271, 2, b"Indicium\0"),
        (272, 2, b"Test camera\0"),
        (274, 3, [orientation]),
        (306, 2, b"2024:05:01 12:30:00\0"),
        (50706, 1, [1, 2, 0, 0]),
        (50708, 2, b"Test camera\0"),
        (50721, 10, rationals),
        (50728, 5, struct.pack("<6I", 1, 1, 1, 1, 1, 1)),
        (50778, 3, [21]),
    ]
    blobs = {"sensor": sensor}
    if preview is None:
        directories = [sorted(raw_tags + shared_tags)]
    else:
        buffer = io.BytesIO()
        Image.fromarray(preview).save(buffer, "JPEG", quality=95)
        blobs["preview"] = buffer.getvalue()
        preview_tags = [
            (254, 4, [1]),
            (256, 4, [preview.shape[1]]),
            (257, 4, [preview.shape[0]]),
            (258, 3, [8, 8, 8]),
            (259, 3, [7]),
            (262, 3, [6]),
            (273, 4, ["preview"]),
            (277, 3, [3]),
            (278, 4, [preview.shape[0]]),
            (279, 4, [len(blobs["preview"])]),
            (330, 4, ["sub"]),
        ]
        directories = [sorted(preview_tags + shared_tags), raw_tags]
    return _tiff(directories, blobs)


SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 10: 8}
CODES = {1: "B", 3: "H", 4: "I"}


def _tiff(directories, blobs):
    """Lay out TIFF directories; the names of `blobs` and "sub" (the second directory) stand for their offsets."""
    out = bytearray(b"II*\0" + bytes(4))
    places = {}
    for name, blob in blobs.items():
        places[name] = len(out)
        out += blob + bytes(len(blob) % 2)
    for number, tags in reversed(list(enumerate(directories))):
        entries = b""
        for tag, kind, values in tags:
            if isinstance(values, bytes):
                data = values
            else:
                data = struct.pack(f"<{len(values)}{CODES[kind]}", *(places.get(v, v) for v in values))
            count = len(data) // SIZES[kind]
            if len(data) > 4:
                offset = len(out)
                out += data + bytes(len(data) % 2)
                data = struct.pack("<I", offset)
            entries += struct.pack("<HHI", tag, kind, count) + data.ljust(4, b"\0")
        places["sub" if number else "first"] = len(out)
        out += struct.pack("<H", len(tags)) + entries + bytes(4)
    out[4:8] = struct.pack("<I", places["first"])
    return bytes(out)


@pytest.fixture(scope="module")
def photo():
    picture = Image.fromarray(load_sample_image("flower.jpg")).resize((800, 534), Image.Resampling.BICUBIC)
    return np.asarray(picture)


def correlation(a, b):
    return float(np.corrcoef(a.reshape(-1), b.reshape(-1))[0, 1])


def test_a_raw_file_without_preview_is_developed(photo, tmp_path):
    pytest.importorskip("rawpy")
    path = tmp_path / "IMG_1.dng"
    path.write_bytes(dng(photo))
    decoded = decode_photo(path)
    assert abs(decoded.width - 800) <= 8 and abs(decoded.height - 534) <= 8
    assert max(decoded.rgb.shape[:2]) == 512
    shown = np.asarray(Image.fromarray(at_preview_scale(photo)).resize(decoded.rgb.shape[1::-1]))
    assert correlation(decoded.rgb, shown) > 0.95
    assert decoded.camera == "Test camera"
    assert decoded.taken == 1714566600.0


def test_a_raw_file_is_turned_as_its_header_says(photo, tmp_path):
    pytest.importorskip("rawpy")
    upright, turned = tmp_path / "a.dng", tmp_path / "b.dng"
    upright.write_bytes(dng(photo))
    turned.write_bytes(dng(photo, orientation=6))
    assert decode_photo(turned).width == decode_photo(upright).height
    assert correlation(decode_full(turned), np.rot90(decode_full(upright), -1)) > 0.999


@pytest.mark.parametrize("orientation", [1, 6, 8, 3])
def test_the_embedded_preview_is_used_where_it_is_large_enough(photo, tmp_path, orientation):
    pytest.importorskip("rawpy")
    path = tmp_path / "a.nef"
    preview = 255 - photo  # so that one sees which of the two was used
    path.write_bytes(dng(photo, orientation=orientation, preview=preview))
    turns = {1: 0, 6: -1, 3: 2, 8: 1}[orientation]
    shown = at_preview_scale(np.ascontiguousarray(np.rot90(preview, turns)))
    decoded = decode_photo(path)
    shown = np.asarray(Image.fromarray(shown).resize(decoded.rgb.shape[1::-1], Image.Resampling.BILINEAR))
    assert difference(decoded.rgb, shown) < 6
    small = dng(photo, orientation=orientation, preview=np.ascontiguousarray(preview[::4, ::4]))
    path.write_bytes(small)
    assert correlation(decode_photo(path).rgb, shown) < -0.8


def test_a_raw_file_that_rawpy_cannot_read_is_refused(tmp_path):
    pytest.importorskip("rawpy")
    path = tmp_path / "a.nef"
    path.write_bytes(b"II*\0\x08\0\0\0\0\0" + bytes(500))
    with pytest.raises(UnreadableImage, match="the RAW file cannot be read"):
        decode_photo(path)


def test_missing_raw_support_names_the_package(photo, tmp_path, monkeypatch):
    path = tmp_path / "a.dng"
    path.write_bytes(dng(photo))
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None)
    with pytest.raises(UnreadableImage, match="needs the extra package rawpy"):
        decode_photo(path)
