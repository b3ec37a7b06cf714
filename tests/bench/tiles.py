"""What searching in parts costs: times of indexing and of searching over those without it, memory and disk.

    python -m tests.bench.tiles [--data DIR ...] [--indexed 60] [--photos 24000] [--queries 50] [--json]

Indexing: photos of `--data` into a library of their own, then their parts. Searching: a library of made
descriptors, cells and tiles; the row names each step, medians in ms, and what all steps are to `global` alone.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from desktop_app.bootstrap import Options, open_library
from desktop_app.domain.features import TILES, TileEntries
from desktop_app.index.gallery import Gallery
from desktop_app.index.tile_index import TileIndex
from desktop_app.library.catalogue import Catalogue
from desktop_app.library.layout import LibraryLayout
from desktop_app.retrieval.cell_match import MOST_CELLS, cell_scores
from desktop_app.retrieval.fusion import LOCAL_DEPTH
from desktop_app.retrieval.standing import GLOBAL_DEPTH
from desktop_app.retrieval.tiles import best_tiles, quantised
from desktop_app.services.index_folder import index_folders, rescan
from desktop_app.services.search import TILE_DEPTH
from tests.bench.filters import DIMENSION, PACK, make
from tests.bench.indexing import photos_below
from tests.bench.reporting import add_output_options, report

BATCH = 500
GRID = (18, 18, 16)  # cells of a square photo, 128 bits each


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="*", type=Path, default=[], metavar="DIR")
    parser.add_argument("--indexed", type=int, default=60, help="photos of --data")
    parser.add_argument("--photos", type=int, default=24_000, help="of the library that is searched")
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--seed", type=int, default=3)
    add_output_options(parser)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    with tempfile.TemporaryDirectory() as place:
        if arguments.data:
            rows = [indexing(arguments.data, arguments.indexed, Path(place))]
            report("indexing with parts", rows, as_json=arguments.json)
        with Catalogue.create_or_open(Path(place) / "made") as catalogue:
            rows = [searching(catalogue, Path(place) / "made", arguments.photos, arguments.queries, rng)]
    report("searching in parts", rows, as_json=arguments.json)
    return 0


def indexing(folders: list[Path], count: int, place: Path) -> dict[str, object]:
    """Seconds for whole photos, then for their parts."""
    photos = place / "photos"
    photos.mkdir()
    for number, path in enumerate(photos_below(folders, count)):
        shutil.copy(path, photos / f"{number:05d}{path.suffix}")
    spent = []
    with open_library(Options(library=place / "library"), writer=True) as session:
        for job in (lambda: index_folders(session, [photos]), lambda: rescan(session)):
            started = time.perf_counter()
            for _ in job():
                pass
            spent.append(time.perf_counter() - started)
            session.set_tiles_wanted(True)
        described = session.reader.tiles_count()
    whole, parts = spent
    return {"photos": described, "whole s": whole, "parts s": parts, "ratio": (whole + parts) / whole}


def searching(
    catalogue: Catalogue, root: Path, count: int, queries: int, rng: np.random.Generator
) -> dict[str, object]:
    """Medians of the steps of a search."""
    make(catalogue, count, rng)
    before = catalogue.stats().catalogue_bytes
    catalogue.set_tiles_wanted(True)
    labels, vectors = catalogue.alphas(PACK)
    for start in range(0, count, BATCH):
        part = vectors[start : start + BATCH].astype(np.float32)[:, None]
        tiles = quantised(part + rng.normal(scale=0.03, size=(len(part), TILES, DIMENSION)).astype(np.float32))
        cells = rng.integers(0, 256, (len(part), *GRID), dtype=np.uint8)
        rows = labels[start : start + BATCH].tolist()
        catalogue.add_tiles([(row, TileEntries(one)) for row, one in zip(rows, tiles, strict=True)])
        catalogue._db.execute(f"UPDATE features SET has_local = 1 WHERE id BETWEEN {rows[0]} AND {rows[-1]}")
        catalogue.add_cells(list(zip(rows, cells, strict=True)))
    started = time.perf_counter()
    index = TileIndex(TILES).with_newer(*catalogue.tile_signs(PACK))
    loaded = time.perf_counter() - started
    gallery = Gallery(labels, vectors)
    spent: dict[str, list[float]] = {}
    asked = rng.integers(0, 256, (MOST_CELLS, GRID[2]), dtype=np.uint8)
    for at in rng.integers(0, count, queries):
        query = vectors[at].astype(np.float32) + rng.normal(scale=0.03, size=DIMENSION).astype(np.float32)
        query /= np.linalg.norm(query)
        rows, _ = timed(spent, "global ms", lambda query=query: gallery.search(query, GLOBAL_DEPTH))
        near = timed(spent, "signs ms", lambda query=query: index.search(query, TILE_DEPTH))
        kept = timed(spent, "read tiles ms", lambda near=near: catalogue.tile_descriptors(near))
        found = np.stack(list(kept.values()))
        timed(spent, "compare tiles ms", lambda query=query, found=found: best_tiles(query, found))
        photos = timed(spent, "read cells ms", lambda rows=rows: catalogue.cell_codes(rows[:LOCAL_DEPTH]))
        timed(spent, "compare cells ms", lambda photos=photos: cell_scores(asked, photos))
    medians = {name: float(np.median(values)) for name, values in spent.items()}
    return {
        "photos": count,
        **medians,
        "ratio": sum(medians.values()) / medians["global ms"],
        "load s": loaded,
        "memory MB": index.size / 1e6,
        "disk MB": (LibraryLayout(root).catalogue.stat().st_size - before) / 1e6,
    }


def timed(spent: dict[str, list[float]], name: str, work: Callable[[], object]):  # type: ignore[no-untyped-def]
    started = time.perf_counter()
    made = work()
    spent.setdefault(name, []).append(1000 * (time.perf_counter() - started))
    return made


if __name__ == "__main__":
    sys.exit(main())
