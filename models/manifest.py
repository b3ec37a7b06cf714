"""The manifest, licence and card of a pack."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Shape = tuple[int, int]
ASPECTS = (4 / 3, 3 / 2, 16 / 9, 2.2, 3.0)

PROVENANCE = [
    {"name": name, "source": source, "licence": licence, "use": use}
    for name, source, licence, use in (
        (
            "ImageNet MobileNetV2 (int8)",
            "tf2_mobilenet_v2_1.0_224_ptq.tflite",
            "Apache-2.0",
            "teacher: its outputs only",
        ),
        ("grocery", "marcusklasson/GroceryStoreDataset", "MIT", "first half of the classes, with labels"),
        (
            "caltech101",
            "MachineLearning2020/Homework2-Caltech101",
            "research",
            "first half of the classes, with labels",
        ),
        (
            "cars",
            "fmejbah/car_dataset1",
            "research",
            "classes 1 to 98, with labels; by oversight about 2,000 others, unlabelled",
        ),
        ("imagenette", "thunderInfy/imagenette", "ImageNet terms (research)", "train, unlabelled"),
        ("flickr8k", "RlNZLER/Image-Text-Matching", "not stated", "unlabelled"),
        ("clothing", "alexeygrigorev/clothing-dataset", "CC0", "unlabelled"),
        ("in1k-samples", "EliSchwartz/imagenet-sample-images", "ImageNet terms (research)", "with labels"),
        ("in1k-second", "ajschumacher/imagen", "ImageNet terms (research)", "with labels"),
        ("fashion", "GaneshNeupane01/Fashion-Recommendation-System", "not stated", "unlabelled, a part"),
        ("cats-dogs", "chanakya2734/Image-classification-using-CNN", "not stated", "unlabelled, a part"),
        ("trash", "congduytran12/Trash-Classification-", "MIT", "with labels"),
        ("textures", "pan8915/DeepTexture", "research", "with labels"),
        ("bsds", "BIDS/BSDS500", "research", "unlabelled"),
        ("flowers-128", "martinwestin/flower_classification", "not stated", "with labels"),
        ("mini-imagenet-84", "Deo0330/split_minidataset", "ImageNet terms (research)", "with labels, a part"),
        ("style-128", "ZhaoyueCheng/Image-Style-Recognition", "not stated", "unlabelled"),
    )
]


def shapes_of_area(side: int, *, multiple: int = 32) -> list[Shape]:
    """Input shapes (height, width) of about `side`^2 pixels for the aspect ratios that photos have, square first.

    Sides are multiples of `multiple`; a shape trades an error in aspect ratio against one in area.
    """

    def nearest(aspect: float) -> Shape:
        sides = range(multiple, side * 3, multiple)
        return min(
            ((h, w) for h in sides for w in sides),
            key=lambda s: 3 * abs(math.log(s[1] / s[0] / aspect)) + abs(math.log(s[0] * s[1] / side**2)),
        )

    wide = [nearest(aspect) for aspect in ASPECTS]
    return list(dict.fromkeys([nearest(1.0), *wide, *((w, h) for h, w in wide)]))


def described(path: Path) -> dict[str, object]:
    """sha256 and size of a file."""
    data = path.read_bytes()
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def write_manifest(
    folder: Path,
    *,
    shapes: Sequence[Shape],
    precision: str,
    version: str,
    figures: Mapping[str, Any],
    sections: Mapping[str, Mapping[str, object]],
    dimension: int = 512,
    second: int = 256,
    map_dimension: int = 256,
) -> None:
    """Write manifest.json over the files that lie in `folder`. `sections`: thresholds, relevance, fusion,
    calibration (see `models.calibrate`)."""
    files = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != "manifest.json")
    document = {
        "format": 1,
        "name": "indicium-s",
        "version": version,
        "title": "Indicium small",
        "description": "A small, fast model for everyday photos: same scene, same object, same kind of thing",
        "licence": "Apache-2.0",
        "licence_file": "LICENSE",
        "card": "MODEL_CARD.md",
        "provenance": PROVENANCE,
        "minimum_application": "0.2.0",
        "input": {
            "name": "image",
            "layout": "NHWC",
            "dtype": "uint8",
            "shapes": [list(shape) for shape in shapes],
            "mean": None,
            "std": None,
        },
        "outputs": {
            "alpha": {"name": "alpha", "dtype": "float32", "shape": ["B", dimension]},
            "alpha_code": {"name": "alpha_code", "dtype": "uint8", "shape": ["B", dimension // 8]},
            "attention": {"name": "attention", "dtype": "float32", "shape": ["B", "h", "w"]},
            "local_map": {"name": "local_map", "dtype": "float32", "shape": ["B", map_dimension, "h", "w"]},
            "local_features": {"name": "local_features", "dtype": "float32", "shape": ["B", "h", "w", 128]},
            "beta": {"name": "beta", "dtype": "float32", "shape": ["B", second]},
            "beta_code": {"name": "beta_code", "dtype": "uint8", "shape": ["B", second // 8]},
            "regions": {"name": "regions", "dtype": "float32", "shape": ["B", 14, dimension]},
        },
        "local": {
            "stride": 16,
            "clusters": 32,
            "code_bits": 128,
            "dimension": 128,
            "map_dimension": map_dimension,
        },
        "precision": precision,
        **sections,
        "figures": dict(figures),
        "files": {name: described(folder / name) for name in files},
    }
    write_json(folder / "manifest.json", document)


def add_part(pack: Path, file: str, sections: Mapping[str, object]) -> None:
    """Register `file`, an optional part that lies in the folder `pack`, in its manifest, and replace `sections`.

    Parts explain pairs and leave the stored features alone: the pack's digest does not change. Raises
    FileNotFoundError when the file is not there.
    """
    put_sections(pack, {**sections, "files": {file: described(pack / file)}}, within=("files",))


def put_sections(pack: Path, sections: Mapping[str, object], *, within: Sequence[str] = ()) -> None:
    """Replace `sections` of the manifest as it is now: other commands may have written to it meanwhile. Of those
    named in `within` only the keys that are given are replaced. Figures and files stay at its end."""
    path = pack / "manifest.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    for name, section in sections.items():
        document[name] = {**document.get(name, {}), **section} if name in within else section  # type: ignore[dict-item]
    tail = {key: document.pop(key) for key in ("figures", "files") if key in document}
    write_json(path, document | tail)


def write_json(path: Path, document: Mapping[str, object]) -> None:
    """Write `path` whole or not at all."""
    partial = path.with_suffix(".tmp")
    partial.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
