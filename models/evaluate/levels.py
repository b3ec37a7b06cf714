"""Measures what scores mean in a library of everyday photos, for libraries that were not measured yet.

    python -m models.evaluate.levels PACK --data DIR --cache CACHE [--photos 1500] [--asked 240] [--write]

A library of TRAIN photos of all kinds is made and measured as every library is after indexing
(`services.measure_scores`), with its neighbour graph and without. `--write` puts the levels into the manifest's
section `levels`; a library that is too small to say anything about itself, or whose levels were measured with
another state of the pack, is shown by them. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import numpy as np

from desktop_app.bootstrap import Options, open_library
from desktop_app.domain.progress import Progress
from desktop_app.services.index_folder import index_folders
from desktop_app.services.measure_scores import measure_scores
from models.data import SET_LIMITS, PhotoCache, list_photos
from models.manifest import put_sections

SETS = (
    "bsds",
    "caltech101",
    "cars",
    "clothing",
    "flickr8k",
    "grocery",
    "imagenette-train",
    "in1k-samples",
    "in1k-second",
    "textures",
)
"""Of photos as people have them: no drawings, nothing smaller than 150 pixels."""


_Result = TypeVar("_Result")


def finished(work: Generator[Progress, None, _Result]) -> _Result:
    """What a service returns in the end."""
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]


def chosen_files(data: Path, cache: PhotoCache, count: int, seed: int = 0) -> list[Path]:
    """About as many photos of every set."""
    random = np.random.default_rng(seed)
    files: list[Path] = []
    for name in SETS:
        paths = [data / photo.path for photo in cache.photos if photo.set == name]
        files += [paths[at] for at in random.permutation(len(paths))[: count // len(SETS)]]
    return files


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=1500)
    parser.add_argument("--asked", type=int, default=240, help="made views that are asked")
    parser.add_argument("--write", action="store_true", help="put the levels into the manifest")
    args = parser.parse_args(argv)
    cache = PhotoCache.build(args.data, list_photos(args.data, limits=SET_LIMITS), args.cache)
    levels: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        photos, library = Path(temporary) / "photos", Path(temporary) / "library"
        photos.mkdir()
        for number, path in enumerate(chosen_files(args.data, cache, args.photos)):
            (photos / f"{number:05}{path.suffix}").symlink_to(path.absolute())
        options = Options(library=library, pack=str(args.pack))
        with open_library(options) as session:
            finished(index_folders(session, [photos]))
        for _ in range(2):
            with open_library(options) as session:
                found = finished(measure_scores(session, asked=args.asked))
            chains = {} if found is None else found.chains
            levels |= {"+".join(stages): asdict(one) for stages, one in chains.items()}
            for graph in library.glob("index/*.graph*"):
                graph.unlink()
    if args.write:
        put_sections(args.pack, {"levels": levels})
    print(json.dumps(levels, indent=1))


if __name__ == "__main__":
    main()
