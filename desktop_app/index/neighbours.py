"""The neighbour graph of a library: the nearest other rows of every row, kept up as rows come and go.

Lists hold one row more than k: when a photo asks in its own library it is left out of them and the spare moves up.
Up to `EXACT_ROWS` rows the lists are exact; above, those of the rows in the frozen HNSW graph come from there.
Building and updating are generators that yield how many rows are done, so that they can be paused and stopped.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.index.exact import Labels
from desktop_app.index.gallery import EXACT_ROWS, Gallery

NEIGHBOURS = 10
_WIDTH = NEIGHBOURS + 1
_ROWS = 1024  # rows whose neighbours are looked for at once
_COLUMNS = 8192  # rows they are compared with at a time
_FROZEN_ROWS = 64  # rows asked of the frozen graph at a time: a search waits no longer than that takes
_REBUILD_SHARE = 0.1  # with more new rows than this share, asking the frozen graph is faster than comparing

Positions = NDArray[np.int32]
Float = NDArray[np.float32]
Steps = Generator[int, None, "Neighbours"]
NONE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The lists of N rows. Immutable.

    labels: [N] int64, ascending. positions: [N, 11] int32, places in `labels`, nearest first, NONE (-1) at the end
    of shorter lists. cosines: [N, 11] float32, -1 there.
    """

    labels: Labels
    positions: Positions
    cosines: Float

    @classmethod
    def empty(cls) -> Neighbours:
        return cls(np.empty(0, np.int64), np.empty((0, _WIDTH), np.int32), np.empty((0, _WIDTH), np.float32))

    def __len__(self) -> int:
        return len(self.labels)

    def of(self, labels: Labels) -> tuple[Labels, Float]:
        """[n, 11] int64 labels of the neighbours of `labels` and their cosines; -1 where there is none. A row that
        the graph does not know has none."""
        found = np.full((len(labels), _WIDTH), NONE, np.int64)
        cosines = np.full((len(labels), _WIDTH), -1.0, np.float32)
        if len(self):
            at = np.minimum(np.searchsorted(self.labels, labels), len(self) - 1)
            known = self.labels[at] == labels
            places = self.positions[at[known]]
            found[known] = np.where(places == NONE, NONE, self.labels[places])
            cosines[known] = self.cosines[at[known]]
        return found, cosines

    def difference(self, labels: Labels) -> tuple[Labels, Labels]:
        """Of the rows that are there now: those the graph lacks, and those of the graph that are gone."""
        return np.setdiff1d(labels, self.labels), np.setdiff1d(self.labels, labels)


def build(gallery: Gallery) -> Steps:
    """The graph of all rows of `gallery`; yields how many rows are done."""
    frozen = gallery.frozen
    if len(gallery) <= EXACT_ROWS or frozen is None:
        return (yield from updated(Neighbours.empty(), gallery))
    known = np.intersect1d(gallery.labels, frozen.labels)
    positions = np.full((len(known), _WIDTH), NONE, np.int32)
    cosines = np.full((len(known), _WIDTH), -1.0, np.float32)
    for start in range(0, len(known), _FROZEN_ROWS):
        rows = np.arange(start, min(start + _FROZEN_ROWS, len(known)))
        own = gallery.vectors_of(known[rows])
        found, _ = frozen.nearest(own, _WIDTH + 1)
        at = np.minimum(np.searchsorted(known, found), len(known) - 1)
        useless = (known[at] != found) | (found == known[rows, None])
        exact = np.vecdot(gallery.vectors_of(known[at.ravel()]).reshape(*at.shape, -1), own[:, None, :])
        near, values = _best(at.astype(np.int32), np.where(useless, -np.inf, exact))
        positions[rows], cosines[rows] = near, np.where(near == NONE, -1.0, values)
        yield int(rows[-1]) + 1
    return (yield from _with_rows(Neighbours(known, positions, cosines), gallery))


