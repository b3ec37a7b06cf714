"""Filters combined with searches at random: is the allowed set right, what is missed, how long does it take.

    python -m tests.bench.filters [--rows 100000] [--filters 500] [--json]

A library of made descriptors and facts is written to a temporary folder; its graph is built as after indexing. The
oracle of the allowed set is NumPy over the facts; that of the ranking is a scan of all rows. The bars: allowed
sets identical, rankings identical where the search scanned, recall@10 at least 0.99 where it asked the graph, p95
20 ms for filter and search together on 2 cores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from desktop_app.domain.features import PhotoFeatures
from desktop_app.domain.filters import FilterKind, PhotoFilter
from desktop_app.domain.metadata import PhotoMetadata
from desktop_app.domain.photos import FoundFile
from desktop_app.index.exact import ExactIndex
from desktop_app.index.gallery import Gallery
from desktop_app.index.hnsw import HnswIndex
from desktop_app.library.catalogue import Catalogue
from desktop_app.library.records import IndexedPhoto
from tests.bench.reporting import add_output_options, report

PACK, DIMENSION, BATCH = "made", 512, 2000
CAMERAS = [f"Camera {number}" for number in range(12)]
SIDES = np.array([(1000, 800), (3000, 3000), (3000, 4000), (9000, 3000)])


class CountedIndex(HnswIndex):
    """A graph that counts how often it is searched: where it is not, the answer comes of an exact scan."""

    asked = 0

    def search(self, query, k, *, allowed=None):  # type: ignore[no-untyped-def]
        self.asked += 1
        return super().search(query, k, allowed=allowed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--filters", type=int, default=500)
    parser.add_argument("--depth", type=int, default=1000, help="candidates of a search")
    parser.add_argument("--seed", type=int, default=3)
    add_output_options(parser)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    with tempfile.TemporaryDirectory() as place, Catalogue.create_or_open(Path(place) / "library") as catalogue:
        facts = make(catalogue, arguments.rows, rng)
        labels, vectors = catalogue.alphas(PACK)
        gallery = Gallery(labels, vectors)
        if gallery.wants_rebuild:
            gallery = gallery.with_frozen(CountedIndex.build(gallery.labels, vectors, threads=2))
        rows = [measure(catalogue, gallery, facts, rng, arguments)]
    report("filters combined with searches", rows, as_json=arguments.json)
    return 0


def make(catalogue: Catalogue, count: int, rng: np.random.Generator) -> dict[FilterKind, np.ndarray]:
    """Photos in clusters of near-alikes (cosine 0.7 to 0.9) with random facts; -> the facts by kind, by photo."""
    folder = catalogue.add_folder(b"/p")
    camera = rng.zipf(1.5, count) % len(CAMERAS)
    year, rating, side = rng.integers(2005, 2025, count), rng.integers(0, 6, count), rng.integers(0, 4, count)
    tags = rng.random((count, 6)) < np.array([0.3, 0.1, 0.03, 0.01, 0.003, 0.0005])
    centres = rng.normal(size=(count // 20 + 1, DIMENSION))
    # numbers are padded, so that the order of paths, of ids and of these arrays is the same
    files = [FoundFile(b"/p/%07d.jpg" % number, 1, 1) for number in range(count)]
    catalogue.record_scan(folder, files)
    while waiting := catalogue.pending(BATCH):
        items = []
        for record in waiting:
            number = int(record.name[:-4])
            alpha = centres[rng.integers(len(centres))] + rng.uniform(0.35, 0.6) * rng.normal(size=DIMENSION)
            items.append(
                IndexedPhoto(
                    record,
                    fingerprint=number.to_bytes(16, "big"),
                    width=int(SIDES[side[number]][0]),
                    height=int(SIDES[side[number]][1]),
                    features=PhotoFeatures((alpha / np.linalg.norm(alpha)).astype(np.float16), None, None),
                    metadata=PhotoMetadata(
                        taken=(year[number] - 1970) * 365.25 * 86400 + 86400 * 30,
                        camera=CAMERAS[camera[number]],
                        kind="JPEG",
                        rating=int(rating[number]),
                        keywords=tuple(f"tag {which}" for which in np.flatnonzero(tags[number])),
                    ),
                )
            )
        catalogue.commit_batch(PACK, items)
    return {
        FilterKind.CAMERA: camera,
        FilterKind.DATE: year,
        FilterKind.RATING: rating,
        FilterKind.ORIENTATION: side,
        FilterKind.TAG: tags,
    }


def measure(
    catalogue: Catalogue,
    gallery: Gallery,
    facts: dict[FilterKind, np.ndarray],
    rng: np.random.Generator,
    arguments: argparse.Namespace,
) -> dict[str, object]:
    exact = ExactIndex(gallery.labels, gallery.vectors_of(gallery.labels))
    graph = gallery.frozen
    spent, shares, recalls, scanned, wrong = [], [], [], [], 0
    for _ in range(arguments.filters):
        chosen, mask = random_filter(facts, rng)
        query = exact.vectors[rng.integers(len(exact))] + 0.5 * rng.normal(size=DIMENSION) / np.sqrt(DIMENSION)
        query = (query / np.linalg.norm(query)).astype(np.float32)
        before = graph.asked if isinstance(graph, CountedIndex) else 0
        started = time.perf_counter()
        allowed = catalogue.allowed(PACK, None, chosen)
        found, _ = gallery.search(query, arguments.depth, allowed=allowed.rows)
        spent.append(1000 * (time.perf_counter() - started))
        wrong += not np.array_equal(allowed.photos, np.flatnonzero(mask) + 1)
        truth, _ = exact.search(query, arguments.depth, allowed=allowed.rows)
        if isinstance(graph, CountedIndex) and graph.asked > before:
            recalls.append(np.isin(truth[:10], found[:10]).mean() if len(truth) else 1.0)
        else:
            scanned.append(np.array_equal(truth, found))
        shares.append(mask.mean())
    return {
        "photos": len(gallery),
        "filters": arguments.filters,
        "allowed sets wrong": wrong,
        "median share left": float(np.median(shares)),
        "scanned": len(scanned),
        "of them not identical": len(scanned) - sum(scanned),
        "by the graph": len(recalls),
        "recall@10 mean": float(np.mean(recalls)) if recalls else 1.0,
        "recall@10 least": float(np.min(recalls)) if recalls else 1.0,
        "median ms": float(np.median(spent)),
        "p95 ms": float(np.percentile(spent, 95)),
    }


def random_filter(facts: dict[FilterKind, np.ndarray], rng: np.random.Generator) -> tuple[PhotoFilter, np.ndarray]:
    """A filter of one to three kinds, and the photos it leaves by the facts."""
    choices: list[tuple[FilterKind, str]] = []
    mask = np.ones(len(facts[FilterKind.DATE]), np.bool_)
    for kind in rng.permutation(list(facts))[: rng.integers(1, 4)]:
        kind, values = FilterKind(kind), facts[FilterKind(kind)]
        if kind is FilterKind.TAG:
            which = int(rng.integers(values.shape[1]))
            choices.append((kind, f"tag {which}"))
            mask &= values[:, which]
        elif kind is FilterKind.RATING:
            least = int(rng.integers(0, 6))
            choices.append((kind, f"{least}+"))
            mask &= values >= least
        elif kind is FilterKind.DATE:
            low, high = sorted(int(year) for year in rng.integers(2005, 2025, 2))
            choices.append((kind, f"{low}..{high}"))
            mask &= (values >= low) & (values <= high)
        elif kind is FilterKind.CAMERA:
            several = rng.choice(len(CAMERAS), 2, replace=False)
            choices += [(kind, CAMERAS[which]) for which in several]
            mask &= np.isin(values, several)
        else:
            name = ("landscape", "square", "portrait")[which := int(rng.integers(3))]
            choices.append((kind, name))
            mask &= np.isin(values, [(0, 3), (1,), (2,)][which])
    return PhotoFilter(tuple(choices)), mask


if __name__ == "__main__":
    sys.exit(main())
