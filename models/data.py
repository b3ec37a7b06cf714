"""The photos that training sees: listing, one cache file, crops and mosaics."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.imaging.tensor import choose_shape, fit
from models.near_copies import NO_HASH, fingerprint

Rgb = NDArray[np.uint8]
PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
SHORT_SIDE = 288
_SYNSET = re.compile(r"n\d{8}")


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo: the set it belongs to, its path below the root, and its class when it is known."""

    set: str
    path: str
    label: str | None


def list_photos(root: Path, *, limits: dict[str, int] | None = None, seed: int = 0) -> list[Photo]:
    """The photos below `root` (or below `root/train` where that exists), sorted by path.

    The first folder is the set, the second the class. A set whose photos all lie in one class counts as
    unlabelled, except where a file name carries a WordNet id. `limits` draws at most so many photos of a set.
    """
    root = train_folder(root)
    by_set: dict[str, list[Photo]] = {}
    for path in sorted(p for p in root.rglob("*") if p.suffix.lower() in PICTURES and p.is_file()):
        parts = path.relative_to(root).parts
        name = parts[0] if len(parts) > 1 else "photos"
        by_set.setdefault(name, []).append(Photo(name, "/".join(parts), _class_of(name, parts)))
    photos: list[Photo] = []
    random = np.random.Generator(np.random.PCG64(seed))
    for name, found in by_set.items():
        if len({photo.label for photo in found}) == 1:
            found = [Photo(p.set, p.path, _synset(p.path)) for p in found]
        limit = (limits or {}).get(name, len(found))
        photos += [found[i] for i in sorted(random.permutation(len(found))[:limit])]
    return photos


def train_folder(root: Path) -> Path:
    """`root/train` where it exists, else `root`."""
    return root / "train" if (root / "train").is_dir() else root


def _class_of(name: str, parts: Sequence[str]) -> str | None:
    return f"{name}/{parts[1]}" if len(parts) > 2 else None


def _synset(path: str) -> str | None:
    found = _SYNSET.search(path)
    return found.group() if found else None


def holdout_classes(photos: Iterable[Photo], sets: Sequence[str], *, every: int = 4) -> set[str]:
    """Every fourth class (in sorted order) of each labelled set: never used with labels, heads or statistics."""
    classes: dict[str, set[str]] = {name: set() for name in sets}
    for photo in photos:
        if photo.label and photo.set in classes and "BACKGROUND" not in photo.label:
            classes[photo.set].add(photo.label)
    return {label for found in classes.values() for label in sorted(found)[every - 1 :: every]}


class PhotoCache:
    """Photos as JPEG bytes of a short side of at most 288 pixels in one memory-mapped file.

    `photos[i]` and `hashes[i]` (64-bit perceptual hash, uint64) describe what `decode(i)` returns.
    """

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / "index.json").read_text())
        self.photos = [Photo(**row) for row in index["photos"]]
        self.offsets = np.array(index["offsets"], dtype=np.int64)
        self.hashes = np.array(index["hashes"], dtype=np.uint64)
        self._bytes = np.memmap(folder / "photos.bin", dtype=np.uint8, mode="r")

    def __len__(self) -> int:
        return len(self.photos)

    def decode(self, row: int) -> Rgb:
        """[H, W, 3] uint8 RGB."""
        data = np.asarray(self._bytes[self.offsets[row] : self.offsets[row + 1]])
        return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)

    @classmethod
    def build(cls, root: Path, photos: Sequence[Photo], cache: Path, *, threads: int = 2) -> PhotoCache:
        """The cache of `photos` below `root` in a folder of `cache`; made once for the same list."""
        root = train_folder(root)
        key = hashlib.blake2b(json.dumps([p.path for p in photos]).encode(), digest_size=8).hexdigest()
        folder = cache / f"photos-{key}"
        if not (folder / "index.json").exists():
            folder.mkdir(parents=True, exist_ok=True)
            kept, offsets, hashes = [], [0], []
            with ThreadPoolExecutor(threads) as pool, (folder / "photos.bin").open("wb") as out:
                for photo, found in zip(photos, pool.map(lambda p: _shrink(root / p.path), photos), strict=True):
                    if found is not None:
                        data, code = found
                        out.write(data)
                        kept.append(asdict(photo))
                        offsets.append(offsets[-1] + len(data))
                        hashes.append(code)
            document = {"photos": kept, "offsets": offsets, "hashes": hashes}
            (folder / "index.tmp").write_text(json.dumps(document))
            (folder / "index.tmp").replace(folder / "index.json")
        return cls(folder)


