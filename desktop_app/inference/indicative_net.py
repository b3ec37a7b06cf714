"""The optional part indicative.onnx of a pack at work (S1): relevance of pairs and the matching of their
patches."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import PackError
from desktop_app.inference.manifest import Manifest
from desktop_app.inference.optional_part import OptionalPart, has_part, part_section, section_error
from desktop_app.inference.runtime import SessionFactory, make_session

SECTION = "indicative"
SIDE, CELLS = 14, 196
PIXELS = 224
BATCH = 10  # pairs that run at once
_OUTPUTS = ("logit", "matching")
_ROUNDING = 1e-3


class IndicativeNet:
    """Implements `domain.ports.PairNetwork` with ONNX Runtime. Thread safe."""

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
        self._pixels, self._dimension = _input(manifest)

    @property
    def reads_pixels(self) -> bool:
        return self._pixels

    def match(
        self, result: NDArray[np.generic], query: NDArray[np.generic], weights: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits [B] and M* [B, 196, 196] in 0..1, float32. Raises ValueError for inputs of another shape,
        PackError when the graph cannot be run or gives something else."""
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
        logits, matching = self._part.run(_OUTPUTS, feed)
        pairs = len(feed["weights"])
        for name, array, shape in (("logit", logits, (pairs,)), ("matching", matching, (pairs, CELLS, CELLS))):
            if array.shape != shape:
                raise self._part.error(f"its output '{name}' has the shape {list(array.shape)}, not {list(shape)}")
            if not np.isfinite(array.astype(np.float64)).all():
                raise self._part.error(f"its output '{name}' holds values that are not numbers")
        found = matching.astype(np.float32)
        if found.min(initial=0.0) < -_ROUNDING or found.max(initial=0.0) > 1.0 + _ROUNDING:
            raise self._part.error("its output 'matching' holds values that do not lie between 0 and 1")
        return logits.astype(np.float32), found.clip(0.0, 1.0)


def has_indicative(manifest: Manifest) -> bool:
    """Whether the pack has an indicative network."""
    return has_part(manifest, SECTION)


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


def _input(manifest: Manifest) -> tuple[bool, int]:
    """Whether it reads pixels, and the dimension of the pack's local features, from the manifest."""
    section = part_section(manifest, SECTION)
    form = section.get("input")
    if form not in ("pixels", "features"):
        raise section_error(manifest, SECTION, f"has the input {form!r}, unknown to this version")
    if section.get("grid") != [SIDE, SIDE]:
        raise section_error(manifest, SECTION, f"has the grid {section.get('grid')!r}, unknown to this version")
    if form == "features" and manifest.local is None:
        raise section_error(manifest, SECTION, "reads local features, which the pack does not have")
    return form == "pixels", manifest.local.dimension if manifest.local is not None else 0
