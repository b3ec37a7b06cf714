"""A model pack at work: its network on a device, and what the retrieval stages read from its manifest."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import Embedding, PhotoFeatures
from desktop_app.domain.ports import AttentionNetwork, Embedder, PairNetwork
from desktop_app.retrieval.cell_match import cell_codes
from desktop_app.retrieval.close_look import KIN, LOCAL, MATCH, NETWORK
from desktop_app.retrieval.clusters import make_local_codes_batch
from desktop_app.retrieval.indicative import IndicativeParameters, square_features, square_pixels
from desktop_app.retrieval.parameters import RetrievalParameters
from desktop_app.retrieval.tile_match import content_mask, object_canvas, object_cells


@dataclass(frozen=True, slots=True)
class IndicativePart:
    """The indicative network of a pack (S1) and what its manifest says about it."""

    network: PairNetwork
    parameters: IndicativeParameters

    def input_of(self, rgb: NDArray[np.uint8], features: NDArray[np.float32] | None) -> NDArray[np.generic]:
        """A picture in the form that the network takes: its pixels [h, w, 3], or its local features."""
        return square_pixels(rgb) if self.network.reads_pixels or features is None else square_features(features)


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """One pack, ready to embed.

    `parameters` are the thresholds, weights and curves learnt for this pack. `source` opens the same pack again:
    its name, or its folder where it is not an installed one. `indicative` and `attention` are None for a pack
    without that part.
    """

    embedder: Embedder
    parameters: RetrievalParameters
    source: str
    indicative: IndicativePart | None = None
    attention: AttentionNetwork | None = None

    @property
    def digest(self) -> str:
        """The pack digest that features are keyed by."""
        return self.embedder.digest

    def close_terms(self, *, described: bool) -> set[str]:
        """The terms of a close look that count and can be made. described: of pictures with local features."""
        made = {KIN} | ({MATCH, LOCAL} if described else set())
        if described and self.indicative is not None:
            made.add(NETWORK)
        return made & set(self.parameters.fusion.evidence.terms)

    def features(self, embeddings: Sequence[Embedding]) -> list[PhotoFeatures]:
        """What the catalogue keeps of these embeddings: float16 descriptors, their hash codes and local codes."""
        local = make_local_codes_batch(embeddings, self.embedder.code_logits)
        return [
            PhotoFeatures(
                alpha=embedding.alpha.astype(np.float16),
                alpha_code=embedding.alpha_code,
                local=codes,
                beta=None if embedding.beta is None else embedding.beta.astype(np.float16),
                beta_code=embedding.beta_code,
                cells=self.cells(embedding),
            )
            for embedding, codes in zip(embeddings, local, strict=True)
        ]

    def cells(self, embedding: Embedding) -> NDArray[np.uint8] | None:
        """The codes [h, w, B] of all cells of a picture; None for a pack without local features."""
        features = embedding.local_features
        return None if features is None else cell_codes(features, self.embedder.code_logits)

    def small(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """The codes [n, B] of the cells of what a picture [H, W, 3] shows, seen as small as it is in scenes; None
        for a pack without local features."""
        shape = min(self.embedder.shapes, key=lambda size: abs(math.log(size[1] / size[0])))
        canvas, where = object_canvas(rgb, content_mask(rgb), shape)
        features = self.embedder.embed_query(canvas).local_features
        return None if features is None else cell_codes(object_cells(features, where), self.embedder.code_logits)


class OpenEngine(Protocol):
    """Loads a pack by name (None: the pack that is shipped). Raises PackError or DeviceError."""

    def __call__(self, pack: str | None) -> Engine: ...


FindPackByDigest = Callable[[str], str | None]  # the name of an installed pack with this digest
