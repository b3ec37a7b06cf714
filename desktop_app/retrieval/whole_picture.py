"""Whether two photos are one whole picture: resized, recoloured, turned, mirrored, written on, but not cut.

Such copies agree place by place, so thumbnails are enough to find them, in all eight orientations. A network's
descriptor is no help with some of them: to it a photo that lies on its side, or has writing across it, is another
photo. `same_picture.upright` decides on larger squares. What was cut or framed is left to `same_picture.sameness`;
`fit` says whether it is worth asking.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 64
"""Pixels of a thumbnail, which has no shape of its own."""
SQUARE_SIDE = 192
"""The same of the squares on which is decided."""
TURNS = 8
_COARSE, _FINE = 8, 16  # pixels of a side at which thumbnails are proposed, and compared again
_ANY_WAY, _AS_IT_LIES = 32, 8  # nearest others by what no turn changes, and by the coarse pixels as they are
_PROPOSED, _KEPT = 8, 3  # nearest of these in one of the orientations at the coarse size, and at the fine one
_LEAST_ALIKE = 0.6  # correlation of two thumbnails at the finer size that are looked at any closer
_BLOCKS = 8
_FLAT, _PLAIN = 3.0, 6.0  # grey levels of standard deviation: below the first a block is flat, above the other not
_FEWEST = 4  # blocks with structure that say anything
_FIT_SIDE = 32  # pixels of the long side when one picture is laid into another
_SCALES = (1.0, 0.9, 0.8, 0.7)

Thumbnails = NDArray[np.uint8]  # [N, SIDE, SIDE]
Pairs = NDArray[np.int64]  # [n, 2]: numbers of thumbnails


def thumbnail(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[SIDE, SIDE] grey levels of a picture's [h, w], softened so that noise does not count."""
    return np.asarray(cv2.GaussianBlur(square(grey, SIDE), (0, 0), 1.0), np.uint8)


def square(grey: NDArray[np.uint8], side: int = SQUARE_SIDE) -> NDArray[np.uint8]:
    """[side, side] grey levels of a picture's [h, w]."""
    return np.asarray(cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def turned(pictures: NDArray[np.generic], turn: int) -> NDArray[np.generic]:
    """Square pictures [..., n, n] in one of the eight orientations. Bits of `turn`: 4 exchanges the axes, then 1
    left and right, 2 top and bottom."""
    seen: NDArray[np.generic] = np.swapaxes(pictures, -1, -2) if turn & 4 else pictures
    seen = seen[..., ::-1] if turn & 1 else seen
    return seen[..., ::-1, :] if turn & 2 else seen


class Proposer:
    """The nearest other thumbnails of each, whichever way they are turned."""

    def __init__(self, thumbnails: Thumbnails) -> None:
        self._coarse, self._fine = (_signatures(thumbnails, side) for side in (_COARSE, _FINE))
        self._unturned = _unturned(self._coarse)

    def __len__(self) -> int:
        return len(self._fine)

    def of(self, rows: slice) -> tuple[Pairs, NDArray[np.int64]]:
        """(pairs, the turns that lay the second thumbnail of each on the first); no pair for many photos."""
        numbers = np.arange(len(self))[rows]
        if len(self) < 2 or not len(numbers):
            return np.empty((0, 2), np.int64), np.empty(0, np.int64)
        others = np.sort(
            np.hstack(
                [_nearest(numbers, self._unturned, _ANY_WAY), _nearest(numbers, _rows(self._coarse), _AS_IT_LIES)]
            )
        )
        twice = np.pad(others[:, 1:] == others[:, :-1], ((0, 0), (1, 0)))
        others = np.where(twice, numbers[:, None], others)
        others, _, _ = _best_turned(self._coarse, numbers, others, _PROPOSED)
        others, turns, alike = _best_turned(self._fine, numbers, others, _KEPT)
        kept = alike >= _LEAST_ALIKE
        pairs = np.stack([np.broadcast_to(numbers[:, None], others.shape), others], axis=-1)
        return pairs[kept], turns[kept]


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


def _unturned(signatures: NDArray[np.float32]) -> NDArray[np.float32]:
    """[N, n * n] float32: of every signature what no turn changes. A turn exchanges the two axes of a picture's
    cosine transform and changes signs, so the greater and the smaller magnitude of each two that it may exchange
    stay. Two pictures are at least as far apart as their rows here, whichever way they are turned."""
    side = signatures.shape[1]
    steps = np.cos(np.pi / side * np.outer(np.arange(side), np.arange(side) + 0.5))
    steps *= np.sqrt(np.where(np.arange(side) > 0, 2, 1) / side)[:, None]
    waves = np.abs(steps.astype(np.float32) @ signatures @ steps.T.astype(np.float32))
    flipped = waves.swapaxes(1, 2)
    upper = np.triu(np.ones((side, side), np.bool_))
    return _rows(np.where(upper, np.maximum(waves, flipped), np.minimum(waves, flipped)))


def _nearest(numbers: NDArray[np.int64], features: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """[n, count] (fewer where there are not so many): the others with the greatest inner products, unordered."""
    scores = features[numbers] @ features.T
    scores[np.arange(len(numbers)), numbers] = -np.inf
    count = min(count, len(features) - 1)
    return np.argpartition(scores, len(features) - count, axis=1)[:, len(features) - count :]


def _best_turned(
    signatures: NDArray[np.float32], numbers: NDArray[np.int64], others: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The most alike of `others` [n, k] of each of `numbers` [n], best first, with the turns that make them so and
    their correlation: [n, count] each. A number is not alike to itself."""
    asked = _rows(signatures[numbers])[:, None]
    scores = np.stack([(asked * _flat(turned(signatures[others], turn))).sum(axis=2) for turn in range(TURNS)])
    turns, alike = scores.argmax(axis=0), scores.max(axis=0)
    alike[others == numbers[:, None]] = -np.inf
    order = np.argsort(-alike, axis=1, kind="stable")[:, :count]
    return (
        np.take_along_axis(others, order, axis=1),
        np.take_along_axis(turns, order, axis=1),
        np.take_along_axis(alike, order, axis=1),
    )


def _flat(pictures: NDArray[np.generic]) -> NDArray[np.float32]:
    """[..., n, n] -> [..., n * n] float32."""
    return np.asarray(pictures.reshape(*pictures.shape[:-2], -1), np.float32)


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
