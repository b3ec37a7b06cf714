"""Groups of photos that are each other's nearest neighbours: classes where nobody has named any (S2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.retrieval.graph_smoothing import NeighbourGraph

NO_CLASS = -1

Rows = NDArray[np.int64]
Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ComponentParameters:
    """neighbours: k of the mutual k-nearest-neighbour graph. cosine: least cosine of an edge. least: photos that a
    component needs to be called a class. [ours]: S2 assumes that classes are known."""

    neighbours: int = 5
    cosine: float = 0.6
    least: int = 3


@dataclass(frozen=True, slots=True, eq=False)
class MutualNeighbours:
    """The mutual nearest neighbours of a gallery, ready to be asked for its groups with one photo left out.

    rows: [N, min(k + 1, N - 1)] int64, the nearest photos of every photo, nearest first, itself not among them.
    cosines: as many float32. One more than k are kept: when a photo is left out, the next one moves up.
    """

    rows: Rows
    cosines: Float
    parameters: ComponentParameters

    @classmethod
    def of(cls, features: Float, parameters: ComponentParameters | None = None) -> MutualNeighbours:
        """features: [N, D] float32, L2-normalised. Of equal cosines the smaller row is nearer."""
        parameters = parameters or ComponentParameters()
        graph = NeighbourGraph.of(features, parameters.neighbours)
        return cls(graph.indices, graph.cosines, parameters)

    def classes(self, *, without: int | None = None) -> Rows:
        """[N] int64: the class number of every photo, NO_CLASS for those in no component large enough.

        `without`: the gallery as it would be without this photo, so that a query that lies in the gallery takes
        part in nothing computed from it; the photo itself gets NO_CLASS. Numbers count from 0 in the order of the
        first photo of each class.
        """
        n, k = len(self.rows), self.parameters.neighbours
        valid = self.cosines >= self.parameters.cosine
        if without is None:
            valid[:, k:] = False
        else:
            gone = self.rows == without
            valid[:, k:] &= gone[:, :k].any(1, keepdims=True)  # the next one moves up
            valid &= ~gone
            valid[without] = False
        ends = np.broadcast_to(np.arange(n)[:, None], valid.shape)[valid]
        edges = np.unique(ends * n + self.rows[valid])
        mutual = edges[np.isin(edges, (edges % n) * n + edges // n)] if n else edges
        roots = _roots(n, mutual // max(n, 1), mutual % max(n, 1))
        return _numbered(roots, self.parameters.least)


def mutual_knn_components(features: Float, parameters: ComponentParameters | None = None) -> Rows:
    """[N] int64 class numbers from 0, NO_CLASS for photos alone: the connected components of the graph whose edges
    join photos that are among each other's k nearest with a cosine of at least t.

    features: [N, D] float32, L2-normalised.
    """
    return MutualNeighbours.of(features, parameters).classes()


def _roots(n: int, a: Rows, b: Rows) -> Rows:
    """[n]: the smallest member of every node's component, of a graph with edges a - b given in both directions."""
    roots = np.arange(n)
    while True:
        lowest = roots.copy()
        np.minimum.at(lowest, a, roots[b])
        np.minimum.at(lowest, roots[a], roots[b])  # whole trees hang on, not only the node at the edge
        lowest = lowest[lowest]
        if np.array_equal(lowest, roots):
            return roots
        roots = lowest


def _numbered(roots: Rows, least: int) -> Rows:
    """Class numbers in the order of the roots; components smaller than `least` get NO_CLASS."""
    found, at, counts = np.unique(roots, return_inverse=True, return_counts=True)
    large = counts >= least
    numbers = np.where(large, np.cumsum(large) - 1, NO_CLASS)
    return np.asarray(numbers[at], np.int64) if len(found) else np.empty(0, np.int64)
