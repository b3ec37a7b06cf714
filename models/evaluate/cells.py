"""What the cells of photos add to a search (`retrieval.cell_match`), on held-out TRAIN classes and made views.

    python -m models.evaluate.cells PACK --data DIR --cache CACHE [--limit 60] [--views 40] [--weights 0,2,4,8]

Of every held-out set, photos ask for their class, themselves left out of everything, and made views of photos for
their photo, with all stages of `balanced`, the bonus of the cells with each of the weights. `cell_match.WEIGHT`
was chosen with it. Prints one JSON document: mAP and R@1 of the classes, R@1 of the views.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.query import Profile
from desktop_app.evaluation.measures import average_precision, recall_at
from desktop_app.evaluation.ranking import Asked, Gallery, ranked, stages_of
from desktop_app.inference.packs import load_manifest
from desktop_app.retrieval import cell_match
from desktop_app.retrieval.made_views import make_view
from desktop_app.retrieval.parameters import RetrievalParameters
from desktop_app.retrieval.tile_match import content_mask, object_canvas, object_cells
from models.data import SET_LIMITS, PhotoCache, Rgb, list_photos, whole
from models.evaluate.holdout import GraphEmbedder, holdout_rows
from models.manifest import Shape

LIMIT, VIEWS = 60, 40
WEIGHTS = (0.0, 2.0, 4.0, 8.0)


def seen_small(rgb: Rgb, embedder: GraphEmbedder, shapes: Sequence[Shape]) -> NDArray[np.uint8]:
    """[n, B] the codes of the cells of a picture shown small, as a search makes them."""
    square = min(shapes, key=lambda shape: abs(math.log(shape[1] / shape[0])))
    canvas, where = object_canvas(rgb, content_mask(rgb), square)
    (made,) = embedder.embed([canvas])
    if made.local_features is None:
        raise ValueError("the pack has no local features")
    return cell_match.cell_codes(object_cells(made.local_features, where), embedder.code_logits)


def figures(
    gallery: Gallery, asked: Sequence[tuple[Asked, NDArray[np.bool_]]], parameters: RetrievalParameters
) -> tuple[float, float]:
    """mAP and R@1 of queries, each with which photos [N] are right."""
    stages = stages_of(Profile.BALANCED, gallery, parameters)
    found = []
    for query, right in asked:
        standing = ranked(gallery, query, gallery.alphas @ query.alpha, stages=stages, parameters=parameters)
        listed = right[standing.rows]
        if listed.any():
            found.append((average_precision(listed), recall_at(listed, 1)))
    precision, first = np.array(found).mean(axis=0).tolist()
    return round(precision, 4), round(first, 4)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=LIMIT, help="photos of each held-out set")
    parser.add_argument("--views", type=int, default=VIEWS, help="made views of each set")
    parser.add_argument("--weights", default=",".join(map(str, WEIGHTS)))
    args = parser.parse_args(argv)
    manifest = load_manifest(args.pack)
    parameters, shapes = RetrievalParameters.from_manifest(manifest.raw), list(manifest.input.shapes)
    embedder = GraphEmbedder(args.pack / "embed.onnx", args.pack / "code.onnx")
    cache = PhotoCache.build(args.data, list_photos(args.data, limits=SET_LIMITS), args.cache)
    document: dict[str, dict[str, dict[str, float]]] = {}
    for name, rows in holdout_rows(cache, args.limit).items():
        photos = [cache.decode(row) for row in rows]
        labels = np.array([cache.photos[row].label for row in rows])
        gallery = Gallery.of(embedder.features([whole(photo, shapes) for photo in photos]))
        members = [
            (replace(Asked.among(gallery, at), small=seen_small(photo, embedder, shapes)), labels == labels[at])
            for at, photo in enumerate(photos)
        ]
        random = np.random.default_rng(1)
        viewed = random.permutation(len(photos))[: args.views].tolist()
        pictures = [make_view(photos[at], random).rgb for at in viewed]
        made = embedder.features([whole(picture, shapes) for picture in pictures])
        views = [
            (replace(Asked.of(one), small=seen_small(picture, embedder, shapes)), np.arange(len(photos)) == at)
            for one, picture, at in zip(made, pictures, viewed, strict=True)
        ]
        document[name] = {}
        for weight in map(float, args.weights.split(",")):
            cell_match.WEIGHT = weight
            precision, first = figures(gallery, members, parameters)
            document[name][f"weight {weight:g}"] = {
                "mAP": precision,
                "R@1": first,
                "views, R@1": figures(gallery, views, parameters)[1],
            }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
