"""A small library to try the product on: photographs that come inside scikit-image and scikit-learn.

Nothing is downloaded. Every photograph gets a folder of its own with honest variations of it (cut, turned,
lighter, darker, grey, smaller, compressed), and a folder "Scenes" has several of them pasted into one picture.
"""

from __future__ import annotations

import importlib.util
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

log = logging.getLogger(__name__)

SEED = 7
SCENES = 24
NOTE_NAME = "About these pictures.txt"
_LONG_SIDE = 900


@dataclass(frozen=True, slots=True)
class _Source:
    package: str
    file: str
    title: str


_SOURCES = (
    _Source("sklearn", "datasets/images/china.jpg", "Temple"),
    _Source("sklearn", "datasets/images/flower.jpg", "Flower"),
    _Source("skimage", "data/astronaut.png", "Astronaut"),
    _Source("skimage", "data/brick.png", "Brick wall"),
    _Source("skimage", "data/camera.png", "Photographer"),
    _Source("skimage", "data/cell.png", "Cell"),
    _Source("skimage", "data/chelsea.png", "Cat"),
    _Source("skimage", "data/coffee.png", "Coffee"),
    _Source("skimage", "data/coins.png", "Coins"),
    _Source("skimage", "data/grass.png", "Grass"),
    _Source("skimage", "data/gravel.png", "Gravel"),
    _Source("skimage", "data/hubble_deep_field.jpg", "Deep field"),
    _Source("skimage", "data/ihc.png", "Tissue"),
    _Source("skimage", "data/moon.png", "Moon"),
    _Source("skimage", "data/motorcycle_left.png", "Motorcycle"),
    _Source("skimage", "data/page.png", "Page"),
    _Source("skimage", "data/retina.jpg", "Retina"),
    _Source("skimage", "data/rocket.jpg", "Rocket"),
    _Source("skimage", "data/text.png", "Handwriting"),
)


def make_sample_library(target: Path) -> int:
    """Write the sample pictures below `target` (made if missing) and return how many there are.

    Pictures that are there already are kept, so a second call is quick. A fixed seed gives the same pictures
    every time. Where scikit-image is not installed only scikit-learn's two photographs are used,
    and a warning and the note beside the pictures say so. Raises OSError when the folder cannot be written.
    """
    if finished := _finished(target):
        return finished
    photographs = [(source, path) for source in _SOURCES if (path := _installed(source)) is not None]
    if not any(source.package == "skimage" for source, _ in photographs):
        log.warning("scikit-image is not installed: the sample library has only %d photographs", len(photographs))
    loaded = {source.title: _load(path) for source, path in photographs}
    count = 0
    for index, (title, photo) in enumerate(loaded.items()):
        folder = target / title
        folder.mkdir(parents=True, exist_ok=True)
        for name, (picture, quality) in _variations(photo, np.random.default_rng([SEED, index])).items():
            _save(picture, folder / f"{title} - {name}.jpg", quality)
            count += 1
    count += _write_scenes(target / "Scenes", list(loaded.values()))
    if photographs:
        (target / NOTE_NAME).write_text(_note([source for source, _ in photographs], count), encoding="utf-8")
    return count


def _finished(target: Path) -> int:
    """How many pictures a complete sample library at `target` has, 0 when there is none or some are gone."""
    try:
        count = int((target / NOTE_NAME).read_text(encoding="utf-8").split()[0])
    except (OSError, ValueError, IndexError):
        return 0
    return count if sum(1 for _ in target.rglob("*.jpg")) >= count else 0


def _installed(source: _Source) -> Path | None:
    """The file inside the installed package; the package itself is not imported."""
    spec = importlib.util.find_spec(source.package)
    for place in (spec.submodule_search_locations or []) if spec else []:
        path = Path(place) / source.file
        if path.is_file():
            return path
    return None


def _load(path: Path) -> Image.Image:
    with Image.open(path) as image:
        photo = image.convert("RGB")
    photo.thumbnail((_LONG_SIDE, _LONG_SIDE), Image.Resampling.LANCZOS)
    return photo


