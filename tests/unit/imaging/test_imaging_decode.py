"""Decoding: the right pixels from unusual files, plain refusals of unusable ones."""

import hashlib
import importlib.util
import io
import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from sklearn.datasets import load_sample_image

from desktop_app.domain.errors import UnreadableImage
from desktop_app.imaging import decode as decode_module
from desktop_app.imaging import header, reading
from desktop_app.imaging.decode import decode_full, decode_photo, decode_pixels, preview_size
from desktop_app.imaging.header import wall_clock_seconds
from tests.support.odd_files import (
    UNUSABLE_FILES,
    UNUSABLE_NAMES,
    UNUSUAL_KINDS,
    at_preview_scale,
    difference,
    make_unusable,
    make_unusual,
    plain_decode,
    tolerance,
)

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")


def jpeg(rgb, **options):
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", **{"quality": 92, **options})
    return buffer.getvalue()


@pytest.fixture(scope="module")
def photo():
    return load_sample_image("china.jpg")


# the right pixels


@pytest.mark.parametrize("kind", UNUSUAL_KINDS)
def test_an_unusual_file_shows_the_pixels_it_was_made_from(kind, tmp_path):
    for file in make_unusual(tmp_path, 2, seed=11, kinds=[kind]):
        decoded = decode_photo(file.path)
        assert decoded.rgb.dtype == np.uint8
        assert decoded.rgb.flags.c_contiguous
        assert decoded.note is None
        assert difference(decoded.rgb, file.expected) < tolerance(file.path)


@pytest.mark.parametrize("kind", UNUSUAL_KINDS)
def test_an_unusual_file_decodes_as_a_plain_decode_does(kind, tmp_path):
    (file,) = make_unusual(tmp_path, 1, seed=12, kinds=[kind])
    plain = plain_decode(file.path)
    decoded = decode_photo(file.path)
    assert (decoded.width, decoded.height) == (plain.shape[1], plain.shape[0])
    assert difference(decoded.rgb, at_preview_scale(plain)) < tolerance(file.path)
    if plain.shape[0] * plain.shape[1] < 1_000_000:
        # Not at all scaled, the two may differ by rounding only (chroma of JPEGs, colour transforms).
        assert difference(decode_full(file.path), plain) < 0.6


def test_the_tolerance_tells_a_profile_that_was_left_out(tmp_path):
    for file in make_unusual(
        tmp_path, 6, seed=5, kinds=["wide-gamut profile in a JPEG", "Display P3 profile in a PNG", "grey profile"]
    ):
        without_profile = np.asarray(Image.open(file.path).convert("RGB"))
        assert difference(at_preview_scale(without_profile), file.expected) > tolerance(file.path)


def test_a_large_jpeg_is_reduced_while_it_is_decoded(photo, tmp_path):
    large = np.asarray(Image.fromarray(photo).resize((4000, 3000), Image.Resampling.BICUBIC))
    path = tmp_path / "large.jpg"
    path.write_bytes(jpeg(large))
    decoded = decode_photo(path)
    assert decoded.rgb.shape == (384, 512, 3)
    assert (decoded.width, decoded.height) == (4000, 3000)
    assert difference(decoded.rgb, at_preview_scale(large)) < 3


def test_every_depth_of_grey_reaches_black_and_white(tmp_path):
    deep = np.linspace(0, 65535, 256 * 16).astype(np.uint16).reshape(16, 256)
    path = tmp_path / "ramp.png"
    Image.fromarray(deep).save(path)
    rgb = decode_full(path)
    assert rgb[0, 0].tolist() == [0, 0, 0]
    assert rgb[-1, -1].tolist() == [255, 255, 255]
    assert np.abs(rgb[..., 0] - deep / 257).max() <= 0.5


def test_a_raw_name_over_a_jpeg_is_decoded_by_content(photo, tmp_path):
    path = tmp_path / "IMG_1.CR2"
    path.write_bytes(jpeg(photo))
    assert difference(decode_full(path), photo) < 3


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (4000, 3000, (512, 384)),
        (3000, 4000, (384, 512)),
        (400, 300, (400, 300)),
        (20_000, 2_000, (960, 96)),
        (2_000, 20_000, (96, 960)),
        (20_000, 200, (4096, 41)),
        (20_000, 50, (4096, 10)),
        (1, 1, (1, 1)),
        (100_000, 1, (4096, 1)),
    ],
)
def test_previews_keep_enough_of_panoramas(width, height, expected):
    assert preview_size(width, height) == expected


@given(st.integers(1, 60_000), st.integers(1, 60_000))
def test_a_preview_is_never_larger_than_its_photo_and_never_empty(width, height):
    w, h = preview_size(width, height)
    assert 1 <= w <= width and 1 <= h <= height
    assert max(w, h) <= 4096
    assert max(w, h) >= min(512, width, height)


