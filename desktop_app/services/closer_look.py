"""A close look at the first candidates of a search, made from their previews."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import LocalCodes
from desktop_app.domain.geometry import Grid
from desktop_app.domain.progress import Control
from desktop_app.imaging.tensor import choose_shape, fit
from desktop_app.retrieval.close_look import LOCAL, NETWORK, CloseLook, pooled
from desktop_app.retrieval.close_terms import local_terms
from desktop_app.retrieval.indicative import GRID
from desktop_app.retrieval.local_match import pack
from desktop_app.services.embedded_query import EmbeddedItem, rocchio_beta
from desktop_app.services.engine import Engine
from desktop_app.services.pictures import Pixels, RecentlyUsed

REMEMBERED = 200  # candidates; about 140 KB each
PAIRS_AT_ONCE = 10  # of the indicative network, between two looks at whether the search goes on

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """Preview-sized pixels [h, w, 3] uint8 of a whole picture, and the size of the oriented original."""

    rgb: Pixels
    width: int
    height: int


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A photo to be looked at: what identifies its content, its stored descriptor [D] float32 and local codes, and
    how to get at its pixels (None: they are nowhere)."""

    key: Hashable
    alpha: Float
    codes: LocalCodes | None
    load: Callable[[], Shown | None]


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """features: [h, w, D] float16. patches: the input of the indicative network, None without one."""

    features: NDArray[np.float16]
    patches: NDArray[np.generic] | None


class CloserLook:
    """Looks at candidates and remembers the last ones; thread safe."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered: RecentlyUsed[_Seen] = RecentlyUsed(remembered)

    def look(
        self, items: Sequence[EmbeddedItem], candidates: Sequence[Candidate], engine: Engine, control: Control
    ) -> CloseLook:
        """What all query pictures together say of the candidates. Every picture has local features.

        Relevance is that of `explain`, without its search for a region's surroundings. Raises PackError,
        DeviceError, and whatever `control` raises.
        """
        seen = self._seen(candidates, engine, control)
        looks = [_of_item(item, candidates, seen, engine, control) for item in items]

        def together(values: Sequence[Float]) -> Float:
            return pooled(
                values,
                weights=[item.item.weight for item in items],
                negative=[item.item.negative for item in items],
                beta=rocchio_beta(items, engine.parameters),
            )

        return CloseLook(
            relevance=np.clip(together([look.relevance for look in looks]), 0.0, 1.0),
            terms={name: together([look.terms[name] for look in looks]) for name in looks[0].terms},
        )

    def _seen(self, candidates: Sequence[Candidate], engine: Engine, control: Control) -> dict[Hashable, _Seen]:
        """The candidates that can be looked at, embedded in batches of one shape."""
        keys = {candidate.key: (engine.digest, candidate.key) for candidate in candidates}
        known = self._remembered.known(keys.values())
        found: dict[Hashable, _Seen] = {key: known[kept] for key, kept in keys.items() if kept in known}
        waiting: dict[tuple[int, int], list[tuple[Hashable, Shown]]] = {}
        shapes = list(engine.embedder.shapes)
        for candidate in candidates:
            if candidate.key in found:
                continue
            control.wait_if_paused()
            shown = candidate.load()
            if shown is not None:
                waiting.setdefault(choose_shape(shown.width, shown.height, shapes), []).append(
                    (candidate.key, shown)
                )
        size = max(1, engine.embedder.batch_size)
        for shape, pictures in waiting.items():
            for start in range(0, len(pictures), size):
                control.wait_if_paused()
                for key, one in _embedded(pictures[start : start + size], shape, engine):
                    found[key] = one
                    self._remembered.keep(keys[key], one)
        return found


def _embedded(
    pictures: Sequence[tuple[Hashable, Shown]], shape: tuple[int, int], engine: Engine
) -> list[tuple[Hashable, _Seen]]:
    made = engine.embedder.embed(np.stack([fit(shown.rgb, shape) for _, shown in pictures]))
    seen = []
    for (key, shown), embedding in zip(pictures, made, strict=True):
        features = embedding.local_features
        if features is not None:
            patches = None if engine.indicative is None else engine.indicative.input_of(shown.rgb, features)
            if patches is not None and patches.dtype == np.float32:
                patches = patches.astype(np.float16)
            seen.append((key, _Seen(features.astype(np.float16), patches)))
    return seen


def _of_item(
    item: EmbeddedItem,
    candidates: Sequence[Candidate],
    seen: dict[Hashable, _Seen],
    engine: Engine,
    control: Control,
) -> CloseLook:
    """What one query picture says, NaN for candidates that were not seen."""
    features = item.embedding.local_features
    if features is None:
        raise ValueError("a close look needs local features")
    parameters = engine.parameters
    grid = Grid(features.shape[0], features.shape[1])
    cells = item.weights_on(grid)
    weights = None if cells is None else cells.ravel() / max(float(cells.max()), 1e-6)
    whole = item.item.region is None and weights is None
    match = item.match(pack([candidate.codes for candidate in candidates], parameters.match), parameters.match)
    others = [seen[one.key].features if one.key in seen else None for one in candidates]
    cosines = np.array([item.embedding.alpha @ one.alpha for one in candidates], np.float32)
    terms = local_terms(features, others, cosines, match, parameters, weights=weights, whole=whole)
    control.wait_if_paused()
    logits = _logits(item, candidates, seen, engine, control)
    if logits is not None:
        terms[NETWORK] = logits
    return CloseLook(_relevance(terms, engine), terms)


def _logits(
    item: EmbeddedItem,
    candidates: Sequence[Candidate],
    seen: dict[Hashable, _Seen],
    engine: Engine,
    control: Control,
) -> Float | None:
    """The logits of the indicative network, [M]; None for a pack without one."""
    part = engine.indicative
    if part is None:
        return None
    asked = part.input_of(item.pixels.rgb, item.embedding.local_features)
    weights = item.weights_on(GRID)
    if weights is None:
        weights = np.ones((GRID.rows, GRID.columns), np.float32)
    logits = np.full(len(candidates), np.nan, np.float32)
    there = [at for at, candidate in enumerate(candidates) if candidate.key in seen]
    for start in range(0, len(there), PAIRS_AT_ONCE):
        control.wait_if_paused()
        some = there[start : start + PAIRS_AT_ONCE]
        patches = [seen[candidates[at].key].patches for at in some]
        results = np.stack([one for one in patches if one is not None]).astype(asked.dtype)
        repeated = [np.repeat(one[None], len(some), axis=0) for one in (asked, weights)]
        logits[some] = part.network.match(results, repeated[0], repeated[1])[0]
    return logits


def _relevance(terms: dict[str, Float], engine: Engine) -> Float:
    """The relevance that `explain` shows, of local log-odds and logits: [M] float32."""
    local = 1.0 / (1.0 + np.exp(-terms[LOCAL].astype(np.float64)))
    part = engine.indicative
    if part is None or not part.parameters.judges or NETWORK not in terms:
        return local.astype(np.float32)
    judged = [
        part.parameters.relevance(float(logit), float(beside))
        for logit, beside in zip(terms[NETWORK], local, strict=True)
    ]
    return np.where(np.isnan(local), np.nan, judged).astype(np.float32)
