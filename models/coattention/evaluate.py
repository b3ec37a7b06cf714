"""Co-attention against known truth: CANet and the clusters of S0 on pairs made from a folder's photos.

    python -m models.coattention.evaluate --pack PACK --folder DIR [--photos N]

Matching pairs: an object of one photo pasted into the next, and a photo under a homography. Prints per method the
AUC of the result's map inside what both show against outside, the AUC of the score cos(v_c, GeM(X_q)) of matching
against other pairs, and the mean of the map where the pair matches (inside, outside) and where it does not. The
clusters' map is the one of S0, before it is multiplied by a relevance.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from desktop_app.inference.coattention_net import CoAttentionNet
from desktop_app.inference.manifest import parse_manifest
from desktop_app.retrieval.coattention import attention_map, cluster_attention, cluster_map
from desktop_app.retrieval.parameters import CoAttentionParameters
from desktop_app.retrieval.pooling import gem
from models.coattention.pairs import MapPairs, make_pairs
from models.coattention.train import Settings, map_of
from models.data import read_rgb
from models.evaluate.holdout import GraphEmbedder
from models.evaluate.teacher import pictures_below

Float = NDArray[np.float32]
Attend = Callable[[Float, Float], Float]
CLUSTERS = (16, 32, 64)
APPLICATION = "9999"  # any pack is new enough to be measured


def by_clusters(parameters: CoAttentionParameters) -> Attend:
    """S0's clustering co-attention as a function of a map and a query vector."""

    def attend(local_map: Float, query: Float) -> Float:
        clustered = cluster_map(local_map, parameters)
        return attention_map(cluster_attention(query, clustered, parameters), clustered)

    return attend


def measured(pairs: MapPairs, attend: Attend) -> dict[str, float]:
    """The figures of one method."""
    maps, scores = [], []
    for query, result in zip(pairs.query, pairs.result, strict=True):
        asked, answering = gem(query.astype(np.float32)), result.astype(np.float32)
        shown = attend(answering, asked)
        maps.append(shown)
        scores.append(float(gem(answering, weights=shown) @ asked))
    stacked, matching = np.stack(maps), pairs.matches
    inside = pairs.labels[matching, 1] >= 0.5
    return {
        "cells AUC": float(roc_auc_score(inside.ravel(), stacked[matching].ravel())),
        "score AUC": float(roc_auc_score(matching, scores)),
        "mean inside": float(stacked[matching][inside].mean()),
        "mean outside": float(stacked[matching][~inside].mean()),
        "mean of strangers": float(stacked[~matching].mean()),
    }


def rows(pack: Path, folder: Path, photos: int) -> dict[str, dict[str, float]]:
    """The figures of every method that the pack has. Raises ValueError when the folder has too few photos."""
    paths = pictures_below(folder)
    chosen = np.random.default_rng(0).permutation(len(paths))[:photos]
    pictures = [rgb for at in chosen if (rgb := read_rgb(paths[at], long_side=512)) is not None]
    if len(pictures) < 4:
        raise ValueError(f"{folder} holds {len(pictures)} pictures; pairs need four and more")
    embedder = GraphEmbedder(pack / "embed.onnx", pack / "code.onnx")
    pairs = make_pairs(
        pictures,
        [str(number) for number in range(len(pictures))],
        lambda rgb: map_of(embedder, rgb),
        side=Settings.side,
        seed=1,
    )
    manifest = parse_manifest(
        (pack / "manifest.json").read_text(encoding="utf-8"), pack=pack.name, application=APPLICATION
    )
    found = {
        f"clusters, K = {count}": measured(pairs, by_clusters(replace(CoAttentionParameters(), clusters=count)))
        for count in CLUSTERS
    }
    if "coattention" in manifest.raw:
        found["CANet"] = measured(pairs, CoAttentionNet(pack, manifest, threads=2).attend)
    return {name: {key: round(value, 4) for key, value in row.items()} for name, row in found.items()}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=120)
    args = parser.parse_args(argv)
    print(json.dumps({"rows": rows(args.pack, args.folder, args.photos)}, indent=1))


if __name__ == "__main__":
    main()
