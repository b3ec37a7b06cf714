"""Spherical k-means of the cells of a picture, batched over pictures, and the stored local codes made of it.

The result for a picture does not depend on the other pictures of its batch: every product is one matrix product
per picture of the same shape, seeds come from one fixed sequence, and pictures that have converged stay as they
are while others go on. An interrupted and resumed run therefore stores the same codes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import Embedding, LocalCodes

CodeLogits = Callable[[NDArray[np.float32]], NDArray[np.float32] | None]

CLUSTERS = 32
ITERATIONS = 10
SEED = 20
_SAME = 1e-5  # 1 - cosine below which two cells count as one
_ZERO = 1e-6  # length below which a cell holds nothing


@dataclass(frozen=True, slots=True)
class Clusters:
    """The clusters of B pictures of n cells.

    labels: [B, n] int64, the cluster of every cell (cells without content take the first cluster).
    centroids: [B, k, d] float32, unit length. used: [B, k] bool, clusters that hold at least one cell.
    """

    labels: NDArray[np.int64]
    centroids: NDArray[np.float32]
    used: NDArray[np.bool_]


def spherical_kmeans(
    features: NDArray[np.float32], k: int, *, seed: int = SEED, iterations: int = ITERATIONS
) -> Clusters:
    """Spherical k-means with k-means++ seeding, for each picture of a batch (S0, clustered local features).

    features: [B, n, d] float32 of any length; directions are clustered, zero vectors are left out.
    At most `k` clusters: fewer when there are fewer distinct directions; clusters that lose all their cells
    are marked unused. A centroid is the normalised sum of the unit cells that carry its label.
    Raises ValueError when there are no cells.
    """
    x = np.ascontiguousarray(features, dtype=np.float32)
    if x.ndim != 3 or x.shape[1] == 0:
        raise ValueError(f"cells of shape {x.shape} cannot be clustered; [pictures, cells, dimensions] are needed")
    norms = np.linalg.norm(x, axis=2)
    valid = norms > _ZERO
    unit = (x / np.where(valid, norms, 1.0)[:, :, None]).astype(np.float32, copy=False)
    k = max(1, min(k, x.shape[1]))
    seeds, active = _seed(unit, valid, k, seed)
    centroids = np.take_along_axis(unit, seeds[:, :, None], axis=1)
    closed = np.where(active, np.float32(0), np.float32(-np.inf))[:, None, :]
    numbers = np.arange(k)
    labels = np.zeros(x.shape[:2], dtype=np.int64)
    for step in range(iterations):
        nearest = np.argmax(unit @ centroids.transpose(0, 2, 1) + closed, axis=2)
        if step and np.array_equal(nearest, labels):
            break
        labels = nearest
        members = (labels[:, :, None] == numbers).astype(np.float32)
        sums = members.transpose(0, 2, 1) @ unit
        lengths = np.linalg.norm(sums, axis=2, keepdims=True)
        centroids = np.where(lengths > _ZERO, sums / np.maximum(lengths, _ZERO), centroids)
    counts = ((labels[:, :, None] == numbers) & valid[:, :, None]).any(axis=1)
    return Clusters(labels=labels, centroids=centroids.astype(np.float32), used=counts)


def _seed(
    unit: NDArray[np.float32], valid: NDArray[np.bool_], k: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """k-means++: each next seed is drawn with probability proportional to 1 - cosine to the nearest seed so far.

    The same k uniform numbers serve every picture. Returns indices [B, k] and which of them are seeds at all.
    """
    draws = np.random.Generator(np.random.PCG64(seed)).random(k)
    rows = np.arange(unit.shape[0])
    cosines = unit @ unit.transpose(0, 2, 1)
    seeds = np.zeros((unit.shape[0], k), dtype=np.int64)
    active = np.zeros((unit.shape[0], k), dtype=np.bool_)
    rank = np.cumsum(valid, axis=1)
    seeds[:, 0] = np.argmax(rank > np.floor(draws[0] * rank[:, -1])[:, None], axis=1)
    active[:, 0] = True
    distance = np.where(valid, np.float32(np.inf), np.float32(0))
    for number in range(k):
        if number:
            reach = np.cumsum(distance, axis=1, dtype=np.float64)
            active[:, number] = reach[:, -1] > 0
            seeds[:, number] = np.argmax(reach > draws[number] * reach[:, -1:], axis=1)
            if not active[:, number].any():
                break
        away = 1.0 - cosines[rows, seeds[:, number]]
        distance = np.minimum(distance, np.where(away > _SAME, away, np.float32(0)))
    return seeds, active


def make_local_codes(
    embedding: Embedding, code_logits: CodeLogits, *, clusters: int = CLUSTERS
) -> LocalCodes | None:
    """The stored local description of one picture; None when its pack has no local features.

    `code_logits` is the pack's code layer ([N, d] -> [N, bits] or None without one).
    """
    return make_local_codes_batch([embedding], code_logits, clusters=clusters)[0]


def make_local_codes_batch(
    embeddings: Sequence[Embedding], code_logits: CodeLogits, *, clusters: int = CLUSTERS
) -> list[LocalCodes | None]:
    """`make_local_codes` for many pictures at once; each result is the one its picture would get alone.

    Codes are the bits `logits >= 0` of the centroids, packed big-endian; without a code layer, the signs of the
    centroids themselves.
    """
    result: list[LocalCodes | None] = [None] * len(embeddings)
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for position, embedding in enumerate(embeddings):
        if embedding.local_features is not None:
            by_shape.setdefault(embedding.local_features.shape, []).append(position)
    for (rows, columns, dimension), positions in by_shape.items():
        cells = np.stack([_cells(embeddings[position]) for position in positions])
        grouped = spherical_kmeans(cells.reshape(len(positions), rows * columns, dimension), clusters)
        for index, position in enumerate(positions):
            result[position] = _local_codes(grouped, index, (rows, columns), code_logits, clusters)
    return result


def _cells(embedding: Embedding) -> NDArray[np.float32]:
    assert embedding.local_features is not None
    return embedding.local_features


def _local_codes(
    grouped: Clusters, index: int, grid: tuple[int, int], code_logits: CodeLogits, clusters: int
) -> LocalCodes:
    """Keep the clusters that hold cells, number them from 0, quantise and code them."""
    used = grouped.used[index].copy()
    if not used.any():
        used[0] = True  # a picture without any content still has one (empty) centroid
    number = np.where(used, np.cumsum(used) - 1, 0)
    centroids = grouped.centroids[index][used]
    # The code layer always sees the same number of rows, so that its rounding never depends on the picture.
    padded = np.zeros((max(clusters, len(centroids)), centroids.shape[1]), dtype=np.float32)
    padded[: len(centroids)] = centroids
    logits = code_logits(padded)
    bits = (padded if logits is None else logits)[: len(centroids)] >= 0
    scale = max(float(np.abs(centroids).max()), _ZERO) / 127.0
    return LocalCodes(
        codes=np.packbits(bits, axis=1),
        labels=number[grouped.labels[index]].astype(np.uint8).reshape(grid),
        centroids=np.rint(centroids / scale).astype(np.int8),
        scale=scale,
    )
