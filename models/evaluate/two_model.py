"""The second descriptor and two-model re-ranking (S2): chosen on held-out TRAIN classes, measured on other photos.

    python -m models.evaluate.two_model PACK --data DIR --cache CACHE [--evaluate FOLDER] [--write] [--out FILE]

Chosen on the hold-out, by the mean of mAP and R@1 over its sets: the weight of beta in the concatenation, which
model's list is re-ranked, the groups that stand for classes, and the constants of S2, one after the other. Then
every photo of each FOLDER (its direct children are the classes) asks in the rest, itself left out of everything.
`--write` puts the choice into the manifest's section `rerank`. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.evaluation.bootstrap import paired_bootstrap
from desktop_app.evaluation.measures import average_precision, precision_at, recall_at
from desktop_app.retrieval.components import NO_CLASS, ComponentParameters, MutualNeighbours
from desktop_app.retrieval.fusion import descending
from desktop_app.retrieval.two_model import (
    Described,
    Lists,
    TwoModelParameters,
    euclidean,
    first_lists,
    rerank_lists,
)
from models.data import SET_LIMITS, PhotoCache, Rgb, list_photos, whole
from models.evaluate.holdout import GraphEmbedder, holdout_rows
from models.evaluate.systems import MEASURES, Collection
from models.manifest import Shape, put_sections

ALPHA, BETA, JOINT = "alpha", "beta", "concatenation"
LITERAL, BLENDED = "S2 re-ranking", "S2 re-ranking of both distances [ours]"
WITHOUT_GROUPS = ", without groups (instance 3 alone)"
WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
GROUPS = tuple(ComponentParameters(k, t, 3) for k in (5, 10, 20) for t in (0.4, 0.55, 0.7))
CHOICES: Mapping[str, tuple[float, ...]] = {
    "candidates": (100, 200, 400, 1000),
    "votes": (3, 4, 6, 8, 10),
    "lambda1": (0.0, 0.02, 0.05, 0.1, 0.15, 0.25),
    "lambda2": (0.0, 0.02, 0.05, 0.1, 0.2),
    "lambda3": (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8),
    "lambda4": (0.0, 0.002, 0.005, 0.02),
}
BLENDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
ROUNDS = 2
LIMIT = 600
"""Photos of each held-out set, unless told otherwise."""

ROLES = ("alpha", "alpha_code", "beta", "beta_code")
_BLOCK = 256  # queries ranked at once

Rows = NDArray[np.int64]
Figures = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PhotoSet:
    """Photos of known classes as both models see them; `classes` [N] judges and is seen by nothing else."""

    alpha: Described
    beta: Described
    classes: Rows

    @property
    def queries(self) -> Rows:
        """Photos whose class has another."""
        _, number, counts = np.unique(self.classes, return_inverse=True, return_counts=True)
        return np.flatnonzero(counts[number] > 1)

    @classmethod
    def of(cls, embedder: GraphEmbedder, pictures: Iterable[Rgb], classes: Sequence[int]) -> PhotoSet:
        """Embed as a library stores it: float16 descriptors. Raises SystemExit for a pack without beta."""
        rows = []
        for made in embedder.embed(list(pictures)):
            if made.beta is None or made.beta_code is None or made.alpha_code is None:
                raise SystemExit(
                    "this pack has no second descriptor (beta and its code), so there is nothing to measure"
                )
            rows.append((made.alpha, made.alpha_code, made.beta, made.beta_code))
        alpha, alpha_code, beta, beta_code = (np.stack(part) for part in zip(*rows, strict=True))
        return cls(
            alpha=Described(alpha.astype(np.float16).astype(np.float32), alpha_code),
            beta=Described(beta.astype(np.float16).astype(np.float32), beta_code),
            classes=np.asarray(classes, np.int64),
        )

    def joint(self, weight: float) -> NDArray[np.float32]:
        """[N, D + E] unit vectors whose cosine is (1 - weight) cos_alpha + weight cos_beta."""
        parts = [np.sqrt(1 - weight) * self.alpha.features, np.sqrt(weight) * self.beta.features]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def swapped(self, base: str) -> tuple[Described, Described]:
        """The model whose list is re-ranked, and the other."""
        return (self.alpha, self.beta) if base == ALPHA else (self.beta, self.alpha)


@dataclass(frozen=True)
class Form:
    """One way to re-rank: whose list, with which groups for classes, and the constants."""

    base: str
    groups: ComponentParameters
    parameters: TwoModelParameters


@dataclass(frozen=True)
class Choice:
    """What the hold-out decided. weight: of beta in the concatenation, also for the groups. `literal` is S2 as
    printed, `blended` has both models' distances in rho. figures: what each system reached, see `goal`."""

    weight: float
    literal: Form
    blended: Form
    figures: Mapping[str, float]

    @property
    def best(self) -> Form:
        return self.blended if self.figures[BLENDED] > self.figures[LITERAL] else self.literal

    def section(self) -> dict[str, object]:
        """The manifest's section `rerank`: the better of both forms."""
        best = self.best
        return {"base": best.base, "weight": self.weight, "groups": asdict(best.groups), **asdict(best.parameters)}


