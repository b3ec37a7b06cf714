"""Import of any ONNX backbone: from a file and some photos to an installed pack."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

import desktop_app
from desktop_app.domain.devices import Device
from desktop_app.domain.errors import UsageError
from desktop_app.domain.features import Embedding
from desktop_app.domain.progress import Control, NoControl, Phase, Progress
from desktop_app.inference.backbone import Backbone, FoundOutputs, open_backbone
from desktop_app.inference.backbone_file import BackboneFile, Triple, read_backbone
from desktop_app.inference.manifest import (
    CODE_FILE,
    EMBED_FILE,
    FORMAT,
    LARGEST_SIDE,
    SMALLEST_SIDE,
    InputSpec,
)
from desktop_app.inference.pack_graph import MEAN, GraphOutputs, write_code, write_embed
from desktop_app.inference.session import OnnxEmbedder
from desktop_app.inference.trial import probe_batch
from desktop_app.retrieval.clusters import CLUSTERS
from desktop_app.services.pack_heads import (
    NORMALISATIONS,
    PROBED,
    ChangedView,
    LearntHeads,
    choose_normalisation,
    choose_pooling,
    code_medians,
    describe,
    learn_heads,
)
from desktop_app.services.pack_install import free_name, install, staged, write_manifest
from desktop_app.services.pack_pictures import embed_pictures

log = logging.getLogger(__name__)

Rgb = NDArray[np.uint8]
ASPECTS = (1.0, 4 / 3, 3 / 4, 3 / 2, 2 / 3, 16 / 9, 9 / 16, 2.0, 0.5)  # width / height of photos
SIDES = (SMALLEST_SIDE, LARGEST_SIDE)
"""Pixels that a side of the input has at least and at most."""
_SAVED = "backbone.onnx"
_FEW = 100

Embed = Callable[[Sequence[Rgb]], list[Embedding]]
"""Embeddings of pictures [H, W, 3] uint8, in order."""


class Calibrate(Protocol):
    """Fits what a manifest says about scores: manifest sections, and figures. labels: the classes of the pictures
    where somebody knows them."""

    def __call__(
        self,
        pictures: Sequence[Rgb],
        embed: Embed,
        code_logits: Callable[[NDArray[np.float32]], NDArray[np.float32] | None],
        *,
        labels: Sequence[int] | None = None,
    ) -> tuple[Mapping[str, Mapping[str, object]], Mapping[str, float]]: ...


@dataclass(frozen=True, slots=True)
class Overrides:
    """What somebody knows better than the probes. mean, std: of x / 255. size: (height, width) in pixels."""

    mean: Triple | None = None
    std: Triple | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class ImportedPack:
    """An installed pack: its name and folder, and in sentences what was found and what was assumed."""

    name: str
    folder: Path
    notes: tuple[str, ...]
    figures: Mapping[str, float]
    photos: int


def import_backbone(
    path: Path,
    pictures: Sequence[Rgb],
    *,
    calibrate: Calibrate,
    changed: ChangedView,
    name: str | None = None,
    overrides: Overrides = Overrides(),
    folders: Sequence[Path] | None = None,
    threads: int = 1,
    control: Control | None = None,
) -> Generator[Progress, None, ImportedPack]:
    """Make a pack of the ONNX file `path`, learnt and calibrated on `pictures`, and install it.

    calibrate, changed: the fit of the scores and the made views (both belong to evaluation).
    Raises PackError with a sentence for a file that cannot become a pack, UsageError for a name that is taken.
    Nothing is left behind when it fails or is stopped.
    """
    control = control or NoControl()
    file = read_backbone(path)
    name = free_name(name, path.stem, folders)
    with staged(folders) as folder:
        yield Progress(Phase.CHECKING, message=f"running {path.name}")
        backbone, spec = open_backbone(file, folder / _SAVED, size=overrides.size, threads=threads)
        file = backbone.file
        notes: list[str] = []
        spec, found = _input_and_outputs(backbone, spec, overrides, notes)
        probed = spread_pictures(pictures, PROBED)
        spec = _normalised(backbone, spec, found, overrides, probed, changed, notes)
        pooling = MEAN
        if found.embedding is None:
            choice = choose_pooling(backbone, spec, found, probed, changed)
            pooling = choice.name
            notes.append(choice.words)
        heads: LearntHeads | None = None
        for step in learn_heads(backbone, spec, found, pooling, pictures):
            if isinstance(step, LearntHeads):
                heads = step
            else:
                yield Progress(Phase.LEARNING, done=step, total=len(pictures))
                control.wait_if_paused()
        assert heads is not None
        graph = write_embed(
            folder / EMBED_FILE,
            file.model,
            image=file.input,
            layout=spec.layout,
            embedding=found.embedding,
            pooling=pooling,
            cells=found.cells,
            descriptor=heads.descriptor,
            local=heads.local,
        )
        (folder / _SAVED).unlink()
        document = _document(name, file, spec, found, heads, graph)
        write_manifest(folder, document)
        embedder = OnnxEmbedder(folder, device=Device.CPU, threads=threads)
        try:
            yield Progress(Phase.CHECKING, message="measuring scores on made views of the photos")
            embeddings = embed_pictures(embedder, pictures)
            control.wait_if_paused()
            if heads.local is not None:
                write_code(folder / CODE_FILE, code_medians(embeddings))
                write_manifest(folder, document)
        finally:
            embedder.close()
        embedder = OnnxEmbedder(folder, device=Device.CPU, threads=threads)
        known = {id(rgb): embedding for rgb, embedding in zip(pictures, embeddings, strict=True)}

        def embed(asked: Sequence[Rgb]) -> list[Embedding]:
            control.wait_if_paused()
            missing = [rgb for rgb in asked if id(rgb) not in known]
            made = iter(embed_pictures(embedder, missing))
            return [known[id(rgb)] if id(rgb) in known else next(made) for rgb in asked]

        try:
            sections, figures = calibrate(pictures, embed, embedder.code_logits)
        finally:
            embedder.close()
        if len(pictures) < _FEW:
            notes.append(
                f"learnt on {len(pictures)} photos only: import it again with a few hundred for good scores"
            )
        document |= {key: dict(value) for key, value in sections.items()}
        document["figures"] = {"calibration": {key: round(float(value), 4) for key, value in figures.items()}}
        document["import"] = {"notes": notes, "photos": len(pictures)}
        write_manifest(folder, document)
        place = install(folder, name, folders)
    yield Progress(Phase.DONE)
    return ImportedPack(name, place, tuple(notes), dict(figures), len(pictures))


def spread_pictures(pictures: Sequence[Rgb], count: int) -> list[Rgb]:
    """`count` pictures evenly over all."""
    return [pictures[int(at)] for at in np.unique(np.linspace(0, len(pictures) - 1, count).astype(int))]


def _input_and_outputs(
    backbone: Backbone, spec: InputSpec, overrides: Overrides, notes: list[str]
) -> tuple[InputSpec, FoundOutputs]:
    """Settle the shapes, and find the outputs. The normalisation is still open."""
    file = backbone.file
    shape = spec.shapes[0]
    found = backbone.find(spec)
    if found.embedding is None and found.cells is None:
        values = backbone.run(probe_batch(shape), spec)
        shown = ", ".join(
            f"'{name}' {list(value.shape)}" for name, value in values.items() if name not in file.taps
        )
        raise file.refusal(
            f"none of its outputs ({shown} for 2 pictures of {shape[0]} x {shape[1]}) is a descriptor [B, D], a "
            "map [B, C, h, w] or patch tokens [B, N, C]"
        )
    if file.height is None and file.width is None and overrides.size is None:
        shapes = shapes_like(shape, multiple=max(32, found.cells.stride if found.cells else 32))
        spec = replace(spec, shapes=(shape, *(one for one in shapes if one != shape and backbone.runs(spec, one))))
    sizes = ", ".join(f"{height} x {width}" for height, width in spec.shapes)
    notes.append(f"input: {spec.layout} {spec.dtype}, {sizes} (height x width)")
    notes.extend(describe(found, found.cells, inside=bool(found.cells and found.cells.name in file.taps)))
    return spec, found


def shapes_like(shape: tuple[int, int], *, multiple: int) -> list[tuple[int, int]]:
    """Shapes (height, width) of about the same area for the aspect ratios of photos, sides multiples of
    `multiple`."""
    area = shape[0] * shape[1]
    shapes = []
    for aspect in ASPECTS:
        height = max(multiple, round((area / aspect) ** 0.5 / multiple) * multiple)
        width = max(multiple, round((area * aspect) ** 0.5 / multiple) * multiple)
        shapes.append((height, width))
    return list(dict.fromkeys(shapes))


def _normalised(
    backbone: Backbone,
    spec: InputSpec,
    found: FoundOutputs,
    overrides: Overrides,
    pictures: Sequence[Rgb],
    changed: ChangedView,
    notes: list[str],
) -> InputSpec:
    """The normalisation: as told, as the file says, as its first nodes show, else the best of the usual ones."""
    file = backbone.file
    if (overrides.mean is None) != (overrides.std is None):
        raise UsageError("--mean and --std belong together: give both")
    if spec.dtype == "uint8":
        if overrides.mean is not None:
            raise UsageError(f"{file.path.name} takes uint8 pictures, so --mean and --std do not apply")
        notes.append("normalisation: inside the graph (it takes uint8)")
        return spec
    if overrides.mean is not None and overrides.std is not None:
        if min(overrides.std) <= 0:
            raise UsageError("--std must be positive")
        notes.append("normalisation: as given")
        return replace(spec, mean=overrides.mean, std=overrides.std)
    if file.preprocessing is not None and file.preprocessing.mean and file.preprocessing.std:
        notes.append("normalisation: as its exporter wrote into the file")
        return replace(spec, mean=file.preprocessing.mean, std=file.preprocessing.std)
    if file.inside is not None:
        chosen = "values from 0 to 255" if file.inside == "255" else "values from 0 to 1"
        notes.append(f"normalisation: {chosen} (the graph begins with a normalisation of its own)")
    else:
        choice = choose_normalisation(backbone, spec, found, pictures, changed)
        chosen = choice.name
        notes.append(choice.words)
    mean, std = NORMALISATIONS[chosen]
    return replace(spec, mean=mean, std=std)


def _document(
    name: str,
    file: BackboneFile,
    spec: InputSpec,
    found: FoundOutputs,
    heads: LearntHeads,
    graph: GraphOutputs,
) -> dict[str, object]:
    """The manifest without what calibration adds."""
    descriptor, local = heads.descriptor, heads.local
    outputs: dict[str, object] = {
        "alpha": _output(graph, "alpha", "float32", ["B", len(descriptor.weight)]),
        "alpha_code": _output(graph, "alpha_code", "uint8", ["B", len(descriptor.code_weight) // 8]),
    }
    if local is not None:
        size = len(local.weight)
        outputs["local_map"] = _output(graph, "local_map", "float32", ["B", 2 * size, "h", "w"])
        outputs["local_features"] = _output(graph, "local_features", "float32", ["B", "h", "w", size])
    source = file.preprocessing.source if file.preprocessing else ""
    licence = file.preprocessing.licence if file.preprocessing else ""
    half = sum(weight.data_type == onnx.TensorProto.FLOAT16 for weight in file.model.graph.initializer)
    return {
        "format": FORMAT,
        "name": name,
        "version": "1.0.0",
        "title": name,
        "description": f"Imported from {file.path.name}",
        "licence": licence or "not stated",
        "provenance": [
            {
                "name": source or file.path.name,
                "source": file.path.name,
                "licence": licence or "not stated",
                "use": "backbone, imported",
            }
        ],
        "minimum_application": desktop_app.__version__,
        "input": {
            "name": spec.name,
            "layout": spec.layout,
            "dtype": spec.dtype,
            "shapes": [list(shape) for shape in spec.shapes],
            "mean": None if spec.mean is None else list(spec.mean),
            "std": None if spec.std is None else list(spec.std),
        },
        "outputs": outputs,
        "local": None
        if local is None or found.cells is None
        else {
            "stride": found.cells.stride,
            "clusters": CLUSTERS,
            "code_bits": len(local.weight),
            "dimension": len(local.weight),
            "map_dimension": 2 * len(local.weight),
        },
        "precision": "fp16" if 2 * half > len(file.model.graph.initializer) else "fp32",
    }


def _output(graph: GraphOutputs, role: str, dtype: str, shape: list[str | int]) -> dict[str, object]:
    return {"name": graph.names[role], "dtype": dtype, "shape": shape}
