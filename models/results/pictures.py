"""Pictures of evidence, good and bad, chosen by rule from a fixed list of pairs.

    python -m models.results.pictures --pack PACK --out DIR

The pairs are composites of the photographs that come with scikit-image and scikit-learn (so nobody's data set is
republished): an object of one pasted into another, the object's own picture as the query; and as many pairs that
do not match. Of the matching ones the first, the median and the worst by the intersection over union of P >= 0.5
with the object are drawn; of the others the one of the highest relevance. Prints a row for each as JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data as photographs
from sklearn.datasets import load_sample_image

from desktop_app.evaluation.composites import Composite, Rgb, make_composite
from models.data import read_rgb

PAIRS = 15
THRESHOLD = 0.5
SHOWN_SIDE = 900  # pixels of the long side of a drawn picture


@dataclass(frozen=True)
class Explained:
    """A pair, how relevant it was found, and how well P agrees with the object (None where nothing matches)."""

    name: str
    relevance: float
    overlap: float | None


def pictures() -> list[Rgb]:
    """The photographs, in a fixed order."""
    names = ("astronaut", "coffee", "cat", "rocket")
    return [getattr(photographs, name)() for name in names] + [
        np.asarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg")
    ]


def composites(count: int = PAIRS) -> list[Composite]:
    """`count` composites; the i-th depends on i alone."""
    found = pictures()
    made = []
    for i in range(count):
        random = np.random.default_rng(i)
        photo, scene = random.permutation(len(found))[:2]
        made.append(make_composite(found[photo], found[scene], random, area=(0.08, 0.4), alone=False))
    return made


def overlap(p: NDArray[np.float64], mask: NDArray[np.bool_]) -> float:
    """Intersection over union of {P >= 0.5}, enlarged to the mask's size, with the mask."""
    shown = cv2.resize(p, mask.shape[::-1], interpolation=cv2.INTER_NEAREST) >= THRESHOLD
    union = int((shown | mask).sum())
    return float((shown & mask).sum() / union) if union else 0.0


def explain(query: Path, result: Path, out: Path, pack: str) -> dict[str, object]:
    """What `indicium explain` says of two files; its picture goes to `out`."""
    run = subprocess.run(
        [sys.executable, "-m", "desktop_app", "explain", query, result, "--pack", pack, "--out", out, "--json"],
        stdout=subprocess.PIPE,
        check=True,
    )
    return dict(json.loads(run.stdout))


def write(path: Path, rgb: Rgb) -> Path:
    cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return path


def explained(pack: str, work: Path) -> tuple[list[Explained], list[Explained]]:
    """The matching pairs and those that do not match; the drawn evidence lies in `work` as NAME.png."""
    made = composites()
    matching, others = [], []
    for i, pair in enumerate(made):
        query = write(work / f"query-{i}.png", pair.query)
        found = explain(query, write(work / f"scene-{i}.png", pair.scene), work / f"match-{i}.png", pack)
        p = np.asarray(found["P"], np.float64)
        matching.append(Explained(f"match-{i}", float(str(found["relevance"])), overlap(p, pair.mask)))
    scenes = pictures()
    for i in range(len(made)):
        # A whole photograph in which neither part of the composite appears.
        random = np.random.default_rng(i)
        stranger = scenes[random.permutation(len(scenes))[2]]
        result = write(work / f"stranger-{i}.png", stranger)
        found = explain(work / f"query-{i}.png", result, work / f"other-{i}.png", pack)
        others.append(Explained(f"other-{i}", float(str(found["relevance"])), None))
    return matching, others


def chosen(matching: Sequence[Explained], others: Sequence[Explained]) -> dict[str, Explained]:
    """By rule: the first, the median and the worst match, and the most relevant of what does not match."""
    by_overlap = sorted(matching, key=lambda pair: pair.overlap or 0.0)
    return {
        "first": matching[0],
        "median": by_overlap[len(by_overlap) // 2],
        "worst": by_overlap[0],
        "false": max(others, key=lambda pair: pair.relevance),
    }


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for all pairs")
    args = parser.parse_args(argv)
    for folder in (args.out, args.work):
        folder.mkdir(parents=True, exist_ok=True)
    matching, others = explained(args.pack, args.work)
    rows = {}
    for rule, pair in chosen(matching, others).items():
        drawn = read_rgb(args.work / f"{pair.name}.png", long_side=SHOWN_SIDE)
        assert drawn is not None
        cv2.imwrite(
            str(args.out / f"{rule}.jpg"), cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85]
        )
        rows[rule] = {"pair": pair.name, "relevance": pair.relevance, "overlap": pair.overlap}
    print(json.dumps({"pairs": len(matching), "chosen": rows}, indent=1))


if __name__ == "__main__":
    main()
