"""What a network says about a picture, and what of it is stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Embedding:
    """All outputs of one pack for one picture; only `alpha` is always there.

    alpha: [512] float32, L2-normalised global descriptor (S3).
    alpha_code: [64] uint8, its hash code, bits packed big-endian.
    attention: [h, w] float32, the query-independent attention row of S3, sums to 1.
    local_map: [D, h, w] float32, non-negative.
    local_features: [h, w, 128] float32, L2-normalised per cell.
    beta: [256] float32, L2-normalised descriptor of the second model (S2).
    beta_code: [32] uint8, its hash code, packed like that of alpha.
    regions: [R, 512] float32, L2-normalised descriptors of the whole photo and its tiles, comparable with alpha.
    """

    alpha: Float
    alpha_code: NDArray[np.uint8] | None = None
    attention: Float | None = None
    local_map: Float | None = None
    local_features: Float | None = None
    beta: Float | None = None
    beta_code: NDArray[np.uint8] | None = None
    regions: Float | None = None


@dataclass(frozen=True, slots=True)
class LocalCodes:
    """The stored local description of a photo (S0, LM-BiHalf).

    codes: [K, bits/8] uint8, one packed code per centroid, K <= 32 (fewer when cells were fewer).
    labels: [h, w] uint8, the cluster of every cell.
    centroids: [K, 128] int8; times `scale` they are the unit centroids.
    """

    codes: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    centroids: NDArray[np.int8]
    scale: float


TILES = 13
"""Parts of a photo that are entries of their own: 2x2 and 3x3 tiles."""


@dataclass(frozen=True, slots=True, eq=False)
class TileEntries:
    """What the catalogue keeps of the parts of a photo. descriptors: [13, D] int8, in the order of
    `retrieval.tiles.region_boxes` without the whole; divided by their lengths they are the parts' alphas."""

    descriptors: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class PhotoFeatures:
    """What the catalogue keeps per (content fingerprint, pack digest). Not every pack has a second model.

    cells: [h, w, bits / 8] uint8, the codes of all cells; None for a pack without local features.
    """

    alpha: NDArray[np.float16]
    alpha_code: NDArray[np.uint8] | None
    local: LocalCodes | None
    beta: NDArray[np.float16] | None = None
    beta_code: NDArray[np.uint8] | None = None
    cells: NDArray[np.uint8] | None = None
