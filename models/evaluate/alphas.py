"""The descriptors of a pack over a collection of photos of known classes, for measuring what is built on them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from desktop_app.evaluation.folders import SEED, choose_queries
from models.data import SET_LIMITS, PhotoCache, Rgb, list_photos, read_rgb, whole
from models.evaluate.holdout import holdout_rows
from models.evaluate.teacher import pictures_below
from models.manifest import Shape


@dataclass(frozen=True, slots=True, eq=False)
class Alphas:
    """vectors: [N, D] float32, L2-normalised; classes: [N]; queries: positions that ask."""

    vectors: NDArray[np.float32]
    classes: NDArray[np.int64]
    queries: NDArray[np.int64]

    @classmethod
    def of(cls, vectors: NDArray[np.float32], names: Sequence[str], queries: int | None) -> Alphas:
        """names: the class of every photo; `queries` of them ask (None: all that have a relative)."""
        classes = np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)
        return cls(vectors, classes, choose_queries(classes, queries, SEED))


class AlphaGraph:
    """The output `alpha` of a pack's embed.onnx. threads: of ONNX Runtime."""

    def __init__(self, pack: Path, *, threads: int = 2) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        file = str(pack / "embed.onnx")
        self._session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        manifest = json.loads((pack / "manifest.json").read_text(encoding="utf-8"))
        self.shapes: list[Shape] = [(height, width) for height, width in manifest["input"]["shapes"]]

    def describe(self, picture: Rgb) -> NDArray[np.float32]:
        """[H, W, 3] uint8 of a shape that the network takes -> [D]."""
        return np.asarray(self._session.run(["alpha"], {"image": picture[None]})[0][0], np.float32)

    def __call__(self, picture: Rgb) -> NDArray[np.float32]:
        """[H, W, 3] uint8 of any size, fitted as the application does -> [D]."""
        return self.describe(whole(picture, self.shapes))


def folder_pictures(folder: Path, *, long_side: int = 512) -> tuple[list[Rgb], list[str]]:
    """The readable pictures of `folder` and their classes, its direct children."""
    pictures, names = [], []
    for path in pictures_below(folder):
        rgb = read_rgb(path, long_side=long_side)
        if rgb is not None:
            pictures.append(rgb)
            names.append(path.relative_to(folder).parts[0])
    return pictures, names


def holdout_pictures(data: Path, cache_folder: Path, limit: int | None) -> dict[str, tuple[list[Rgb], list[str]]]:
    """Per labelled set the pictures of held-out TRAIN classes and their classes, at most `limit` a set."""
    cache = PhotoCache.build(data, list_photos(data, limits=SET_LIMITS), cache_folder)
    return {
        name: ([cache.decode(row) for row in rows], [cache.photos[row].label or "" for row in rows])
        for name, rows in holdout_rows(cache, limit).items()
    }
