"""Chooses how much the stages `graph` and `rerank` count in a search, on held-out TRAIN classes.

    python -m models.evaluate.stages PACK --data DIR --cache CACHE [--limit 400] [--write]

Every held-out photo asks in the rest of its set, itself left out of everything, through the stages as a search
runs them. Chosen by the mean of mAP and R@1 over the sets, where what a set loses counts twice: the share of the
smoothed cosine and the floor below which a neighbour says nothing, then the weight of two-model re-ranking
(`models.evaluate.two_model --write` comes before). `--write` puts the choice into the manifest's sections `graph`
and `fusion`. Prints one JSON document with the figures of every stage.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import PhotoFeatures
from desktop_app.domain.results import Stage
from desktop_app.evaluation.measures import average_precision, precision_at, recall_at
from desktop_app.evaluation.ranking import Asked, Gallery, graph_scores, match_scores, rerank_changes
from desktop_app.retrieval.fusion import descending
from desktop_app.retrieval.parameters import GraphParameters, RetrievalParameters
from desktop_app.retrieval.reranking import DEPTH
from desktop_app.retrieval.standing import Standing
from models.data import SET_LIMITS, PhotoCache, list_photos, whole
from models.evaluate.holdout import GraphEmbedder, holdout_rows
from models.evaluate.systems import MEASURES
from models.manifest import put_sections

MIXES = (0.0, 0.2, 0.35, 0.5, 0.65, 0.8)
FLOORS = (0.0, 0.2, 0.4)
WEIGHTS = (0.0, 0.15, 0.3, 0.5, 0.75, 1.0)
LOSS_COUNTS = 2.0
LIMIT = 400

Float = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Search:
    """One query's view of all other photos, in the order of `global`: which are of its class, and what every stage
    says of them. smooth: by floor. local, nearer: None where the pack has no such stage."""

    relevant: NDArray[np.bool_]
    cosines: Float
    smooth: dict[float, Float]
    local: Float | None
    nearer: Float | None

    def found(self, parameters: RetrievalParameters, stages: Sequence[Stage]) -> NDArray[np.float64]:
        """[3] average precision, recall at 1, precision at 20 after `stages`."""
        standing = Standing.first(np.arange(len(self.cosines)), self.cosines)
        if Stage.GRAPH in stages:
            standing = standing.with_graph(self.smooth[parameters.graph.floor], parameters.graph)
        if Stage.LOCAL in stages and self.local is not None:
            standing = standing.with_local(self.local[standing.rows], parameters.fusion)
        if Stage.RERANK in stages and self.nearer is not None and parameters.rerank is not None:
            nearer = self.nearer[standing.rows[: parameters.rerank.depth]]
            standing = standing.with_rerank(nearer, parameters.fusion)
        right = self.relevant[standing.rows]
        return np.array([average_precision(right), recall_at(right, 1), precision_at(right, 20)])


def searches(
    features: Sequence[PhotoFeatures], labels: Sequence[str], parameters: RetrievalParameters
) -> list[Search]:
    """All searches of one set in which something can be found."""
    gallery = Gallery.of(features)
    names = np.array(labels)
    made = []
    for query in (at for at, name in enumerate(labels) if labels.count(name) > 1):
        asked = Asked.among(gallery, query)
        cosines = gallery.alphas @ asked.alpha
        order = descending(cosines)
        order = order[order != query]
        standing = Standing.first(order, cosines[order])
        smooth = {
            floor: graph_scores(gallery, asked, order, replace(parameters.graph, floor=floor)) for floor in FLOORS
        }
        codes = asked.codes
        nearer = None
        if parameters.rerank is not None and gallery.betas is not None:
            whole_list = replace(parameters.rerank.two_model, listed=DEPTH)
            nearer = rerank_changes(gallery, asked, standing, replace(parameters.rerank, two_model=whole_list))
        made.append(
            Search(
                relevant=names[order] == names[query],
                cosines=standing.raw,
                smooth=smooth,
                local=None if codes is None else match_scores(gallery, codes, order, parameters),
                nearer=nearer,
            )
        )
    return made


def figures(
    sets: Sequence[Sequence[Search]], parameters: RetrievalParameters, stages: Sequence[Stage]
) -> NDArray[np.float64]:
    """[S, 3] the means of every set."""
    return np.array([np.mean([one.found(parameters, stages) for one in found], axis=0) for found in sets])


def gain(found: NDArray[np.float64], before: NDArray[np.float64]) -> float:
    """The mean gain of mAP and R@1 over the sets; each loss counts LOSS_COUNTS times."""
    change = (found - before)[:, :2]
    return float(np.where(change < 0, LOSS_COUNTS * change, change).mean())


def choose(sets: Sequence[Sequence[Search]], parameters: RetrievalParameters) -> RetrievalParameters:
    """The parameters with the best graph, then the best weight of re-ranking; no stage that does not gain."""
    first = (Stage.GLOBAL, Stage.LOCAL)
    before = figures(sets, parameters, first)
    candidates = [replace(parameters.graph, mix=mix, floor=floor) for mix in MIXES if mix for floor in FLOORS]
    graphs = {replace(parameters.graph, mix=0.0): 0.0}
    for graph in candidates:
        graphs[graph] = gain(figures(sets, replace(parameters, graph=graph), (*first, Stage.GRAPH)), before)
    best = replace(parameters, graph=max(graphs, key=lambda graph: graphs[graph]))
    every = (*first, Stage.GRAPH, Stage.RERANK) if best.graph.mix else (*first, Stage.RERANK)
    before = figures(sets, best, every[:-1])
    weights = {
        weight: gain(figures(sets, replace(best, fusion=replace(best.fusion, rerank=weight)), every), before)
        for weight in WEIGHTS
    }
    return replace(best, fusion=replace(best.fusion, rerank=max(weights, key=lambda weight: weights[weight])))


def write_choice(pack: Path, chosen: RetrievalParameters) -> None:
    """Put the choice into the manifest."""
    sections = {"graph": asdict(chosen.graph), "fusion": {"rerank": chosen.fusion.rerank}}
    put_sections(pack, sections, within=("fusion",))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=LIMIT, help="photos of each held-out set, at most 1,000")
    parser.add_argument("--write", action="store_true", help="put the choice into the manifest")
    args = parser.parse_args(argv)
    manifest = json.loads((args.pack / "manifest.json").read_text(encoding="utf-8"))
    shapes = [(height, width) for height, width in manifest["input"]["shapes"]]
    parameters = replace(RetrievalParameters.from_manifest(manifest), graph=GraphParameters())
    embedder = GraphEmbedder(args.pack / "embed.onnx", args.pack / "code.onnx")
    cache = PhotoCache.build(args.data, list_photos(args.data, limits=SET_LIMITS), args.cache)
    sets = {}
    for name, rows in holdout_rows(cache, args.limit).items():
        features = embedder.features([whole(cache.decode(row), shapes) for row in rows])
        sets[name] = searches(features, [cache.photos[row].label or "" for row in rows], parameters)
    chosen = choose(list(sets.values()), parameters)
    if args.write:
        write_choice(args.pack, chosen)
    table = {
        "+".join(stages): figures(list(sets.values()), chosen, [Stage(stage) for stage in stages])
        for stages in (
            ("global",),
            ("global", "local"),
            ("global", "graph", "local"),
            ("global", "graph", "local", "rerank"),
        )
    }
    rows_of = {
        stages: {
            name: dict(zip(MEASURES, np.round(row, 4).tolist(), strict=True))
            for name, row in zip(sets, found, strict=True)
        }
        for stages, found in table.items()
    }
    document = {
        "pack": manifest["version"],
        "graph": asdict(chosen.graph),
        "rerank": chosen.fusion.rerank,
        "hold-out": rows_of,
    }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
