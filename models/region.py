"""Fits from when on a result is said to hold the part of a picture that was marked (manifest section `region`).

    python -m models.region models/packs/indicium-s --data DIR

A part is a box of 3 to 50 % of the area about the middle of a TRAIN photo of a held-out class, where the thing
that gives the class usually is. Its true results are other photos of the class; false ones are photos of other
classes, half of them random, half nearest neighbours by the part's descriptor. The bias is lowered until at most
2 % of the random and 5 % of all false results are called relevant. The features, and so the pack's digest, do
not change.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from desktop_app.bootstrap import Options, open_engine
from desktop_app.domain.geometry import Region
from desktop_app.domain.query import PixelPicture, QueryItem
from desktop_app.evaluation.fit_evidence import nonnegative_logistic
from desktop_app.retrieval.parameters import REGION_INPUTS, RegionParameters
from desktop_app.retrieval.region_evidence import RegionMeasurements, region_relevance
from desktop_app.services.embedded_query import EmbeddedItem, QueryEmbedder
from desktop_app.services.engine import Engine
from desktop_app.services.region_match import region_match
from models.data import Photo, Rgb, holdout_classes, list_photos, read_rgb, train_folder
from models.manifest import put_sections

SETS = ("grocery", "caltech101")
WHOLE = ("imagenette-train",)  # without labels of its own in any training
AREA = (0.03, 0.5)
RANDOM_FALSE, ALL_FALSE = 0.02, 0.05  # most shares of false results that may be called relevant

Sample = tuple[RegionMeasurements, str]  # and whether it is "true", "random" or "near"


def central_region(rgb: Rgb, random: np.random.Generator) -> Region:
    """A box of the photo's shape, of a random share of its area in AREA, about the middle."""
    side = np.sqrt(np.exp(random.uniform(*np.log(AREA))))
    height, width = rgb.shape[:2]
    w, h = max(16, round(side * width)), max(16, round(side * height))
    x, y = ((size - part) / 2 * random.uniform(0.6, 1.4) for size, part in ((width, w), (height, h)))
    return Region(round(x), round(y), w, h)


def samples(
    photos: Sequence[tuple[Rgb, str]], engine: Engine, count: int, random: np.random.Generator
) -> list[Sample]:
    """What is measured for `count` parts of photos (pixels, class), each with a true and a false result."""
    embedder = QueryEmbedder(None)

    def embedded(rgb: Rgb, region: Region | None = None) -> EmbeddedItem:
        return embedder.embed(QueryItem(PixelPicture(rgb), region=region), engine)

    alphas = np.stack([embedded(rgb).embedding.alpha for rgb, _ in photos])
    labels = np.array([label for _, label in photos])
    found: list[Sample] = []
    for turn, at in enumerate(np.resize(random.permutation(len(photos)), count)):
        rgb, label = photos[at]
        asked = embedded(rgb, central_region(rgb, random))
        friends = np.flatnonzero((labels == label) & (np.arange(len(labels)) != at))
        strangers = np.flatnonzero(labels != label)
        near = strangers[(alphas[strangers] @ asked.embedding.alpha).argmax()]
        false = near if turn % 2 else random.choice(strangers)
        chosen = [("near" if turn % 2 else "random", false)]
        if len(friends):
            chosen.append(("true", random.choice(friends)))
        for kind, other in chosen:
            match = region_match(asked, embedded(photos[other][0]), engine)
            if match is not None:
                found.append((match.measured, kind))
    return found


def fit(found: Sequence[Sample]) -> tuple[RegionParameters, dict[str, float]]:
    """The logistic over the measurements, without negative weights, and how it does on what it was fitted to."""
    kinds = np.array([kind for _, kind in found])
    table = np.array([[measured.inputs()[name] for name in REGION_INPUTS] for measured, _ in found])
    weights, bias = nonnegative_logistic(table, REGION_INPUTS, kinds == "true")
    raw = table @ np.array([weights.get(name, 0.0) for name in REGION_INPUTS])
    for false, share in ((kinds == "random", RANDOM_FALSE), (kinds != "true", ALL_FALSE)):
        if false.any():
            bias = min(bias, -float(np.quantile(raw[false], 1.0 - share)) - 1e-6)
    parameters = RegionParameters(weights, bias)
    kinds_seen = ("true", "random", "near")
    return parameters, {f"relevant_{kind}": _passing(found, kind, parameters) for kind in kinds_seen}


def _passing(found: Sequence[Sample], kind: str, parameters: RegionParameters) -> float:
    passed = [region_relevance(measured, parameters) >= 0.5 for measured, of in found if of == kind]
    return float(np.mean(passed)) if passed else 0.0


def held_out_photos(data: Path, each: int, random: np.random.Generator) -> list[tuple[Rgb, str]]:
    """Up to `each` photos of every held-out class, as pixels with their class."""
    photos = [photo for photo in list_photos(data) if photo.label]
    held = holdout_classes(photos, SETS)
    by_class: dict[str, list[Photo]] = {}
    for photo in photos:
        if photo.label and ((photo.set in SETS and photo.label in held) or photo.set in WHOLE):
            by_class.setdefault(photo.label, []).append(photo)
    found = []
    for label, members in sorted(by_class.items()):
        for at in random.permutation(len(members))[:each]:
            rgb = read_rgb(train_folder(data) / members[at].path, long_side=640)
            if rgb is not None:
                found.append((rgb, label))
    return found


def write(pack: Path, parameters: RegionParameters, figures: dict[str, float]) -> None:
    """Replace the section `region` of the manifest."""
    section: dict[str, object] = {"kind": "logistic", "weights": dict(parameters.weights), "bias": parameters.bias}
    put_sections(pack, {"region": section | {"figures": figures}})


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Fit the relevance of regions of a pack")
    parser.add_argument("pack", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds train/")
    parser.add_argument("--each", type=int, default=10, help="photos of a class")
    parser.add_argument("--count", type=int, default=400, help="parts that are looked for, each in two photos")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    random = np.random.default_rng(arguments.seed)
    engine = open_engine(Options(pack=str(arguments.pack)), str(arguments.pack))
    photos = held_out_photos(arguments.data, arguments.each, random)
    found = samples(photos, engine, arguments.count, random)
    parameters, figures = fit(found)
    write(arguments.pack, parameters, figures)
    print(json.dumps({"photos": len(photos), "pairs": len(found), "weights": dict(parameters.weights), **figures}))


if __name__ == "__main__":
    main()