@given(st.integers(40, 900), st.integers(40, 900), st.integers(1, 8), st.integers(16, 600))
@settings(max_examples=40, deadline=None)
def test_decoding_at_any_size_keeps_the_frame(width, height, orientation, long_side):
    """Four quarters of different colour stay where the eye sees them, in every orientation and at every size."""
    colours = np.array([[[220, 30, 30], [30, 200, 30]], [[40, 40, 230], [230, 220, 40]]], np.uint8)
    seen = np.empty((height, width, 3), np.uint8)
    seen[: height // 2, : width // 2], seen[: height // 2, width // 2 :] = colours[0]
    seen[height // 2 :, : width // 2], seen[height // 2 :, width // 2 :] = colours[1]
    undo = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
    method = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    stored = Image.fromarray(seen)
    if orientation > 1:
        stored = stored.transpose(method[undo[orientation]])
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    rgb = decode_pixels(jpeg(np.asarray(stored), exif=exif, subsampling=0), "quarters.jpg", long_side=long_side)
    h, w = rgb.shape[:2]
    assert (w, h) == tuple(
        max(1, round(side * min(1, long_side / max(width, height)))) for side in (width, height)
    )
    assume(min(w, h) >= 6)  # where a quarter still has a pixel of its own
    for row in (0, 1):
        for column in (0, 1):
            sample = rgb[(1 + 2 * row) * h // 4, (1 + 2 * column) * w // 4].astype(int)
            assert np.abs(sample - colours[row, column]).max() < 40


def test_many_threads_decode_what_one_does(tmp_path):
    files = make_unusual(tmp_path, 2 * len(UNUSUAL_KINDS) // 3, seed=3)
    alone = [decode_photo(file.path).rgb for file in files]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda file: decode_photo(file.path).rgb, files * 2))
    for one, other in zip(alone * 2, together, strict=True):
        assert np.array_equal(one, other)


# what is known about a file


def test_the_fingerprint_is_blake2b_of_the_whole_file(photo, tmp_path):
    data = jpeg(photo)
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    decoded = decode_photo(os.fsencode(path))
    assert decoded.fingerprint == hashlib.blake2b(data, digest_size=16).digest()
    assert decoded.size == len(data)
    assert decode_photo(path, fingerprint=False).fingerprint == b""


def test_capture_time_and_camera_are_read(photo, tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "ILCE-7M4 \0"
    exif[ExifTags.Base.DateTime] = "2025:01:01 00:00:00"
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = "1970:01:02 00:00:10"
    details[ExifTags.Base.SubsecTimeOriginal] = "25"
    for format in ("JPEG", "PNG", "WEBP", "AVIF"):
        path = tmp_path / f"a.{format}"
        Image.fromarray(photo).save(path, format, exif=exif)
        decoded = decode_photo(path)
        assert decoded.taken == 86_410.25
        assert decoded.camera == "ILCE-7M4"


def test_the_time_of_the_file_inside_the_picture_stands_in_for_the_capture_time(photo, tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.DateTime] = "1970:01:01 00:01:00"
    path = tmp_path / "scan.tif"
    Image.fromarray(photo).save(path, "TIFF", exif=exif)
    assert decode_photo(path).taken == 60.0


@pytest.mark.parametrize("text", ["", "0000:00:00 00:00:00", "    :  :     :  :  ", "2024:13:01 00:00:00", "soon"])
def test_a_time_that_is_none_is_none(text):
    assert wall_clock_seconds(text) is None


def test_damaged_exif_does_not_cost_the_photo(photo, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(photo, exif=b"Exif\0\0II*\0\xff\xff\xff\xffgarbage"))
    decoded = decode_photo(path)
    assert (decoded.taken, decoded.camera) == (None, None)
    assert difference(decoded.rgb, at_preview_scale(photo)) < 3


# refusals

REASONS = {
    "truncated JPEG": "the file is cut short",
    "truncated progressive JPEG": "the file is cut short",
    "truncated PNG": "the file is cut short",
    "JPEG half filled with zeros": "the file is cut short",
    "empty": "the file is empty",
    "text named .jpg": "it is not a picture",
    "PNG decompression bomb": "it is too large",
    "JPEG decompression bomb": "it is too large",
    "damaged header": "the file's header is damaged",
    "folder named .jpg": "it is a folder",
    "dangling link": "it is a link to a file that is not there",
    "link loop": "it is a link that leads in a circle",
    "pipe named .jpg": "it is a device or a pipe",
}


@pytest.mark.parametrize("kind", REASONS)
def test_an_unusable_file_is_refused_with_its_name_and_a_plain_reason(kind, tmp_path):
    for file in make_unusable(tmp_path, 4, seed=21, kinds=[kind]):
        with pytest.raises(UnreadableImage) as refusal:
            decode_photo(file.path)
        assert refusal.value.message.startswith(f"cannot read {file.path.name}: ")
        assert refusal.value.reason.startswith(REASONS[kind])


def test_every_kind_of_unusable_file_has_its_reason_tested():
    assert set(REASONS) | {"unreadable by permission"} == set(UNUSABLE_FILES) | set(UNUSABLE_NAMES)


def test_a_file_without_permission_is_refused_as_such(tmp_path):
    """Root may read everything, so a child without privileges tries."""
    (file,) = make_unusable(tmp_path, 1, seed=2, kinds=["unreadable by permission"])
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder.name.startswith("pytest"):
            folder.chmod(0o755)
    program = textwrap.dedent(
        f"""
        import os
        from desktop_app.imaging.decode import decode_photo
        from desktop_app.domain.errors import UnreadableImage
        if os.getuid() == 0:
            os.setgid(65534); os.setuid(65534)
        try:
            decode_photo({os.fsencode(file.path)!r})
        except UnreadableImage as error:
            print(error.reason)
        """
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "it may not be read (permission)", done.stderr


def test_a_file_that_is_gone_is_refused_as_such(tmp_path):
    with pytest.raises(UnreadableImage, match="it is gone"):
        decode_photo(tmp_path / "gone.jpg")


def test_a_failing_disk_is_named(photo, tmp_path, monkeypatch):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(photo))

    def fail(*_):
        raise OSError(5, "Input/output error")

    # Given back before pytest looks at the refusal: it needs the same call.
    with pytest.raises(UnreadableImage, match="the disk could not deliver it"), monkeypatch.context() as patched:
        patched.setattr(reading.os, "fstat", fail)
        decode_photo(path)


def test_running_out_of_memory_costs_one_file_only(photo, monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(decode_module.simplejpeg, "decode_jpeg", fail)
    with pytest.raises(UnreadableImage, match="not enough memory"):
        decode_pixels(jpeg(photo), "a.jpg")


def test_a_picture_of_the_largest_size_is_read_and_a_larger_one_is_not(photo, monkeypatch):
    data = jpeg(photo)
    monkeypatch.setattr(header, "MAX_PIXELS", photo.shape[0] * photo.shape[1])
    assert decode_pixels(data, "a.jpg").shape == photo.shape
    monkeypatch.setattr(header, "MAX_PIXELS", photo.shape[0] * photo.shape[1] - 1)
    with pytest.raises(UnreadableImage, match="too large"):
        decode_pixels(data, "a.jpg")


def test_a_damaged_but_whole_jpeg_is_kept_and_noted(photo, tmp_path):
    data = bytearray(jpeg(photo))
    middle = len(data) // 2
    data[middle : middle + 60] = np.random.default_rng(0).integers(0, 255, 60).astype(np.uint8).tobytes()
    path = tmp_path / "streak.jpg"
    path.write_bytes(data)
    decoded = decode_photo(path)
    assert decoded.note is not None and decoded.note.startswith("damaged inside")
    upper = slice(0, decoded.rgb.shape[0] // 3)
    assert difference(decoded.rgb[upper], at_preview_scale(photo)[upper]) < 3


def test_an_end_of_zeros_is_found_behind_other_damage(photo):
    data = bytearray(jpeg(photo))
    half, quarter = len(data) // 2, len(data) // 4
    data[half:] = bytes(len(data) - half)
    for seed in range(6):  # with some of them libjpeg complains about the damage first, with others about the end
        data[quarter : quarter + 60] = np.random.default_rng(seed).bytes(60)
        with pytest.raises(UnreadableImage, match="cut short"):
            decode_pixels(bytes(data), "a.jpg")


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_damage_leads_to_anything_but_pixels_or_a_refusal(data):
    """Bytes changed, cut out or cut off anywhere in a file of any kind."""
    files = damaged_sources()
    content = bytearray(data.draw(st.sampled_from(files)))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content) - 1) | st.integers(0, min(200, len(content) - 1)))
        content[start : start + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=30))
    try:
        rgb = decode_pixels(bytes(content) or b"x", "damaged", long_side=64)
    except UnreadableImage as refusal:
        assert refusal.reason
    else:
        assert rgb.ndim == 3 and rgb.shape[2] == 3 and rgb.dtype == np.uint8 and max(rgb.shape[:2]) <= 64


_SOURCES: list[bytes] = []


def damaged_sources():
    if not _SOURCES:
        small = np.ascontiguousarray(load_sample_image("flower.jpg")[100:160, 200:280])
        for format in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF"):
            buffer = io.BytesIO()
            Image.fromarray(small).save(buffer, format)
            _SOURCES.append(buffer.getvalue())
        buffer = io.BytesIO()
        Image.fromarray(small).save(buffer, "TIFF", compression="tiff_lzw")
        _SOURCES.append(buffer.getvalue())
    return _SOURCES


def test_missing_heif_support_names_the_package(photo, monkeypatch):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, "HEIF", quality=80)
    hide_packages(monkeypatch, "pillow_heif")
    with pytest.raises(UnreadableImage, match="needs the extra package pillow-heif") as refusal:
        decode_pixels(buffer.getvalue(), "IMG_1.HEIC")
    assert "pip install pillow-heif" in refusal.value.remedy


def hide_packages(monkeypatch, *names):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *rest: None if name in names else find(name, *rest)
    )
