"""Pairs of local maps whose common part is known (exactly, or by keypoints), and pairs that have none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.coattention.keypoints import keypoint_pairs
from models.data import Rgb
from models.local.views import ViewPair, composite_pair, homography_pair

Float = NDArray[np.float32]
LocalMap = Callable[[Rgb], Float]
"""A square picture [side, side, 3] uint8 -> its local map [D, h, w], non-negative."""


@dataclass(frozen=True, eq=False)
class MapPairs:
    """query, result: [N, D, h, w] float16. labels: [N, 2, h, w] float32, the share of every cell (of the query, of
    the result) that the other picture shows too; all 0 for pairs that do not match. matches: [N] bool."""

    query: NDArray[np.float16]
    result: NDArray[np.float16]
    labels: Float
    matches: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.matches)

    def take(self, rows: NDArray[np.int64]) -> MapPairs:
        return MapPairs(self.query[rows], self.result[rows], self.labels[rows], self.matches[rows])


def common_parts(pair: ViewPair, cells: int) -> Float:
    """[2, cells, cells]: what of the first's and of the second's cells lies in the other picture too."""
    side = pair.first.shape[0]
    seen = pair.seen.astype(np.float32)
    whole = np.ones((side, side), np.float32)
    on_second = cv2.warpPerspective(seen, pair.to_second, (side, side))
    back = cv2.warpPerspective(whole, np.linalg.inv(pair.to_second), (side, side))
    masks = (seen * back, on_second)
    return np.stack([cv2.resize(mask, (cells, cells), interpolation=cv2.INTER_AREA) for mask in masks])


def views_of(pictures: Sequence[Rgb], side: int, random: np.random.Generator) -> Iterable[ViewPair]:
    """A composite and a homography in turn."""
    for i, rgb in enumerate(pictures):
        if i % 2:
            yield homography_pair(rgb, side, random)
        else:
            yield composite_pair(rgb, pictures[(i + 1) % len(pictures)], side, random)


def strangers(descriptors: Float, groups: Sequence[str], random: np.random.Generator) -> NDArray[np.int64]:
    """[N] for every picture one of another group: its nearest by descriptor, or a random one, in turn.

    Raises ValueError when all are of one group.
    """
    names = np.array(groups)
    if len(set(groups)) < 2:
        raise ValueError("pictures of two classes at least are needed: photos of one class are no strangers")
    cosines = descriptors @ descriptors.T
    chosen = np.zeros(len(names), np.int64)
    for i in range(len(names)):
        others = np.flatnonzero(names != names[i])
        near = others[np.argmax(cosines[i, others])]
        chosen[i] = near if i % 2 else others[random.integers(len(others))]
    return chosen


def make_pairs(
    pictures: Sequence[Rgb], groups: Sequence[str], local_map: LocalMap, *, side: int, seed: int
) -> MapPairs:
    """One made pair a picture, the pictures of a group that share keypoints, and one stranger for every second
    picture: about a third of all pairs match nothing.

    groups: what a picture shows; a stranger is of another group. Raises ValueError when all are of one group.
    """
    random = np.random.default_rng(seed)
    queries, results, labels = [], [], []
    for pair in views_of(pictures, side, random):
        first, second = local_map(pair.first), local_map(pair.second)
        queries.append(first.astype(np.float16))
        results.append(second.astype(np.float16))
        labels.append(common_parts(pair, first.shape[1]))
    pooled = np.stack([query.reshape(len(query), -1).mean(1) for query in queries]).astype(np.float32)
    pooled /= np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-9)
    asking = np.arange(0, len(pictures), 2)
    answering = strangers(pooled, groups, random)[asking]
    for before, after, shared in keypoint_pairs(pictures, groups, side=side, cells=labels[0].shape[1]):
        queries.append(local_map(before).astype(np.float16))
        results.append(local_map(after).astype(np.float16))
        labels.append(shared)
    query, result = np.stack(queries), np.stack(results)
    nothing = np.zeros((len(asking), *labels[0].shape), np.float32)
    return MapPairs(
        np.concatenate([query, query[asking]]),
        # The composite of picture i shows picture i + 1 as well: a stranger answers with its own first view.
        np.concatenate([result, query[answering]]),
        np.concatenate([np.stack(labels).astype(np.float32), nothing]),
        np.arange(len(queries) + len(asking)) < len(queries),
    )
