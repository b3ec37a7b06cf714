"""Calibration of a pack on photos that nobody labelled: made views are what matches, other photos what does not.

[ours] A photo and its made views are one class, every other photo is a stranger. Photos that are as near to each
other as a photo and its view are taken for pictures of one thing: only the first of them takes part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import Embedding
from desktop_app.evaluation.calibration import calibrate_pack
from desktop_app.evaluation.fit_scores import fit_curve, threshold_for
from desktop_app.evaluation.pair_samples import CalibrationPhoto, ViewPair
from desktop_app.retrieval.calibration import calibrate
from desktop_app.retrieval.made_views import make_view

Rgb = NDArray[np.uint8]
Sections = Mapping[str, Mapping[str, object]]

VIEWS = 120  # photos that get made views
FEWEST_KEPT = 0.5  # share of the photos below which nearness says nothing about being the same


def changed_view(rgb: Rgb, number: int) -> Rgb:
    """A made view of a photo; the same for the same number."""
    return make_view(rgb, np.random.default_rng([7, number])).rgb


def calibrate_unlabelled(
    pictures: Sequence[Rgb],
    embed: Callable[[Sequence[Rgb]], list[Embedding]],
    code_logits: Callable[[NDArray[np.float32]], NDArray[np.float32] | None],
    *,
    labels: Sequence[int] | None = None,
) -> tuple[Sections, Mapping[str, float]]:
    """The manifest sections `thresholds`, `relevance`, `fusion`, `calibration` of a pack, and figures.

    pictures: photos [H, W, 3] uint8. embed, code_logits: the pack at work. labels: the class of every photo where
    it is known; then nothing is taken out, and photos of a class match as well.
    """
    originals = embed(pictures)
    if labels is None:
        chosen = np.linspace(0, len(pictures) - 1, min(VIEWS, len(pictures))).astype(int)
    else:
        chosen = np.random.default_rng(0).permutation(len(pictures))[:VIEWS]
    made = [make_view(pictures[at], np.random.default_rng([9, int(at)])) for at in chosen]
    views = embed([view.rgb for view in made])
    alphas = np.stack([one.alpha for one in originals])
    own = np.sum(alphas[chosen] * np.stack([one.alpha for one in views]), axis=1)
    kept = np.arange(len(pictures)) if labels is not None else _different(alphas, float(np.median(own)))
    numbers = list(range(len(pictures))) if labels is None else list(labels)
    if originals[0].local_features is None:
        return _global_only(alphas, np.array(numbers), kept, own)

    def measured(embedding: Embedding, at: int) -> CalibrationPhoto:
        return CalibrationPhoto.of(embedding, label=numbers[at], code_logits=code_logits)

    photos = {int(at): measured(originals[at], int(at)) for at in {*kept.tolist(), *chosen.tolist()}}
    pairs = [
        ViewPair(original=photos[int(at)], view=measured(embedding, int(at)), to_original=view.to_original)
        for at, embedding, view in zip(chosen, views, made, strict=True)
    ]
    inside = set(kept.tolist())
    gallery = [photos[int(at)] for at in kept]
    seen = [pair.view for pair, at in zip(pairs, chosen, strict=True) if int(at) in inside]
    fitted = calibrate_pack([[*gallery, *seen]], pairs)
    return fitted.manifest_sections(), {**fitted.figures, "photos_taken_for_copies": len(pictures) - len(kept)}


def _different(alphas: NDArray[np.float32], near: float) -> NDArray[np.int64]:
    """Photos none of which is as near as `near` (a cosine) to an earlier one; all when that leaves too few."""
    kept: list[int] = []
    for at in range(len(alphas)):
        if not kept or float((alphas[kept] @ alphas[at]).max()) < near:
            kept.append(at)
    return np.array(kept) if len(kept) >= FEWEST_KEPT * len(alphas) else np.arange(len(alphas))


def _global_only(
    alphas: NDArray[np.float32], labels: NDArray[np.int64], kept: NDArray[np.int64], own: NDArray[np.floating]
) -> tuple[Sections, Mapping[str, float]]:
    """For a pack with nothing but a descriptor: the curve and the words; relevance is the curve itself."""
    rows, columns = np.triu_indices(len(kept), 1)
    cosines = np.sum(alphas[kept[rows]] * alphas[kept[columns]], axis=1)
    same = labels[kept[rows]] == labels[kept[columns]]
    raw = np.concatenate([own, cosines]).astype(np.float32)
    truth = np.concatenate([np.ones(len(own), bool), same])
    weights = np.where(truth, 1 / max(1, truth.sum()), 1 / max(1, (~truth).sum()))
    curve = fit_curve(raw, truth, weights)
    levels = [threshold_for(raw, truth, precision, weights=weights) for precision in (0.9, 0.98)]
    top = max(levels[-1], min(0.98, float(raw[~truth].max(initial=0.0))))
    words = calibrate(np.maximum.accumulate(np.array([*levels, top], np.float32)), curve)
    logistic = {"kind": "logistic", "scale": _short(curve.scale), "offset": _short(curve.offset)}
    passed = calibrate(cosines[~same].astype(np.float32), curve) >= 0.5
    return {
        "thresholds": dict(
            zip(("similar", "same_thing", "almost_certain"), (_short(float(w)) for w in words), strict=True)
        ),
        "relevance": {
            "kind": "logistic",
            "inputs": ["global"],
            "weights": [_short(curve.scale)],
            "bias": _short(curve.offset),
        },
        "fusion": {"global": 1.0, "local": 0.0},
        "calibration": {"global": logistic, "balanced": logistic},
    }, {
        "relevant_matching": float((calibrate(own.astype(np.float32), curve) >= 0.5).mean()),
        "relevant_strangers": float(passed.mean()) if len(passed) else 0.0,
        "photos_taken_for_copies": float(len(labels) - len(kept)),
    }


def _short(value: float) -> float:
    return float(f"{value:.5g}")
