"""The teacher's own retrieval figures, the off-the-shelf peer to compare a pack with.

    python -m models.evaluate.teacher --data DIR --teacher FILE.tflite [--train DIR]

DIR holds one folder per class. The short side is resized to the teacher's input (bicubic), the centre cropped,
the last map averaged; cosine ranking, every photo a query, itself excluded. With `--train` (photos of any layout)
the vectors are also centred on that folder's mean and projected by its 512-d PCA.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.evaluation.measures import average_precision, precision_at, recall_at
from models.data import PICTURES, Rgb, read_rgb
from models.linear import l2, pca
from models.targets import Oracle
from models.teacher import Teacher


def centre_crop(rgb: Rgb, side: int) -> Rgb:
    """[H, W, 3] uint8 -> [side, side, 3]: short side to `side`, bicubic, the middle."""
    height, width = rgb.shape[:2]
    scale = side / min(height, width)
    size = (max(side, round(width * scale)), max(side, round(height * scale)))
    rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_CUBIC)
    top, left = (rgb.shape[0] - side) // 2, (rgb.shape[1] - side) // 2
    return np.ascontiguousarray(rgb[top : top + side, left : left + side])


def pooled_vectors(teacher: Oracle, paths: Iterable[Path], side: int) -> tuple[NDArray[np.float64], list[Path]]:
    """[N, D] pooled vectors of the readable photos, and which those are."""
    vectors, read = [], []
    for path in paths:
        rgb = read_rgb(path)
        if rgb is not None:
            vectors.append(teacher(centre_crop(rgb, side)[None]).pooled[0])
            read.append(path)
    return np.array(vectors, np.float64), read


def ranked_figures(vectors: NDArray[np.floating], labels: Sequence[str]) -> dict[str, float]:
    """mAP, R@1, P@20 of a cosine ranking. vectors: [N, D], any length; classes of one photo do not ask."""
    unit = l2(np.asarray(vectors, np.float64))
    names = np.array(labels)
    _, number, counts = np.unique(names, return_inverse=True, return_counts=True)
    rows = []
    for query in np.flatnonzero(counts[number] > 1):
        order = np.argsort(-(unit @ unit[query]), kind="stable")
        rows.append(names[order[order != query]] == names[query])
    return {
        "mAP": float(np.mean([average_precision(row) for row in rows])),
        "R@1": float(np.mean([recall_at(row, 1) for row in rows])),
        "P@20": float(np.mean([precision_at(row, 20) for row in rows])),
    }


def pictures_below(folder: Path) -> list[Path]:
    """Every picture file below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES and path.is_file())


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--train", type=Path, help="photos to learn centring and PCA from")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(argv)
    teacher = Teacher(args.teacher, threads=args.threads)
    vectors, read = pooled_vectors(teacher, pictures_below(args.data), teacher.side)
    labels = [path.parent.name for path in read]
    figures = {"photos": len(read), "average pool": ranked_figures(vectors, labels)}
    if args.train:
        mean, axes, _ = pca(l2(pooled_vectors(teacher, pictures_below(args.train), teacher.side)[0]), 512)
        figures["centred, PCA 512"] = ranked_figures((l2(vectors) - mean) @ axes.T, labels)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
