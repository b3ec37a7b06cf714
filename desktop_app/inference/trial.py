"""A pack's trial run on a made picture: before it is trusted, and before a device is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.devices import Device
from desktop_app.domain.errors import PackError
from desktop_app.inference.arrays import network_input, output_problems
from desktop_app.inference.coattention_net import coattention_problems
from desktop_app.inference.indicative_net import indicative_problems
from desktop_app.inference.manifest import CODE_FILE, EMBED_FILE, Manifest
from desktop_app.inference.runtime import Session, first_line, make_session

SAME_FEATURES = 0.995
"""Least cosine between a device's descriptors and the CPU's for both to count as the same features."""


def probe_batch(shape: tuple[int, int], *, batch: int = 2) -> NDArray[np.uint8]:
    """[batch, H, W, 3] uint8 pictures with edges, gradients and texture, always the same."""
    height, width = shape
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    columns = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    noise = np.random.default_rng(7)
    pictures = []
    for index in range(batch):
        rings = np.sin(40 * np.hypot(rows - 0.3 - 0.2 * index, columns - 0.6))
        checks = np.sign(np.sin(14 * rows * (index + 1)) * np.sin(11 * columns))
        channels = [0.5 + 0.4 * rings, 0.5 + 0.3 * checks, rows * (1 - columns) + 0.0 * rings]
        picture = np.stack(channels, axis=-1) + noise.normal(0, 0.05, (height, width, 3))
        pictures.append((picture.clip(0, 1) * 255).astype(np.uint8))
    return np.stack(pictures)


def run_graph(session: Session, manifest: Manifest, batch: NDArray[np.uint8]) -> dict[str, NDArray[np.generic]]:
    """Outputs by role for [B, H, W, 3] uint8 pictures."""
    names = [spec.name for spec in manifest.outputs.values()]
    values = session.run(names, {manifest.input.name: network_input(batch, manifest.input)})
    return dict(zip(manifest.outputs, values, strict=True))


def trial_problems(directory: Path, manifest: Manifest) -> list[str]:
    """Load the graphs on the CPU, run them on the probe pictures in two shapes, and compare with the manifest."""
    start = f"the pack {manifest.name} cannot be used: "
    try:
        session = make_session(directory / EMBED_FILE, Device.CPU, 1)
        shapes = manifest.input.shapes
        problems = []
        for shape in dict.fromkeys((shapes[0], shapes[-1])):
            outputs = run_graph(session, manifest, probe_batch(shape))
            problems += output_problems(outputs, manifest, batch=2, shape=shape)
        if CODE_FILE in manifest.files:
            problems += _code_problems(directory / CODE_FILE, manifest)
    except Exception as error:  # noqa: BLE001 - ONNX Runtime's errors have no common base
        return [f"{start}ONNX Runtime says: {first_line(error)}"]
    return [start + problem for problem in dict.fromkeys(problems)] + [
        *indicative_problems(directory, manifest),
        *coattention_problems(directory, manifest),
    ]


def _code_problems(path: Path, manifest: Manifest) -> list[str]:
    if manifest.local is None:
        return [f"it has {CODE_FILE} and its manifest has no 'local'"]
    session = make_session(path, Device.CPU, 1)
    features = np.random.default_rng(7).normal(size=(3, manifest.local.dimension)).astype(np.float32)
    logits = session.run(["logits"], {"features": features})[0]
    if logits.shape != (3, manifest.local.code_bits) or logits.dtype.kind != "f":
        wanted = f"[3, {manifest.local.code_bits}]"
        return [f"{CODE_FILE} gives {logits.dtype.name} {list(logits.shape)} instead of {wanted} logits"]
    return [] if np.isfinite(logits).all() else [f"{CODE_FILE} gives values that are not numbers"]


def measure(directory: Path, manifest: Manifest, device: Device, *, seconds: float = 1.0) -> Mapping[str, object]:
    """A trial of `device`: `usable`, `reason` and `images_per_second` as a mapping that JSON can hold.

    The device's descriptors are compared with the CPU's, since features of one digest must be comparable.
    Raises DeviceError, PackError or ONNX Runtime's errors.
    """
    pictures = probe_batch(manifest.input.shapes[0])
    session = make_session(directory / EMBED_FILE, device, 1)
    outputs = run_graph(session, manifest, pictures)
    problems = output_problems(outputs, manifest, batch=len(pictures), shape=manifest.input.shapes[0])
    if problems:
        raise PackError(problems[0])
    if device is not Device.CPU:
        reference = run_graph(make_session(directory / EMBED_FILE, Device.CPU, 1), manifest, pictures)
        there, here = (found["alpha"].astype(np.float64) for found in (outputs, reference))
        cosine = float(np.min(np.sum(there * here, axis=1)))
        if cosine < SAME_FEATURES:
            reason = f"its results differ from those of the CPU (cosine {cosine:.3f})"
            return {"usable": False, "reason": reason, "images_per_second": None}
    runs, start = 0, time.perf_counter()
    while runs == 0 or time.perf_counter() - start < seconds:
        run_graph(session, manifest, pictures)
        runs += 1
    rate = runs * len(pictures) / (time.perf_counter() - start)
    return {"usable": True, "reason": "", "images_per_second": round(rate, 1)}