def _variations(photo: Image.Image, rng: np.random.Generator) -> dict[str, tuple[Image.Image, int]]:
    """Name -> (picture, JPEG quality)."""
    width, height = photo.size
    return {
        "original": (photo, 92),
        "left part": (photo.crop((0, 0, width * 3 // 5, height)), 90),
        "right part": (photo.crop((width * 2 // 5, 0, width, height)), 90),
        "detail": (_detail(photo, rng), 90),
        "turned a little": (_rotated(photo, float(rng.uniform(6, 14))), 90),
        "turned upright": (photo.transpose(Image.Transpose.ROTATE_90), 90),
        "lighter": (ImageEnhance.Brightness(photo).enhance(1.45), 90),
        "darker, warmer": (_tinted(ImageEnhance.Brightness(photo).enhance(0.6), (1.1, 1.0, 0.85)), 90),
        "black and white": (photo.convert("L").convert("RGB"), 90),
        "out of focus": (photo.filter(ImageFilter.GaussianBlur(2.5)), 90),
        "small": (photo.resize((max(1, width // 4), max(1, height // 4)), Image.Resampling.LANCZOS), 85),
        "heavily compressed": (photo, 12),
    }


def _detail(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A cut of 45 % of each side, somewhere around the middle."""
    width, height = photo.size
    wide, high = int(width * 0.45), int(height * 0.45)
    left = int(rng.uniform(0.15, 0.4) * width)
    top = int(rng.uniform(0.15, 0.4) * height)
    return photo.crop((left, top, left + wide, top + high))


def _rotated(photo: Image.Image, degrees: float) -> Image.Image:
    """Turned, and cut to the largest part without empty corners (same aspect ratio)."""
    width, height = photo.size
    angle = np.deg2rad(degrees)
    long, short = max(width, height), min(width, height)
    scale = short / (long * np.sin(angle) + short * np.cos(angle))
    turned = photo.rotate(degrees, Image.Resampling.BICUBIC)
    wide, high = int(width * scale), int(height * scale)
    left, top = (width - wide) // 2, (height - high) // 2
    return turned.crop((left, top, left + wide, top + high))


def _tinted(photo: Image.Image, factors: tuple[float, float, float]) -> Image.Image:
    pixels = np.asarray(photo, dtype=np.float32) * np.array(factors, np.float32)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _write_scenes(folder: Path, photos: list[Image.Image]) -> int:
    """Pictures that show three photographs each (two where there are only two), pasted over a blurred one."""
    if not photos:
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, SCENES + 1):
        rng = np.random.default_rng([SEED, 1000 + number])
        chosen = rng.permutation(len(photos))[:4]
        scene = photos[chosen[-1]].resize((960, 640), Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(9))
        for place, index in enumerate(chosen[:3]):
            photo = photos[index].copy()
            side = int(rng.uniform(220, 300))
            photo.thumbnail((side, side), Image.Resampling.LANCZOS)
            left = 15 + place * 315 + int(rng.uniform(0, 301 - photo.width))
            top = int(rng.uniform(20, 620 - photo.height))
            scene.paste(photo, (left, top))
        _save(scene, folder / f"Scene {number:02d}.jpg", 90)
    return SCENES


def _save(picture: Image.Image, path: Path, quality: int) -> None:
    if not path.exists():
        unfinished = path.with_suffix(".part")
        picture.save(unfinished, "JPEG", quality=quality)
        unfinished.replace(path)


def _note(sources: list[_Source], count: int) -> str:
    packages = {"sklearn": "scikit-learn", "skimage": "scikit-image"}
    lines = [
        f"{count} sample pictures, made on this machine from {len(sources)} photographs and variations of them.",
        "The photographs come inside these packages, whose documentation names their authors and licences:",
        *(f"  {source.title}: {packages[source.package]}, {Path(source.file).name}" for source in sources),
    ]
    if all(source.package == "sklearn" for source in sources):
        lines.append("scikit-image is not installed: with it there are about ten times as many pictures.")
    return "\n".join(lines) + "\n"
