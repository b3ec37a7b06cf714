"""Embeddings without a network, for tests of the functions that work on them."""

import functools

import numpy as np
from skimage import data

from desktop_app.domain.features import Embedding

CELL = 32


def embedding_of(features: np.ndarray) -> Embedding:
    """An embedding with these cells [h, w, d]; its map is non-negative and follows the cells."""
    cells = features.astype(np.float32)
    cells = cells / np.maximum(np.linalg.norm(cells, axis=-1, keepdims=True), 1e-12)
    projection = np.random.default_rng(0).normal(size=(cells.shape[-1], 48)).astype(np.float32)
    local_map = np.ascontiguousarray(np.maximum(cells @ projection, 0).transpose(2, 0, 1))
    alpha = np.concatenate([cells.mean(axis=(0, 1)), np.full(4, 1e-3)]).astype(np.float32)
    alpha /= np.linalg.norm(alpha)
    return Embedding(alpha=alpha, local_map=local_map, local_features=cells.astype(np.float32))


def random_embedding(seed: int, rows: int = 14, columns: int = 14, dimension: int = 128) -> Embedding:
    """An embedding of random cells."""
    return embedding_of(np.random.default_rng(seed).normal(size=(rows, columns, dimension)))


def picture_embedding(rgb: np.ndarray) -> Embedding:
    """Cells of 32 px described by their colours and gradients, placed as in a network's local features."""
    mean, whitening = _statistics()
    return embedding_of((_cells(rgb) - mean) @ whitening)


def _cells(rgb: np.ndarray) -> np.ndarray:
    """[h, w, 80]: 4 x 4 mean colours and gradients of every cell."""
    rows, columns = rgb.shape[0] // CELL, rgb.shape[1] // CELL
    values = rgb[: rows * CELL, : columns * CELL].astype(np.float64) / 255
    down, across = np.gradient(values.mean(axis=2))
    channels = np.concatenate([values, 3 * down[..., None], 3 * across[..., None]], axis=2)
    blocks = channels.reshape(rows, 4, CELL // 4, columns, 4, CELL // 4, 5).mean(axis=(2, 5))
    return blocks.transpose(0, 2, 1, 3, 4).reshape(rows, columns, -1)


@functools.cache
def _statistics() -> tuple[np.ndarray, np.ndarray]:
    """Mean and whitening of such cells over a few photographs."""
    samples = [_cells(photo).reshape(-1, 80) for photo in (data.coffee(), data.chelsea(), data.astronaut())]
    cells = np.concatenate(samples)
    values, vectors = np.linalg.eigh(np.cov(cells.T))
    return cells.mean(axis=0), vectors / np.sqrt(np.maximum(values, 1e-4))


def code_layer(features: np.ndarray) -> np.ndarray:
    """A code layer: a fixed random projection to 128 bits minus a median per bit."""
    random = np.random.default_rng(99)
    weights = random.normal(size=(features.shape[1], 128)).astype(np.float32)
    return features @ weights - random.normal(scale=0.05, size=128).astype(np.float32)
