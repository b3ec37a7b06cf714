"""Whether two photos are one picture, edited: keypoints (ORB) that agree on one transform, and pixels under it.

Descriptors say that two photos are alike; a series of shots is alike as well. What makes an edited copy is that a
similarity transform (turned, scaled, cut, also mirrored) lays one picture on the other with the same structure
everywhere they overlap, whatever was done to colours and sharpness.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 256
"""Long side in pixels at which pictures are compared."""
KEYPOINTS = 240
_FINE, _COARSE = (
    (8, 1.2, 7),
    (4, 1.4, 12),
)  # sizes at which corners are looked for, from one to the next, grey levels
_FEWEST = 10  # keypoints that agree before pixels are looked at
_REACH = 4.0  # pixels between a keypoint and where the transform puts it
_BLOCKS = 8  # the overlap is compared block by block, so that a moved thing is not outvoted by the background
_FLAT = 3.0  # standard deviation in grey levels below which a block has no structure to compare
_LEAST_BLOCKS = 4
_PLAIN = 0.6  # structure from which the mirror is not tried
_MIN_SCALE, _MAX_SCALE = 0.2, 5.0

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """A picture ready to be compared. grey: [h, w] uint8; points: [n, 2] float32, x, y; codes: [n, 32] uint8."""

    grey: Grey
    points: NDArray[np.float32]
    codes: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Sameness:
    """How much two pictures are one. points: keypoints that agree on the transform. overlap: share of the smaller
    one's area that lies on the other. structure: correlation of grey levels, at the 20th percentile of the blocks
    of the overlap that have structure, -1..1. telling: the share of blocks that have. contrast: by how much the
    contrast of a block differs, as the logarithm of the ratio, at the 80th percentile of these blocks. All 0 where
    there is no transform."""

    points: int = 0
    overlap: float = 0.0
    structure: float = 0.0
    telling: float = 0.0
    contrast: float = 0.0
    mirrored: bool = False


def sketch(rgb: NDArray[np.uint8], *, side: int = SIDE, keypoints: int = KEYPOINTS, fine: bool = False) -> Sketch:
    """The keypoints of a picture [h, w, 3] uint8 RGB (or [h, w] grey), at most `keypoints` of them, with a long
    side of `side` pixels. `fine`: sizes in small steps and weak corners too, in twice the time."""
    grey = rgb if rgb.ndim == 2 else cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    scale = side / max(grey.shape)
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    steps, factor, least = _FINE if fine else _COARSE
    finder = cv2.ORB.create(keypoints, factor, steps, edgeThreshold=15, patchSize=25, fastThreshold=least)
    found, codes = finder.detectAndCompute(grey, None)
    points = np.array([point.pt for point in found], np.float32).reshape(-1, 2)
    return Sketch(np.asarray(grey, np.uint8), points, np.zeros((0, 32), np.uint8) if codes is None else codes)


def mirrored(picture: Sketch) -> Sketch:
    """The sketch of the picture's mirror image."""
    return sketch(np.ascontiguousarray(picture.grey[:, ::-1]))


def sameness(one: Sketch, other: Sketch, *, mirror: bool | None = None) -> Sameness:
    """Compare two pictures: the other one as it is or in the mirror (`mirror`), what fits where it is None."""
    straight = Sameness() if mirror else _compare(one, other)
    if mirror is False or straight.structure >= _PLAIN:
        return straight
    turned = _compare(one, mirrored(other))
    return straight if straight.structure > turned.structure else replace(turned, mirrored=True)


def _compare(one: Sketch, other: Sketch) -> Sameness:
    transform, points = _transform(one, other)
    if transform is None:
        return Sameness()
    height, width = other.grey.shape
    laid = cv2.warpAffine(one.grey, transform, (width, height), flags=cv2.INTER_LINEAR)
    covered = cv2.warpAffine(np.full(one.grey.shape, 255, np.uint8), transform, (width, height)) == 255
    scale = float(np.sqrt(abs(np.linalg.det(transform[:, :2]))))
    smaller = min(covered.size, one.grey.size * scale * scale)
    overlap = min(1.0, float(covered.sum()) / max(1.0, smaller))
    return Sameness(points, overlap, *_structure(laid, other.grey, covered))


