"""Descriptors for index tests, and the answer to a search by its definition."""

from __future__ import annotations

import numpy as np


def make_vectors(count: int, dimension: int, seed: int = 0) -> np.ndarray:
    """[count, dimension] float16 unit vectors in loose clusters, as descriptors of photos are."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(40, dimension))
    vectors = centres[random.integers(0, 40, count)] + 0.7 * random.normal(size=(count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def slow_search(labels, vectors, query, k):
    """The answer by the definition: inner products in double precision, sorted, equal ones by label."""
    scores = [sum(float(a) * float(b) for a, b in zip(row, query, strict=True)) for row in vectors]
    order = sorted(range(len(labels)), key=lambda i: (-np.float32(scores[i]), labels[i]))[:k]
    return [int(labels[i]) for i in order], np.array([scores[i] for i in order], np.float32)