def read_rgb(path: Path, *, long_side: int | None = None) -> Rgb | None:
    """[H, W, 3] uint8 RGB, no side above `long_side`, or None when the file cannot be read as a picture."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        return None
    scale = (long_side or max(bgr.shape[:2])) / max(bgr.shape[:2])
    if scale < 1:
        bgr = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def _shrink(path: Path) -> tuple[bytes, int] | None:
    rgb = read_rgb(path)
    if rgb is None:
        return None
    scale = SHORT_SIDE / min(rgb.shape[:2])
    if scale < 1:
        size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    ok, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
    return (data.tobytes(), int(fingerprint(rgb))) if ok else (b"", NO_HASH)


def whole(rgb: Rgb, shapes: Sequence[tuple[int, int]]) -> Rgb:
    """The whole picture in the shape that the application would choose (desktop_app.imaging.tensor)."""
    return fit(rgb, choose_shape(rgb.shape[1], rgb.shape[0], shapes))


def random_crop(rgb: Rgb, side: int, random: np.random.Generator) -> Rgb:
    """A crop of 25 to 100 % of the area (1 in 10: 8 to 25 %, 1 in 8: all of it), half of them mirrored."""
    height, width = rgb.shape[:2]
    draw = random.random()
    share = 1.0 if draw < 0.125 else random.uniform(0.08, 0.25) if draw < 0.225 else random.uniform(0.25, 1.0)
    stretch = math.exp(random.uniform(-0.3, 0.3))
    w = min(width, max(16, int(math.sqrt(share * width * height * stretch))))
    h = min(height, max(16, int(math.sqrt(share * width * height / stretch))))
    x, y = int(random.integers(0, width - w + 1)), int(random.integers(0, height - h + 1))
    shrinks = min(w, h) > side
    out = cv2.resize(
        rgb[y : y + h, x : x + w], (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    )
    return np.ascontiguousarray(out[:, ::-1]) if random.random() < 0.5 else out


def mosaic(parts: Sequence[Rgb], side: int, random: np.random.Generator) -> Rgb:
    """Four pictures side by side, divided at a random point: several objects in one scene."""
    out = np.empty((side, side, 3), np.uint8)
    y, x = (int(v) for v in random.integers(side * 2 // 7, side * 5 // 7, 2))
    places = ((0, y, 0, x), (0, y, x, side), (y, side, 0, x), (y, side, x, side))
    for part, (top, bottom, left, right) in zip(parts, places, strict=True):
        out[top:bottom, left:right] = cv2.resize(part, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    return out


def colour_jitter(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """Contrast, brightness and colour balance in 60 % of the pictures; a few become grey."""
    if random.random() >= 0.6:
        return rgb
    levels = (np.arange(256) - 127) * random.uniform(0.7, 1.3) + 127 * random.uniform(0.75, 1.25)
    table = np.clip(levels[:, None] * random.uniform(0.88, 1.12, 3), 0, 255).astype(np.uint8)
    rgb = cv2.LUT(rgb, table[None])
    return (
        cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB) if random.random() < 0.1 else rgb
    )


class Sampler:
    """Draws training pictures ([side, side, 3] uint8 RGB) from a cache, photos weighted by their set."""

    def __init__(self, cache: PhotoCache, rows: Sequence[int], *, side: int, seed: int) -> None:
        weights = np.array([SET_WEIGHTS.get(cache.photos[row].set, 1.0) for row in rows])
        self._cache, self._rows, self.side = cache, np.asarray(rows), side
        self._share = np.cumsum(weights / weights.sum())
        self._random = np.random.Generator(np.random.PCG64(seed))

    def _crop(self) -> tuple[Rgb, int]:
        at = int(np.searchsorted(self._share, self._random.random(), side="right"))
        row = int(self._rows[min(at, len(self._rows) - 1)])
        return random_crop(self._cache.decode(row), self.side, self._random), row

    def draw(self) -> tuple[Rgb, int]:
        """A crop (12 %: a mosaic of four) with its row, -1 for a mosaic."""
        if self._random.random() < 0.12:
            parts = [self._crop()[0] for _ in range(4)]
            return colour_jitter(mosaic(parts, self.side, self._random), self._random), -1
        picture, row = self._crop()
        return colour_jitter(picture, self._random), row

    def batch(self, size: int) -> tuple[Rgb, NDArray[np.int64]]:
        """[size, side, side, 3] uint8 and the rows, [size] int64."""
        drawn = [self.draw() for _ in range(size)]
        return np.stack([picture for picture, _ in drawn]), np.array([row for _, row in drawn], dtype=np.int64)


# How often a photo of a set is drawn: broad sets often, small, narrow or low-resolution ones seldom.
SET_WEIGHTS = {
    "mini-imagenet-84": 0.25,
    "fashion": 0.4,
    "flowers-128": 0.4,
    "style-128": 0.5,
    "cats-dogs": 0.5,
    "in1k-samples": 4.0,
    "in1k-second": 4.0,
    "caltech101": 1.6,
    "grocery": 1.6,
    "flickr8k": 1.4,
    "bsds": 2.0,
}
SET_LIMITS = {"fashion": 3000, "cats-dogs": 3000, "mini-imagenet-84": 12000}
# A hold-out of these sets' classes steers every choice.
LABELLED = ("grocery", "caltech101", "cars")
# Sets whose folders are no classes.
UNLABELLED = ("cats-dogs",)
# The ten classes of imagenette: their labels are not used unless asked for, so that its figures are of unseen
# classes.
IMAGENETTE = frozenset(
    f"n{number:08d}"
    for number in (1440764, 2102040, 2979186, 3000684, 3028079, 3394916, 3417042, 3425413, 3445777, 3888257)
)


def class_name(photo: Photo) -> str | None:
    """The class a photo is taught as: its WordNet id where its path holds one, else its folder; None without."""
    if photo.set in UNLABELLED or photo.label is None or "BACKGROUND" in photo.label:
        return None
    return _synset(photo.label) or photo.label
