"""Classical descriptors to compare with: a perceptual hash, a colour histogram, SIFT-VLAD.

Each turns a picture [H, W, 3] uint8 RGB into a vector whose inner product with another is a similarity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import PCA

from models.data import Rgb
from models.linear import l2
from models.near_copies import fingerprint

Vector = NDArray[np.float32]
Describe = Callable[[Rgb], Vector]

LONG_SIDE = 400  # pixels of a picture that SIFT looks at
KEYPOINTS = 500


def perceptual_hash(rgb: Rgb) -> Vector:
    """[64] of +-1/8, the bits of the DCT hash: the inner product is 1 - 2 Hamming / 64."""
    bits = np.unpackbits(np.array([fingerprint(rgb)], dtype=">u8").view(np.uint8))
    return (bits.astype(np.float32) * 2 - 1) / 8


def colour_histogram(rgb: Rgb) -> Vector:
    """[8 x 4 x 4] joint histogram of hue, saturation and value; its square root, so that the inner product is
    the Bhattacharyya coefficient."""
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    counts = cv2.calcHist([hsv], [0, 1, 2], None, [8, 4, 4], [0, 180, 0, 256, 0, 256]).ravel()
    return np.asarray(np.sqrt(counts / max(counts.sum(), 1.0)), dtype=np.float32)


def root_sift(rgb: Rgb) -> NDArray[np.float32]:
    """[n <= KEYPOINTS, 128] RootSIFT: the square roots of L1-normalised SIFT descriptors."""
    scale = LONG_SIDE / max(rgb.shape[:2])
    if scale < 1:
        rgb = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, found = cv2.SIFT_create(nfeatures=KEYPOINTS).detectAndCompute(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), None)
    if found is None:
        return np.zeros((0, 128), np.float32)
    return np.asarray(np.sqrt(found / np.maximum(found.sum(1, keepdims=True), 1e-9)), dtype=np.float32)


class SiftVlad:
    """VLAD over RootSIFT: residuals to 64 visual words, normalised per word, signed square root, L2, PCA 512.

    The words and the PCA are learnt on training pictures.
    """

    def __init__(self, pictures: Iterable[Rgb], *, words: int = 64, dimension: int = 512, seed: int = 0) -> None:
        features = [root_sift(picture) for picture in pictures]
        cells = np.concatenate(features)
        if len(cells) < words:
            raise ValueError(f"{len(cells)} keypoints are too few for {words} visual words")
        self._words = MiniBatchKMeans(words, random_state=seed, n_init=1, batch_size=4096).fit(cells)
        raw = np.stack([self._pooled(found) for found in features])
        self._pca = PCA(min(dimension, *raw.shape), svd_solver="randomized", random_state=seed).fit(raw)

    def _pooled(self, features: NDArray[np.float32]) -> Vector:
        centres = self._words.cluster_centers_.astype(np.float32)
        pooled = np.zeros_like(centres)
        if len(features):
            word = self._words.predict(features)
            np.add.at(pooled, word, features - centres[word])
        pooled = l2(pooled).ravel()
        return np.asarray(l2((np.sign(pooled) * np.sqrt(np.abs(pooled)))[None])[0], dtype=np.float32)

    def __call__(self, rgb: Rgb) -> Vector:
        """[H, W, 3] uint8 -> [<= 512], L2-normalised."""
        return np.asarray(l2(self._pca.transform(self._pooled(root_sift(rgb))[None]))[0], dtype=np.float32)


def described(pictures: Sequence[Rgb], describe: Describe) -> NDArray[np.float32]:
    """[N, D], one row a picture."""
    return np.stack([describe(picture) for picture in pictures])
