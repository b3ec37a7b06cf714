"""What works on this machine: versions, devices with their speed, packs, and the health of the library."""

from __future__ import annotations

import importlib.util
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

import desktop_app
from desktop_app.domain.devices import DeviceReport
from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.photos import path_text
from desktop_app.services.engine import Engine, OpenEngine
from desktop_app.services.maintenance import check

PACKAGES = (
    "numpy",
    "onnxruntime",
    "onnxruntime-gpu",
    "PySide6-Essentials",
    "pillow",
    "simplejpeg",
    "opencv-python-headless",
    "hnswlib",
    "scikit-learn",
    "watchdog",
    "pillow-heif",
    "rawpy",
)
OPTIONAL = {
    "pillow-heif": "HEIC and HEIF photos are left out",
    "rawpy": "RAW photos are left out",
    "PySide6-Essentials": "the window cannot open",
}
PROBE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """The findings. `packages` has None for what is not installed; `speed` is images per second of the network
    alone on the device at work. `problems` are sentences, empty when all is well."""

    application: str
    python: str
    system: str
    packages: Mapping[str, str | None]
    device: DeviceReport | None
    speed: float | None
    pack: str | None
    library: str | None
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def doctor(library: Path | None, open_engine: OpenEngine) -> DoctorReport:
    """Look at everything once; a part that fails is reported and does not stop the others.

    `library` None: there is none yet, which is no problem.
    """
    problems: list[str] = []
    packages = {name: _version(name) for name in PACKAGES}
    runtimes = [name for name in ("onnxruntime", "onnxruntime-gpu") if packages[name]]
    if len(runtimes) == 2:
        problems.append("onnxruntime and onnxruntime-gpu are both installed and overwrite each other: remove one")
    device, speed, pack = None, None, None
    try:
        engine = open_engine(None)
        try:
            device, speed, pack = engine.embedder.report(), images_per_second(engine), engine.embedder.pack_name
        finally:
            engine.embedder.close()
    except IndiciumError as error:
        problems.append(str(error))
    if library is not None:
        problems += check(library)
    notes = [f"{name} is not installed: {lacks}" for name, lacks in OPTIONAL.items() if not packages[name]]
    return DoctorReport(
        application=desktop_app.__version__,
        python=platform.python_version(),
        system=platform.platform(),
        packages=packages,
        device=device,
        speed=speed,
        pack=pack,
        library=None if library is None else path_text(bytes(library)),
        problems=tuple(problems),
        notes=tuple(notes),
    )


def images_per_second(engine: Engine, *, seconds: float = PROBE_SECONDS) -> float:
    """How fast the network alone is, in full batches of its first input shape, measured for about `seconds`."""
    height, width = engine.embedder.shapes[0]
    pixels = np.random.default_rng(0).integers(
        0, 256, (engine.embedder.batch_size, height, width, 3), dtype=np.uint8
    )
    engine.embedder.embed(pixels)  # the first run allocates
    done, started = 0, time.perf_counter()
    while (spent := time.perf_counter() - started) < seconds:
        engine.embedder.embed(pixels)
        done += len(pixels)
    return done / spent if done else 0.0


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        if not getattr(sys, "frozen", False):
            return None
        # Inside a frozen application there is no metadata, only the modules themselves.
        names = {"opencv-python-headless": "cv2", "pillow": "PIL", "PySide6-Essentials": "PySide6"}
        module = names.get(package, package.replace("-", "_"))
        return "bundled" if importlib.util.find_spec(module) else None
