"""Matching and non-matching pairs of photos, and what is measured between them, for calibrating a pack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import Embedding, LocalCodes, PhotoFeatures
from desktop_app.domain.geometry import Grid
from desktop_app.evaluation.views import correct_pairs
from desktop_app.retrieval.clusters import CodeLogits, make_local_codes
from desktop_app.retrieval.coattention import ClusteredMap, cluster_map
from desktop_app.retrieval.local_match import local_similarity, pack
from desktop_app.retrieval.pairs import cosine_matrix, find_pairs, mutual_nearest
from desktop_app.retrieval.parameters import LinkParameters, MatchParameters
from desktop_app.retrieval.pooling import gem
from desktop_app.retrieval.relevance import PairMeasurements


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationPhoto:
    """What calibration needs of a photo.

    label: its class. alpha: descriptor. codes: local codes. cells: [h, w, d] local features. pooled and clustered:
    GeM of its local map and the clustered map, for co-attention (None for a pack without one).
    """

    label: int
    alpha: NDArray[np.float32]
    codes: LocalCodes
    cells: NDArray[np.float16]
    pooled: NDArray[np.float32] | None
    clustered: ClusteredMap | None

    @classmethod
    def of(cls, embedding: Embedding, *, label: int, code_logits: CodeLogits) -> CalibrationPhoto:
        """Raises ValueError for a pack without local features: there is nothing to calibrate links on."""
        codes = make_local_codes(embedding, code_logits)
        if codes is None or embedding.local_features is None:
            raise ValueError("a pack without local features has no links to calibrate")
        return cls(
            label=label,
            alpha=embedding.alpha,
            codes=codes,
            cells=embedding.local_features.astype(np.float16),
            pooled=None if embedding.local_map is None else gem(embedding.local_map),
            clustered=None if embedding.local_map is None else cluster_map(embedding.local_map),
        )

    @property
    def grid(self) -> Grid:
        return Grid(self.cells.shape[0], self.cells.shape[1])

    def features(self) -> PhotoFeatures:
        """The form in which a library stores it."""
        return PhotoFeatures(alpha=self.alpha.astype(np.float16), alpha_code=None, local=self.codes)


@dataclass(frozen=True, slots=True, eq=False)
class ViewPair:
    """A photo and a made view of it; `to_original` as in `views.View`."""

    original: CalibrationPhoto
    view: CalibrationPhoto
    to_original: NDArray[np.float64]


Pair = tuple[CalibrationPhoto, CalibrationPhoto]


def random_strangers(photos: Sequence[CalibrationPhoto], count: int, random: np.random.Generator) -> list[Pair]:
    """`count` random pairs of different classes (fewer when hardly any two photos differ in class)."""
    labels = np.array([photo.label for photo in photos])
    pairs: list[Pair] = []
    for _ in range(20):
        first, second = random.integers(len(photos), size=(2, 2 * count))
        differ = np.flatnonzero(labels[first] != labels[second])
        pairs += [(photos[first[at]], photos[second[at]]) for at in differ[: count - len(pairs)]]
        if len(pairs) == count:
            break
    return pairs


def nearest_pairs(
    photos: Sequence[CalibrationPhoto], count: int, random: np.random.Generator
) -> tuple[list[Pair], list[Pair]]:
    """For up to `count` photos: the nearest of their own class, and the nearest of another (a hard stranger).

    Nearest by the cosine of the descriptors. The two lists need not be equally long.
    """
    alphas = np.stack([photo.alpha for photo in photos])
    labels = np.array([photo.label for photo in photos])
    friends: list[Pair] = []
    strangers: list[Pair] = []
    for at in random.permutation(len(photos))[:count]:
        cosines = alphas @ alphas[at]
        cosines[at] = -np.inf
        for same, pairs in ((True, friends), (False, strangers)):
            allowed = np.where((labels == labels[at]) == same, cosines, -np.inf)
            nearest = int(allowed.argmax())
            if np.isfinite(allowed[nearest]):
                pairs.append((photos[at], photos[nearest]))
    return friends, strangers


def measure(pair: Pair, *, links: LinkParameters, match: MatchParameters) -> PairMeasurements:
    """The measurements that relevance is computed from, exactly as for evidence."""
    query, result = pair
    cosines = _cosines(pair)
    found = find_pairs(cosines, query.grid, result.grid, parameters=links)
    local = local_similarity(query.codes, pack([result.codes], match), parameters=match)
    return PairMeasurements.of(
        global_=float(query.alpha @ result.alpha), local=float(local[0]), pairs=found, cosines=cosines
    )


def best_cosines(pairs: Sequence[Pair]) -> NDArray[np.float32]:
    """The largest cosine of every query cell with any cell of the result, over all pairs, as one array."""
    return np.concatenate([_cosines(pair).max(axis=1) for pair in pairs])


def mutual_cosines(pairs: Sequence[Pair]) -> NDArray[np.float32]:
    """The cosines of all mutual nearest cells, over all pairs, as one array."""
    found = []
    for pair in pairs:
        cosines = _cosines(pair)
        query, result = mutual_nearest(cosines, least=-1.0)
        found.append(cosines[query, result])
    return np.concatenate(found)


def view_links(views: Sequence[ViewPair]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """All mutual nearest cells between views and their originals: cosines, and which are right by the ground
    truth."""
    cosines_found, right = [], []
    for pair in views:
        cosines = _cosines((pair.view, pair.original))
        view, original = mutual_nearest(cosines, least=-1.0)
        cosines_found.append(cosines[view, original])
        right.append(_right(pair, view, original))
    return np.concatenate(cosines_found), np.concatenate(right)


def shown_links(views: Sequence[ViewPair], links: LinkParameters) -> tuple[float, float]:
    """The cell pairs that evidence would use between views and their originals: how many a view, and which share
    of them is right."""
    right = []
    for pair in views:
        cosines = _cosines((pair.view, pair.original))
        found = find_pairs(cosines, pair.view.grid, pair.original.grid, parameters=links)
        right.append(_right(pair, found.query, found.result))
    every = np.concatenate(right)
    return len(every) / len(views), float(every.mean()) if len(every) else 0.0


def _right(pair: ViewPair, view: NDArray[np.int64], original: NDArray[np.int64]) -> NDArray[np.bool_]:
    return correct_pairs(
        view,
        original,
        to_original=pair.to_original,
        view_grid=pair.view.grid,
        original_grid=pair.original.grid,
    )


def _cosines(pair: Pair) -> NDArray[np.float32]:
    return cosine_matrix(pair[0].cells.astype(np.float32), pair[1].cells.astype(np.float32))