def updated(graph: Neighbours, gallery: Gallery) -> Steps:
    """The graph brought up to the rows of `gallery`, as if it had been built over them; yields the rows done.

    Rows that are gone leave all lists, and lists that lose a row are made again; new rows enter the lists they
    belong in. Where many rows are new and a frozen graph has them, everything is built again.
    """
    fresh, _ = graph.difference(gallery.labels)
    if gallery.frozen is not None and len(graph) and len(fresh) > _REBUILD_SHARE * len(gallery):
        return (yield from build(gallery))
    return (yield from _with_rows(graph, gallery))


def agrees(graph: Neighbours, gallery: Gallery, *, sample: int = 64) -> bool:
    """Whether a sample of the cosines in `graph` is what the vectors of `gallery` give: else it is foreign."""
    known = graph.labels[np.isin(graph.labels, gallery.labels)]
    if not len(known):
        return True
    some = known[np.unique(np.linspace(0, len(known) - 1, min(sample, len(known))).astype(np.intp))]
    labels, cosines = graph.of(some)
    there = np.isin(labels[:, 0], gallery.labels)
    found = np.vecdot(gallery.vectors_of(some[there]), gallery.vectors_of(labels[there, 0]))
    return bool(np.allclose(found, cosines[there, 0], atol=2e-3))


def _with_rows(graph: Neighbours, gallery: Gallery) -> Steps:
    labels = gallery.labels
    fresh, gone = graph.difference(labels)
    if not len(fresh) and not len(gone):
        return graph
    draft = _Draft(gallery, labels, *_moved(graph, labels), fresh=fresh, broken=_broken(graph, gone))
    again = np.flatnonzero(draft.renewed)
    for start in range(0, len(again), _ROWS):
        rows = again[start : start + _ROWS]
        yield from draft.compare(rows)
        yield len(labels) - len(again) + start + len(rows)
    draft.settle()
    return Neighbours(labels, draft.positions, np.where(draft.positions == NONE, -1.0, draft.cosines))


class _Draft:
    """Lists in the making. `fresh` rows are new to all lists, lists of `broken` rows have lost an entry; `renewed`
    are both: their lists are made again. Empty places are NONE and -inf."""

    def __init__(
        self,
        gallery: Gallery,
        labels: Labels,
        positions: Positions,
        cosines: Float,
        *,
        fresh: Labels,
        broken: Labels,
    ) -> None:
        self.gallery, self.labels, self.positions, self.cosines = gallery, labels, positions, cosines
        self.fresh = np.isin(labels, fresh)
        self.renewed = self.fresh | np.isin(labels, broken)
        self.changed = self.renewed.copy()
        positions[self.renewed], cosines[self.renewed] = NONE, -np.inf

    def compare(self, rows: NDArray[np.intp]) -> Generator[int, None, None]:
        """Fill the lists of `rows` from all rows, and put the new ones of them into the lists of the others."""
        own = self.gallery.vectors_of(self.labels[rows])
        near = np.full((len(rows), _WIDTH), NONE, np.int32)
        values = np.full((len(rows), _WIDTH), -np.inf, np.float32)
        fresh = np.flatnonzero(self.fresh[rows])
        for start in range(0, len(self.labels), _COLUMNS):
            columns = np.arange(start, min(start + _COLUMNS, len(self.labels)))
            scores = own @ self.gallery.vectors_of(self.labels[columns]).T
            inside = np.flatnonzero((rows >= columns[0]) & (rows <= columns[-1]))
            scores[inside, rows[inside] - columns[0]] = -np.inf
            stay = columns[~self.renewed[columns]]
            if len(stay) and len(fresh):
                self._enter(stay, scores[np.ix_(fresh, stay - columns[0])].T, rows[fresh])
            near, values = _entered(near, values, scores, columns)
            yield 0
        self.positions[rows], self.cosines[rows] = near, values

    def _enter(self, rows: NDArray[np.intp], table: Float, candidates: NDArray[np.intp]) -> None:
        before = self.positions[rows]
        near, values = _entered(before.copy(), self.cosines[rows], table, candidates)
        self.changed[rows] |= (near != before).any(axis=1)
        self.positions[rows], self.cosines[rows] = near, values

    def settle(self) -> None:
        """Compute the cosines of changed lists pair by pair and sort them by those: products of whole blocks
        differ in their last bits with the block, and no answer may hang on when a row came."""
        changed = np.flatnonzero(self.changed)
        for start in range(0, len(changed), _ROWS):
            rows = changed[start : start + _ROWS]
            places = self.positions[rows]
            others, at = np.unique(places, return_inverse=True)
            near = self.gallery.vectors_of(self.labels[others])[at.reshape(places.shape)]  # NONE: any row
            exact = np.vecdot(near, self.gallery.vectors_of(self.labels[rows])[:, None, :])
            self.positions[rows], self.cosines[rows] = _best(places, np.where(places == NONE, -np.inf, exact))


