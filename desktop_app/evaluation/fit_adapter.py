"""A linear adapter of descriptors, learnt from a person's own labels and judged on photos it has not seen.

[ours] alpha' = L2(W alpha) with W = (I + b U U^T) S^(-1/2), S = (1 - g) S_w / s + g I: within-class covariance
S_w (s its mean variance) shrunk towards the identity by g, and the K - 1 directions U in which the classes differ
most after that (shrunk linear discriminant analysis) stretched by 1 + b. g = 1, b = 0 is no change at all. Labels
of few classes push a descriptor away from everything else (SCIENCE part C), hence the pull towards the identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.evaluation.bootstrap import Difference, paired_bootstrap
from desktop_app.evaluation.measures import average_precision, recall_at

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

SHRINKAGES = (1.0, 0.9, 0.7, 0.5, 0.3, 0.15)
STRETCHES = (0.0, 0.25, 0.5, 1.0, 2.0)
CLASSES_TO_HOLD_OUT = 12  # from as many classes on, whole classes are held out, else photos of every class
HELD_OUT = 1 / 3
FEWEST_QUERIES = 8
LEVEL = 0.99  # of the interval: queries share their classes, so 0.95 would let chance pass one time in 15
_SIMPLER = 1e-4  # of the mean of mAP and R@1: what a stronger adapter must gain on the validation part


@dataclass(frozen=True, slots=True, eq=False)
class FittedAdapter:
    """weight [D, D], learnt on all labelled photos.

    before, after: mAP on the held-out part, by an adapter that was learnt on the rest; difference: after - before
    with its interval. first_before, first_after: R@1 likewise. by_classes: whether whole classes were held out.
    """

    weight: Array
    shrinkage: float
    stretch: float
    before: float
    after: float
    first_before: float
    first_after: float
    difference: Difference
    queries: int
    by_classes: bool

    @property
    def better(self) -> bool:
        """Whether mAP rises beyond chance and the first result is right no less often."""
        return self.difference.low > 0 and self.first_after >= self.first_before


def fit_adapter(alphas: NDArray[np.floating], labels: Sequence[int], *, seed: int = 0) -> FittedAdapter:
    """Choose strength on a validation part, judge on a test part, then learn on everything.

    alphas: [N, D] descriptors of length 1. labels: their classes; a class needs two photos to count.
    Raises ValueError with a sentence when the labels are too few to learn and to judge.
    """
    x, y = np.asarray(alphas, np.float64), np.asarray(labels, np.int64)
    classes, counts = np.unique(y, return_counts=True)
    useful = np.isin(y, classes[counts >= 2])
    x, y = x[useful], y[useful]
    if len(classes[counts >= 2]) < 2:
        raise ValueError("at least two labels with two photos each are needed")
    random = np.random.default_rng(seed)
    by_classes = len(classes[counts >= 2]) >= CLASSES_TO_HOLD_OUT
    rest, test = _split(y, random, by_classes)
    fit, validation = _split(y[rest], random, by_classes)
    fit, validation = rest[fit], rest[validation]
    before = measures(x[test], y[test])
    if len(before) < FEWEST_QUERIES or not len(measures(x[validation], y[validation])):
        raise ValueError("the labels are too few to hold a part of them out; label more photos, several of each")
    shrinkage, stretch = _choose(x[fit], y[fit], x[validation], y[validation])
    judged = adapter(x[rest], y[rest], shrinkage=shrinkage, stretch=stretch)
    after = measures(adapted(x[test], judged), y[test])
    return FittedAdapter(
        weight=adapter(x, y, shrinkage=shrinkage, stretch=stretch),
        shrinkage=shrinkage,
        stretch=stretch,
        before=float(before[:, 0].mean()),
        after=float(after[:, 0].mean()),
        first_before=float(before[:, 1].mean()),
        first_after=float(after[:, 1].mean()),
        difference=paired_bootstrap(after[:, 0], before[:, 0], level=LEVEL),
        queries=len(before),
        by_classes=by_classes,
    )


def adapter(x: Array, y: Labels, *, shrinkage: float, stretch: float) -> Array:
    """W [D, D] of the module's equation for descriptors x [N, D] of the classes y."""
    width = x.shape[1]
    means = np.stack([x[y == label].mean(axis=0) for label in np.unique(y)])
    inside = x - means[np.searchsorted(np.unique(y), y)]
    freedom = max(1, len(x) - len(means))
    within = inside.T @ inside / freedom
    size = max(float(np.trace(within)) / width, 1e-12)
    values, vectors = np.linalg.eigh((1 - shrinkage) * within / size + shrinkage * np.eye(width))
    whiten = vectors @ np.diag(np.maximum(values, 1e-6) ** -0.5) @ vectors.T
    if stretch == 0.0:
        return np.asarray(whiten)
    between = (means - means.mean(axis=0)) @ whiten.T
    _, sizes, axes = np.linalg.svd(between, full_matrices=False)
    axes = axes[: len(means) - 1][sizes[: len(means) - 1] > 1e-9]
    return np.asarray(whiten + stretch * axes.T @ (axes @ whiten))


def adapted(x: Array, weight: Array) -> Array:
    """L2(W x) for every row of x [N, D]."""
    moved = x @ weight.T
    return np.asarray(moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12))


def measures(x: Array, y: Labels) -> Array:
    """[Q, 2]: average precision and R@1 of every photo that is not alone in its class, searched in all others."""
    cosines = x @ x.T
    found = []
    for query in np.flatnonzero(np.isin(y, [label for label in np.unique(y) if (y == label).sum() > 1])):
        order = np.argsort(-cosines[query], kind="stable")
        order = order[order != query]
        relevant = y[order] == y[query]
        found.append((average_precision(relevant), recall_at(relevant, 1)))
    return np.array(found).reshape(-1, 2)


def _choose(x: Array, y: Labels, seen: Array, wanted: Labels) -> tuple[float, float]:
    """The strength with the best mean of mAP and R@1 on the validation part; weaker ones come first and win ties.

    R@1 takes part because mAP alone is ruled by the tail of the list.
    """
    best, chosen = -1.0, (1.0, 0.0)
    for stretch in STRETCHES:
        for shrinkage in SHRINKAGES:
            weight = adapter(x, y, shrinkage=shrinkage, stretch=stretch)
            score = float(measures(adapted(seen, weight), wanted).mean())
            if score > best + _SIMPLER:
                best, chosen = score, (shrinkage, stretch)
    return chosen


def _split(
    y: Labels, random: np.random.Generator, by_classes: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the larger and of the held-out part: whole classes, or a share of the photos of every class."""
    if by_classes:
        classes = random.permutation(np.unique(y))
        out = np.isin(y, classes[: max(2, round(HELD_OUT * len(classes)))])
    else:
        out = np.zeros(len(y), dtype=bool)
        for label in np.unique(y):
            places = random.permutation(np.flatnonzero(y == label))
            out[places[: round(HELD_OUT * len(places))]] = True
    return np.flatnonzero(~out), np.flatnonzero(out)
