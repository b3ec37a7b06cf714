"""How small an object should be shown to the network that looks for it in scenes: chosen on TRAIN.

    python -m models.evaluate.small_objects PACK --data DIR --cache CACHE [--share 0.35 --share 0.45 ...]
                                            [--queries 150] [--distractors 600]

Objects of held-out TRAIN classes, 8 to 15 % of the area, are pasted into other TRAIN photos; each is asked for
alone on grey, among all scenes and further TRAIN photos. Prints R@1 and R@10 of the whole photos' descriptors, of
tile entries where the pack describes regions, and of the object's cells in the best tile for every share of the
canvas.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from desktop_app.evaluation.composites import make_composite
from desktop_app.retrieval.tile_match import SHARE, content_mask, object_canvas, object_cells, tile_match
from desktop_app.retrieval.tiles import tile_scores
from models.data import LABELLED, SET_LIMITS, PhotoCache, Rgb, holdout_classes, list_photos, whole
from models.manifest import Shape

SMALL_PICTURES = frozenset({"mini-imagenet-84", "style-128", "flowers-128", "textures", "fashion"})
AREA = (0.08, 0.15)
SHARES = (0.45, 0.55, 0.65)

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Scenes:
    """objects: the queries; gallery: the scene of each at the same place, then distractors."""

    objects: Sequence[Rgb]
    gallery: Sequence[Rgb]


def make_scenes(cache: PhotoCache, queries: int, distractors: int, *, seed: int = 5) -> Scenes:
    """Composites of held-out classes in other TRAIN photos, none of them tiny."""
    held = holdout_classes(cache.photos, LABELLED)
    random = np.random.default_rng(seed)
    sources = [i for i, photo in enumerate(cache.photos) if photo.label in held]
    others = [
        i for i, photo in enumerate(cache.photos) if photo.label not in held and photo.set not in SMALL_PICTURES
    ]
    chosen = random.permutation(sources)[:queries]
    places = random.permutation(others)
    pairs = [
        make_composite(cache.decode(int(a)), cache.decode(int(b)), random, area=AREA, alone=True)
        for a, b in zip(chosen, places, strict=False)
    ]
    rest = places[len(pairs) : len(pairs) + distractors]
    return Scenes([p.query for p in pairs], [p.scene for p in pairs] + [cache.decode(int(row)) for row in rest])


class Graph:
    """What tile entries need of a pack: alpha, local features, and the regions where it has them."""

    def __init__(self, pack: Path, *, threads: int = 2) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        file = str(pack / "embed.onnx")
        self._session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        manifest = json.loads((pack / "manifest.json").read_text(encoding="utf-8"))
        self.shapes: list[Shape] = [(height, width) for height, width in manifest["input"]["shapes"]]
        wanted = ("alpha", "local_features", "regions")
        self.names = [out.name for out in self._session.get_outputs() if out.name in wanted]

    def __call__(self, picture: Rgb) -> dict[str, Float]:
        """Outputs by name for one picture of one of the shapes."""
        made = self._session.run(self.names, {"image": picture[None]})
        return {name: np.asarray(value[0], np.float32) for name, value in zip(self.names, made, strict=True)}


def recall(scores: Float) -> dict[str, float]:
    """scores: [Q, N], the answer of query i at i."""
    own = np.take_along_axis(scores, np.arange(len(scores))[:, None], axis=1)
    ranks = (scores > own).sum(axis=1)
    return {"R@1": round(float((ranks < 1).mean()), 4), "R@10": round(float((ranks < 10).mean()), 4)}


def figures(graph: Graph, scenes: Scenes, shares: Sequence[float]) -> dict[str, dict[str, float]]:
    """R@1 and R@10 per way of asking."""
    gallery = [graph(whole(picture, graph.shapes)) for picture in scenes.gallery]
    queries = np.stack([graph(whole(picture, graph.shapes))["alpha"] for picture in scenes.objects])
    rows = {"whole": recall(queries @ np.stack([out["alpha"] for out in gallery]).T)}
    if "regions" in graph.names:
        entries = np.stack([out["regions"] for out in gallery])
        rows["tile entries"] = recall(np.stack([tile_scores(query, entries).scores for query in queries]))
    square = min(graph.shapes, key=lambda shape: abs(np.log(shape[1] / shape[0])))
    for share in shares:
        scores = np.zeros((len(queries), len(gallery)), np.float32)
        for at, picture in enumerate(scenes.objects):
            canvas, where = object_canvas(picture, content_mask(picture), square, share)
            cells = object_cells(graph(canvas)["local_features"], where)
            scores[at] = [tile_match(cells, out["local_features"]).score for out in gallery]
        rows[f"cells of tiles, object at {share:g}"] = recall(scores)
    return rows


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--share", type=float, action="append", help=f"of the canvas; in use: {SHARE}")
    parser.add_argument("--queries", type=int, default=150)
    parser.add_argument("--distractors", type=int, default=600)
    args = parser.parse_args(argv)
    cache = PhotoCache.build(args.data, list_photos(args.data, limits=SET_LIMITS), args.cache)
    scenes = make_scenes(cache, args.queries, args.distractors)
    rows = figures(Graph(args.pack), scenes, args.share or SHARES)
    print(json.dumps({"queries": len(scenes.objects), "gallery": len(scenes.gallery), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
