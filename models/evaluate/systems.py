"""Every ranking system on the same photos and the same queries, with paired bootstrap intervals.

    python -m models.evaluate.systems FOLDER --pack PACK [--teacher FILE.tflite] [--train DIR --cache CACHE]
                                      [--queries N] [--queries-out FILE.npz]

FOLDER's direct children are the classes; every photo (or N of them, class-stratified) asks in the rest. With
`--train`, baselines that learn something (SIFT-VLAD, the teacher's centring) learn it there. Prints one JSON
document:
mAP, R@1 and P@20 per system, and the difference of each to the pack's descriptor with its 95 % interval.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.results import Stage
from desktop_app.evaluation.bootstrap import paired_bootstrap
from desktop_app.evaluation.folders import SEED, choose_queries
from desktop_app.evaluation.measures import average_precision, precision_at, recall_at
from desktop_app.evaluation.ranking import Gallery, rankings
from desktop_app.retrieval.fusion import descending
from desktop_app.retrieval.parameters import RetrievalParameters
from models.data import SET_LIMITS, PhotoCache, Rgb, list_photos, read_rgb, whole
from models.evaluate.baselines import SiftVlad, colour_histogram, described, perceptual_hash
from models.evaluate.holdout import GraphEmbedder
from models.evaluate.teacher import centre_crop, pictures_below
from models.export import training_pictures
from models.linear import l2, pca
from models.teacher import Teacher

MEASURES = ("mAP", "R@1", "P@20")
BASE = "alpha"
TRAIN_PHOTOS = 1500
"""Photos that the learnt baselines learn from."""

Order = NDArray[np.int64]
Ranked = Iterator[tuple[int, Order]]


@dataclass(frozen=True, eq=False)
class Collection:
    """Photos of known classes. pictures: [N]; classes: [N]; queries: positions that ask."""

    pictures: Sequence[Rgb]
    classes: NDArray[np.int64]
    queries: NDArray[np.int64]

    @classmethod
    def read(cls, folder: Path, queries: int | None, *, long_side: int = 512) -> Collection:
        """The readable pictures of `folder`, whose direct children are the classes, scaled to `long_side`."""
        pictures, names = [], []
        for path in pictures_below(folder):
            rgb = read_rgb(path, long_side=long_side)
            if rgb is not None:
                pictures.append(rgb)
                names.append(path.relative_to(folder).parts[0])
        classes = np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)
        return cls(pictures, classes, choose_queries(classes, queries, SEED))


def by_vectors(vectors: NDArray[np.floating], queries: NDArray[np.int64]) -> Ranked:
    """Every query's order of all other photos by inner product. vectors: [N, D]."""
    wide = np.asarray(vectors, np.float32)
    for query in queries:
        order = descending(wide @ wide[query])
        yield int(query), order[order != query]


def per_query(ranked: Ranked, classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """[Q, 3]: average precision, recall at 1, precision at 20 of every query, in the order of the queries."""
    rows = []
    for query, order in ranked:
        relevant = classes[order] == classes[query]
        rows.append((average_precision(relevant), recall_at(relevant, 1), precision_at(relevant, 20)))
    return np.array(rows, np.float64)


def pack_systems(pack: Path, collection: Collection) -> dict[str, Callable[[], Ranked]]:
    """The rankings that a pack's outputs allow, each from the same embedding of the photos."""
    manifest = json.loads((pack / "manifest.json").read_text(encoding="utf-8"))
    parameters = RetrievalParameters.from_manifest(manifest)
    shapes = [(height, width) for height, width in manifest["input"]["shapes"]]
    embedder = GraphEmbedder(pack / "embed.onnx", pack / "code.onnx")
    features = embedder.features([whole(picture, shapes) for picture in collection.pictures])
    gallery, asked = Gallery.of(features), collection.queries
    local = (Stage.GLOBAL, Stage.LOCAL)
    systems: dict[str, Callable[[], Ranked]] = {
        BASE: lambda: by_vectors(gallery.alphas, asked),
        "alpha + local match": lambda: rankings(gallery, asked, stages=local, parameters=parameters),
    }
    if gallery.betas is not None:
        betas = gallery.betas
        systems["beta"] = lambda: by_vectors(betas, asked)
        systems["alpha and beta side by side"] = lambda: by_vectors(
            np.concatenate([gallery.alphas, betas], axis=1), asked
        )
    return systems


def baseline_systems(
    collection: Collection, training: Sequence[Rgb], teacher: Teacher | None
) -> dict[str, Callable[[], Ranked]]:
    """The classical descriptors, and the teacher with and without centring."""
    asked = collection.queries

    def ranked(vectors: NDArray[np.floating]) -> Callable[[], Ranked]:
        return lambda: by_vectors(vectors, asked)

    systems = {
        "perceptual hash": ranked(described(collection.pictures, perceptual_hash)),
        "colour histogram": ranked(described(collection.pictures, colour_histogram)),
    }
    if training:
        systems["SIFT-VLAD"] = ranked(described(collection.pictures, SiftVlad(training)))
    if teacher is not None:
        pooled = teacher_vectors(teacher, collection.pictures)
        systems["teacher, average pool"] = ranked(pooled)
        if training:
            mean, axes, _ = pca(teacher_vectors(teacher, training), 512)
            systems["teacher, centred, PCA 512"] = ranked(l2((pooled - mean) @ axes.T))
    return systems


def teacher_vectors(teacher: Teacher, pictures: Sequence[Rgb]) -> NDArray[np.float64]:
    """[N, D] L2-normalised average pools of the centre crops."""
    return l2(
        np.concatenate([teacher(centre_crop(rgb, teacher.side)[None]).pooled for rgb in pictures]).astype(float)
    )


def compare(measured: Mapping[str, NDArray[np.float64]], *, base: str = BASE) -> dict[str, object]:
    """Means per system and, against `base`, paired differences with their 95 % bootstrap intervals."""
    rows: dict[str, object] = {}
    for name, values in measured.items():
        row: dict[str, object] = {key: round(float(values[:, i].mean()), 4) for i, key in enumerate(MEASURES)}
        if name != base and base in measured:
            row["minus " + base] = {
                key: [round(x, 4) for x in (found.difference, found.low, found.high)]
                for i, key in enumerate(MEASURES)
                for found in (paired_bootstrap(values[:, i], measured[base][:, i]),)
            }
        rows[name] = row
    return rows


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--teacher", type=Path)
    parser.add_argument("--train", type=Path, help="photos to learn from")
    parser.add_argument("--cache", type=Path, help="folder for the prepared photos of --train")
    parser.add_argument("--queries", type=int)
    parser.add_argument("--queries-out", type=Path, help="keep every query's figures in this .npz file")
    args = parser.parse_args(argv)
    collection = Collection.read(args.folder, args.queries)
    training: Sequence[Rgb] = []
    if args.train:
        cache = PhotoCache.build(args.train, list_photos(args.train, limits=SET_LIMITS), args.cache)
        training = training_pictures(cache, None, TRAIN_PHOTOS)
    teacher = Teacher(args.teacher) if args.teacher else None
    systems = pack_systems(args.pack, collection) | baseline_systems(collection, training, teacher)
    measured = {name: per_query(rank(), collection.classes) for name, rank in systems.items()}
    if args.queries_out:
        np.savez(args.queries_out, **measured)  # type: ignore[arg-type]
    document = {"photos": len(collection.pictures), "queries": len(collection.queries)}
    print(json.dumps(document | {"systems": compare(measured)}, indent=1))


if __name__ == "__main__":
    main()