def by_cosine(features: NDArray[np.float32], queries: Rows) -> Iterator[tuple[int, Rows]]:
    """Every query's order of all other photos, [N - 1], best first."""
    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK]
        for query, scores in zip(block, features[block] @ features.T, strict=True):
            order = descending(scores)
            yield int(query), order[order != query]


def judged(ranked: Iterable[tuple[int, Rows]], classes: Rows) -> Figures:
    """[Q, 3]: average precision over the full list, recall at 1, precision at 20 of every query."""
    rows = []
    for query, order in ranked:
        relevant = classes[order] == classes[query]
        rows.append((average_precision(relevant), recall_at(relevant, 1), precision_at(relevant, 20)))
    return np.array(rows, np.float64)


def query_groups(photos: PhotoSet, weight: float, parameters: ComponentParameters) -> Rows:
    """[Q, N]: the classes of the gallery for every query, made without it."""
    neighbours = MutualNeighbours.of(photos.joint(weight), parameters)
    return np.stack([neighbours.classes(without=int(query)) for query in photos.queries])


class Reranker:
    """Two-model re-ranking of one set; what does not depend on the constants is made once."""

    def __init__(self, photos: PhotoSet, base: str) -> None:
        self.photos = photos
        self._queries = photos.queries
        self._models = photos.swapped(base)
        self._orders = [order for _, order in by_cosine(self._models[0].features, self._queries)]
        self._lists: dict[int, tuple[Lists, Lists, NDArray[np.float32]]] = {}

    def lists(self, candidates: int) -> tuple[Lists, Lists, NDArray[np.float32]]:
        """Both models' lists of K, and the other model's distances of the first list."""
        if candidates not in self._lists:
            asked = self._queries
            own, other = (first_lists(m.take(asked), m, candidates, left_out=asked) for m in self._models)
            features = self._models[1].features
            second = [euclidean(features[q], features[rows]) for q, rows in zip(asked, own.rows, strict=True)]
            self._lists[candidates] = own, other, np.array(second, np.float32)
        return self._lists[candidates]

    def figures(self, parameters: TwoModelParameters, groups: Rows | None) -> Figures:
        """[Q, 3] with the re-ranked head and the base model's tail; groups: [Q, N] or None for no classes."""
        own, other, second = self.lists(parameters.candidates)
        if groups is None:
            groups = np.full((1, len(self.photos.classes)), NO_CLASS, np.int64)
        found = rerank_lists(own, other, groups, parameters, second=second)
        return judged(self._whole(found.rows), self.photos.classes)

    def _whole(self, heads: Rows) -> Iterator[tuple[int, Rows]]:
        in_head = np.zeros(len(self.photos.classes), bool)
        for query, head, order in zip(self._queries, heads, self._orders, strict=True):
            in_head[head] = True
            yield int(query), np.concatenate([head, order[~in_head[order]]])
            in_head[head] = False


