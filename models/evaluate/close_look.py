"""Chooses what a close look adds in the profile `thorough`, on held-out TRAIN classes.

    python -m models.evaluate.close_look PACK --data DIR --cache CACHE [--limit 400] [--queries 100]
                                         [--terms kin,match,local,network] [--write]

Held-out photos ask in the rest of their set, themselves left out of everything, with the profile `balanced`; its
first are looked at closely. What is usual of a term for a raw score is a straight line through all those pairs.
Terms are then added one by one, each with the weight that gains most in the mean of mAP and R@1 over the sets
(what a set loses counts twice), and only while the paired bootstrap interval of the gain excludes 0. `--write`
puts the choice into the manifest's section `fusion`. Prints one JSON document. `--terms kin` is a matter of
seconds a set: only the other terms compare cells.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
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
LIMIT, QUERIES = 400, 100

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
            look = look.with_term(KIN, kin_scores(gallery, asked, standing.rows[:KIN_DEPTH]))
        yield Search(standing, names == names[query], look)


def usual(sets: Sequence[Sequence[Search]], name: str) -> tuple[Term, float]:
    """What is usual of a term for a raw score (of weight 1), and the weight at which it spreads candidates as much
    as their raw scores do."""
    pairs = [(one.standing.raw[: len(one.look.terms[name])], one.look.terms[name]) for s in sets for one in s]
    raw, found = (np.concatenate(part).astype(np.float64) for part in zip(*pairs, strict=True))
    raw, found = raw[~np.isnan(found)], found[~np.isnan(found)]
    slope, level = np.polyfit(raw, found, 1)
    left = found - level - slope * raw
    return Term(1.0, float(level), float(slope)), float(raw.std() / max(left.std(), 1e-9))


def figures(sets: Sequence[Sequence[Search]], parameters: RetrievalParameters) -> list[Figures]:
    """[Q, 3] of every set: the figures of each query."""
    return [np.array([one.found(parameters) for one in found]) for found in sets]


def means(found: Sequence[Figures]) -> Figures:
    """[S, 3] the means of every set."""
    return np.array([one.mean(axis=0) for one in found])


def interval(after: Sequence[Figures], before: Sequence[Figures]) -> Difference:
    """Of the mean of AP and R@1 over the queries of all sets together."""
    return paired_bootstrap(*(np.concatenate(found)[:, :2].mean(axis=1) for found in (after, before)))


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
        top = max(found, key=lambda key: gain(means(found[key]), means(before)))
        sure = interval(found[top], before)
        kept = gain(means(found[top]), means(before)) > 0 and sure.low > 0
        steps.append({"term": top[0], "share": top[1], "kept": kept, "gain": sure.as_json()})
        if not kept:
            break
        best = tried[top]
    return best, steps


def with_terms(parameters: RetrievalParameters, terms: Mapping[str, Term]) -> RetrievalParameters:
    return replace(parameters, fusion=replace(parameters.fusion, evidence=CloseLookParameters(dict(terms))))


def write_choice(pack: Path, chosen: RetrievalParameters) -> None:
    """Put the choice into the manifest."""
    terms = {name: asdict(term) for name, term in chosen.fusion.evidence.terms.items()}
    put_sections(pack, {"fusion": {"evidence": terms}}, within=("fusion",))


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
    sets: dict[str, list[Search]] = {}
    for name, rows in holdout_rows(cache, args.limit).items():
        made = list(embedder.embed([whole(cache.decode(row), list(manifest.input.shapes)) for row in rows]))
        labels = [cache.photos[row].label or "" for row in rows]
        asking = [at for at, label in enumerate(labels) if labels.count(label) > 1]
        queries = sorted(np.random.default_rng(0).permutation(asking)[: args.queries].tolist())
        gallery = Gallery.of(embedder.stored(made))
        sets[name] = list(searches(made, gallery, labels, queries, parameters, wanted, network))
    chosen, steps = choose(list(sets.values()), parameters)
    if args.write:
        write_choice(args.pack, chosen)
    before, after = (figures(list(sets.values()), one) for one in (with_terms(parameters, {}), chosen))
    document = {
        "pack": manifest.version,
        "evidence": {name: asdict(term) for name, term in chosen.fusion.evidence.terms.items()},
        "steps": steps,
        "hold-out": {
            name: {
                profile: dict(zip(MEASURES, np.round(found[at].mean(axis=0), 4).tolist(), strict=True))
                for profile, found in (("balanced", before), ("thorough", after))
            }
            for at, name in enumerate(sets)
        },
    }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
