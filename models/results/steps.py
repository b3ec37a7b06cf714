"""What is measured for the results page: one command each, which prints one JSON document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from models.results.tables import Row, flat, named_rows, report_rows

Rows = Callable[[Mapping[str, object]], list[Row]]


@dataclass(frozen=True)
class Step:
    """A measurement.

    command: arguments in which {data}, {pack}, {teacher}, {cache}, {run} and {work} stand for paths. needs: paths
    below the data folder without which it is left out. rows: its document as table rows.
    """

    name: str
    section: str
    title: str
    command: tuple[str, ...]
    rows: Rows
    needs: tuple[str, ...] = ()

    def missing(self, data: Path) -> list[str]:
        return [name for name in self.needs if not (data / name).exists()]


def _systems(document: Mapping[str, object]) -> list[Row]:
    found = document.get("systems")
    return named_rows(found) if isinstance(found, Mapping) else []


def _by_set(*keys: str) -> Rows:
    """Rows of a document {set: {system: figures}}, after going down `keys`; the set is a column."""

    def rows(document: Mapping[str, object]) -> list[Row]:
        found: object = document
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        if not isinstance(found, Mapping):
            return []
        return [
            {"set": Path(str(name)).name, **row}
            for name, figures in found.items()
            if isinstance(figures, Mapping)
            for row in named_rows(_nested(figures, "systems"))
        ]

    return rows


def _nested(figures: Mapping[str, object], key: str) -> Mapping[str, object]:
    """What lies under `key` where it is a mapping, else the figures themselves."""
    inner = figures.get(key)
    return inner if isinstance(inner, Mapping) else figures


def _listed(document: Mapping[str, object]) -> list[Row]:
    """The rows of a document that is a table already: {"rows": {name: figures}} or {"rows": [figures]}."""
    rows = document.get("rows", document)
    if isinstance(rows, Mapping):
        return named_rows(rows)
    return [flat(row) for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _whole(document: Mapping[str, object]) -> list[Row]:
    return [flat(document)]


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    return ("-m", name, *arguments)


def _evaluate(protocol: str, *arguments: str) -> tuple[str, ...]:
    return ("-m", "desktop_app", "evaluate", protocol, *arguments, "--pack", "{pack}", "--json")


def _ranking(name: str, queries: int | None) -> Step:
    asked = ("--queries", str(queries)) if queries else ()
    return Step(
        f"systems-{name}",
        "Ranking",
        f"{name}: every system on the same photos and queries",
        _module(
            "models.evaluate.systems", f"{{data}}/evaluate/{name}", "--pack", "{pack}", "--teacher", "{teacher}",
            "--train", "{data}", "--cache", "{cache}", *asked,
        ),
        _systems,
        (f"evaluate/{name}",),
    )  # fmt: skip


def _profiles(name: str, queries: int | None) -> Step:
    asked = ("--queries", str(queries)) if queries else ()
    return Step(
        f"folders-{name}",
        "Ranking",
        f"{name}: the profiles of a search",
        _evaluate("folders", "--data", f"{{data}}/evaluate/{name}", "--profiles", "instant,balanced", *asked),
        report_rows,
        (f"evaluate/{name}",),
    )


def _evidence(name: str, *arguments: str) -> Step:
    return Step(
        f"evidence-{name}",
        "Evidence",
        f"{name}: does what is shown lie where the match is",
        _evaluate("evidence", "--data", f"{{data}}/evaluate/{name}", *arguments),
        report_rows,
        (f"evaluate/{name}",),
    )


_TRAINED = ("--data", "{data}", "--cache", "{cache}")
_GROCERY = "{data}/evaluate/grocery"

STEPS: tuple[Step, ...] = (
    _ranking("grocery", None),
    _ranking("caltech101", 800),
    _ranking("cars", 800),
    _ranking("imagenette-val", 800),
    _profiles("grocery", None),
    _profiles("caltech101", 800),
    _profiles("cars", 800),
    _profiles("imagenette-val", 800),
    Step(
        "labels",
        "Ranking",
        "imagenette-val: with a linear adapter learnt on the labels of its ten classes",
        _module(
            "models.evaluate.labelled", "{data}/evaluate/imagenette-val", "--pack", "{pack}", "--train", "{data}",
            "--cache", "{cache}", "--set", "imagenette-train", "--queries", "800",
        ),
        _systems,
        ("evaluate/imagenette-val", "train/imagenette-train"),
    ),
    Step(
        "two-model",
        "Ranking",
        "A second descriptor and two-model re-ranking (S2), chosen on held-out TRAIN classes",
        _module("models.evaluate.two_model", "{pack}", *_TRAINED, "--evaluate", _GROCERY),
        _by_set("evaluate"),
        ("evaluate/grocery",),
    ),
    Step(
        "global-rerank",
        "Ranking",
        "SuperGlobal's re-ranking and database-side augmentation, grocery",
        _module("models.evaluate.superglobal", "{pack}", "--data", _GROCERY),
        _by_set(),
        ("evaluate/grocery",),
    ),
    Step(
        "multi-scale",
        "Ranking",
        "Several scales of a photo in one descriptor, grocery",
        _module("models.evaluate.multi_scale", "{pack}", "--data", _GROCERY, "--queries", "800"),
        _by_set(),
        ("evaluate/grocery",),
    ),
    Step(
        "codes",
        "Ranking",
        "Binary codes (LM-BiHalf) against the float local match, held-out TRAIN classes",
        _module("models.evaluate.codes", "{pack}", *_TRAINED),
        _by_set(),
        ("train",),
    ),
    Step(
        "fusion",
        "Ranking",
        "S3's head and what its parts are worth, the same short training each",
        _module("models.ablations.fusion", "--run", "{run}", *_TRAINED, "--folder", _GROCERY),
        _by_set("figures"),
        ("train",),
    ),
    Step(
        "instances",
        "Finding the same photo and the same object",
        "Every photo of ikea and coco128 asked by a made view of it",
        _evaluate("instances", "--data", "{data}/evaluate/ikea", "{data}/evaluate/coco128"),
        report_rows,
        ("evaluate/ikea", "evaluate/coco128"),
    ),
    Step(
        "outlines",
        "Finding the same photo and the same object",
        "A thing asked for with its whole picture, its box and its outline, TRAIN classes of grocery",
        _module(
            "models.evaluate.outlines", "{pack}", "--data", "{data}/train/grocery",
            "--backgrounds", "{data}/train/flickr8k",
        ),
        lambda document: named_rows(cast(Mapping[str, object], document["rows"]), first="asked with"),
        ("train/grocery", "train/flickr8k"),
    ),
    Step(
        "small-objects",
        "Finding the same photo and the same object",
        "An object of 8 to 15 % of the area, on its own, asked among 2,000 other photos",
        _evaluate(
            "small-objects", "--data", "{data}/evaluate/coco128", "--labels", "{data}/evaluate/coco128.labels",
            "--distractors", "{data}/evaluate/caltech101",
        ),
        report_rows,
        ("evaluate/coco128", "evaluate/caltech101"),
    ),
    Step(
        "rooms",
        "Finding the same photo and the same object",
        "ikea: a product shot asked for the rooms it stands in",
        _evaluate(
            "small-objects", "--data", "{data}/evaluate/ikea", "--rooms", "{data}/evaluate/ikea.item_to_room.json",
        ),
        report_rows,
        ("evaluate/ikea",),
    ),
    Step(
        "degradations",
        "Finding the same photo and the same object",
        "What treatments of a photo the search withstands, coco128",
        _evaluate("degradations", "--data", "{data}/evaluate/coco128"),
        report_rows,
        ("evaluate/coco128",),
    ),
    _evidence("coco128", "--labels", "{data}/evaluate/coco128.labels", "--families", "composites,views,strangers"),
    _evidence("raccoons", "--labels", "{data}/evaluate/raccoons.labels", "--families", "objects"),
    _evidence(
        "cells", "--labels", "{data}/evaluate/cells.labels", "--families", "objects", "--classes", "WBC,Platelets"
    ),
    Step(
        "coattention",
        "Evidence",
        "Co-attention: CANet and clusters (S0) on composites of coco128",
        _module("models.coattention.evaluate", "--pack", "{pack}", "--folder", "{data}/evaluate/coco128"),
        _listed,
        ("evaluate/coco128",),
    ),
    Step(
        "indicative",
        "Evidence",
        "Indicative matching (S1): layouts, metrics, attention regulation, feedback; a short training each, on "
        "held-out TRAIN pairs",
        _module(
            "models.indicative.ablate", "--pack", "{pack}", *_TRAINED, "--out", "{work}/indicative-rows.json",
        ),
        _listed,
        ("train",),
    ),
    Step(
        "indicative-speed",
        "Speed and size",
        "The indicative graph on 50 pairs",
        _module("models.indicative.speed", "{pack}/indicative.onnx"),
        _whole,
    ),
    Step(
        "speed",
        "Speed and size",
        "embed.onnx against a ResNet-18 (fp32, 224 x 224) in the same run, by input shape",
        _module("models.evaluate.speed", "{pack}"),
        lambda document: named_rows(document, first="input"),
    ),
)  # fmt: skip
