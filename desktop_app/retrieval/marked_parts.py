"""What the parts that a person marked have in common, looked for in the local features of other photos (S1 3.4).

The cells of a marked part are pooled into one vector, v = L2(sum_l A_l x_l), A being how far cell l is marked: GeM
over the marked cells with p = 1, for the local features have signs [p = 3 on their non-negative map was not better
on TRAIN]. The marked parts and the part of the query that asks train a linear classifier against the features of
photos that nobody marked: linear discriminant analysis, w = (S + s I)^-1 (m+ - m0), with m0, S the mean and
covariance of those features and s the mean of S's diagonal. A photo is as good as its best feature, max_j w . x_j,
so that a small thing in a large scene counts as much as a large one [ours].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import LocalCodes
from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.retrieval.local_match import PackedCentroids
from desktop_app.retrieval.pooling import l2_normalise

Float = NDArray[np.float32]

LEAST_CELLS = 5  # a smaller part is taken with what is around it: one patch alone says too little
FEWEST = 20  # photos that nobody marked, below which nothing can be learnt
EVEN = 0.25  # standard deviations: see `parts_share`
OF_PART = 0.7  # share of the parts where the question is a part itself, chosen on TRAIN
_SAMPLES = 4  # of a cell's side, for the share of it that is marked


def marked_cells(
    cell_weights: Mapping[Cell, float], marked_on: Grid, region: Region, size: tuple[int, int], grid: Grid
) -> Float:
    """How far each cell of a whole photo is marked, [rows, columns] of `grid` in 0..1.

    region: the pixels of the photo, `size` = (width, height), that `marked_on` covers. cell_weights: weights of
    its cells, 1 where none is given. Marked is what weighs more than half. A part of fewer than `LEAST_CELLS`
    cells along a side grows by as many on both sides as make it that large.
    """
    weights = np.ones((marked_on.rows, marked_on.columns), np.float32)
    for cell, weight in cell_weights.items():
        weights[cell.row, cell.column] = weight
    y = (np.arange(grid.rows * _SAMPLES) + 0.5) / (grid.rows * _SAMPLES) * size[1]
    x = (np.arange(grid.columns * _SAMPLES) + 0.5) / (grid.columns * _SAMPLES) * size[0]
    rows = np.floor((y - region.y) / region.h * marked_on.rows).astype(int)
    columns = np.floor((x - region.x) / region.w * marked_on.columns).astype(int)
    inside = ((rows >= 0) & (rows < marked_on.rows))[:, None] & ((columns >= 0) & (columns < marked_on.columns))
    sampled = weights[np.clip(rows, 0, marked_on.rows - 1)][:, np.clip(columns, 0, marked_on.columns - 1)]
    marked = (inside & (sampled > 0.5)).astype(np.float32)
    shares = marked.reshape(grid.rows, _SAMPLES, grid.columns, _SAMPLES).mean(axis=(1, 3))
    down, across = (_grown(int((shares > 0).any(axis=axis).sum())) for axis in (1, 0))
    return np.asarray(cv2.dilate(shares, np.ones((2 * down + 1, 2 * across + 1), np.uint8)), np.float32)


def _grown(cells: int) -> int:
    """By how many cells on either side a part of so many grows."""
    return max(0, -(-(LEAST_CELLS - cells) // 2)) if cells else 0


def pooled_cells(features: Float, weights: Float) -> Float | None:
    """v = L2(sum_l A_l L2(x_l)): [D] float32; None where nothing is marked.

    features: [h, w, D]; weights: A, [h, w], at least 0.
    """
    pooled = np.tensordot(weights, l2_normalise(features), axes=2).astype(np.float32)
    return l2_normalise(pooled) if np.linalg.norm(pooled) > 1e-6 else None


def stored_features(codes: LocalCodes) -> Float:
    """[h, w, D] float32: for every cell of a stored photo the centroid that stands for it."""
    return l2_normalise(codes.centroids.astype(np.float32))[codes.labels]


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """Local features of photos that nobody marked. mean: [D]; inverse: [D, D], of the regularised covariance."""

    mean: Float
    inverse: NDArray[np.float64]

    @classmethod
    def of(cls, photos: PackedCentroids) -> Background | None:
        """None of fewer than `FEWEST` photos."""
        if int((photos.shares[:, 0] > 0).sum()) < FEWEST:
            return None
        features = photos.units[photos.shares > 0].astype(np.float64)
        mean = features.mean(axis=0)
        covariance = np.cov((features - mean).T)
        covariance[np.diag_indices_from(covariance)] += max(float(np.trace(covariance)) / len(covariance), 1e-9)
        return cls(mean.astype(np.float32), np.linalg.inv(covariance))

    def direction(self, parts: Float, weights: Float) -> Float:
        """w of length 1, [D] float32. parts: [P, D] pooled parts; weights: [P] how much each counts, above 0."""
        wanted = (weights[:, None] * parts).sum(axis=0) / weights.sum()
        return l2_normalise((self.inverse @ (wanted - self.mean)).astype(np.float32))


def likeness(photos: PackedCentroids, direction: Float, background: Background) -> Float:
    """max_j w . (x_j - m0) of each of N photos: [N] float32; a photo without local features takes the least."""
    best = ((photos.units - background.mean) @ direction).max(axis=1)
    known = photos.shares[:, 0] > 0
    return np.asarray(np.where(known, best, best[known].min(initial=0.0)), np.float32)


def standardised(values: Float, ordinary: Float) -> Float:
    """(values - mean) / standard deviation of the `ordinary` ones ([M] float32): [N] float32."""
    if not len(ordinary):
        return np.zeros(len(values), np.float32)
    return np.asarray((values - ordinary.mean()) / max(float(ordinary.std()), 1e-6), np.float32)


def parts_share(right: Float, wrong: Float, *, part: bool) -> float:
    """How much the parts count against the pictures as wholes, 0..1.

    right, wrong: standardised scores of the photos marked + and -, as the question without marks ranks them. Where
    it puts what is right above what is wrong, by more than `EVEN`, wholes do and parts would only disturb; where
    it does not, parts must. With nothing marked -, half. part: the question is a part of a picture itself, which
    says that parts matter whatever is marked: `OF_PART`.
    """
    if not len(right):
        return 0.0
    if part:
        return OF_PART
    return float(np.clip(0.5 - (right.mean() - wrong.mean()) / (2 * EVEN), 0.0, 1.0)) if len(wrong) else 0.5
