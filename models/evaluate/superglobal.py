"""What can be had from global descriptors alone: SuperGlobal's re-ranking and database-side augmentation.

    python -m models.evaluate.superglobal PACK --data FOLDER [--queries N] [--mix 0.5 ...]
    python -m models.evaluate.superglobal PACK --holdout DIR --cache CACHE [--limit N] [--mix 0.25 --mix 0.5 ...]

FOLDER's direct children are the classes. With --holdout the held-out TRAIN classes are asked instead, set by set:
that is where the weight of the smoothed score is chosen. A photo that asks takes part in nothing that is computed
from the gallery. Prints one JSON document: mAP, R@1 and P@20 per row, and the difference of each to the descriptor
as it is with its 95 % interval.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.retrieval.fusion import descending
from desktop_app.retrieval.graph_smoothing import NeighbourGraph, smoothed, smoothed_scores, without
from desktop_app.retrieval.superglobal import SuperGlobalParameters, superglobal_order
from models.data import Rgb
from models.evaluate.alphas import AlphaGraph, Alphas, folder_pictures, holdout_pictures
from models.evaluate.systems import BASE, by_vectors, compare, per_query

MIXES = (0.25, 0.5, 0.75, 1.0)

Ranked = Iterator[tuple[int, NDArray[np.int64]]]


def by_superglobal(photos: Alphas, parameters: SuperGlobalParameters) -> Ranked:
    """Every query's order of all other photos."""
    for query, order in by_vectors(photos.vectors, photos.queries):
        yield query, superglobal_order(photos.vectors[query], photos.vectors, order, parameters)


def by_smoothing(photos: Alphas, mix: float) -> Ranked:
    """Every query's order of all other photos, their descriptors smoothed as if the query were not there."""
    graph = NeighbourGraph.of(photos.vectors)
    smooth = smoothed(photos.vectors, graph)
    for query in photos.queries:
        changed = without(photos.vectors, graph, int(query))
        scores = smoothed_scores(photos.vectors[query], photos.vectors, smooth, mix=mix, changed=changed)
        order = descending(scores)
        yield int(query), order[order != query]


def figures(photos: Alphas, mixes: Sequence[float]) -> dict[str, object]:
    """The rows of one collection."""
    rows: dict[str, Callable[[], Ranked]] = {
        BASE: lambda: by_vectors(photos.vectors, photos.queries),
        "SuperGlobal re-ranking": lambda: by_superglobal(photos, SuperGlobalParameters()),
    }
    rows |= {f"smoothed gallery, mix {mix:g}": lambda mix=mix: by_smoothing(photos, mix) for mix in mixes}  # type: ignore[misc]
    measured = {name: per_query(rank(), photos.classes) for name, rank in rows.items()}
    return {"photos": len(photos.vectors), "queries": len(photos.queries), "systems": compare(measured)}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path, help="a folder whose direct children are the classes")
    where.add_argument("--holdout", type=Path, help="the TRAIN photos")
    parser.add_argument("--cache", type=Path, help="folder for the prepared photos of --holdout")
    parser.add_argument("--queries", type=int)
    parser.add_argument("--limit", type=int, help="at most so many hold-out photos of a set")
    parser.add_argument("--mix", type=float, action="append", help="weight of the smoothed score, 0..1")
    args = parser.parse_args(argv)
    if args.holdout and not args.cache:
        parser.error("--holdout needs --cache, a folder for the prepared photos")
    graph = AlphaGraph(args.pack)

    def described(pictures: Sequence[Rgb], names: Sequence[str]) -> Alphas:
        return Alphas.of(np.stack([graph(picture) for picture in pictures]), names, args.queries)

    if args.data:
        sets = {args.data.name: folder_pictures(args.data)}
    else:
        sets = holdout_pictures(args.holdout, args.cache, args.limit)
    document = {name: figures(described(*photos), args.mix or MIXES) for name, photos in sets.items()}
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
