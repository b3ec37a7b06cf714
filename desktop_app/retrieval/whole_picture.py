"""Whether two photos are one whole picture: resized, recoloured, turned, mirrored, written on, but not cut.

Such copies agree place by place, so thumbnails are enough to find them, in all eight orientations. A network's
descriptor is no help with some of them: to it a photo that lies on its side, or has writing across it, is another
photo. What was cut or framed is left to `same_picture`; `fit` says whether it is worth asking.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 64
"""Pixels of a thumbnail, which has no shape of its own."""
TURNS = 8
_COARSE, _FINE = 8, 16  # pixels of a side at which thumbnails are proposed, and compared again
_PROPOSED, _KEPT = 8, 3  # nearest others of a photo by the one, and by the other
_LEAST_ALIKE = 0.6  # correlation of two thumbnails at the finer size that are looked at any closer
_BLOCKS = 8
_FLAT, _PLAIN = 3.0, 6.0  # grey levels of standard deviation: below the first a block is flat, above the other not
_FEWEST = 4  # blocks with structure that say anything
_FIT_SIDE = 40  # pixels of the long side when one picture is laid into another
_SCALES = (1.0, 0.9, 0.8, 0.7)

Thumbnails = NDArray[np.uint8]  # [N, SIDE, SIDE]
Pairs = NDArray[np.int64]  # [n, 2]: numbers of thumbnails


def thumbnail(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[SIDE, SIDE] grey levels of a picture [h, w, 3] uint8 RGB, softened so that noise does not count."""
    small = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 1.0), np.uint8)


def turned(pictures: NDArray[np.generic], turn: int) -> NDArray[np.generic]:
    """Square pictures [..., n, n] in one of the eight orientations. Bits of `turn`: 4 exchanges the axes, then 1
    left and right, 2 top and bottom."""
    seen: NDArray[np.generic] = np.swapaxes(pictures, -1, -2) if turn & 4 else pictures
    seen = seen[..., ::-1] if turn & 1 else seen
    return seen[..., ::-1, :] if turn & 2 else seen


def is_mirror(turn: int) -> bool:
    """Whether a turn is seen in a mirror: an odd number of exchanges."""
    return int(turn).bit_count() % 2 == 1


class Proposer:
    """The nearest other thumbnails of each, whichever way they are turned."""

    def __init__(self, thumbnails: Thumbnails) -> None:
        coarse, self._fine = (_signatures(thumbnails, side) for side in (_COARSE, _FINE))
        self._coarse = np.stack([_rows(turned(coarse, turn)) for turn in range(TURNS)])

    def __len__(self) -> int:
        return len(self._fine)

    def of(self, rows: slice) -> tuple[Pairs, NDArray[np.int64]]:
        """(pairs, the turns that lay the second thumbnail of each on the first); no pair for many photos."""
        asked = self._coarse[0, rows]
        best = asked @ self._coarse[0].T
        for views in self._coarse[1:]:
            np.maximum(best, asked @ views.T, out=best)
        numbers = np.arange(len(self))[rows]
        best[np.arange(len(numbers)), numbers] = -np.inf
        count = min(_PROPOSED, len(self) - 1)
        if count < 1 or not len(numbers):
            return np.empty((0, 2), np.int64), np.empty(0, np.int64)
        others = np.argpartition(-best, count - 1, axis=1)[:, :count]
        first = _rows(self._fine[numbers])[:, None]
        scores = np.stack([(first * self._turned(others, turn)).sum(axis=2) for turn in range(TURNS)])
        turns, alike = scores.argmax(axis=0), scores.max(axis=0)
        order = np.argsort(-alike, axis=1)[:, :_KEPT]
        kept = np.take_along_axis(alike, order, axis=1) >= _LEAST_ALIKE
        pairs = np.stack(
            [np.broadcast_to(numbers[:, None], order.shape), np.take_along_axis(others, order, 1)], -1
        )
        return pairs[kept], np.take_along_axis(turns, order, axis=1)[kept]

    def _turned(self, numbers: NDArray[np.int64], turn: int) -> NDArray[np.float32]:
        seen = turned(self._fine[numbers], turn)
        return seen.reshape(*numbers.shape, -1).astype(np.float32)


