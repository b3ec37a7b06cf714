"""Between pictures and a graph: the input a pack asks for, and its outputs as Embeddings, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import PackError
from desktop_app.domain.features import Embedding
from desktop_app.inference.manifest import CODES, InputSpec, Manifest

_DESCRIPTORS = {"alpha", "beta", "regions"}

Arrays = Mapping[str, NDArray[np.generic]]
"""Outputs of a graph by role ("alpha", "local_map", ...)."""


def network_input(batch: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.generic]:
    """[B, H, W, 3] uint8 RGB -> the graph's input: its layout, and for floating inputs (x / 255 - mean) / std."""
    pictures: NDArray[np.generic] = batch
    if spec.dtype != "uint8":
        scaled = batch.astype(np.float32) / np.float32(255)
        if spec.mean is not None:
            scaled -= np.asarray(spec.mean, np.float32)
        if spec.std is not None:
            scaled /= np.asarray(spec.std, np.float32)
        pictures = scaled.astype(spec.dtype)
    if spec.layout == "NCHW":
        pictures = pictures.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(pictures)


def embeddings(arrays: Arrays, *, pack: str) -> list[Embedding]:
    """One Embedding per picture from the outputs of one run, in float32; outputs the pack lacks are None.

    Descriptors are brought to length 1 again, which int8 and float16 graphs miss by a little. Raises PackError
    naming `pack` when a value is not finite.
    """
    floats = {role: _float32(role, array, pack) for role, array in arrays.items() if role not in CODES}
    for role in _DESCRIPTORS & floats.keys():
        lengths = np.linalg.norm(floats[role], axis=-1, keepdims=True)
        floats[role] = floats[role] / np.maximum(lengths, np.float32(1e-12))

    def of(role: str, index: int) -> NDArray[np.float32] | None:
        return floats[role][index] if role in floats else None

    def code(role: str, index: int) -> NDArray[np.uint8] | None:
        return arrays[role][index].astype(np.uint8, copy=False) if role in arrays else None

    return [
        Embedding(
            alpha=floats["alpha"][index],
            alpha_code=code("alpha_code", index),
            attention=of("attention", index),
            local_map=of("local_map", index),
            local_features=of("local_features", index),
            beta=of("beta", index),
            beta_code=code("beta_code", index),
            regions=of("regions", index),
        )
        for index in range(len(floats["alpha"]))
    ]


def _float32(role: str, array: NDArray[np.generic], pack: str) -> NDArray[np.float32]:
    values = array.astype(np.float32, copy=False)
    # One number tells: a sum is not finite as soon as one value is not (finite values cannot overflow it here,
    # a false alarm is settled by looking at every value).
    if not np.isfinite(values.sum(dtype=np.float64)) and not np.isfinite(values).all():
        raise PackError(
            f"the pack {pack} gave values that are not numbers in its output '{role}'",
            remedy="Install the pack again, or choose another device in the settings",
        )
    return values


def output_problems(arrays: Arrays, manifest: Manifest, *, batch: int, shape: tuple[int, int]) -> list[str]:
    """Every way in which the outputs of a run differ from the manifest, one sentence each.

    `shape` is the (height, width) of the pictures. A letter in a manifest's shape stands for one number over
    all outputs; B is the batch, and h, w are cells where the manifest gives their stride.
    """
    sizes: dict[str, int] = {"B": batch}
    if manifest.local is not None:
        sizes |= {"h": shape[0] // manifest.local.stride, "w": shape[1] // manifest.local.stride}
    problems: list[str] = []
    for role, spec in manifest.outputs.items():
        array = arrays[role]
        if array.dtype.name != spec.dtype:
            problems.append(f"its output '{role}' is {array.dtype.name} where the manifest says {spec.dtype}")
        if not _fits(array.shape, spec.shape, sizes):
            wanted = ", ".join(str(sizes.get(str(axis), axis)) for axis in spec.shape)
            problems.append(f"its output '{role}' has the shape {list(array.shape)} instead of [{wanted}]")
        elif not np.isfinite(array.astype(np.float64)).all():
            problems.append(f"its output '{role}' holds values that are not numbers")
        else:
            problems += _value_problems(role, array.astype(np.float64))
    return problems


def _fits(shape: Sequence[int], wanted: Sequence[int | str], sizes: dict[str, int]) -> bool:
    if len(shape) != len(wanted):
        return False
    return all(
        size == (sizes.setdefault(axis, size) if isinstance(axis, str) else axis)
        for size, axis in zip(shape, wanted, strict=True)
    )


def _value_problems(role: str, values: NDArray[np.float64]) -> list[str]:
    """What the contract says about the values themselves; the tolerance leaves room for int8 and float16."""
    if role in _DESCRIPTORS and np.abs(np.linalg.norm(values, axis=-1) - 1).max() > 0.02:
        return [f"its global descriptors ('{role}') do not have length 1"]
    if role == "attention" and (values.min() < -1e-3 or np.abs(values.sum(axis=(1, 2)) - 1).max() > 0.02):
        return ["its 'attention' does not sum to 1"]
    if role == "local_map" and values.min() < -1e-3:
        return ["its 'local_map' has negative values"]
    if role == "local_features":
        lengths = np.linalg.norm(values, axis=-1)
        if (np.minimum(np.abs(lengths - 1), lengths) > 0.02).any():
            return ["its 'local_features' do not have length 1"]
    return []
