"""The optional part coattention.onnx of a pack at work (S0, CANet): where a picture answers to a query."""

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

SECTION = "coattention"
_OUTPUT = "coattention"


class CoAttentionNet:
    """Implements `domain.ports.AttentionNetwork` with ONNX Runtime on the CPU, where a small graph is at home.

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
        self._file = _file(manifest)
        self._directory = directory
        self._threads = max(1, threads)
        self._make_session = session_factory
        self._session: Session | None = None
        self._lock = threading.Lock()

    def attend(self, local_map: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
        """The co-attention [h, w] float32 in 0..1 of a map [D, h, w] under a query vector [D].

        Raises PackError when the graph cannot be run or gives something else.
        """
        feed = {
            "map": np.ascontiguousarray(local_map[None], dtype=np.float32),
            "query": np.ascontiguousarray(query[None], dtype=np.float32),
        }
        try:
            (made,) = self._loaded().run((_OUTPUT,), feed)
        except Exception as error:
            raise self._error(f"ONNX Runtime says: {str(error).strip().splitlines()[0][:200]}") from error
        if made.shape != (1, *local_map.shape[1:]):
            raise self._error(f"its output has the shape {list(made.shape)}, not {[1, *local_map.shape[1:]]}")
        if not np.isfinite(made.astype(np.float64)).all() or made.min() < 0 or made.max() > 1:
            raise self._error("its output holds values that do not lie between 0 and 1")
        return np.asarray(made[0], dtype=np.float32)

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


def has_coattention(manifest: Manifest) -> bool:
    """Whether the pack has a co-attention network."""
    return manifest.raw.get(SECTION) is not None


def coattention_problems(directory: Path, manifest: Manifest) -> list[str]:
    """What is wrong with the part, one sentence each; a probe run decides. Empty for a pack without it."""
    if not has_coattention(manifest):
        return []
    try:
        net = CoAttentionNet(directory, manifest)
        random = np.random.default_rng(7)
        dimension = manifest.local.map_dimension if manifest.local is not None else 0
        for rows, columns in ((4, 6), (7, 5)):
            net.attend(
                random.random((dimension, rows, columns), dtype=np.float32),
                random.random(dimension, dtype=np.float32),
            )
    except PackError as error:
        return [error.message]
    return []


def _file(manifest: Manifest) -> str:
    """The name of the part's file, from the manifest."""

    def wrong(what: str) -> PackError:
        return PackError(f"the pack {manifest.name} cannot be used: {what}", remedy="Install the pack again")

    section = manifest.raw.get(SECTION)
    if not isinstance(section, Mapping):
        raise wrong(f"its section '{SECTION}' is {section!r}, not an object")
    file = section.get("file")
    if not isinstance(file, str) or file not in manifest.files:
        raise wrong(f"its section '{SECTION}' names the file {file!r}, which its manifest does not list")
    if manifest.local is None:
        raise wrong(f"its section '{SECTION}' reads a local map, which the pack does not have")
    return file