def agreement(thumbnails: Thumbnails, pairs: Pairs, turns: NDArray[np.int64]) -> NDArray[np.float32]:
    """How far pairs of thumbnails agree block by block, at the 20th, 50th and 70th percentile: [3, n], -1..1.

    The first two are high where nothing but light and sharpness differs, the last also where up to a third of the
    picture is covered. The outer blocks do not count: frames are alike whatever they are around.
    """
    one = _blocks(thumbnails[pairs[:, 0]])
    other = np.empty_like(one)
    for turn in np.unique(turns):
        at = turns == turn
        other[at] = _blocks(np.asarray(turned(thumbnails[pairs[at, 1]], int(turn)), np.uint8))
    spread = np.stack([one.std(axis=2), other.std(axis=2)])
    found = (one * other).mean(axis=2) / np.maximum(spread.prod(axis=0), 1e-6)
    flat = spread.min(axis=0) < _FLAT
    found[flat] = np.where(spread.max(axis=0)[flat] < _PLAIN, np.nan, 0.0)
    telling = np.isfinite(found).sum(axis=1) >= _FEWEST
    agreed = np.zeros((3, len(pairs)), np.float32)
    if telling.any():
        agreed[:, telling] = np.nanpercentile(found[telling], (20, 50, 70), axis=1)
    return agreed


def fit(one: NDArray[np.uint8], other: NDArray[np.uint8], one_shape: float, other_shape: float) -> float:
    """How well one of two thumbnails can be laid into the other, whole or up to a third smaller: -1..1.

    *_shape: width by height of the photos they are of.
    """
    pictures = [_shaped(picture, shape) for picture, shape in ((one, one_shape), (other, other_shape))]
    best = -1.0
    for large, small in (pictures, pictures[::-1]):
        whole = min(large.shape[0] / small.shape[0], large.shape[1] / small.shape[1])
        for scale in _SCALES:
            size = [max(4, int(side * whole * scale)) for side in small.shape[::-1]]
            if size[0] > large.shape[1] or size[1] > large.shape[0]:
                continue
            laid = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
            best = max(best, float(cv2.matchTemplate(large, laid, cv2.TM_CCOEFF_NORMED).max()))
    return best


def _shaped(picture: NDArray[np.uint8], shape: float) -> NDArray[np.uint8]:
    size = max(4, round(_FIT_SIDE * min(1.0, shape))), max(4, round(_FIT_SIDE * min(1.0, 1 / shape)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _signatures(thumbnails: Thumbnails, side: int) -> NDArray[np.float32]:
    """[N, side, side] float32 of mean 0 and length 1; zeros where a picture is of one grey."""
    step = SIDE // side
    cut = thumbnails.reshape(len(thumbnails), side, step, side, step)
    small: NDArray[np.float32] = cut.mean(axis=(2, 4), dtype=np.float32)
    small -= small.mean(axis=(1, 2), keepdims=True)
    length = np.sqrt((small * small).sum(axis=(1, 2), keepdims=True))
    return np.asarray(np.divide(small, length, out=np.zeros_like(small), where=length > 1e-3), np.float32)


def _rows(pictures: NDArray[np.generic]) -> NDArray[np.float32]:
    count, *sides = pictures.shape
    return np.ascontiguousarray(pictures.reshape(count, int(np.prod(sides))), dtype=np.float32)


def _blocks(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[n, SIDE, SIDE] -> [n, inner blocks, pixels of a block] float32, of mean 0 each."""
    size = SIDE // _BLOCKS
    cut = pictures.reshape(-1, _BLOCKS, size, _BLOCKS, size)[:, 1:-1, :, 1:-1]
    blocks = (
        cut.transpose(0, 1, 3, 2, 4).reshape(len(pictures), (_BLOCKS - 2) ** 2, size * size).astype(np.float32)
    )
    return np.asarray(blocks - blocks.mean(axis=2, keepdims=True), np.float32)
