"""The optional part indicative.onnx of a pack at work (S1): relevance of pairs and the matching of their
patches."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.devices import Device
from desktop_app.domain.errors import PackError
from desktop_app.inference.manifest import Manifest
from desktop_app.inference.runtime import Session, SessionFactory, make_session

SECTION = "indicative"
SIDE, CELLS = 14, 196
PIXELS = 224
BATCH = 10  # pairs that run at once
_OUTPUTS = ("logit", "matching")


class IndicativeNet:
    """Implements `domain.ports.PairNetwork` with ONNX Runtime on the CPU, where a small graph is at home.

    The graph is loaded when it is first needed. Thread safe.
    """

    def __init__(
        self,
        directory: Path,
        manifest: Manifest,
        *,
        threads: int = 1,
        session_factory: SessionFactory = make_session,
    ) -> None:
        """Raises PackError when the manifest's section cannot be used."""
        self._pack = manifest.name
        self._file, self._pixels, self._dimension = _section(manifest)
        self._directory = directory
        self._threads = max(1, threads)
        self._make_session = session_factory
        self._session: Session | None = None
        self._lock = threading.Lock()

    @property
    def reads_pixels(self) -> bool:
        return self._pixels

    def match(
        self, result: NDArray[np.generic], query: NDArray[np.generic], weights: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits [B] and M* [B, 196, 196], float32. Raises ValueError for inputs of another shape, PackError when
        the graph cannot be run or gives values that are not numbers."""
        picture = (PIXELS, PIXELS, 3) if self._pixels else (SIDE, SIDE, self._dimension)
        for name, array, shape in (
            ("result", result, picture),
            ("query", query, picture),
            ("weights", weights, (SIDE, SIDE)),
        ):
            if array.shape[1:] != shape or len(array) != len(result):
                raise ValueError(
                    f"'{name}' is {list(array.shape)}, not [{len(result)}, {', '.join(map(str, shape))}]"
                )
        kind = np.uint8 if self._pixels else np.float32
        logits, matching = [np.zeros(0, np.float32)], [np.zeros((0, CELLS, CELLS), np.float32)]
        for start in range(0, len(result), BATCH):
            part = slice(start, start + BATCH)
            made = self._run(
                {
                    "result": np.ascontiguousarray(result[part], dtype=kind),
                    "query": np.ascontiguousarray(query[part], dtype=kind),
                    "weights": np.ascontiguousarray(weights[part], dtype=np.float32),
                }
            )
            logits.append(made[0])
            matching.append(made[1])
        return np.concatenate(logits), np.concatenate(matching)

    def _run(self, feed: Mapping[str, NDArray[np.generic]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        try:
            logits, matching = self._loaded().run(_OUTPUTS, feed)
        except Exception as error:
            raise self._error(f"ONNX Runtime says: {str(error).strip().splitlines()[0][:200]}") from error
        pairs = len(feed["weights"])
        for name, array, shape in (("logit", logits, (pairs,)), ("matching", matching, (pairs, CELLS, CELLS))):
            if array.shape != shape:
                raise self._error(f"its output '{name}' has the shape {list(array.shape)}, not {list(shape)}")
            if not np.isfinite(array.astype(np.float64)).all():
                raise self._error(f"its output '{name}' holds values that are not numbers")
        return logits.astype(np.float32), matching.astype(np.float32)

    def _loaded(self) -> Session:
        with self._lock:
            if self._session is None:
                self._session = self._make_session(self._directory / self._file, Device.CPU, self._threads)
            return self._session

    def _error(self, what: str) -> PackError:
        return PackError(
            f"the part {self._file} of the pack {self._pack} cannot be used: {what}",
            remedy="Install the pack again",
        )


def has_indicative(manifest: Manifest) -> bool:
    """Whether the pack has an indicative network."""
    return manifest.raw.get(SECTION) is not None


def indicative_problems(directory: Path, manifest: Manifest) -> list[str]:
    """What is wrong with the part, one sentence each; a probe run decides. Empty for a pack without it."""
    if not has_indicative(manifest):
        return []
    try:
        net = IndicativeNet(directory, manifest)
        random = np.random.default_rng(7)
        if net.reads_pixels:
            pictures: NDArray[np.generic] = random.integers(0, 256, (2, PIXELS, PIXELS, 3), dtype=np.uint8)
        else:
            pictures = random.normal(size=(2, SIDE, SIDE, net._dimension)).astype(np.float32)
        net.match(pictures, pictures[::-1], np.ones((2, SIDE, SIDE), np.float32))
    except PackError as error:
        return [error.message]
    return []


def _section(manifest: Manifest) -> tuple[str, bool, int]:
    """(file, whether it reads pixels, dimension of the features) from the manifest."""

    def wrong(what: str) -> PackError:
        return PackError(f"the pack {manifest.name} cannot be used: {what}", remedy="Install the pack again")

    section = manifest.raw.get(SECTION)
    if not isinstance(section, Mapping):
        raise wrong(f"its section '{SECTION}' is {section!r}, not an object")
    file, form = section.get("file"), section.get("input")
    if not isinstance(file, str) or file not in manifest.files:
        raise wrong(f"its section '{SECTION}' names the file {file!r}, which its manifest does not list")
    if form not in ("pixels", "features"):
        raise wrong(f"its section '{SECTION}' has the input {form!r}, unknown to this version")
    if section.get("grid") != [SIDE, SIDE]:
        raise wrong(f"its section '{SECTION}' has the grid {section.get('grid')!r}, unknown to this version")
    if form == "features" and manifest.local is None:
        raise wrong(f"its section '{SECTION}' reads local features, which the pack does not have")
    return file, form == "pixels", manifest.local.dimension if manifest.local is not None else 0
