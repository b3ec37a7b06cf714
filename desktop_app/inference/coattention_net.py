"""The optional part coattention.onnx of a pack at work (S0, CANet): where a picture answers to a query."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import PackError
from desktop_app.inference.manifest import Manifest
from desktop_app.inference.optional_part import OptionalPart, has_part, section_error
from desktop_app.inference.runtime import SessionFactory, make_session

SECTION = "coattention"
_OUTPUT = "coattention"


class CoAttentionNet:
    """Implements `domain.ports.AttentionNetwork` with ONNX Runtime. Thread safe."""

    def __init__(
        self,
        directory: Path,
        manifest: Manifest,
        *,
        threads: int = 1,
        session_factory: SessionFactory = make_session,
    ) -> None:
        """Raises PackError when the manifest's section cannot be used."""
        self._part = OptionalPart(directory, manifest, SECTION, threads=threads, session_factory=session_factory)
        if manifest.local is None:
            raise section_error(manifest, SECTION, "reads a local map, which the pack does not have")

    def attend(self, local_map: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
        """The co-attention [h, w] float32 in 0..1 of a map [D, h, w] under a query vector [D].

        Raises PackError when the graph cannot be run or gives something else.
        """
        feed = {
            "map": np.ascontiguousarray(local_map[None], dtype=np.float32),
            "query": np.ascontiguousarray(query[None], dtype=np.float32),
        }
        (made,) = self._part.run((_OUTPUT,), feed)
        if made.shape != (1, *local_map.shape[1:]):
            raise self._part.error(f"its output has the shape {list(made.shape)}, not {[1, *local_map.shape[1:]]}")
        found: NDArray[np.float32] = made[0].astype(np.float32)
        if not (np.isfinite(found) & (found >= 0) & (found <= 1)).all():
            raise self._part.error("its output holds values that do not lie between 0 and 1")
        return found


def has_coattention(manifest: Manifest) -> bool:
    """Whether the pack has a co-attention network."""
    return has_part(manifest, SECTION)


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
