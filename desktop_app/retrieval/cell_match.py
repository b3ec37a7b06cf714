"""A thing looked for in the cells of photos by their binary codes: `tile_match` for many photos at once.

s(photo) = max over tiles of mean_i max_{j in tile} max(0, 1 - 2 ham(q_i, c_j) / bits)^3, with the query shown
small on a grey canvas as there. What stands out of other photos is a bonus [ours]:

    raw += 4 max(0, s - its 0.9 quantile over photos of the library, spread evenly)

On TRAIN (`models.evaluate.cells`), on top of all stages of `balanced`, 60 photos of each held-out set: mAP of
groceries .931 to .939, caltech101 .862 to .877, cars .355 to .379, R@1 .948 to .966, .850 to .883, .365 to .404,
and of made views .75 to .90, .88 to .93, .65 to .90. Weights 2 and 8 are behind in mAP on all three. The query's
own cells, not seen small, lower the classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desktop_app.retrieval.tile_match import POWER, cells_between
from desktop_app.retrieval.tiles import region_boxes

WEIGHT = 4.0
CELL_DEPTH = 100  # candidates that are compared; all of `local` in a library that is searched in parts
QUANTILE = 0.9
USUAL = 48  # photos that say what is usual
MOST_CELLS = 64  # of a query; evenly chosen from more
_CHUNK = 1 << 19  # distances held at a time, so that they stay in the cache

Float = NDArray[np.float32]
Codes = NDArray[np.uint8]


def cell_codes(features: Float, code_logits: Callable[[Float], Float | None]) -> Codes:
    """The codes [..., bits / 8] uint8 of local features [..., D], packed big-endian; the signs of the features
    where the pack has no code layer."""
    flat = np.ascontiguousarray(features.reshape(-1, features.shape[-1]), np.float32)
    logits = code_logits(flat)
    bits = (flat if logits is None else logits) >= 0
    return np.packbits(bits, axis=1).reshape(*features.shape[:-1], -1)


def cell_scores(query: Codes, photos: Sequence[Codes | None]) -> Float:
    """[N] float32 in 0..1: how well the cells [n, B] of a thing lie in one tile of every photo [h, w, B]; 0 for
    None and for codes of another length."""
    scores = np.zeros(len(photos), np.float32)
    if not len(query):
        return scores
    if len(query) > MOST_CELLS:
        query = query[np.linspace(0, len(query) - 1, MOST_CELLS).astype(np.intp)]
    by_grid: dict[tuple[int, ...], list[int]] = {}
    for at, codes in enumerate(photos):
        if codes is not None and codes.shape[2] == query.shape[1]:
            by_grid.setdefault(codes.shape[:2], []).append(at)
    bits = 8 * query.shape[1]
    likeness = (np.maximum(0.0, 1.0 - 2.0 * np.arange(bits + 1) / bits) ** POWER).astype(np.float32)
    for (height, width), places in by_grid.items():
        step = max(1, _CHUNK // (len(query) * height * width))
        for start in range(0, len(places), step):
            some = places[start : start + step]
            cells = np.stack([photos[at] for at in some], axis=2)  # type: ignore[misc]  # none of these is None
            scores[some] = _best_tile(_distances(query, cells), likeness)
    return scores


def usual_rows(rows: NDArray[np.int64], without: NDArray[np.int64]) -> NDArray[np.int64]:
    """Up to `USUAL` of the rows [N] of a library, spread evenly, those that ask left out: they say what is usual,
    whatever is searched in."""
    others = rows[~np.isin(rows, without)]
    if len(others) <= USUAL:
        return others
    return np.asarray(others[np.linspace(0, len(others) - 1, USUAL).astype(np.intp)])


def bonus(scores: Float, usual: Float) -> Float:
    """[N] what the cells add to the raw scores of N photos. usual: [U] the scores of other photos."""
    if not len(scores) or not len(usual):
        return np.zeros(len(scores), np.float32)
    level = np.float32(np.quantile(usual, QUANTILE))
    return np.asarray(WEIGHT * np.maximum(0.0, scores - level), np.float32)


def _best_tile(apart: NDArray[np.unsignedinteger[Any]], likeness: Float) -> Float:
    """apart: [h, w, n, M] differing bits -> [M]."""
    height, width = apart.shape[:2]
    best = np.zeros(apart.shape[3], np.float32)
    across: dict[tuple[int, int], NDArray[np.unsignedinteger[Any]]] = {}  # tiles of one column share it
    for x0, y0, x1, y1 in region_boxes()[1:]:
        rows, columns = cells_between(y0, y1, height), cells_between(x0, x1, width)
        if rows.stop > rows.start and columns.stop > columns.start:
            key = (columns.start, columns.stop)
            if key not in across:
                across[key] = apart[:, columns].min(axis=1)
            nearest = across[key][rows].min(axis=0)
            np.maximum(best, likeness[nearest].mean(axis=0), out=best)
    return best


def _distances(query: Codes, cells: Codes) -> NDArray[np.unsignedinteger[Any]]:
    """[h, w, n, M] differing bits of codes [n, B] and those of photos [h, w, M, B]."""
    missing = -query.shape[1] % 8
    asked = np.ascontiguousarray(np.pad(query, ((0, 0), (0, missing)))).view(np.uint64)
    there = np.ascontiguousarray(np.pad(cells, ((0, 0), (0, 0), (0, 0), (0, missing)))).view(np.uint64)
    narrow = np.uint8 if 8 * query.shape[1] < 256 else np.uint16
    distances = np.zeros((*cells.shape[:2], len(query), cells.shape[2]), narrow)
    for word in range(asked.shape[1]):
        distances += np.bitwise_count(there[:, :, None, :, word] ^ asked[:, word, None])
    return distances
