"""Photographs that come with scikit-image and scikit-learn, cut into several pictures each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data
from sklearn.datasets import load_sample_image

SUBJECTS = {
    "astronaut": data.astronaut,
    "coffee": data.coffee,
    "cat": data.chelsea,
    "rocket": data.rocket,
    "china": lambda: load_sample_image("china.jpg"),
    "flower": lambda: load_sample_image("flower.jpg"),
}


def photo(subject: str, *, side: int = 240, cut: float = 0.0) -> np.ndarray:
    """[h, w, 3] uint8, the long side `side`, `cut` of every edge (0 to 0.5) left out."""
    whole = Image.fromarray(np.ascontiguousarray(SUBJECTS[subject]()[..., :3]))
    width, height = whole.size
    part = whole.crop((int(cut * width), int(cut * height), int((1 - cut) * width), int((1 - cut) * height)))
    part.thumbnail((side, side))
    return np.asarray(part)


def write_photos(folder: Path, *, cuts: tuple[float, ...] = (0.0, 0.08), side: int = 240) -> list[Path]:
    """One file per subject and cut: `folder`/coffee-0.jpg and so on; returns them sorted."""
    folder.mkdir(parents=True, exist_ok=True)
    for subject in SUBJECTS:
        for number, cut in enumerate(cuts):
            path = folder / f"{subject}-{number}.jpg"
            Image.fromarray(photo(subject, side=side, cut=cut)).save(path, quality=90)
    return sorted(folder.iterdir())
