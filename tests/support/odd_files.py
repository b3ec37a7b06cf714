"""Files that are unusual but valid, with the pixels they must show, and files that cannot be used.

What an unusual file must show is known from how it was made (never from the decoder under test). `plain_decode` is
a second witness: everything at full size, one obvious step after the other, by Pillow alone.
"""

import io
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageOps
from sklearn.datasets import load_sample_image

from tests.support.icc_profiles import ADOBE_RGB, DISPLAY_P3, PROPHOTO, grey_encode, grey_profile

try:
    import pillow_heif

    pillow_heif.register_heif_opener()
except ImportError:
    pillow_heif = None


class UnusualFile(NamedTuple):
    """path; expected: [h, w, 3] uint8, the oriented sRGB pixels at preview scale; note: which kind it is."""

    path: Path
    expected: np.ndarray
    note: str


class UnusableFile(NamedTuple):
    path: Path
    kind: str


class _Maker(NamedTuple):
    """Where to write, the photograph to use ([h, w, 3] uint8), and the randomness to use."""

    folder: Path
    stem: str
    photo: np.ndarray
    rng: np.random.Generator

    def path(self, ending: str) -> Path:
        return self.folder / f"{self.stem}{ending}"

    def save(self, ending: str, format: str, picture: np.ndarray | Image.Image | None = None, **options) -> Path:
        picture = self.photo if picture is None else picture
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        path = self.path(ending)
        image.save(path, format, **options)
        return path


_Made = tuple[Path, np.ndarray]
_LOSSY = {"quality": 96, "subsampling": 0}

# What each EXIF orientation means: the stored pixels, from the picture as it is to be seen.
_STORED = {
    1: lambda seen: seen,
    2: lambda seen: seen[:, ::-1],
    3: lambda seen: seen[::-1, ::-1],
    4: lambda seen: seen[::-1],
    5: lambda seen: seen.transpose(1, 0, 2),
    6: lambda seen: np.rot90(seen, 1),
    7: lambda seen: seen[::-1, ::-1].transpose(1, 0, 2),
    8: lambda seen: np.rot90(seen, -1),
}


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _oriented(orientation: int, format: str, ending: str) -> Callable[[_Maker], _Made]:
    def make(m: _Maker) -> _Made:
        stored = np.ascontiguousarray(_STORED[orientation](m.photo))
        options = _LOSSY if format == "JPEG" else {"lossless": True} if format == "WEBP" else {}
        return m.save(ending, format, stored, exif=_exif(orientation), **options), m.photo

    return make


def _cmyk(m: _Maker) -> Image.Image:
    ink = np.dstack([255 - m.photo, np.zeros(m.photo.shape[:2], np.uint8)])
    return Image.frombytes("CMYK", (m.photo.shape[1], m.photo.shape[0]), ink.tobytes())


def _sixteen(m: _Maker, ending: str, *, grey: bool) -> _Made:
    """16 bits a channel with random low bytes, which must not matter."""
    pixels = m.photo[..., 1] if grey else m.photo[..., ::-1]
    deep = pixels.astype(np.uint16) * 257
    noise = m.rng.integers(-100, 101, deep.shape)
    deep = np.clip(deep + noise, 0, 65535).astype(np.uint16)
    written, data = cv2.imencode(ending, deep)
    assert written
    path = m.path(ending)
    path.write_bytes(data.tobytes())
    return path, _grey(m.photo[..., 1]) if grey else m.photo


