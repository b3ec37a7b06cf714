"""The closed-form heads of an imported pack, learnt on photos: normalisation, pooling, centring, axes, bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import Embedding
from desktop_app.imaging.tensor import choose_shape, fit
from desktop_app.inference.backbone import Backbone, CellsOutput, FoundOutputs, cells_array
from desktop_app.inference.manifest import InputSpec
from desktop_app.inference.pack_graph import CLASS_TOKEN, EPS, GEM, GEM_P, MEAN, CellsHead, DescriptorHead
from desktop_app.retrieval.clusters import make_local_codes_batch
from desktop_app.retrieval.projections import itq, principal_axes, unit

Rgb = NDArray[np.uint8]
Array = NDArray[np.float64]

DESCRIPTOR = 512  # most numbers of a descriptor
LOCAL = 128  # most numbers of a cell
PROBED = 16  # photos on which normalisations and poolings are compared
BATCH = 4
CELLS_LEARNT = 20_000

NORMALISATIONS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "ImageNet's mean and standard deviation": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "values from -1 to 1": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "values from 0 to 1": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "values from 0 to 255": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
    "CLIP's mean and standard deviation": (
        (0.48145466, 0.4578275, 0.40821073),
        (0.26862954, 0.26130258, 0.27577711),
    ),
}
USUAL = "ImageNet's mean and standard deviation"
CLEARLY = 3.0  # standard errors by which another choice must be better than the usual one

ChangedView = Callable[[Rgb, int], Rgb]
"""A made view of a photo (crop, turn, light), the same for the same number."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen among alternatives, and the words for why."""

    name: str
    words: str


def run_all(
    backbone: Backbone, spec: InputSpec, pictures: Sequence[Rgb]
) -> Iterator[tuple[list[int], tuple[int, int], dict[str, NDArray[np.generic]]]]:
    """The raw outputs, a few pictures of one shape at a time: their positions, the shape, the outputs."""
    by_shape: dict[tuple[int, int], list[int]] = {}
    for at, rgb in enumerate(pictures):
        by_shape.setdefault(choose_shape(rgb.shape[1], rgb.shape[0], spec.shapes), []).append(at)
    for shape, places in by_shape.items():
        for start in range(0, len(places), BATCH):
            part = places[start : start + BATCH]
            yield part, shape, backbone.run(np.stack([fit(pictures[at], shape) for at in part]), spec)


def vectors_of(
    outputs: dict[str, NDArray[np.generic]], found: FoundOutputs, pooling: str, shape: tuple[int, int]
) -> Array:
    """[B, D] float64: the embedding output, or the pooled cells."""
    if found.embedding is not None:
        values = outputs[found.embedding]
        return values.reshape(len(values), -1).astype(np.float64)
    assert found.cells is not None
    if pooling == CLASS_TOKEN:
        return outputs[found.cells.name][:, 0].astype(np.float64)
    cells = cells_array(outputs[found.cells.name], found.cells, shape).astype(np.float64)
    flat = cells.reshape(len(cells), -1, cells.shape[-1])
    if pooling == GEM:
        return np.asarray((np.maximum(flat, EPS) ** GEM_P).mean(axis=1) ** (1 / GEM_P))
    return np.asarray(flat.mean(axis=1))


def choose_normalisation(
    backbone: Backbone, spec: InputSpec, found: FoundOutputs, pictures: Sequence[Rgb], changed: ChangedView
) -> Choice:
    """The normalisation with which made views are nearest to their photos; the usual one unless another is
    clearly better (paired over the photos)."""
    views = [changed(rgb, at) for at, rgb in enumerate(pictures)]

    def agreement(name: str) -> Array:
        mean, std = NORMALISATIONS[name]
        return _agreement(backbone, replace(spec, mean=mean, std=std), found, MEAN, pictures, views)

    return _best(list(NORMALISATIONS), agreement, what="the normalisation")


def choose_pooling(
    backbone: Backbone, spec: InputSpec, found: FoundOutputs, pictures: Sequence[Rgb], changed: ChangedView
) -> Choice:
    """How cells become a descriptor where the backbone gives none of its own."""
    assert found.cells is not None
    options = [MEAN]
    if found.cells.layout == "tokens":
        options = [CLASS_TOKEN, MEAN] if found.cells.prefix else [MEAN]
    elif all(
        (cells_array(outputs[found.cells.name], found.cells, shape) >= 0).all()
        for _, shape, outputs in run_all(backbone, spec, pictures[:BATCH])
    ):
        options = [MEAN, GEM]
    if len(options) == 1:
        return Choice(MEAN, "the descriptor is the mean of the cells")
    views = [changed(rgb, at) for at, rgb in enumerate(pictures)]
    return _best(
        options,
        lambda name: _agreement(backbone, spec, found, name, pictures, views),
        what="the descriptor",
    )


def _best(names: Sequence[str], agreement: Callable[[str], Array], *, what: str) -> Choice:
    """The first of `names`, unless another agrees better by CLEARLY standard errors of the paired difference."""
    usual = agreement(names[0])
    best, gain = names[0], 0.0
    for name in names[1:]:
        difference = agreement(name) - usual
        error = float(difference.std() / np.sqrt(len(difference)))
        if difference.mean() > max(gain, CLEARLY * error):
            best, gain = name, float(difference.mean())
    if best == names[0]:
        return Choice(best, f"{what}: {best} (nothing else was clearly better on made views of the photos)")
    return Choice(best, f"{what}: {best} (made views of the photos agree best with it)")


