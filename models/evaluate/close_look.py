"""Chooses how candidates support one another in `rerank`, and what a close look adds, on held-out TRAIN classes.

    python -m models.evaluate.close_look PACK --data DIR --cache CACHE [--limit 700] [--queries 150]
                                         [--terms kin,match,local,network] [--write]

Held-out photos ask among those of all sets, themselves left out of everything, with the profile `balanced` without
kinship. What is usual of it for a raw score is a straight line through all those pairs; it gets the weight that
gains most in the mean of mAP and R@1 over the sets (what a set loses counts twice), and only if the paired
bootstrap interval of the gain in mAP excludes 0. Then they ask with what was chosen, the first are looked at
closely, and the terms of a close look are added one by one in the same way, each time the one that gains most, at
its best weight, of those that gain beyond chance. `--write` puts the choice into the manifest's section `fusion`.
Prints one JSON document. `--terms kin` is a matter of minutes with 400 queries: only the others compare cells.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import Embedding
from desktop_app.domain.query import Profile
from desktop_app.domain.results import Stage
from desktop_app.evaluation.bootstrap import Difference, paired_bootstrap
from desktop_app.evaluation.measures import average_precision, precision_at, recall_at
from desktop_app.evaluation.ranking import Asked, Gallery, kin_scores, ranked, stages_of
from desktop_app.inference.indicative_net import IndicativeNet, has_indicative
from desktop_app.inference.packs import load_manifest
from desktop_app.retrieval.close_look import (
    DEPTH,
    KIN,
    LOCAL,
    MATCH,
    NETWORK,
    TERMS,
    CloseLook,
    CloseLookParameters,
    Term,
)
from desktop_app.retrieval.close_terms import local_terms
from desktop_app.retrieval.indicative import GRID, square_features
from desktop_app.retrieval.kinship import DEEP as DEEP_KIN
from desktop_app.retrieval.kinship import DEPTH as KIN_DEPTH
from desktop_app.retrieval.parameters import RetrievalParameters
from desktop_app.retrieval.standing import Standing
from models.data import SET_LIMITS, PhotoCache, list_photos, whole
from models.evaluate.holdout import GraphEmbedder, holdout_rows
from models.evaluate.stages import gain
from models.evaluate.systems import MEASURES
from models.manifest import put_sections

SHARES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
"""Weights tried: a term then spreads the candidates by so much of what their raw scores are spread."""
KIN_SHARES = SHARES[:5]
"""Of kinship in `rerank`: what a pair says itself is to count for more than what its neighbours say."""
MOST = 0.995
"""Quantile of the raw scores above which what is usual does not grow."""
LIMIT, QUERIES = 700, 150

Float = NDArray[np.float32]
Figures = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Search:
    """One query after `balanced`: the standing (its rows are positions in `relevant`), which photos are of its
    class, and what a close look at the first says."""

    standing: Standing
    relevant: NDArray[np.bool_]
    look: CloseLook

    def found(self, parameters: RetrievalParameters) -> Figures:
        """[3] average precision, recall at 1, precision at 20 after the close look."""
        after = self.standing
        if parameters.fusion.evidence.terms:
            after = after.with_evidence(self.look, parameters.fusion)
        return self._of(after)

    def found_with_kin(self, parameters: RetrievalParameters) -> Figures:
        """The same after kinship as a part of `rerank`."""
        return self._of(self.standing.with_kin(self.look.terms[KIN], parameters.fusion))

    def _of(self, after: Standing) -> Figures:
        right = self.relevant[after.rows]
        return np.array([average_precision(right), recall_at(right, 1), precision_at(right, 20)])


def searches(
    embeddings: Sequence[Embedding],
    gallery: Gallery,
    labels: Sequence[str],
    queries: Sequence[int],
    parameters: RetrievalParameters,
    wanted: Collection[str],
    network: IndicativeNet | None,
) -> Iterator[Search]:
    """The searches of one set, with the wanted terms. Every embedding has local features."""
    features = [made.local_features for made in embeddings if made.local_features is not None]
    patches = [square_features(one) for one in features] if network is not None else []
    stages = stages_of(Profile.BALANCED, gallery, parameters)
    names = np.array(labels)
    for query in queries:
        asked = Asked.among(gallery, query)
        cosines = gallery.alphas @ asked.alpha
        standing = ranked(gallery, asked, cosines, stages=stages, parameters=parameters)
        head = standing.rows[:DEPTH].tolist()
        terms: dict[str, Float] = {}
        if {MATCH, LOCAL} & set(wanted):
            found = local_terms(
                features[query],
                [features[at] for at in head],
                standing.scores[Stage.GLOBAL][:DEPTH],
                standing.scores[Stage.LOCAL][:DEPTH],
                parameters,
            )
            terms = {name: values for name, values in found.items() if name in wanted}
        if network is not None:
            weights = np.ones((len(head), GRID.rows, GRID.columns), np.float32)
            asking = np.repeat(patches[query][None], len(head), axis=0)
            terms[NETWORK] = network.match(np.stack([patches[at] for at in head]), asking, weights)[0]
        look = CloseLook(np.zeros(len(head), np.float32), terms)
        if KIN in wanted:
            look = look.with_term(KIN, kin_scores(gallery, asked, standing.rows[:DEEP_KIN]))
        yield Search(standing, names == names[query], look)


def without_kin(
    gallery: Gallery, labels: Sequence[str], queries: Sequence[int], parameters: RetrievalParameters
) -> Iterator[Search]:
    """The searches of one set before candidates support one another, and what kinship says of the first."""
    stages = stages_of(Profile.BALANCED, gallery, parameters)
    names = np.array(labels)
    for query in queries:
        asked = Asked.among(gallery, query)
        standing = ranked(gallery, asked, gallery.alphas @ asked.alpha, stages=stages, parameters=parameters)
        kin = kin_scores(gallery, asked, standing.rows[:KIN_DEPTH])
        yield Search(standing, names == names[query], CloseLook.nothing().with_term(KIN, kin))


def usual(sets: Sequence[Sequence[Search]], name: str) -> tuple[Term, float]:
    """What is usual of a term for a raw score (of weight 1), and the weight at which it spreads candidates as much
    as their raw scores do."""
    pairs = [(one.standing.raw[: len(one.look.terms[name])], one.look.terms[name]) for s in sets for one in s]
    raw, found = (np.concatenate(part).astype(np.float64) for part in zip(*pairs, strict=True))
    raw, found = raw[~np.isnan(found)], found[~np.isnan(found)]
    slope, level = np.polyfit(raw, found, 1)
    left = found - level - slope * raw
    line = Term(1.0, float(level), float(slope), float(np.quantile(raw, MOST)))
    return line, float(raw.std() / max(left.std(), 1e-9))


def figures(sets: Sequence[Sequence[Search]], parameters: RetrievalParameters) -> list[Figures]:
    """[Q, 3] of every set: the figures of each query."""
    return [np.array([one.found(parameters) for one in found]) for found in sets]


def means(found: Sequence[Figures]) -> Figures:
    """[S, 3] the means of every set."""
    return np.array([one.mean(axis=0) for one in found])


def interval(after: Sequence[Figures], before: Sequence[Figures]) -> Difference:
    """Of the average precision over the queries of all sets together: R@1 says too little of one query."""
    return paired_bootstrap(*(np.concatenate(found)[:, 0] for found in (after, before)))


def choose(
    sets: Sequence[Sequence[Search]], parameters: RetrievalParameters
) -> tuple[RetrievalParameters, list[dict[str, object]]]:
    """The parameters with the terms that gain, and every step with its interval, also the last one that failed."""
    best = with_terms(parameters, {})
    lines = {name: usual(sets, name) for name in TERMS if all(name in one.look.terms for s in sets for one in s)}
    steps: list[dict[str, object]] = []
    while len(best.fusion.evidence.terms) < len(lines):
        chosen = dict(best.fusion.evidence.terms)
        before = figures(sets, best)
        tried = {
            (name, share): with_terms(parameters, chosen | {name: replace(line, weight=share * spread)})
            for name, (line, spread) in lines.items()
            for share in SHARES
            if name not in chosen
        }
        found = {key: figures(sets, one) for key, one in tried.items()}
        gains = {key: gain(means(one), means(before)) for key, one in found.items()}
        of_term = {name: max((key for key in gains if key[0] == name), key=gains.__getitem__) for name, _ in gains}
        kept = False
        for key in sorted(of_term.values(), key=lambda key: -gains[key]):  # one test a term
            sure = interval(found[key], before)
            kept = gains[key] > 0 and sure.low > 0
            steps.append({"term": key[0], "share": key[1], "kept": kept, "gain": sure.as_json()})
            if kept or gains[key] <= 0:
                break
        if not kept:
            break
        best = tried[key]
    return best, steps


def choose_kin(
    sets: Sequence[Sequence[Search]], parameters: RetrievalParameters
) -> tuple[RetrievalParameters, dict[str, object]]:
    """The parameters with the weight of kinship in `rerank`, 0 where it gains nothing certain, and the step. sets:
    searches without it."""
    line, spread = usual(sets, KIN)
    before = figures(sets, with_terms(parameters, {}))
    tried = {
        share: replace(parameters, fusion=replace(parameters.fusion, kin=replace(line, weight=share * spread)))
        for share in KIN_SHARES
    }
    found = {
        share: [np.array([search.found_with_kin(one) for search in searches]) for searches in sets]
        for share, one in tried.items()
    }
    top = max(found, key=lambda share: gain(means(found[share]), means(before)))
    sure = interval(found[top], before)
    kept = gain(means(found[top]), means(before)) > 0 and sure.low > 0
    step: dict[str, object] = {"stage": "rerank", "share": top, "kept": kept, "gain": sure.as_json()}
    return tried[top] if kept else without_kinship(parameters), step


def without_kinship(parameters: RetrievalParameters) -> RetrievalParameters:
    return replace(parameters, fusion=replace(parameters.fusion, kin=Term(0.0)))


def with_terms(parameters: RetrievalParameters, terms: Mapping[str, Term]) -> RetrievalParameters:
    return replace(parameters, fusion=replace(parameters.fusion, evidence=CloseLookParameters(dict(terms))))


def write_choice(pack: Path, chosen: RetrievalParameters) -> None:
    """Put the choice into the manifest."""
    terms = {name: term.as_json() for name, term in chosen.fusion.evidence.terms.items()}
    put_sections(pack, {"fusion": {"kin": chosen.fusion.kin.as_json(), "evidence": terms}}, within=("fusion",))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=LIMIT, help="photos of each held-out set")
    parser.add_argument("--queries", type=int, default=QUERIES, help="of them, those that ask")
    parser.add_argument("--terms", default=",".join(TERMS), help="those that are tried")
    parser.add_argument("--write", action="store_true", help="put the choice into the manifest")
    args = parser.parse_args(argv)
    manifest = load_manifest(args.pack)
    parameters = RetrievalParameters.from_manifest(manifest.raw)
    wanted = args.terms.split(",")
    if unknown := set(wanted) - set(TERMS):
        parser.error(f"there is no term {min(unknown)}; known are {', '.join(TERMS)}")
    has_network = NETWORK in wanted and has_indicative(manifest)
    network = IndicativeNet(args.pack, manifest, threads=2) if has_network else None
    if network is not None and network.reads_pixels:
        parser.error("the indicative network of this pack reads pixels; only one that reads features is measured")
    embedder = GraphEmbedder(args.pack / "embed.onnx", args.pack / "code.onnx")
    cache = PhotoCache.build(args.data, list_photos(args.data, limits=SET_LIMITS), args.cache)
    of_set = holdout_rows(cache, args.limit)
    rows = [row for some in of_set.values() for row in some]
    made = list(embedder.embed([whole(cache.decode(row), list(manifest.input.shapes)) for row in rows]))
    labels = [f"{name}/{cache.photos[row].label}" for name, some in of_set.items() for row in some]
    random = np.random.default_rng(0)
    asking = {}
    for name in of_set:
        ours = [at for at, label in enumerate(labels) if label.startswith(f"{name}/") and labels.count(label) > 1]
        asking[name] = sorted(random.permutation(ours)[: args.queries].tolist())
    gallery = Gallery.of(embedder.stored(made))
    plain = without_kinship(parameters)
    first = [list(without_kin(gallery, labels, queries, plain)) for queries in asking.values()]
    reranking, step = choose_kin(first, plain)
    closely = [
        list(searches(made, gallery, labels, queries, reranking, wanted, network)) for queries in asking.values()
    ]
    chosen, steps = choose(closely, reranking)
    if args.write:
        write_choice(args.pack, chosen)
    profiles = {
        "balanced without kinship": figures(first, with_terms(plain, {})),
        "balanced": figures(closely, with_terms(reranking, {})),
        "thorough": figures(closely, chosen),
    }
    document = {
        "pack": manifest.version,
        "kin": chosen.fusion.kin.as_json(),
        "evidence": {name: term.as_json() for name, term in chosen.fusion.evidence.terms.items()},
        "steps": [step, *steps],
        "hold-out": {
            name: {
                profile: dict(zip(MEASURES, np.round(found[at].mean(axis=0), 4).tolist(), strict=True))
                for profile, found in profiles.items()
            }
            for at, name in enumerate(asking)
        },
    }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
