"""Near-copies between two lists of photos, by perceptual hash: what must not be trained on is found here."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

NO_HASH = 0
MOST_BITS = 6  # of 64; pictures of one scene differ in about 20 and more


def fingerprint(rgb: NDArray[np.uint8]) -> np.uint64:
    """The 64-bit DCT hash of a picture: low frequencies of the 32x32 grey picture against their median.

    `rgb` is [H, W, 3] uint8. Pictures without any detail get 0, which matches nothing.
    """
    grey = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
    low = cv2.dct(grey.astype(np.float32))[:8, :8].ravel()[1:]
    if np.abs(low).max() < 8.0:
        return np.uint64(NO_HASH)
    bits = np.append(low > np.median(low), True)
    return np.packbits(bits).view(">u8")[0].astype(np.uint64)


def near_copies(
    candidates: NDArray[np.uint64], forbidden: NDArray[np.uint64], *, most_bits: int = MOST_BITS
) -> NDArray[np.bool_]:
    """[N] bool: which of `candidates` ([N] uint64) lie within `most_bits` of any of `forbidden` ([M] uint64).

    A hash and its mirror image differ, so `forbidden` should hold both where mirrored copies matter.
    """
    forbidden = np.unique(forbidden[forbidden != NO_HASH])
    found = np.zeros(len(candidates), dtype=np.bool_)
    for start in range(0, len(candidates), 512):
        block = candidates[start : start + 512]
        distance = np.bitwise_count(block[:, None] ^ forbidden[None])
        found[start : start + 512] = (distance <= most_bits).any(1) & (block != NO_HASH)
    return found
