"""The stage `global` in a large library: latency and recall against an exact scan, also with rows that are gone.

    python -m tests.bench.global_search --library L [--count 100000] [--removed 0 0.1 0.2] [--json]

The rows are the descriptors of the library L and copies of them, jittered to cosines of 0.7 to 0.9; queries are
further copies that are not among them. --removed takes shares of the rows away once the graph is built, at random
("scattered"), or a row with its nearest ones, as when a folder goes ("together"). The bars for 100,000 rows on 2
cores: p50 2 ms, p95 5 ms, recall@10 0.99. `index.gallery.REMOVED_SHARE` is chosen by this.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.index.exact import ExactIndex
from desktop_app.index.gallery import Gallery
from desktop_app.index.hnsw import HnswIndex
from desktop_app.index.recall import recall_at_10
from tests.bench.neighbour_graph import library_and_copies
from tests.bench.reporting import add_output_options, report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=Path, required=True, metavar="L")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--top", type=int, nargs="+", default=[10, 1000], help="rows asked for")
    parser.add_argument("--removed", type=float, nargs="+", default=[0.0, 0.05, 0.1, 0.2, 0.3, 0.5])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pack")
    add_output_options(parser)
    arguments = parser.parse_args()
    vectors = library_and_copies(arguments.library, arguments.pack, arguments.count + arguments.queries)
    queries, vectors = vectors[arguments.count :], vectors[: arguments.count]
    labels = np.arange(1, len(vectors) + 1, dtype=np.int64)
    started = time.perf_counter()
    graph = Gallery(labels, vectors).build_frozen(threads=arguments.threads)
    built = time.perf_counter() - started
    sampled = recall_at_10(graph, vectors)
    rows = []
    for share in arguments.removed:
        for way in ("scattered", "together") if share else ("-",):
            left = np.setdiff1d(labels, removed(labels, vectors, share, way))
            gallery = Gallery(left, vectors[left - 1], frozen=graph)
            for top in arguments.top:
                measured = measure(gallery, ExactIndex(left, vectors[left - 1]), queries, top)
                rows.append({"rows": len(vectors), "removed": share, "way": way, "top": top, **measured})
    for row in rows:
        row |= {"build s": built, "recall@10 in the sidecar": sampled}
    report("the stage global", rows, as_json=arguments.json)
    return 0


def removed(labels: NDArray[np.int64], vectors: NDArray[np.float32], share: float, way: str) -> NDArray[np.int64]:
    """The labels of a share of the rows."""
    random = np.random.default_rng(1)
    count = int(share * len(labels))
    if way != "together":
        return random.choice(labels, count, replace=False)
    gone = np.zeros(len(labels), np.bool_)
    while (missing := count - int(gone.sum())) > 0:
        near = vectors @ vectors[random.integers(len(labels))]
        near[gone] = -np.inf
        gone[np.argsort(-near)[: min(missing, 500)]] = True
    return labels[gone]


def measure(gallery: Gallery, exact: ExactIndex, queries: NDArray[np.float32], top: int) -> dict[str, object]:
    spent, recalls = [], []
    counted = _Counted.of(gallery)
    for query in queries:
        started = time.perf_counter()
        found, _ = gallery.search(query, top)
        spent.append(1000 * (time.perf_counter() - started))
        recalls.append(np.isin(exact.search(query, 10)[0], found[:10]).mean())
    return {
        "p50 ms": float(np.percentile(spent, 50)),
        "p95 ms": float(np.percentile(spent, 95)),
        "recall@10": float(np.mean(recalls)),
        "scanned": f"{1 - counted.enough / len(queries):.0%}",
    }


class _Counted:
    """Counts the searches for which what the graph proposed was enough; the others were scanned for."""

    def __init__(self) -> None:
        self.enough = 0

    @classmethod
    def of(cls, gallery: Gallery) -> _Counted:
        counted, search = cls(), gallery._search_frozen

        def asked(frozen: HnswIndex, *given: object) -> object:
            found = search(frozen, *given)  # type: ignore[arg-type]
            counted.enough += found is not None
            return found

        gallery._search_frozen = asked  # type: ignore[method-assign,assignment]
        return counted


if __name__ == "__main__":
    sys.exit(main())
