"""Fits the relevance that is shown, and decides whose evidence is shown, on held-out TRAIN pairs through the
application's own code.

    python -m models.indicative.judge PACK --data DIR --cache CACHE [--pairs 120]

Last step after `models.calibrate`: it sees the local relevance as it will be. The pairs are views, composites and
strangers (half of them near) of the held-out side, other ones than the network's own thresholds were chosen on.
relevance = logistic(bias + network x logit of the network + local x logit of the local relevance); the bias lets 4
% of the strangers through. Evidence comes from the network where mean (best mIoU, pointing) over composites is
higher than with the local match.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from desktop_app.bootstrap import Options, open_engine
from desktop_app.domain.evidence import EvidenceSource
from desktop_app.domain.query import PixelPicture, QueryItem
from desktop_app.retrieval.indicative import GRID, RELEVANT, IndicativeParameters
from desktop_app.services.embedded_query import EmbeddedItem, QueryEmbedder
from desktop_app.services.engine import Engine, IndicativePart
from desktop_app.services.explain import pair_evidence
from models.data import Rgb
from models.indicative.graph import FILE
from models.indicative.measure import relevance_figures, relevance_threshold
from models.indicative.pairs import PairMaker, PairSet
from models.indicative.settings import Settings
from models.indicative.train import open_photos
from models.manifest import add_part

ACCEPTED_STRANGERS = 0.04
SEED = 77  # not that of the pairs the network's own thresholds come from
CERTAIN = 30.0
Floats = NDArray[np.float64]


def measured(engine: Engine, pictures: Sequence[Rgb], pairs: PairSet) -> dict[str, Any]:
    """What both methods say of pairs (whose result and query are positions in `pictures`): `network` and `local`,
    [n] logits of relevance, and `maps` per source: P of every composite as if the pair were certain."""
    part = engine.indicative
    if part is None:
        raise ValueError(f"the pack {engine.embedder.pack_name} has no indicative network")
    plain = replace(engine, indicative=None)
    certain = IndicativeParameters(judges=True, network=0.0, local=0.0, bias=CERTAIN)
    trusting = replace(engine, indicative=IndicativePart(part.network, certain))
    raw = replace(engine, indicative=IndicativePart(part.network, IndicativeParameters()))
    embedder = QueryEmbedder(None)

    def embedded(at: int) -> EmbeddedItem:
        return embedder.embed(QueryItem(PixelPicture(pictures[at], "picture")), engine)

    network, local = [], []
    maps: dict[str, list[NDArray[np.float32]]] = {source.value: [] for source in EvidenceSource}
    composites = set(pairs.of_kind("composite").tolist())
    for row in range(len(pairs)):
        asked, answered = embedded(int(pairs.query[row])), embedded(int(pairs.result[row]))
        local.append(_logit(pair_evidence(asked, answered, plain).relevance))
        alone = pair_evidence(asked, answered, raw, source=EvidenceSource.INDICATIVE)
        network.append(_logit(alone.relevance))
        if row in composites:
            for source in EvidenceSource:
                maps[source.value].append(pair_evidence(asked, answered, trusting, source=source).p)
    return {"network": np.array(network), "local": np.array(local), "maps": maps}


def fitted(found: dict[str, Any], pairs: PairSet) -> dict[str, float]:
    """network, local and bias. A weight that would be negative is left out."""
    relevant = np.isin(pairs.kind, pairs.kind[pairs.of_kind("view", "composite")])
    inputs = np.stack([found["network"], found["local"]], axis=1)
    weights = LogisticRegression(C=1.0, class_weight="balanced").fit(inputs, relevant).coef_[0]
    for at in np.flatnonzero(weights < 0):
        kept = 1 - at
        alone = LogisticRegression(C=1.0, class_weight="balanced").fit(inputs[:, [kept]], relevant).coef_[0, 0]
        weights = np.zeros(2)
        weights[kept] = max(float(alone), 0.05)
    scores = inputs @ weights
    bias = -relevance_threshold(scores, relevant, share=ACCEPTED_STRANGERS)
    return {"network": round(float(weights[0]), 5), "local": round(float(weights[1]), 5), "bias": round(bias, 5)}


def compared(found: dict[str, Any], pairs: PairSet, fit: dict[str, float]) -> dict[str, float]:
    """Relevance of each alone and together, and of each source best mIoU and pointing over composites."""
    relevant = np.isin(pairs.kind, pairs.kind[pairs.of_kind("view", "composite")])
    together = fit["network"] * found["network"] + fit["local"] * found["local"]
    row: dict[str, float] = {}
    for name, scores in (("network", found["network"]), ("local", found["local"]), ("together", together)):
        figures = relevance_figures(scores, relevant)
        row |= {f"{name}_auc": figures["auc"], f"{name}_accepted": figures["accepted"]}
    composites = pairs.of_kind("composite")
    masks = [pairs.result_mask[at].astype(np.float32) for at in composites]
    relevance = 1.0 / (1.0 + np.exp(-np.clip(together[composites] + fit["bias"], -CERTAIN, CERTAIN)))
    shown = np.where(relevance >= RELEVANT, relevance, 0.0).astype(np.float32)
    for source, maps in found["maps"].items():
        as_shown = [scale * p for scale, p in zip(shown, maps, strict=True)]
        row |= {f"{source}_{name}": value for name, value in map_figures(as_shown, masks).items()}
        certain = map_figures(maps, masks)
        row |= {f"{source}_{name}_if_certain": certain[name] for name in ("best_mIoU", "pointing")}
    return {name: round(value, 4) for name, value in row.items()}


def map_figures(maps: Sequence[NDArray[np.float32]], masks: Sequence[NDArray[np.float32]]) -> dict[str, float]:
    """best_mIoU, its threshold and pointing of maps on grids of their own, brought to 14 x 14 nearest."""
    size = (GRID.columns, GRID.rows)
    square = [cv2.resize(one, size, interpolation=cv2.INTER_LINEAR) for one in maps]
    every = {
        float(t): float(np.mean([iou_of(p, mask, float(t)) for p, mask in zip(square, masks, strict=True)]))
        for t in np.round(np.arange(0.02, 1.0, 0.02), 2)
    }
    best = max(every, key=every.__getitem__)
    hits = [p.max() > 0 and mask.ravel()[int(p.argmax())] >= 0.5 for p, mask in zip(square, masks, strict=True)]
    return {"best_mIoU": every[best], "threshold": best, "pointing": float(np.mean(hits))}


def iou_of(p: NDArray[np.float32], mask: NDArray[np.float32], threshold: float) -> float:
    """Intersection over union of P >= threshold (P as it is shown) with cells at least half covered."""
    seen, there = p >= threshold, mask >= 0.5
    union = int((seen | there).sum())
    return float((seen & there).sum() / union) if union else 0.0


def settle(pack: Path, pictures: Sequence[Rgb], pairs: PairSet, *, threads: int = 2) -> dict[str, Any]:
    """Measure, fit and write: the section "indicative" gets network, local, bias, evidence, judges and the figures
    under "compared"; map_thresholds get that of either source. Returns the section."""
    engine = open_engine(Options(threads=threads), str(pack))
    try:
        found = measured(engine, pictures, pairs)
    finally:
        engine.embedder.close()
    fit = fitted(found, pairs)
    row = compared(found, pairs, fit)
    better = {s.value: row[f"{s.value}_best_mIoU"] + row[f"{s.value}_pointing"] for s in EvidenceSource}
    manifest = json.loads((pack / "manifest.json").read_text(encoding="utf-8"))
    section = manifest["indicative"] | fit
    section["judges"] = True
    section["evidence"] = better["indicative"] > better["local"]
    section["compared"] = row
    thresholds = {s.value: row[f"{s.value}_threshold"] for s in EvidenceSource}
    kept = manifest.get("map_thresholds", {})
    add_part(pack, FILE, {"indicative": section, "map_thresholds": {**kept, **thresholds}})
    return dict(section)


def held_out_pictures(
    pack: Path, data: Path, cache_folder: Path, *, counts: dict[str, int]
) -> tuple[list[Rgb], PairSet]:
    """Pairs of the held-out side as whole pictures: result and query of the set are positions in the list."""
    maker, rows = open_photos(Settings(), pack, data, cache_folder, held_out=True)
    pictures: list[Rgb] = []

    def form(rgb: Rgb) -> NDArray[np.generic]:
        pictures.append(rgb)
        return np.asarray(len(pictures) - 1)

    whole = PairMaker(maker.decode, maker.labels, form, maker.alpha)
    return pictures, whole.make(rows, counts, SEED, pool=300, say=lambda _: None)


def _logit(relevance: float) -> float:
    inside = min(max(relevance, 1e-6), 1.0 - 1e-6)
    return float(np.log(inside / (1.0 - inside)))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument(
        "--pairs", type=int, default=120, help="composites; as many views, twice as many strangers"
    )
    args = parser.parse_args(argv)
    counts = {"view": args.pairs // 2, "composite": args.pairs, "stranger": 2 * args.pairs}
    pictures, pairs = held_out_pictures(args.pack, args.data, args.cache, counts=counts)
    print(json.dumps(settle(args.pack, pictures, pairs), indent=1))


if __name__ == "__main__":
    main()
