"""Indicative matching (S1): what goes into the network of a pack, and evidence from what comes out.

The network compares a rigid 14 x 14 grid of either picture and gives the relevance of the pair and M*, which says
of every pair of patches how much it contributed. S1 eq. 4 decodes it: P(i,j) = sum_kl M*(i,j,k,l) belongs to the
result, Q(k,l) = sum_ij M*(i,j,k,l) to the query. As for local evidence, P = relevance x sum / largest sum and zero
below a relevance of 0.5 [ours]: S1 stretches every map, which makes "no match" look hot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.geometry import Grid
from desktop_app.retrieval.pooling import l2_normalise

Float = NDArray[np.float32]

GRID = Grid(14, 14)
CELLS = GRID.rows * GRID.columns
PATCH = 16
"""Pixels of a side of a patch: pictures come as 224 x 224."""
FLOOR = 0.1
"""Least weight of a query patch under feedback [ours]."""


@dataclass(frozen=True, slots=True, eq=False)
class IndicativeOutput:
    """What the network says of one pair.

    logit: of the relevance. matching: M*, [196, 196] float32 in 0..1, rows are the result's patches and columns
    the query's, row-major.
    """

    logit: float
    matching: Float

    def p_sum(self) -> Float:
        """P of S1 eq. 4 before scaling: [14, 14], on the result."""
        return self.matching.sum(axis=1).reshape(GRID.rows, GRID.columns)

    def q_sum(self) -> Float:
        """Q of S1 eq. 4 before scaling: [14, 14], on the query."""
        return self.matching.sum(axis=0).reshape(GRID.rows, GRID.columns)


@dataclass(frozen=True, slots=True, eq=False)
class FoundLinks:
    """The strongest pairs of patches: row-major cells, [n] int64 each, and M* there, [n] float32, falling."""

    result: NDArray[np.int64]
    query: NDArray[np.int64]
    score: Float


def square_pixels(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The whole picture as [224, 224, 3] uint8. Its proportions change, so a patch covers the same share of it
    that a cell of the maps covers."""
    side = GRID.rows * PATCH
    shrinks = min(rgb.shape[:2]) > side
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, (side, side), interpolation=method), dtype=np.uint8)


def square_features(features: Float) -> Float:
    """Local features [h, w, D] of a whole picture on the 14 x 14 grid: [14, 14, D] float32, L2-normalised per
    cell."""
    rows, columns = _resampling(features.shape[0]), _resampling(features.shape[1])
    resampled = np.einsum("ih,jw,hwd->ijd", rows, columns, features, optimize=True)
    return l2_normalise(resampled.astype(np.float32))


def square_weights(weights: Float) -> Float:
    """A person's weights [h, w] of a query's cells on the 14 x 14 grid, non-negative."""
    rows, columns = _resampling(weights.shape[0]), _resampling(weights.shape[1])
    return np.asarray(rows @ weights @ columns.T, dtype=np.float32)


def find_links(matching: Float, *, limit: int, least: float = 0.0, radius: int = 1) -> FoundLinks:
    """The largest entries of M* with 4-D non-maximum suppression: at most `limit`, none below `least`.

    A pair is left out when a stronger one lies within `radius` cells of it in all four directions.
    """
    left = matching.reshape(GRID.rows, GRID.columns, GRID.rows, GRID.columns).copy()
    found: list[tuple[int, float]] = []
    while len(found) < limit:
        at = int(left.argmax())
        score = float(left.ravel()[at])
        if score <= 0.0 or score < least:
            break
        found.append((at, score))
        place = np.unravel_index(at, left.shape)
        around = tuple(slice(max(0, int(v) - radius), int(v) + radius + 1) for v in place)
        left[around] = -1.0
    flat = np.array([at for at, _ in found], dtype=np.int64)
    result, query = np.divmod(flat, CELLS)
    return FoundLinks(result, query, np.array([score for _, score in found], dtype=np.float32))


def feedback_mask(q_maps: Sequence[Float], *, form: str = "average", floor: float = FLOOR) -> Float:
    """S1 eq. 10: the Q of the first n results as one mask over the query, [14, 14] in floor..1.

    form: "average" or "maximum", element by element. Q*/max Q* multiplies the tensor along the query's patches
    [ours]; the floor keeps every patch a little. Without any map (or with maps of zeros) the mask is 1 everywhere.
    Results that the person rejected must not be among them.
    """
    if form not in ("average", "maximum"):
        raise ValueError(f"the form of the feedback is average or maximum, not {form}")
    if not len(q_maps):
        return np.ones((GRID.rows, GRID.columns), dtype=np.float32)
    stacked = np.stack(q_maps)
    pooled = stacked.mean(axis=0) if form == "average" else stacked.max(axis=0)
    largest = float(pooled.max())
    if largest <= 0:
        return np.ones((GRID.rows, GRID.columns), dtype=np.float32)
    return np.maximum(pooled / largest, floor).astype(np.float32)


def _resampling(size: int, out: int = GRID.rows) -> NDArray[np.float64]:
    """[out, size]: linear interpolation between cell centres, over a wider triangle where cells get fewer."""
    scale = size / out
    centres = (np.arange(out) + 0.5) * scale - 0.5
    reach = max(1.0, scale)
    weights = np.maximum(0.0, 1.0 - np.abs(np.arange(size)[None] - centres[:, None]) / reach)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