def _agreement(
    backbone: Backbone,
    spec: InputSpec,
    found: FoundOutputs,
    pooling: str,
    pictures: Sequence[Rgb],
    views: Sequence[Rgb],
) -> Array:
    """[N]: how far the cosine of a view with its photo lies above those with the other photos, in their
    standard deviations; -inf nowhere: a backbone that gives no numbers agrees on nothing."""

    def descriptors(images: Sequence[Rgb]) -> Array:
        rows = np.zeros((len(images), 0))
        for places, shape, outputs in run_all(backbone, spec, images):
            values = vectors_of(outputs, found, pooling, shape)
            if not rows.size:
                rows = np.zeros((len(images), values.shape[1]))
            rows[places] = values
        return rows

    photos, changed = descriptors(pictures), descriptors(views)
    if not (np.isfinite(photos).all() and np.isfinite(changed).all()):
        return np.full(len(pictures), -1e3)
    photos, changed = unit(photos), unit(changed)
    mean = photos.mean(axis=0)
    cosines = unit(changed - mean) @ unit(photos - mean).T
    own = np.diag(cosines)
    others = cosines[~np.eye(len(cosines), dtype=bool)].reshape(len(cosines), -1)
    return np.asarray((own - others.mean(axis=1)) / np.maximum(others.std(axis=1), 1e-6))


@dataclass(frozen=True, slots=True, eq=False)
class LearntHeads:
    """Everything that is appended to a backbone."""

    descriptor: DescriptorHead
    local: CellsHead | None


def learn_heads(
    backbone: Backbone, spec: InputSpec, found: FoundOutputs, pooling: str, pictures: Sequence[Rgb]
) -> Iterator[int | LearntHeads]:
    """Run all photos (yielding how many are done), then yield the heads learnt on them.

    Raises PackError when the backbone gives values that are not numbers.
    """
    vectors: dict[int, Array] = {}
    cells: list[Array] = []
    share = max(1, CELLS_LEARNT // len(pictures))
    random = np.random.default_rng(0)
    for places, shape, outputs in run_all(backbone, spec, pictures):
        vectors.update(zip(places, vectors_of(outputs, found, pooling, shape), strict=True))
        if found.cells is not None:
            each = cells_array(outputs[found.cells.name], found.cells, shape)
            flat = each.reshape(len(each), -1, each.shape[-1])
            cells += [rows[random.permutation(len(rows))[:share]].astype(np.float64) for rows in flat]
        yield len(vectors)
    stacked = np.stack([vectors[at] for at in range(len(pictures))])
    _check(backbone, stacked, "descriptors")
    local = None
    if found.cells is not None:
        many = np.concatenate(cells)
        _check(backbone, many, "cells")
        local = learn_cells(many)
    yield LearntHeads(descriptor=learn_descriptor(stacked), local=local)


def _check(backbone: Backbone, values: Array, what: str) -> None:
    if not np.isfinite(values).all():
        raise backbone.file.refusal(f"it gives {what} that are not numbers for some photos", "")
    if unit(values).std(axis=0).max(initial=0.0) < 1e-6:
        raise backbone.file.refusal(f"it gives the same {what} for all photos", "")


def learn_descriptor(vectors: Array) -> DescriptorHead:
    """Centring, at most DESCRIPTOR principal axes without whitening, and ITQ. vectors: [N, D], any length."""
    rows = unit(vectors)
    mean = rows.mean(axis=0)
    weight = principal_axes(rows - mean, min(DESCRIPTOR, rows.shape[1]))
    return with_code(mean, weight, unit((rows - mean) @ weight.T))


def with_code(mean: Array, weight: Array, alphas: Array) -> DescriptorHead:
    """The head with the bits that ITQ learns on the descriptors `alphas` [N, d]."""
    bits = alphas.shape[1] // 8 * 8
    middle = alphas.mean(axis=0)
    code, _ = itq(alphas - middle, bits)
    return DescriptorHead(mean=mean, weight=weight, code_weight=code, code_offset=code @ middle)


def learn_cells(cells: Array) -> CellsHead:
    """Centring and at most LOCAL principal axes of the cells [M, C]; a multiple of 8, for their codes."""
    rows = unit(cells)
    mean = rows.mean(axis=0)
    return CellsHead(mean=mean, weight=principal_axes(rows - mean, min(LOCAL, rows.shape[1] // 8 * 8)))


def code_medians(embeddings: Sequence[Embedding]) -> Array:
    """[d]: the median of every number over the centroids of all photos (A3: the running median per bit)."""
    codes = make_local_codes_batch(embeddings, lambda _: None)
    centroids = [one.centroids.astype(np.float64) * one.scale for one in codes if one is not None]
    return np.asarray(np.median(np.concatenate(centroids), axis=0))


def describe(found: FoundOutputs, cells: CellsOutput | None, *, inside: bool) -> list[str]:
    """What was found in the backbone, a sentence each. inside: the cells are a value in its graph, no output."""
    notes = []
    if found.embedding is not None:
        notes.append(f"descriptor: the output '{found.embedding}'")
    if cells is None:
        notes.append("no output has a place in the picture: evidence and local match are left out")
    else:
        kind = f"{cells.channels} channels, a cell of {cells.stride} x {cells.stride} pixels"
        dropped = f", without {cells.prefix} tokens that belong to no place" if cells.prefix else ""
        notes.append(f"cells: {'the value' if inside else 'the output'} '{cells.name}' ({kind}{dropped})")
    if found.others:
        notes.append(f"not used: {', '.join(found.others)}")
    return notes
