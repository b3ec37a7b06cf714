"""Multi-scale extraction measured: S3's five scales against one, in the published forms.

    python -m models.evaluate.multi_scale PACK --data FOLDER [--queries N]
    python -m models.evaluate.multi_scale PACK --holdout DIR --cache CACHE [--limit N]

The descriptors have length 1, so that the mean over scales (SCIENCE A0) and S4's sum are the same row. Scales
are relative to the shape in which the application shows a photo to the network. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.evaluation.multi_scale import SCALES, combine, scaled
from models.data import Rgb, whole
from models.evaluate.alphas import AlphaGraph, Alphas, folder_pictures, holdout_pictures
from models.evaluate.systems import BASE, by_vectors, compare, per_query

LARGE = SCALES[2:]
POWER = 3.0


def described(graph: AlphaGraph, picture: Rgb) -> NDArray[np.float32]:
    """[5, D]: the descriptor at every scale."""
    fitted = whole(picture, graph.shapes)
    return np.stack([graph.describe(scaled(fitted, scale)) for scale in SCALES])


def figures(vectors: NDArray[np.float32], names: list[str], queries: int | None) -> dict[str, object]:
    """The rows of one collection. vectors: [N, 5, D]."""
    forms = {
        BASE: vectors[:, SCALES.index(1.0)],
        "five scales, mean": np.stack([combine(v, "mean") for v in vectors]),
        "five scales, power 3": np.stack([combine(v, "power", power=POWER) for v in vectors]),
        "three largest scales, mean": np.stack([combine(v[-len(LARGE) :], "mean") for v in vectors]),
    }
    photos = Alphas.of(forms[BASE], names, queries)
    measured = {name: per_query(by_vectors(v, photos.queries), photos.classes) for name, v in forms.items()}
    return {"photos": len(vectors), "queries": len(photos.queries), "systems": compare(measured)}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path, help="a folder whose direct children are the classes")
    where.add_argument("--holdout", type=Path, help="the TRAIN photos")
    parser.add_argument("--cache", type=Path, help="folder for the prepared photos of --holdout")
    parser.add_argument("--queries", type=int)
    parser.add_argument("--limit", type=int, help="at most so many hold-out photos of a set")
    args = parser.parse_args(argv)
    if args.holdout and not args.cache:
        parser.error("--holdout needs --cache, a folder for the prepared photos")
    graph = AlphaGraph(args.pack)
    if args.data:
        sets = {args.data.name: folder_pictures(args.data)}
    else:
        sets = holdout_pictures(args.holdout, args.cache, args.limit)
    document = {
        name: figures(np.stack([described(graph, picture) for picture in pictures]), names, args.queries)
        for name, (pictures, names) in sets.items()
    }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