def _sixteen_big_endian(m: _Maker) -> _Made:
    """An uncompressed 16-bit TIFF in Motorola byte order, written by hand."""
    grey = m.photo[..., 1]
    data = (grey.astype(np.uint16) * 257).astype(">u2").tobytes()
    height, width = grey.shape
    fields = [
        (256, 3, width << 16),
        (257, 3, height << 16),
        (258, 3, 16 << 16),
        (259, 3, 1 << 16),
        (262, 3, 1 << 16),
        (273, 4, 8),
        (277, 3, 1 << 16),
        (278, 3, height << 16),
        (279, 4, len(data)),
    ]
    directory = struct.pack(">H", len(fields))
    directory += b"".join(struct.pack(">HHII", tag, kind, 1, value) for tag, kind, value in fields) + bytes(4)
    path = m.path(".tif")
    path.write_bytes(b"MM\0*" + struct.pack(">I", 8 + len(data)) + data + directory)
    return path, _grey(grey)


def _float_tiff(m: _Maker) -> _Made:
    grey = m.photo[..., 1]
    return m.save(".tiff", "TIFF", Image.fromarray(grey.astype(np.float32) / 255)), _grey(grey)


def _palette(m: _Maker) -> _Made:
    image = Image.fromarray(m.photo).quantize(48)
    return m.save(".png", "PNG", image), np.asarray(image.convert("RGB"))


def _palette_with_transparency(m: _Maker) -> _Made:
    image = Image.fromarray(m.photo).quantize(32)
    shown = np.array(image.convert("RGB"))
    shown[np.asarray(image) == 3] = 255
    return m.save(".png", "PNG", image, transparency=3), shown


def _animated_gif(m: _Maker) -> _Made:
    first = Image.fromarray(m.photo).quantize(64)
    others = [Image.fromarray(np.roll(m.photo, 40 * i, axis=1)).quantize(64) for i in (1, 2)]
    path = m.save(".gif", "GIF", first, save_all=True, append_images=others, duration=80)
    return path, np.asarray(first.convert("RGB"))


def _animated(m: _Maker, ending: str, format: str) -> _Made:
    others = [Image.fromarray(np.roll(m.photo, 40 * i, axis=0)) for i in (1, 2)]
    options = {"lossless": True} if format == "WEBP" else {}
    return m.save(ending, format, save_all=True, append_images=others, duration=80, **options), m.photo


def _panorama(m: _Maker) -> _Made:
    height = int(m.rng.integers(700, 1000))
    # Enlarged and so without detail at the scale of pixels, like the pictures that stitching programs make.
    tile = cv2.GaussianBlur(cv2.resize(m.photo, (1000, height), interpolation=cv2.INTER_CUBIC), (0, 0), 3)
    wide = np.tile(tile, (1, 20, 1))
    for i in range(20):  # so that its parts can be told apart
        wide[:, 1000 * i : 1000 * i + 200] //= np.uint8(1 + i % 5)
    return m.save(".jpg", "JPEG", wide, quality=90), wide


