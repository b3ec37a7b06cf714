"""Fits what a pack's manifest says about scores: thresholds, relevance, fusion, calibration.

    python -m models.calibrate models/packs/indicium-s --data DIR --cache CACHE

Measured on held-out TRAIN classes of grocery and caltech101, on imagenette's TRAIN photos, and on made views and
copy-paste composites of TRAIN photos (`desktop_app.evaluation.calibration`). `cars` takes part in the choice of
the fusion only: its classes differ in less than what a person would call another thing. Photos without classes
are distractors in every gallery, as in a library where most photos have nothing to do with the query. The
features, and so the pack's digest, do not change.
"""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.evaluation.calibration import Calibration, calibrate_pack
from desktop_app.evaluation.composites import Composite, make_composite
from desktop_app.evaluation.evidence_pairs import in_shares
from desktop_app.evaluation.pair_samples import CalibrationPhoto, ViewPair
from desktop_app.retrieval.made_views import make_view
from models.data import SET_LIMITS, PhotoCache, Rgb, holdout_classes, list_photos, whole
from models.evaluate.holdout import GraphEmbedder
from models.manifest import Shape, put_sections

HELD_OUT = ("grocery", "caltech101")
WHOLE = ("imagenette-train",)  # seen while distilling, but never with their labels
FUSION_ONLY = ("cars",)
DISTRACTORS = ("bsds", "clothing", "flickr8k", "in1k-samples", "in1k-second", "textures")
SECTIONS = ("thresholds", "relevance", "fusion", "calibration")


def gallery_rows(cache: PhotoCache, most: int, *, seed: int = 0) -> dict[str, list[int]]:
    """At most so many rows of each calibration set, with classes."""
    held = holdout_classes(cache.photos, (*HELD_OUT, *FUSION_ONLY))
    random = np.random.default_rng(seed)
    result = {}
    for name in (*HELD_OUT, *WHOLE, *FUSION_ONLY):
        rows = [
            i
            for i, p in enumerate(cache.photos)
            if p.set == name and p.label and (name in WHOLE or p.label in held)
        ]
        if rows:
            result[name] = sorted(int(row) for row in random.permutation(rows)[:most])
    return result


def distractor_rows(cache: PhotoCache, count: int, *, seed: int = 1) -> list[int]:
    """`count` rows of sets of unrelated photos."""
    rows = [i for i, photo in enumerate(cache.photos) if photo.set in DISTRACTORS]
    return sorted(int(row) for row in np.random.default_rng(seed).permutation(rows)[:count])