def goal(figures: Iterable[Figures]) -> float:
    """What a choice maximises: the mean of mAP and R@1, sets counting alike."""
    return float(np.mean([rows[:, :2].mean() for rows in figures]))


def choose(sets: Sequence[PhotoSet], *, rounds: int = ROUNDS) -> Choice:
    """Choose everything on `sets`, the held-out classes of TRAIN: one constant after the other, `rounds` times."""
    joint = {w: goal(_cosine_figures(s, s.joint(w)) for s in sets) for w in WEIGHTS}
    weight = max(joint, key=lambda w: joint[w])
    figures = {
        ALPHA: goal(_cosine_figures(s, s.alpha.features) for s in sets),
        BETA: goal(_cosine_figures(s, s.beta.features) for s in sets),
        JOINT: joint[weight],
    }
    groups = {p: [query_groups(photos, weight, p) for photos in sets] for p in GROUPS}
    rerankers = {base: [Reranker(photos, base) for photos in sets] for base in (ALPHA, BETA)}

    def best_form(start: TwoModelParameters, choices: Mapping[str, Sequence[float]]) -> tuple[float, Form]:
        found = [(base, *climb(rerankers[base], groups, start, choices, rounds)) for base in rerankers]
        base, value, chosen, parameters = max(found, key=lambda one: one[1])
        return value, Form(base, chosen, parameters)

    figures[LITERAL], literal = best_form(TwoModelParameters(), CHOICES)
    mixed = TwoModelParameters(blend=BLENDS[0])
    figures[BLENDED], blended = best_form(mixed, {"blend": BLENDS} | dict(CHOICES))
    return Choice(weight, literal, blended, figures)


def climb(
    rerankers: Sequence[Reranker],
    groups: Mapping[ComponentParameters, Sequence[Rows]],
    start: TwoModelParameters,
    choices: Mapping[str, Sequence[float]],
    rounds: int,
) -> tuple[float, ComponentParameters, TwoModelParameters]:
    """Set the groups, then every constant to the best of its values while the others stay; `rounds` times.

    Returns what was reached (see `goal`), by which groups and constants.
    """
    best, chosen, top = start, next(iter(groups)), -1.0
    seen: set[tuple[TwoModelParameters, ComponentParameters]] = set()

    def attempt(parameters: TwoModelParameters, which: ComponentParameters) -> None:
        nonlocal best, chosen, top
        if (parameters, which) not in seen:
            seen.add((parameters, which))
            if (found := _goal(rerankers, parameters, groups[which])) > top:
                best, chosen, top = parameters, which, found

    for _ in range(rounds):
        for which in groups:
            attempt(best, which)
        for name, values in choices.items():
            for value in values:
                attempt(with_value(best, name, value), chosen)
    return top, chosen, best


def with_value(parameters: TwoModelParameters, name: str, value: float) -> TwoModelParameters:
    """One constant changed; the lists are as long as there are candidates."""
    if name == "candidates":
        whole_number = int(value)
        return replace(parameters, candidates=whole_number, listed=whole_number, compared=whole_number)
    return replace(parameters, **{name: int(value) if name == "votes" else value})  # type: ignore[arg-type]


def measure(photos: PhotoSet, choice: Choice) -> dict[str, Figures]:
    """[Q, 3] per system on one set, with the chosen constants."""
    measured = {
        ALPHA: _cosine_figures(photos, photos.alpha.features),
        BETA: _cosine_figures(photos, photos.beta.features),
        JOINT: _cosine_figures(photos, photos.joint(choice.weight)),
    }
    for name, form in ((LITERAL, choice.literal), (BLENDED, choice.blended)):
        reranker = Reranker(photos, form.base)
        groups = query_groups(photos, choice.weight, form.groups)
        measured[name] = reranker.figures(form.parameters, groups)
        measured[name + WITHOUT_GROUPS] = reranker.figures(form.parameters, None)
    return measured