def _tall_panorama(m: _Maker) -> _Made:
    tall = np.tile(m.photo[:, :160], (20_000 // m.photo.shape[0] + 1, 1, 1))[:20_000]
    tall[:3000] //= 3
    return m.save(".png", "PNG", tall, compress_level=1), tall


def _wrong_ending(m: _Maker) -> _Made:
    ending, format, options = [
        (".jpg", "PNG", {}),
        (".png", "JPEG", _LOSSY),
        (".tif", "WEBP", {"lossless": True}),
        (".heic", "JPEG", _LOSSY),
        (".JPEG", "BMP", {}),
        (".gif", "TIFF", {}),
        (".nef", "JPEG", _LOSSY),
    ][int(m.rng.integers(7))]
    return m.save(ending, format, **options), m.photo


def _alpha(m: _Maker) -> _Made:
    height, width = m.photo.shape[:2]
    alpha = np.linspace(0, 255, width).astype(np.uint8) * np.ones((height, 1), np.uint8)
    opaque = alpha[..., None] / 255
    shown = np.rint(m.photo * opaque + 255 * (1 - opaque)).astype(np.uint8)
    return m.save(".png", "PNG", np.dstack([m.photo, alpha])), shown


def _grey_alpha(m: _Maker) -> _Made:
    alpha = np.where(np.arange(m.photo.shape[0]) % 64 < 32, 255, 0).astype(np.uint8)[:, None]
    alpha = np.broadcast_to(alpha, m.photo.shape[:2])
    image = Image.merge("LA", [Image.fromarray(m.photo[..., 1]), Image.fromarray(np.ascontiguousarray(alpha))])
    return m.save(".png", "PNG", image), _grey(np.where(alpha > 0, m.photo[..., 1], 255).astype(np.uint8))


def _grey_with_profile(m: _Maker) -> _Made:
    stored = grey_encode(m.photo[..., 1], 1.4)
    return m.save(".png", "PNG", stored, icc_profile=grey_profile(1.4)), _grey(m.photo[..., 1])


def _foreign_profile(m: _Maker) -> _Made:
    """A colour photo that carries the profile of a grey scale: the profile does not fit and must be ignored."""
    return m.save(".jpg", "JPEG", icc_profile=grey_profile(1.0), **_LOSSY), m.photo


def _one_bit(m: _Maker, ending: str, format: str, **options) -> _Made:
    image = Image.fromarray(m.photo).convert("1")
    return m.save(ending, format, image, **options), np.asarray(image.convert("RGB"))


def _name(m: _Maker, stem: bytes) -> _Made:
    """The photo under an unusual name, given as bytes."""
    source = m.save(".jpg", "JPEG", **_LOSSY)
    target = Path(os.fsdecode(os.path.join(os.fsencode(m.folder), m.stem.encode() + stem + b".jpg")))
    source.rename(target)
    return target, m.photo


def _link(m: _Maker) -> _Made:
    """A link to a photo that lies in a hidden folder, so that a scan meets the link only."""
    hidden = m.folder / ".linked"
    hidden.mkdir(exist_ok=True)
    target = m.save(".jpg", "JPEG", **_LOSSY)
    target = target.rename(hidden / f"{m.stem}.jpg")
    link = m.path(" link.jpg")
    link.symlink_to(target)
    return link, m.photo


def _tiny(m: _Maker) -> _Made:
    dot = m.rng.integers(0, 256, (1, 1, 3)).astype(np.uint8)
    return m.save(".png", "PNG", dot), dot


def _thin(m: _Maker) -> _Made:
    line = m.rng.integers(0, 256, (1, 300, 3)).astype(np.uint8)
    return m.save(".bmp", "BMP", line), line


def _trailing_bytes(m: _Maker) -> _Made:
    """A phone's photo with a video behind it."""
    path = m.save(".jpg", "JPEG", **_LOSSY)
    path.write_bytes(path.read_bytes() + b"\0\0\0\x18ftypmp42" + m.rng.bytes(5000))
    return path, m.photo


def _zero_padding(m: _Maker) -> _Made:
    """A whole photo that its camera padded to full blocks."""
    path = m.save(".jpg", "JPEG", **_LOSSY)
    path.write_bytes(path.read_bytes() + bytes(8192))
    return path, m.photo


def _several_pages(m: _Maker) -> _Made:
    others = [Image.fromarray(255 - m.photo)]
    return m.save(".tif", "TIFF", save_all=True, append_images=others, compression="tiff_lzw"), m.photo


def _grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, axis=2)


UNUSUAL_KINDS: dict[str, Callable[[_Maker], _Made]] = {
    "CMYK JPEG": lambda m: (m.save(".jpg", "JPEG", _cmyk(m), **_LOSSY), m.photo),
    "CMYK TIFF": lambda m: (m.save(".tif", "TIFF", _cmyk(m)), m.photo),
    "16-bit PNG": lambda m: _sixteen(m, ".png", grey=False),
    "16-bit grey PNG": lambda m: _sixteen(m, ".png", grey=True),
    "16-bit TIFF": lambda m: _sixteen(m, ".tif", grey=False),
    "16-bit grey TIFF": lambda m: _sixteen(m, ".tiff", grey=True),
    "16-bit TIFF, big-endian": _sixteen_big_endian,
    "float TIFF": _float_tiff,
    "palette": _palette,
    "palette with transparency": _palette_with_transparency,
    "animated GIF": _animated_gif,
    "animated WebP": lambda m: _animated(m, ".webp", "WEBP"),
    "animated PNG": lambda m: _animated(m, ".png", "PNG"),
    "panorama of 20,000 pixels": _panorama,
    "upright panorama of 20,000 pixels": _tall_panorama,
    "wrong ending": _wrong_ending,
    **{f"EXIF orientation {turn}": _oriented(turn, "JPEG", ".jpg") for turn in range(1, 9)},
    "orientation of a PNG": _oriented(6, "PNG", ".png"),
    "orientation of a TIFF": _oriented(8, "TIFF", ".tif"),
    "orientation of a WebP": _oriented(5, "WEBP", ".webp"),
    "wide-gamut profile in a JPEG": lambda m: (
        m.save(
            ".jpg", "JPEG", PROPHOTO.encode(m.photo), icc_profile=PROPHOTO.profile(), quality=98, subsampling=0
        ),
        m.photo,
    ),
    "Display P3 profile in a PNG": lambda m: (
        m.save(".png", "PNG", DISPLAY_P3.encode(m.photo), icc_profile=DISPLAY_P3.profile()),
        m.photo,
    ),
    "Adobe RGB profile in a TIFF": lambda m: (
        m.save(".tif", "TIFF", ADOBE_RGB.encode(m.photo), icc_profile=ADOBE_RGB.profile()),
        m.photo,
    ),
    "sRGB profile in a WebP": lambda m: (
        m.save(
            ".webp",
            "WEBP",
            lossless=True,
            icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        ),
        m.photo,
    ),
    "grey profile": _grey_with_profile,
    "profile that does not fit": _foreign_profile,
    "name that is not UTF-8": lambda m: _name(m, b" \xe9t\xe9 \xff\xfe"),
    "name with a line break": lambda m: _name(m, b" first\nsecond \xf0\x9f\x93\xb7"),
    "symbolic link": _link,
    "AVIF": lambda m: (m.save(".avif", "AVIF", quality=95, subsampling="4:4:4"), m.photo),
    "BMP": lambda m: (m.save(".bmp", "BMP"), m.photo),
    "lossless WebP": lambda m: (m.save(".webp", "WEBP", lossless=True), m.photo),
    "alpha": _alpha,
    "grey with alpha": _grey_alpha,
    "grey JPEG": lambda m: (m.save(".jpg", "JPEG", m.photo[..., 1], quality=96), _grey(m.photo[..., 1])),
    "1-bit PNG": lambda m: _one_bit(m, ".png", "PNG"),
    "1-bit TIFF": lambda m: _one_bit(m, ".tif", "TIFF", compression="group4"),
    "progressive JPEG": lambda m: (m.save(".jpg", "JPEG", progressive=True, **_LOSSY), m.photo),
    "JPEG of large capitals": lambda m: (m.save(".JPG", "JPEG", **_LOSSY), m.photo),
    "1 x 1 pixel": _tiny,
    "1 pixel high": _thin,
    "JPEG with a video behind it": _trailing_bytes,
    "JPEG padded with zeros": _zero_padding,
    "several pages": _several_pages,
}
if pillow_heif is not None:
    UNUSUAL_KINDS["HEIC"] = lambda m: (m.save(".heic", "HEIF", quality=95, chroma=444), m.photo)


def make_unusual(folder: Path, count: int, seed: int, *, kinds: Sequence[str] | None = None) -> list[UnusualFile]:
    """Write `count` unusual files, going round `kinds` (all of them when None), every one with other content."""
    folder.mkdir(parents=True, exist_ok=True)
    names = list(UNUSUAL_KINDS) if kinds is None else list(kinds)
    files = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        note = names[number % len(names)]
        maker = _Maker(folder, f"unusual {number:04d}", _photograph(rng), rng)
        path, truth = UNUSUAL_KINDS[note](maker)
        files.append(UnusualFile(path, at_preview_scale(truth), note))
    return files


def _photograph(rng: np.random.Generator) -> np.ndarray:
    """A part of a real photograph, mirrored or not: at least 300 x 200, at most 640 x 427 pixels, never square."""
    photo = load_sample_image(("china.jpg", "flower.jpg")[int(rng.integers(2))])
    width, height = int(rng.integers(300, 641)), int(rng.integers(200, 280))
    left, top = int(rng.integers(0, 641 - width)), int(rng.integers(0, 428 - height))
    part = photo[top : top + height, left : left + width]
    return np.ascontiguousarray(part[:, ::-1] if rng.integers(2) else part)


def at_preview_scale(rgb: np.ndarray) -> np.ndarray:
    """[h, w, 3] uint8 at the size of previews: long side 512, panoramas' short side 96, long side at most 4096."""
    height, width = rgb.shape[:2]
    long, short = max(height, width), min(height, width)
    wanted = max(512, min(4096, 96 * long / short))
    if wanted >= long:
        return rgb
    size = max(1, round(width * wanted / long)), max(1, round(height * wanted / long))
    return np.rint(_mean_areas(_mean_areas(rgb, size[1]).swapaxes(0, 1), size[0]).swapaxes(0, 1)).astype(np.uint8)


def _mean_areas(values: np.ndarray, parts: int) -> np.ndarray:
    """The mean of `values` over each of `parts` equal parts of the first axis, whose edges may cut elements."""
    total = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0, dtype=np.float64)])
    edges = np.linspace(0, len(values), parts + 1)
    below = np.minimum(edges.astype(int), len(values) - 1)
    share = (edges - below)[:, None, None]
    at_edges = total[below] * (1 - share) + total[below + 1] * share
    return np.diff(at_edges, axis=0) * (parts / len(values))


