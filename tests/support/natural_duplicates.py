"""Whether two photos of the sets are versions of one, told in another way than the application tells it.

SIFT features (not ORB) of the photos (not of their previews) must agree on an affine map (not a similarity), and
the colours under it must be equal but for a gain and an offset a channel (not correlate by blocks).
"""

from __future__ import annotations

import cv2
import numpy as np

from desktop_app.evaluation.composites import Rgb

SIDE = 512  # pixels of the long side at which photos are compared
FEATURES = 2000
RATIO = 0.75  # of the nearest feature's distance to that of the next (Lowe)
FEWEST = 30  # features that agree on the map
REACH = 3.0  # pixels
LEAST_OVERLAP = 0.5  # of the smaller photo
GAINS = 0.6, 1.7  # between two versions of one photo, a channel
SOFT = 2.0  # pixels: what is finer differs between files of different sizes and qualities
NOISE = 24.0  # grey levels that versions differ by at most
LEAST_EQUAL = 0.97  # share of the pixels that differ by no more


def same_photo(one: Rgb, other: Rgb) -> bool:
    """Whether two photos, [h, w, 3] uint8 each, are one: cut, scaled, compressed, toned or mirrored."""
    first, second = _shrunk(one), _shrunk(other)
    return any(_laid_on(first, view) for view in (second, np.ascontiguousarray(second[:, ::-1])))


def _shrunk(rgb: Rgb) -> Rgb:
    scale = SIDE / max(rgb.shape[:2])
    size = [max(1, round(side * scale)) for side in rgb.shape[1::-1]]
    return np.asarray(
        cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC), np.uint8
    )


def _laid_on(one: Rgb, other: Rgb) -> bool:
    transform = _transform(one, other)
    if transform is None:
        return False
    height, width = other.shape[:2]
    covered = cv2.warpAffine(np.full(one.shape[:2], 255, np.uint8), transform, (width, height)) == 255
    smaller = min(covered.size, one[..., 0].size * abs(np.linalg.det(transform[:, :2])))
    if covered.sum() < LEAST_OVERLAP * smaller:
        return False
    laid = cv2.warpAffine(one, transform, (width, height))
    apart = np.zeros(int(covered.sum()))
    for channel in range(3):
        x, y = (cv2.GaussianBlur(p[..., channel], (0, 0), SOFT)[covered].astype(float) for p in (laid, other))
        gain = float(np.sqrt(y.var() / max(x.var(), 1e-6)))
        if not GAINS[0] <= gain <= GAINS[1]:
            return False
        apart = np.maximum(apart, np.abs((x - x.mean()) * gain - (y - y.mean())))
    return float((apart <= NOISE).mean()) >= LEAST_EQUAL


def _transform(one: Rgb, other: Rgb) -> np.ndarray | None:
    """[2, 3]: from the pixels of the one to those of the other."""
    finder = cv2.SIFT.create(FEATURES)
    (points, codes), (ends, targets) = (
        finder.detectAndCompute(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), None) for p in (one, other)
    )
    if min(len(points), len(ends)) < FEWEST:
        return None
    matches = cv2.BFMatcher(cv2.NORM_L2).knnMatch(codes, targets, k=2)
    kept = [best for best, second in matches if best.distance < RATIO * second.distance]
    if len(kept) < FEWEST:
        return None
    start = np.array([points[match.queryIdx].pt for match in kept], np.float32)
    end = np.array([ends[match.trainIdx].pt for match in kept], np.float32)
    cv2.setRNGSeed(0)
    found, agree = cv2.estimateAffine2D(start, end, method=cv2.RANSAC, ransacReprojThreshold=REACH, maxIters=2000)
    return found if found is not None and int(agree.sum()) >= FEWEST else None
