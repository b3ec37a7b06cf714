"""Made embeddings for the tests of `retrieval`."""

from collections.abc import Callable

import numpy as np
import pytest

from desktop_app.domain.features import Embedding

MakeEmbedding = Callable[..., Embedding]


def embedding_of(features: np.ndarray, seed: int = 0) -> Embedding:
    """An embedding with these cells [h, w, d]; its map is non-negative and follows the cells."""
    cells = features.astype(np.float32)
    cells = cells / np.maximum(np.linalg.norm(cells, axis=-1, keepdims=True), 1e-12)
    projection = np.random.default_rng(seed).normal(size=(cells.shape[-1], 48)).astype(np.float32)
    local_map = np.ascontiguousarray(np.maximum(cells @ projection, 0).transpose(2, 0, 1))
    alpha = np.concatenate([cells.mean(axis=(0, 1)), np.full(4, 1e-3)]).astype(np.float32)
    alpha /= np.linalg.norm(alpha)
    return Embedding(alpha=alpha, local_map=local_map, local_features=cells.astype(np.float32))


@pytest.fixture
def make_embedding() -> MakeEmbedding:
    """make_embedding(seed, rows, columns, dimension): an embedding of random cells."""

    def make(seed: int = 0, rows: int = 14, columns: int = 14, dimension: int = 128) -> Embedding:
        return embedding_of(np.random.default_rng(seed).normal(size=(rows, columns, dimension)))

    return make


@pytest.fixture
def code_logits() -> Callable[[np.ndarray], np.ndarray]:
    """A code layer: a fixed random projection to as many bits as there are dimensions, minus a median per bit."""

    def logits(features: np.ndarray) -> np.ndarray:
        random = np.random.default_rng(99)
        weights = random.normal(size=(features.shape[1], 128)).astype(np.float32)
        return features @ weights - random.normal(scale=0.05, size=128).astype(np.float32)

    return logits
