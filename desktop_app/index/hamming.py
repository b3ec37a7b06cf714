"""Hamming distances between packed binary codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WORD = 8  # bytes compared at once
_TEMPORARY = 1 << 22  # pairs handled at a time, so that temporaries stay within 32 MB


def hamming(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Differing bits between every code of `a` [n, B] and every code of `b` [m, B] uint8 -> [n, m] int32.

    Raises ValueError when the codes are not two-dimensional uint8 of the same length.
    """
    if a.dtype != np.uint8 or b.dtype != np.uint8 or a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"codes must be [n, B] and [m, B] uint8, not {a.dtype} {a.shape} and {b.dtype} {b.shape}")
    words_a, words_b = _words(a), _words(b)
    distances = np.zeros((len(a), len(b)), np.int32)
    step = max(1, _TEMPORARY // max(1, len(b)))
    for start in range(0, len(a), step):
        rows = slice(start, start + step)
        for word in range(words_a.shape[1]):
            distances[rows] += np.bitwise_count(words_a[rows, word, None] ^ words_b[None, :, word])
    return distances


def _words(codes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """[n, B] uint8 as [n, ceil(B / 8)] uint64; what is missing of the last word is zero in all codes."""
    missing = -codes.shape[1] % _WORD
    padded = np.pad(codes, ((0, 0), (0, missing))) if missing else np.ascontiguousarray(codes)
    return padded.view(np.uint64)