def view_rows(cache: PhotoCache, count: int, *, seed: int = 0) -> list[int]:
    """Rows of large photos, spread over the sets."""
    small = {"mini-imagenet-84", "style-128", "flowers-128"}
    random = np.random.default_rng(seed)
    by_set: dict[str, list[int]] = {}
    for row in random.permutation(len(cache)):
        by_set.setdefault(cache.photos[row].set, []).append(int(row))
    members = [rows for name, rows in sorted(by_set.items()) if name not in small] or list(by_set.values())
    share = -(-count // len(members))
    return [row for rows in members for row in rows[:share]][:count]


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What a pack is calibrated on.

    holdouts: photos with classes, by set. views: made views of photos, composites: objects and the photos they
    were pasted into; both with exact correspondence. distractors: photos that match nothing.
    """

    holdouts: Mapping[str, Sequence[CalibrationPhoto]]
    views: Sequence[ViewPair]
    composites: Sequence[ViewPair]
    distractors: Sequence[CalibrationPhoto]

    def fit(self) -> Calibration:
        """Fit everything (`calibrate_pack`)."""
        return calibrate_pack(
            [found for name, found in self.holdouts.items() if name not in FUSION_ONLY],
            self.views,
            composites=self.composites,
            fusion_holdouts=[found for name, found in self.holdouts.items() if name in FUSION_ONLY],
            distractors=self.distractors,
        )


def measured_material(
    embedder: GraphEmbedder,
    cache: PhotoCache,
    shapes: Sequence[Shape],
    *,
    photos: int,
    views: int,
    composites: int,
    distractors: int,
) -> Material:
    """Embed what calibration needs. photos: at most so many of each set; views, composites: pairs."""

    def measured(pictures: Sequence[Rgb], labels: Sequence[int]) -> list[CalibrationPhoto]:
        made = embedder.embed([whole(picture, shapes) for picture in pictures])
        return [
            CalibrationPhoto.of(embedding, label=label, code_logits=embedder.code_logits)
            for embedding, label in zip(made, labels, strict=True)
        ]

    def paired(first: Sequence[Rgb], second: Sequence[Rgb], ways: Sequence[NDArray[np.float64]]) -> list[ViewPair]:
        numbers = range(len(ways))
        return [
            ViewPair(original=original, view=view, to_original=way)
            for original, view, way in zip(measured(second, numbers), measured(first, numbers), ways, strict=True)
        ]

    sets = {}
    for set_name, rows in gallery_rows(cache, photos).items():
        names = sorted({cache.photos[row].label or "" for row in rows})
        labels = [names.index(cache.photos[row].label or "") for row in rows]
        sets[set_name] = measured([cache.decode(row) for row in rows], labels)
    originals = [cache.decode(row) for row in view_rows(cache, views)]
    changed = [make_view(rgb, np.random.default_rng(i)) for i, rgb in enumerate(originals)]
    pasted = made_composites(cache, composites)
    strangers = distractor_rows(cache, distractors)
    return Material(
        holdouts=sets,
        views=paired([made.rgb for made in changed], originals, [made.to_original for made in changed]),
        composites=paired(
            [made.query for made in pasted],
            [made.scene for made in pasted],
            [in_shares(made.to_scene, made.query, made.scene) for made in pasted],
        ),
        distractors=measured([cache.decode(row) for row in strangers], [0] * len(strangers)),
    )


def made_composites(cache: PhotoCache, count: int, *, seed: int = 2) -> list[Composite]:
    """`count` objects of TRAIN photos pasted into other TRAIN photos; too small ones are passed over."""
    random = np.random.default_rng(seed)
    rows = view_rows(cache, 4 * count, seed=seed)
    made: list[Composite] = []
    for photo, scene in zip(random.permutation(rows), random.permutation(rows), strict=True):
        if len(made) == count:
            break
        if photo == scene:
            continue
        with contextlib.suppress(ValueError):  # too small a photo or outline
            made.append(make_composite(cache.decode(int(photo)), cache.decode(int(scene)), random))
    return made


def update_manifest(
    pack: Path, sections: Mapping[str, Mapping[str, object]], figures: Mapping[str, float]
) -> None:
    """Replace the fitted sections of manifest.json, and `figures.calibration`."""
    told = {"calibration": {name: round(float(value), 4) for name, value in figures.items()}}
    put_sections(pack, {**{name: dict(sections[name]) for name in SECTIONS}, "figures": told}, within=("figures",))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=600, help="at most so many of each set")
    parser.add_argument("--views", type=int, default=240)
    parser.add_argument("--composites", type=int, default=300)
    parser.add_argument("--distractors", type=int, default=1500)
    args = parser.parse_args(argv)
    manifest = json.loads((args.pack / "manifest.json").read_text(encoding="utf-8"))
    shapes = [(height, width) for height, width in manifest["input"]["shapes"]]
    cache = PhotoCache.build(args.data, list_photos(args.data, limits=SET_LIMITS), args.cache)
    embedder = GraphEmbedder(args.pack / "embed.onnx", args.pack / "code.onnx")
    fitted = measured_material(
        embedder,
        cache,
        shapes,
        photos=args.photos,
        views=args.views,
        composites=args.composites,
        distractors=args.distractors,
    ).fit()
    update_manifest(args.pack, fitted.manifest_sections(), fitted.figures)
    print(json.dumps(fitted.manifest_sections() | {"figures": fitted.figures}, indent=1))


if __name__ == "__main__":
    main()