def _moved(graph: Neighbours, labels: Labels) -> tuple[Positions, Float]:
    """The lists of `graph` as lists over `labels`; rows it does not know have empty ones."""
    positions = np.full((len(labels), _WIDTH), NONE, np.int32)
    cosines = np.full((len(labels), _WIDTH), -np.inf, np.float32)
    kept = np.isin(graph.labels, labels)
    if kept.any():
        place = np.full(len(graph) + 1, NONE, np.int32)  # the last entry is that of NONE
        place[:-1][kept] = np.searchsorted(labels, graph.labels[kept])
        at = place[:-1][kept]
        positions[at] = place[graph.positions[kept]]
        cosines[at] = np.where(positions[at] == NONE, -np.inf, graph.cosines[kept])
    return positions, cosines


def _broken(graph: Neighbours, gone: Labels) -> Labels:
    """The rows that stay and had one of `gone` in their list."""
    if not len(gone):
        return np.empty(0, np.int64)
    lost = np.zeros(len(graph) + 1, np.bool_)
    lost[np.searchsorted(graph.labels, gone)] = True
    return graph.labels[lost[graph.positions].any(axis=1) & ~lost[:-1]]


def _entered(
    positions: Positions, cosines: Float, table: Float, candidates: NDArray[np.intp]
) -> tuple[Positions, Float]:
    """Lists [L, 11] with those of `candidates` [C] that belong in them; table: [L, C] cosines."""
    if np.isneginf(cosines[:, -1]).any() and table.shape[1] > _WIDTH:  # lists that are not full: many may enter
        some = np.argpartition(-table, _WIDTH, axis=1)[:, :_WIDTH]
        return _best(
            np.concatenate([positions, candidates[some].astype(np.int32)], axis=1),
            np.concatenate([cosines, np.take_along_axis(table, some, axis=1)], axis=1),
        )
    line, candidate = np.nonzero(table > cosines[:, -1:])
    if not len(line):
        return positions, cosines
    changed, first, counts = np.unique(line, return_index=True, return_counts=True)
    entries = np.full((len(changed), int(counts.max())), NONE, np.int32)
    values = np.full(entries.shape, -np.inf, np.float32)
    row, place = np.repeat(np.arange(len(changed)), counts), np.arange(len(line)) - np.repeat(first, counts)
    entries[row, place] = candidates[candidate]
    values[row, place] = table[line, candidate]
    positions[changed], cosines[changed] = _best(
        np.concatenate([positions[changed], entries], axis=1), np.concatenate([cosines[changed], values], axis=1)
    )
    return positions, cosines


def _best(positions: Positions, cosines: Float) -> tuple[Positions, Float]:
    """[R, C] -> [R, 11]: the entries of the largest cosines, largest first; of equals the smaller position."""
    if positions.shape[1] < _WIDTH:
        missing = ((0, 0), (0, _WIDTH - positions.shape[1]))
        positions = np.pad(positions, missing, constant_values=NONE)
        cosines = np.pad(cosines, missing, constant_values=-np.inf)
    order = np.lexsort((positions, -cosines), axis=1)[:, :_WIDTH]
    values = np.take_along_axis(cosines, order, axis=1)
    found = np.where(np.isneginf(values), NONE, np.take_along_axis(positions, order, axis=1))
    return found.astype(np.int32), values