def plain_decode(path: Path) -> np.ndarray:
    """Decode with Pillow alone at full size: first frame, turned, profile to sRGB, over white. Slow, obvious."""
    with Image.open(path) as image:
        image.load()
        profile = image.info.get("icc_profile")
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith(("I;16", "F")):
            deep = np.asarray(image).astype(np.float64)
            image = Image.fromarray(np.rint(deep / 257 if image.mode != "F" else deep * 255).astype(np.uint8))
        if image.has_transparency_data:
            rgba = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
        if image.mode not in ("L", "RGB", "CMYK"):
            image = image.convert("RGB")
        if profile:
            intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
            try:
                source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
                srgb = ImageCms.createProfile("sRGB")
                image = ImageCms.profileToProfile(image, source, srgb, intent, outputMode="RGB")
            except ImageCms.PyCMSError:
                pass
        return np.asarray(image.convert("RGB"))


def tolerance(path: Path) -> float:
    """The mean absolute difference (of 255) that compression may cause: 3 for lossy files, 1 for all others.

    A wrong turn gives 20 and more; a profile that is left out 2.5 and more (in the lossless files) or 9 and more.
    """
    start = path.read_bytes()[:12]
    return 3.0 if start.startswith(b"\xff\xd8") or start[4:8] == b"ftyp" else 1.0


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference of two uint8 pictures, infinite when their shapes differ."""
    if a.shape != b.shape:
        return float("inf")
    return float(np.abs(a.astype(np.int16) - b).mean())


# files that cannot be used


def _jpeg(m: _Maker, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(m.photo).save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


def _png(m: _Maker) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(m.photo).save(buffer, "PNG")
    return buffer.getvalue()


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _cut(m: _Maker, data: bytes) -> bytes:
    return data[: int(len(data) * m.rng.uniform(0.2, 0.9))]


def _half_of_zeros(m: _Maker) -> bytes:
    """A copy that was given its full length and never filled."""
    data = _jpeg(m)
    return data[: len(data) // 2] + bytes(len(data) - len(data) // 2)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _bomb_png(m: _Maker) -> bytes:
    header = struct.pack(">IIBBBBB", 50_000, 50_000 + int(m.rng.integers(1000)), 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _bomb_jpeg(m: _Maker) -> bytes:
    data = bytearray(_jpeg(m))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 60_000, 60_000 + int(m.rng.integers(1000)))
    return bytes(data)


def _damaged_header(m: _Maker) -> bytes:
    if m.rng.integers(2):
        data = bytearray(_jpeg(m))
        data[3:600] = m.rng.bytes(597)
        return bytes(data)
    data = bytearray(_png(m))
    data[8:33] = m.rng.bytes(25)
    return bytes(data)


def _unreadable(m: _Maker) -> Path:
    path = _write(m.path(".jpg"), _jpeg(m))
    path.chmod(0)
    return path


def _folder(m: _Maker) -> Path:
    path = m.path(".jpg")
    path.mkdir()
    return path


def _dangling(m: _Maker) -> Path:
    path = m.path(".jpg")
    path.symlink_to(m.folder / f"{m.stem} is not here.jpg")
    return path


def _loop(m: _Maker) -> Path:
    path = m.path(".jpg")
    path.symlink_to(path)
    return path


def _pipe(m: _Maker) -> Path:
    path = m.path(".jpg")
    os.mkfifo(path)
    return path


UNUSABLE_FILES: dict[str, Callable[[_Maker], Path]] = {
    "truncated JPEG": lambda m: _write(m.path(".jpg"), _cut(m, _jpeg(m))),
    "truncated progressive JPEG": lambda m: _write(m.path(".jpg"), _cut(m, _jpeg(m, progressive=True))),
    "truncated PNG": lambda m: _write(m.path(".png"), _cut(m, _png(m))),
    "JPEG half filled with zeros": lambda m: _write(m.path(".jpg"), _half_of_zeros(m)),
    "empty": lambda m: _write(m.path(".jpg"), b""),
    "text named .jpg": lambda m: _write(m.path(".jpg"), f"Shopping list {m.stem}\n- milk\n".encode() * 20),
    "PNG decompression bomb": lambda m: _write(m.path(".png"), _bomb_png(m)),
    "JPEG decompression bomb": lambda m: _write(m.path(".jpg"), _bomb_jpeg(m)),
    "damaged header": lambda m: _write(m.path(".jpg"), _damaged_header(m)),
    "unreadable by permission": _unreadable,
}
"""Regular files, which a scan finds and a decoder must refuse. Root may read the last one all the same."""

UNUSABLE_NAMES: dict[str, Callable[[_Maker], Path]] = {
    "folder named .jpg": _folder,
    "dangling link": _dangling,
    "link loop": _loop,
    "pipe named .jpg": _pipe,
}
"""Names that look like a picture's and are no file at all."""

UNUSABLE_KINDS = {**UNUSABLE_FILES, **UNUSABLE_NAMES}


def make_unusable(
    folder: Path, count: int, seed: int, *, kinds: Sequence[str] | None = None
) -> list[UnusableFile]:
    """Write `count` files that cannot be used, going round `kinds` (all of `UNUSABLE_KINDS` when None)."""
    folder.mkdir(parents=True, exist_ok=True)
    names = list(UNUSABLE_KINDS) if kinds is None else list(kinds)
    files = []
    for number in range(count):
        rng = np.random.default_rng([seed, 1, number])
        kind = names[number % len(names)]
        maker = _Maker(folder, f"unusable {number:04d}", _photograph(rng), rng)
        files.append(UnusableFile(UNUSABLE_KINDS[kind](maker), kind))
    return files
