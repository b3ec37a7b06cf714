"""The seams between rooms: what services expect of the adapters that are passed to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.devices import DeviceReport
from desktop_app.domain.features import Embedding


class Embedder(Protocol):
    """A model pack at work on a device. Thread safe; queries are served before batches."""

    @property
    def pack_name(self) -> str: ...

    @property
    def digest(self) -> str:
        """The pack digest that features are keyed by."""

    @property
    def shapes(self) -> Sequence[tuple[int, int]]:
        """The input shapes (height, width) a picture may be resized to (see `imaging.tensor`)."""

    @property
    def batch_size(self) -> int: ...

    def embed(self, batch: NDArray[np.uint8]) -> list[Embedding]:
        """[B, H, W, 3] uint8 RGB of one of `shapes` -> one Embedding per picture, in order."""

    def embed_query(self, picture: NDArray[np.uint8]) -> Embedding:
        """Like `embed` for one [H, W, 3] picture, ahead of any batch that waits."""

    def code_logits(self, features: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """[N, 128] local features or centroids -> [N, bits] logits of LM-BiHalf, None without a code layer."""

    def report(self) -> DeviceReport: ...

    def close(self) -> None: ...


class PairNetwork(Protocol):
    """The indicative network of a pack (S1): how relevant two pictures are, and which of their patches say so."""

    @property
    def reads_pixels(self) -> bool:
        """Whether it takes [224, 224, 3] uint8 pictures; else [14, 14, D] float32 local features of its pack."""

    def match(
        self, result: NDArray[np.generic], query: NDArray[np.generic], weights: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """[B, ...] pictures each and [B, 14, 14] weights of the query's patches -> logits of relevance [B] and M*
        [B, 196, 196] (rows: the result's patches). Raises PackError."""


class AttentionNetwork(Protocol):
    """The co-attention network of a pack (S0, CANet)."""

    def attend(self, local_map: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
        """A local map [D, h, w] and the GeM of the query's local map [D] -> co-attention [h, w] in 0..1. Raises
        PackError."""


class VectorIndex(Protocol):
    """Nearest neighbours by inner product among rows that carry integer labels."""

    def __len__(self) -> int: ...

    def search(
        self, query: NDArray[np.float32], k: int, *, allowed: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The best `k` labels and their inner products, best first; fewer when fewer rows live.

        query: [D]. `allowed` restricts the search to these labels.
        """