def upright(one: Grey, other: Grey) -> Sameness:
    """Compare two pictures of one size that lie on each other as they are, [h, w] each."""
    return Sameness(0, 1.0, *_structure(one, other, np.ones(one.shape, np.bool_)))


def _transform(one: Sketch, other: Sketch) -> tuple[NDArray[np.float64] | None, int]:
    """[2, 3] from the one picture's pixels to the other's, and how many keypoints agree on it."""
    if min(len(one.points), len(other.points)) < _FEWEST:
        return None, 0
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(one.codes, other.codes)
    if len(pairs) < _FEWEST:
        return None, 0
    start = one.points[[pair.queryIdx for pair in pairs]]
    end = other.points[[pair.trainIdx for pair in pairs]]
    cv2.setRNGSeed(0)  # the same pictures give the same answer
    found, kept = cv2.estimateAffinePartial2D(
        start, end, method=cv2.RANSAC, ransacReprojThreshold=_REACH, maxIters=500, confidence=0.99
    )
    agree = int(kept.sum()) if kept is not None else 0
    if found is None or agree < _FEWEST or not np.isfinite(found).all():
        return None, 0
    scale = float(np.sqrt(abs(np.linalg.det(found[:, :2]))))
    return (np.asarray(found, np.float64), agree) if _MIN_SCALE <= scale <= _MAX_SCALE else (None, 0)


def _structure(one: Grey, other: Grey, covered: NDArray[np.bool_]) -> tuple[float, float, float]:
    """`structure`, `telling` and `contrast` of two pictures as they lie on each other, where they are covered."""
    inside = covered.astype(np.uint8)
    a, b = (cv2.GaussianBlur(grey, (0, 0), 2.0) * inside for grey in (one, other))
    (up_to_a, up_to_aa), (up_to_b, up_to_bb) = cv2.integral2(a), cv2.integral2(b)
    up_to_ab = cv2.integral(cv2.multiply(a, b, dtype=cv2.CV_32F), sdepth=cv2.CV_64F)
    pixels, sum_a, sum_aa, sum_b, sum_bb, sum_ab = (
        _blocks(up_to) for up_to in (cv2.integral(inside), up_to_a, up_to_aa, up_to_b, up_to_bb, up_to_ab)
    )
    most = _blocks(cv2.integral(np.ones_like(inside)))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_a, mean_b = sum_a / pixels, sum_b / pixels
        spread_a = np.sqrt(np.maximum(sum_aa / pixels - mean_a**2, 0.0))
        spread_b = np.sqrt(np.maximum(sum_bb / pixels - mean_b**2, 0.0))
        found = (sum_ab / pixels - mean_a * mean_b) / (spread_a * spread_b)
        full = pixels >= 0.9 * most
        telling = full & (np.minimum(spread_a, spread_b) >= _FLAT)
    if telling.sum() < _LEAST_BLOCKS:
        return 0.0, 0.0, 0.0
    contrast = np.abs(np.log(spread_a[telling] / spread_b[telling]))
    return (
        float(np.percentile(found[telling], 20)),
        float(telling.sum() / full.sum()),
        float(np.percentile(contrast, 80)),
    )


def _blocks(up_to: NDArray[np.generic]) -> NDArray[np.float64]:
    """[_BLOCKS, _BLOCKS] (fewer where there are fewer pixels): the sum over each block, from an integral image
    [h + 1, w + 1]."""
    rows, columns = (
        np.append(
            np.unique(np.linspace(0, side - 1, min(_BLOCKS, side - 1), endpoint=False).astype(np.intp)), side - 1
        )
        for side in up_to.shape
    )
    corners = up_to[np.ix_(rows, columns)].astype(np.float64)
    return np.diff(np.diff(corners, axis=0), axis=1)
