"""Retrieval figures on the held-out TRAIN classes: what every choice about a pack is made by.

    python -m models.evaluate.holdout models/packs/indicium-s --data DIR --cache CACHE [--side 224 --side 256 ...]

`--side` tries other input areas. Prints mAP, R@1 and P@20 per set, of the global descriptor and with the local
match, every photo a query in the rest of its set.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from desktop_app.domain.features import Embedding, PhotoFeatures
from desktop_app.domain.results import Stage
from desktop_app.evaluation.measures import average_precision, precision_at, recall_at
from desktop_app.evaluation.ranking import Gallery, rankings
from desktop_app.retrieval.cell_match import cell_codes
from desktop_app.retrieval.clusters import make_local_codes_batch
from desktop_app.retrieval.parameters import RetrievalParameters
from models.data import LABELLED, SET_LIMITS, PhotoCache, Rgb, holdout_classes, list_photos, whole
from models.manifest import Shape, shapes_of_area

STAGES = {"global": (Stage.GLOBAL,), "local": (Stage.GLOBAL, Stage.LOCAL)}


@dataclass(frozen=True)
class HoldoutFigures:
    """figures[set][stage] = {"mAP", "R@1", "P@20"}, each in 0..1."""

    figures: dict[str, dict[str, dict[str, float]]]

    def mean(self, measure: str, stage: str = "global") -> float:
        """The mean over the sets."""
        return float(np.mean([rows[stage][measure] for rows in self.figures.values()]))

    def as_json(self) -> dict[str, dict[str, dict[str, float]]]:
        return {
            name: {stage: {key: round(value, 4) for key, value in row.items()} for stage, row in rows.items()}
            for name, rows in self.figures.items()
        }


class GraphEmbedder:
    """embed.onnx and code.onnx as they are, without a manifest. threads: of ONNX Runtime. roles: the outputs that
    are computed, None for all."""

    def __init__(self, embed: Path, code: Path, *, threads: int = 2, roles: Collection[str] | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._embed = onnxruntime.InferenceSession(str(embed), options, providers=["CPUExecutionProvider"])
        known = {field.name for field in fields(Embedding) if roles is None or field.name in roles}
        self._roles = [output.name for output in self._embed.get_outputs() if output.name in known]
        self._code = onnxruntime.InferenceSession(str(code), options, providers=["CPUExecutionProvider"])

    def code_logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """[N, 128] -> [N, bits]."""
        return np.asarray(self._code.run(["logits"], {"features": features})[0])

    def embed(self, pictures: Sequence[Rgb]) -> Iterator[Embedding]:
        """One Embedding per picture, in order."""
        for picture in pictures:
            out = self._embed.run(self._roles, {"image": picture[None]})
            yield Embedding(**{role: value[0] for role, value in zip(self._roles, out, strict=True)})

    def features(self, pictures: Sequence[Rgb]) -> list[PhotoFeatures]:
        """What a library would store of the pictures."""
        return self.stored(list(self.embed(pictures)))

    def stored(self, made: Sequence[Embedding]) -> list[PhotoFeatures]:
        """What a library would store of these embeddings."""
        codes = make_local_codes_batch(made, self.code_logits)
        return [
            PhotoFeatures(
                alpha=e.alpha.astype(np.float16),
                alpha_code=e.alpha_code,
                local=c,
                beta=None if e.beta is None else e.beta.astype(np.float16),
                beta_code=e.beta_code,
                cells=None if e.local_features is None else cell_codes(e.local_features, self.code_logits),
            )
            for e, c in zip(made, codes, strict=True)
        ]


def holdout_rows(cache: PhotoCache, limit: int | None = None) -> dict[str, list[int]]:
    """Rows of `cache` per labelled set that lie in held-out classes; of a larger set, `limit` random ones."""
    held = holdout_classes(cache.photos, LABELLED)
    random = np.random.default_rng(0)
    result = {}
    for name in LABELLED:
        rows = [i for i, p in enumerate(cache.photos) if p.set == name and p.label in held]
        if rows:
            result[name] = sorted(int(row) for row in random.permutation(rows)[:limit])
    return result


def set_figures(
    features: Sequence[PhotoFeatures], labels: Sequence[str], parameters: RetrievalParameters
) -> dict[str, dict[str, float]]:
    """The figures of one gallery whose photos all ask, for both stages."""
    gallery = Gallery.of(features)
    names = np.array(labels)
    queries = np.array([i for i, name in enumerate(labels) if labels.count(name) > 1], np.int64)
    result = {}
    for stage, stages in STAGES.items():
        rows = [
            names[order] == names[query]
            for query, order in rankings(gallery, queries, stages=stages, parameters=parameters)
        ]
        result[stage] = {
            "mAP": float(np.mean([average_precision(row) for row in rows])),
            "R@1": float(np.mean([recall_at(row, 1) for row in rows])),
            "P@20": float(np.mean([precision_at(row, 20) for row in rows])),
        }
    return result


def holdout_figures(
    embed: Path,
    code: Path,
    cache: PhotoCache,
    shapes: Sequence[Shape],
    parameters: RetrievalParameters | None = None,
    *,
    limit: int | None = None,
) -> HoldoutFigures:
    """Measure one graph, on at most `limit` photos of each set."""
    embedder = GraphEmbedder(embed, code)
    result = {}
    for name, rows in holdout_rows(cache, limit).items():
        features = embedder.features([whole(cache.decode(row), shapes) for row in rows])
        labels = [cache.photos[row].label or "" for row in rows]
        result[name] = set_figures(features, labels, parameters or RetrievalParameters())
    return HoldoutFigures(result)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument(
        "--side", type=int, action="append", help="input area to try; default: the manifest's shapes"
    )
    parser.add_argument("--limit", type=int, help="at most so many photos of each set")
    args = parser.parse_args(argv)
    manifest = json.loads((args.pack / "manifest.json").read_text(encoding="utf-8"))
    own = [(height, width) for height, width in manifest["input"]["shapes"]]
    cache = PhotoCache.build(args.data, list_photos(args.data, limits=SET_LIMITS), args.cache)
    parameters = RetrievalParameters.from_manifest(manifest)
    rows = {f"area {side}^2": shapes_of_area(side) for side in args.side or []} or {"as shipped": own}
    files = (args.pack / "embed.onnx", args.pack / "code.onnx")
    figures = {
        name: holdout_figures(*files, cache, shapes, parameters, limit=args.limit).as_json()
        for name, shapes in rows.items()
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
