"""What the 128-bit codes of LM-BiHalf lose: S0's local match on codes against the vectors they stand for.

    python -m models.evaluate.codes PACK --data DIR --cache CACHE [--limit 300] [--power 3 --power 6]

On the held-out TRAIN classes, every photo a query in the rest of its set. Rows: `codes` (what is stored, by
Hamming distance), `asymmetric` (the query's real-valued logits against the gallery's bits), `int8` (stored
centroids) and `float` (centroids before they are stored). Each is the local match alone, which shows what a code
keeps, and the sum of the descriptor's cosine and `weight` times the match.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import Embedding, LocalCodes
from desktop_app.evaluation.measures import average_precision, recall_at
from desktop_app.retrieval.clusters import CLUSTERS, CodeLogits, make_local_codes, spherical_kmeans
from desktop_app.retrieval.local_match import (
    PackedCentroids,
    centroid_similarity,
    code_similarity,
    pack_centroids,
    pack_codes,
)
from desktop_app.retrieval.parameters import MatchParameters
from models.data import SET_LIMITS, PhotoCache, list_photos, whole
from models.evaluate.holdout import GraphEmbedder, holdout_rows

POWERS = (3.0, 6.0)
WEIGHTS = (0.3, 1.0, 3.0)
COMPARED = ("codes", "asymmetric", "int8", "float")


def match_tables(
    embeddings: Sequence[Embedding], code_logits: CodeLogits, power: float
) -> dict[str, NDArray[np.float32]]:
    """The local match of every photo with every other, [N, N] float32 in 0..1, by what is compared.

    Raises ValueError for a pack without local features or without a code layer.
    """
    stored: list[LocalCodes] = []
    floats: list[LocalCodes] = []
    logits: list[LocalCodes] = []
    for embedding in embeddings:
        codes = make_local_codes(embedding, code_logits)
        if codes is None or embedding.local_features is None:
            raise ValueError("a pack without local features has no codes to measure")
        cells = embedding.local_features
        grouped = spherical_kmeans(cells.reshape(1, -1, cells.shape[2]), CLUSTERS)
        centroids = grouped.centroids[0][grouped.used[0]]
        values = code_logits(centroids)
        if values is None:
            raise ValueError("a pack without a code layer has no codes to measure")
        stored.append(codes)
        # The match takes vectors of any length: here they are not rounded to the int8 that a library stores.
        floats.append(replace(codes, centroids=centroids))  # type: ignore[arg-type]
        logits.append(replace(codes, centroids=values))  # type: ignore[arg-type]
    packed, int8 = pack_codes(stored), pack_centroids(stored)
    parameters = MatchParameters(power=power)
    galleries: dict[str, tuple[list[LocalCodes], PackedCentroids]] = {
        "asymmetric": (logits, _packed(logits, signs=True)),
        "int8": (stored, int8),
        "float": (floats, _packed(floats, signs=False)),
    }
    tables = {"codes": np.stack([code_similarity(query, packed, parameters=parameters) for query in stored])}
    for name, (queries, gallery) in galleries.items():
        tables[name] = np.stack([centroid_similarity(query, gallery, parameters=parameters) for query in queries])
    return tables


def _packed(photos: Sequence[LocalCodes], *, signs: bool) -> PackedCentroids:
    """The vectors of photos side by side, without rounding them; signs: +1 and -1 in their place."""
    units = np.zeros((len(photos), CLUSTERS, photos[0].centroids.shape[1]), dtype=np.float32)
    shares = np.zeros((len(photos), CLUSTERS), dtype=np.float32)
    for row, photo in enumerate(photos):
        vectors = np.where(photo.centroids >= 0, 1.0, -1.0) if signs else photo.centroids
        units[row] = vectors[np.where(np.arange(CLUSTERS) < len(vectors), np.arange(CLUSTERS), 0)]
        shares[row, : len(vectors)] = 1.0 / len(vectors)
    return PackedCentroids(units / np.linalg.norm(units, axis=2, keepdims=True), shares)


def ranked_figures(scores: NDArray[np.floating], labels: Sequence[str]) -> dict[str, float]:
    """mAP and R@1 of a table of scores [N, N], every photo with a partner a query among all others."""
    names = np.array(labels)
    found = []
    for query in range(len(names)):
        order = np.argsort(-scores[query], kind="stable")
        relevant = names[order[order != query]] == names[query]
        if relevant.any():
            found.append((average_precision(relevant), recall_at(relevant, 1)))
    mean_ap, first = (float(value) for value in np.mean(found, axis=0))
    return {"mAP": mean_ap, "R@1": first}


def compared_rows(
    alphas: NDArray[np.float32], tables: Mapping[str, NDArray[np.float32]], labels: Sequence[str]
) -> dict[str, dict[str, float]]:
    """The figures of the descriptor and of each table by name: alone, and added with the best of WEIGHTS."""
    cosines = alphas @ alphas.T
    rows = {"descriptor": ranked_figures(cosines, labels)}
    for name, table in tables.items():
        sums = {weight: ranked_figures(cosines + weight * table, labels) for weight in WEIGHTS}
        best = max(sums, key=lambda weight: sum(sums[weight].values()))
        fused = {f"fused {measure}": value for measure, value in sums[best].items()}
        rows[name] = {**ranked_figures(table, labels), **fused, "weight": best}
    return rows


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=300, help="at most so many photos of each set")
    parser.add_argument("--power", type=float, action="append", help="of u(s); default: 3 and 6")
    args = parser.parse_args(argv)
    manifest = json.loads((args.pack / "manifest.json").read_text(encoding="utf-8"))
    shapes = [(height, width) for height, width in manifest["input"]["shapes"]]
    cache = PhotoCache.build(args.data, list_photos(args.data, limits=SET_LIMITS), args.cache)
    roles = ("alpha", "local_features")
    embedder = GraphEmbedder(args.pack / "embed.onnx", args.pack / "code.onnx", roles=roles)
    document: dict[str, dict[str, dict[str, float]]] = {}
    for name, rows in holdout_rows(cache, args.limit).items():
        embeddings = list(embedder.embed([whole(cache.decode(row), shapes) for row in rows]))
        labels = [cache.photos[row].label or "" for row in rows]
        alphas = np.stack([embedding.alpha for embedding in embeddings])
        found: dict[str, dict[str, float]] = {}
        for power in args.power or POWERS:
            tables = match_tables(embeddings, embedder.code_logits, power)
            named = {f"{compared}, power {power:g}": table for compared, table in tables.items()}
            found |= compared_rows(alphas, named, labels)
        document[name] = found
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
