"""What labels add on classes that are seen: a linear adapter learnt on the labels of a TRAIN set.

    python -m models.evaluate.labelled FOLDER --pack PACK --train DIR --cache CACHE --set imagenette-train
                                       [--photos 1500] [--queries N]

The adapter is the one of `indicium packs adapt`; the pack itself knows nothing of those labels. FOLDER's direct
children are the same classes' unseen photos. Prints one JSON document: figures without and with the labels.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from desktop_app.evaluation.fit_adapter import adapted, fit_adapter
from models.data import SET_LIMITS, PhotoCache, list_photos
from models.evaluate.alphas import AlphaGraph, Alphas, folder_pictures
from models.evaluate.systems import BASE, by_vectors, compare, per_query


def labelled_rows(cache: PhotoCache, name: str, limit: int, *, seed: int = 0) -> list[int]:
    """Positions of at most `limit` labelled photos of a set, drawn at random. Raises ValueError without any."""
    rows = [at for at, photo in enumerate(cache.photos) if photo.set == name and photo.label]
    if not rows:
        sets = sorted({photo.set for photo in cache.photos if photo.label})
        raise ValueError(f"{name}: no labelled photos of this set; there are {', '.join(sets) or 'none at all'}")
    return [int(row) for row in np.random.default_rng(seed).permutation(rows)[:limit]]


def figures(photos: Alphas, training: Alphas) -> dict[str, object]:
    """The rows of `photos` without and with an adapter that is learnt on `training`."""
    fitted = fit_adapter(training.vectors, training.classes.tolist())
    systems = {BASE: photos.vectors, "with labels": adapted(photos.vectors.astype(np.float64), fitted.weight)}
    measured = {name: per_query(by_vectors(x, photos.queries), photos.classes) for name, x in systems.items()}
    strength = {"shrinkage": fitted.shrinkage, "stretch": fitted.stretch}
    return {
        "photos": len(photos.vectors),
        "queries": len(photos.queries),
        "adapter": strength | {"photos": len(training.vectors), "installed": fitted.better},
        "systems": compare(measured),
    }


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--set", required=True)
    parser.add_argument("--photos", type=int, default=1500)
    parser.add_argument("--queries", type=int)
    args = parser.parse_args(argv)
    cache = PhotoCache.build(args.train, list_photos(args.train, limits=SET_LIMITS), args.cache)
    try:
        rows = labelled_rows(cache, args.set, args.photos)
    except ValueError as problem:
        parser.error(str(problem))
    graph = AlphaGraph(args.pack)
    learnt = np.stack([graph(cache.decode(row)) for row in rows])
    training = Alphas.of(learnt, [cache.photos[row].label or "" for row in rows], None)
    pictures, names = folder_pictures(args.folder)
    photos = Alphas.of(np.stack([graph(picture) for picture in pictures]), names, args.queries)
    print(json.dumps(figures(photos, training), indent=1))


if __name__ == "__main__":
    main()
