"""How much the cosine of a tile should count beside that of a whole photo: chosen on TRAIN.

    python -m models.evaluate.tile_entries PACK --data DIR --cache CACHE [--penalty 0.05 --penalty 0.1 ...]
                                           [--queries 100] [--photos 150]

For every penalty, by descriptors alone: R@1 and R@10 of objects of held-out classes pasted into other photos, of
made views of photos, and mAP and R@1 of held-out classes, each photo a query in all others. A penalty of 9 leaves
the tiles out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.evaluation.measures import average_precision, recall_at
from desktop_app.retrieval.made_views import make_view
from desktop_app.retrieval.tiles import PENALTY, region_crops
from models.data import SET_LIMITS, PhotoCache, Rgb, list_photos, whole
from models.evaluate.holdout import GraphEmbedder, holdout_rows
from models.evaluate.small_objects import make_scenes, recall
from models.manifest import Shape

PENALTIES = (0.0, 0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 9.0)

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """Descriptors of N photos: whole [N, D], tiles [N, 13, D]."""

    whole: Float
    tiles: Float

    @classmethod
    def of(cls, pictures: Sequence[Rgb], embedder: GraphEmbedder, shapes: Sequence[Shape]) -> Described:
        entries = [
            [made.alpha for made in embedder.embed([whole(part, shapes) for part in region_crops(picture)])]
            for picture in pictures
        ]
        every = np.array(entries, np.float32)
        return cls(every[:, 0], every[:, 1:])

    def cosines(self, queries: Float) -> tuple[Float, Float]:
        """Of the whole photos and of their best tiles: [Q, N] each."""
        best = np.stack([(self.tiles @ query).max(axis=1) for query in queries])
        return queries @ self.whole.T, best


def class_figures(scores: Float, labels: NDArray[np.str_]) -> dict[str, float]:
    """mAP and R@1 of [N, N] scores, each photo a query in the others."""
    found = []
    for at, row in enumerate(scores):
        order = np.argsort(-row, kind="stable")
        order = order[order != at]
        relevant = labels[order] == labels[at]
        if relevant.any():
            found.append((average_precision(relevant), recall_at(relevant, 1)))
    precision, first = np.mean(found, axis=0)
    return {"mAP": round(float(precision), 4), "R@1": round(float(first), 4)}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--penalty", type=float, action="append", help=f"in use: {PENALTY}")
    parser.add_argument("--queries", type=int, default=100, help="objects, and views")
    parser.add_argument("--photos", type=int, default=150, help="of each held-out set")
    args = parser.parse_args(argv)
    cache = PhotoCache.build(args.data, list_photos(args.data, limits=SET_LIMITS), args.cache)
    manifest = json.loads((args.pack / "manifest.json").read_text(encoding="utf-8"))
    shapes = [(height, width) for height, width in manifest["input"]["shapes"]]
    embedder = GraphEmbedder(args.pack / "embed.onnx", args.pack / "code.onnx", roles=("alpha",))

    def asked(pictures: Sequence[Rgb]) -> Float:
        return np.array([made.alpha for made in embedder.embed([whole(one, shapes) for one in pictures])])

    rows = [row for rows in holdout_rows(cache, args.photos).values() for row in rows]
    labels = np.array([cache.photos[row].label or "" for row in rows])
    photos = [cache.decode(row) for row in rows]
    gallery = Described.of(photos, embedder, shapes)
    random = np.random.default_rng(3)
    viewed = random.permutation(len(photos))[: args.queries]
    views = gallery.cosines(asked([make_view(photos[at], random).rgb for at in viewed]))
    scenes = make_scenes(cache, args.queries, 2 * args.queries)
    objects = Described.of(scenes.gallery, embedder, shapes).cosines(asked(scenes.objects))
    classes = gallery.cosines(gallery.whole)
    first = np.concatenate([viewed, np.setdiff1d(np.arange(len(photos)), viewed)])
    figures = {}
    for penalty in args.penalty or PENALTIES:
        small, view, kind = (np.maximum(w, t - np.float32(penalty)) for w, t in (objects, views, classes))
        figures[f"{penalty:g}"] = {
            "small objects": recall(small),
            "views": recall(view[:, first]),
            "classes": class_figures(kind, labels),
        }
    print(json.dumps({"photos": len(photos), "scenes": len(scenes.gallery), "penalties": figures}, indent=1))


if __name__ == "__main__":
    main()