def report(measured: Mapping[str, Figures]) -> dict[str, object]:
    """Means per system and, per measure, the difference to the better of alpha and beta with its 95 % interval."""
    rows: dict[str, object] = {}
    better = [max((ALPHA, BETA), key=lambda name: measured[name][:, i].mean()) for i in range(len(MEASURES))]
    for name, values in measured.items():
        row: dict[str, object] = {key: round(float(values[:, i].mean()), 4) for i, key in enumerate(MEASURES)}
        if name not in (ALPHA, BETA):
            row["minus the better of both"] = {
                key: paired_bootstrap(values[:, i], measured[better[i]][:, i]).as_json()
                for i, key in enumerate(MEASURES)
            }
        rows[name] = row
    return rows


def _cosine_figures(photos: PhotoSet, features: NDArray[np.float32]) -> Figures:
    return judged(by_cosine(features, photos.queries), photos.classes)


def _goal(rerankers: Sequence[Reranker], parameters: TwoModelParameters, groups: Sequence[Rows]) -> float:
    return goal(r.figures(parameters, g) for r, g in zip(rerankers, groups, strict=True))


def write_section(pack: Path, choice: Choice) -> None:
    """Put the choice into the manifest."""
    put_sections(pack, {"rerank": choice.section()})


def holdout_sets(
    embedder: GraphEmbedder, cache: PhotoCache, shapes: Sequence[Shape], limit: int | None = LIMIT
) -> dict[str, PhotoSet]:
    """The held-out TRAIN classes, one set each, of at most `limit` photos."""
    found = {}
    for name, rows in holdout_rows(cache, limit).items():
        classes = np.unique([cache.photos[row].label or "" for row in rows], return_inverse=True)[1]
        found[name] = PhotoSet.of(embedder, (whole(cache.decode(row), shapes) for row in rows), classes.tolist())
    return found


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument(
        "--evaluate", type=Path, action="append", default=[], help="a folder of classes to measure"
    )
    parser.add_argument("--limit", type=int, default=LIMIT, help="photos of each held-out set")
    parser.add_argument("--write", action="store_true", help="put the choice into the manifest")
    parser.add_argument("--out", type=Path, help="also write the document into this file")
    args = parser.parse_args(argv)
    manifest = json.loads((args.pack / "manifest.json").read_text(encoding="utf-8"))
    shapes = [(height, width) for height, width in manifest["input"]["shapes"]]
    embedder = GraphEmbedder(args.pack / "embed.onnx", args.pack / "code.onnx", roles=ROLES)
    cache = PhotoCache.build(args.data, list_photos(args.data, limits=SET_LIMITS), args.cache)
    sets = holdout_sets(embedder, cache, shapes, args.limit)
    choice = choose(list(sets.values()))
    document: dict[str, object] = {
        "pack": manifest["version"],
        "chosen": choice.section(),
        "forms": {LITERAL: asdict(choice.literal), BLENDED: asdict(choice.blended)},
        "hold-out": {name: round(value, 4) for name, value in choice.figures.items()},
        "hold-out sets": {name: report(measure(photos, choice)) for name, photos in sets.items()},
    }
    if args.write:
        write_section(args.pack, choice)
    evaluated: dict[str, object] = {}
    for folder in args.evaluate:
        collection = Collection.read(folder, None)
        pictures = (whole(picture, shapes) for picture in collection.pictures)
        photos = PhotoSet.of(embedder, pictures, collection.classes.tolist())
        evaluated[folder.name] = {"queries": len(photos.queries), "systems": report(measure(photos, choice))}
    document["evaluate"] = evaluated
    text = json.dumps(document, indent=1)
    if args.out:
        args.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
