"""Labels for co-attention from keypoints that two photos of one thing share (S0; the recipe is ours)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from models.data import Rgb
from models.local.views import fitted

Float = NDArray[np.float32]

FEWEST = 12  # keypoints that must agree before two photos are said to show one thing
_DISTINCT = 0.8  # of the second nearest descriptor's distance, that the nearest one's may be
_TOLERANCE = 4.0  # pixels from where the homography puts a keypoint
_SIGMA = 1.0  # cells of the Gaussian that a keypoint becomes


def keypoint_labels(first: Rgb, second: Rgb, cells: int) -> Float | None:
    """[2, cells, cells] in 0..1: where each of two square pictures of one size shows keypoints of the other; None
    when fewer than FEWEST agree.

    SIFT keypoints that are each other's nearest and agree on one homography (RANSAC) become Gaussians of one cell,
    1 at their middle; where they overlap the sum is cut at 1.
    """
    found = _agreeing(first, second)
    if found is None:
        return None
    share = cells / first.shape[0]
    return np.stack([_splat((points + 0.5) * share - 0.5, cells) for points in found])


def keypoint_pairs(
    pictures: Sequence[Rgb], groups: Sequence[str], *, side: int, cells: int
) -> Iterator[tuple[Rgb, Rgb, Float]]:
    """Each picture, as a square of `side` pixels, with the next one of its group and their labels, where keypoints
    agree."""
    last: dict[str, Rgb] = {}
    for rgb, group in zip(pictures, groups, strict=True):
        square = fitted(rgb, side)[0]
        before = last.get(group)
        last[group] = square
        if before is not None and (labels := keypoint_labels(before, square, cells)) is not None:
            yield before, square, labels


def _agreeing(first: Rgb, second: Rgb) -> tuple[Float, Float] | None:
    """x, y of the keypoints that agree, [n, 2] in either picture, whole numbers the middles of pixels."""
    sift = cv2.SIFT_create()
    (here, one), (there, other) = (
        sift.detectAndCompute(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), None) for rgb in (first, second)
    )
    if one is None or other is None or min(len(one), len(other)) < FEWEST:
        return None
    forward, backward = (_distinct_matches(a, b) for a, b in ((one, other), (other, one)))
    mutual = [(a, b) for a, b in forward.items() if backward.get(b) == a]
    if len(mutual) < FEWEST:
        return None
    places = tuple(
        np.array([points[at].pt for at in column], np.float32)
        for points, column in zip((here, there), zip(*mutual, strict=True), strict=True)
    )
    cv2.setRNGSeed(0)
    _, inside = cv2.findHomography(places[0], places[1], cv2.RANSAC, _TOLERANCE)
    if inside is None or int(inside.sum()) < FEWEST:
        return None
    kept = inside.ravel().astype(bool)
    return places[0][kept], places[1][kept]


def _distinct_matches(one: Float, other: Float) -> dict[int, int]:
    """For every descriptor of `one` the nearest of `other`, where it is clearly nearer than the second nearest."""
    found = {}
    for near, *second in cv2.BFMatcher(cv2.NORM_L2).knnMatch(one, other, k=2):
        if second and near.distance < _DISTINCT * second[0].distance:
            found[near.queryIdx] = near.trainIdx
    return found


def _splat(places: Float, cells: int) -> Float:
    """[cells, cells]: a Gaussian at every place (x, y in cells, whole numbers the middles of cells), at most 1."""
    along = np.arange(cells)
    x = np.exp(-((along[None] - places[:, :1]) ** 2) / (2 * _SIGMA**2))
    y = np.exp(-((along[None] - places[:, 1:]) ** 2) / (2 * _SIGMA**2))
    return np.asarray(np.minimum(y.T @ x, 1.0), np.float32)
