"""The teacher of a distillation: any TFLite image network whose stage tensors are named in a small table.

The shipped pack was taught by an ImageNet MobileNetV2 (int8, Apache-2.0). Only its outputs on our own images are
used; its weights are neither read nor solved for, and it is never shipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class TeacherOutput(NamedTuple):
    """stages: three maps [B, c, h, w] float32; pooled [B, D] float32: the last map averaged over its cells."""

    stages: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
    pooled: NDArray[np.float32]


@dataclass(frozen=True)
class TeacherTensors:
    """Tensor numbers of the stage outputs and of the last map (MobileNetV2 1.0 224, int8)."""

    stages: tuple[int, int, int] = (130, 156, 170)
    last: int = 171


class Teacher:
    """Runs the network at its own input size, one picture at a time (that is fastest on a processor)."""

    def __init__(self, path: Path, *, tensors: TeacherTensors | None = None, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._net = Interpreter(str(path), num_threads=threads, experimental_preserve_all_tensors=True)
        self._net.allocate_tensors()
        details = self._net.get_input_details()[0]
        self._input = details["index"]
        self.side = int(details["shape"][1])
        self._tensors = tensors or TeacherTensors()
        self._scale = {row["index"]: row["quantization"] for row in self._net.get_tensor_details()}

    def __call__(self, images: NDArray[np.uint8]) -> TeacherOutput:
        """[B, side, side, 3] uint8 RGB -> TeacherOutput."""
        wanted = (*self._tensors.stages, self._tensors.last)
        rows: list[list[NDArray[np.float32]]] = [[] for _ in wanted]
        for image in images:
            self._net.set_tensor(self._input, image[None])
            self._net.invoke()
            for row, number in zip(rows, wanted, strict=True):
                scale, zero = self._scale[number]
                row.append((self._net.get_tensor(number)[0].astype(np.float32) - zero) * np.float32(scale))
        maps = [np.stack(row).transpose(0, 3, 1, 2) for row in rows]
        return TeacherOutput((maps[0], maps[1], maps[2]), np.stack(rows[3]).mean((1, 2)))
