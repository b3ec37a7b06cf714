"""A backbone at work before it is a pack: which outputs are descriptor and cells is found by running it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from desktop_app.domain.devices import Device
from desktop_app.domain.errors import PackError
from desktop_app.inference.arrays import network_input
from desktop_app.inference.backbone_batch import one_at_a_time
from desktop_app.inference.backbone_file import BackboneFile
from desktop_app.inference.manifest import InputSpec
from desktop_app.inference.runtime import Session, first_line, make_session
from desktop_app.inference.trial import probe_batch

FEWEST_CHANNELS = 16
FEWEST_CELLS, MOST_CELLS = 3, 64  # of a side
MOST_PREFIX = 32  # class token and registers
CLASS_COUNTS = (1000, 1001, 10450, 11821, 11822, 21841, 21843)  # of ImageNet, as networks are trained on it
_USUAL_SIDES = (224, 256, 384, 336, 448, 192, 160, 128, 288, 518, 512)
_GOOD_NAME = re.compile(r"embed|feat|pool|descriptor|alpha", re.IGNORECASE)

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class CellsOutput:
    """An output with places in the picture. layout: NCHW, NHWC or tokens (`prefix` of them belong to no place)."""

    name: str
    layout: str
    stride: int
    channels: int
    prefix: int = 0


@dataclass(frozen=True, slots=True)
class FoundOutputs:
    """What a backbone offers: the output with one vector a picture, and the one with one vector a cell.

    others: outputs that would have served too, in words.
    """

    embedding: str | None
    cells: CellsOutput | None
    others: tuple[str, ...]


class OneAtATime(PackError):
    """A graph that runs on one picture and not on several."""

    def __init__(self, refusal: PackError) -> None:
        super().__init__(refusal.message, remedy=refusal.remedy)


class Backbone:
    """Runs a backbone on the CPU, pictures as a pack would give them."""

    def __init__(self, file: BackboneFile, saved: Path, *, threads: int) -> None:
        """`saved`: `file.model` on disk. Raises PackError when ONNX Runtime cannot load it."""
        self.file = file
        try:
            self._session: Session = make_session(saved, Device.CPU, threads, quiet=True)
        except Exception as error:  # noqa: BLE001 - ONNX Runtime's errors have no common base
            reason = first_line(ValueError(str(error).rpartition("failed:")[2]))  # without the path in front
            raise file.refusal(f"ONNX Runtime cannot load it ({reason})") from None

    def run(self, batch: NDArray[np.uint8], spec: InputSpec) -> dict[str, NDArray[np.generic]]:
        """Every output for [B, H, W, 3] uint8. Raises ONNX Runtime's errors."""
        values = self._session.run(list(self.file.outputs), {spec.name: network_input(batch, spec)})
        return dict(zip(self.file.outputs, values, strict=True))

    def input_spec(self, *, size: tuple[int, int] | None) -> InputSpec:
        """The input with one shape and a layout that run. `size` (height, width) is what somebody asked for.

        Raises PackError when no shape runs, or one picture differs from the same in a batch.
        """
        file, error, alone = self.file, "no shape was tried", False
        for layout in file.layouts:
            for shape in self._shapes(size):
                spec = InputSpec(file.input, layout, file.dtype, (shape,), None, None)
                try:
                    together = self.run(probe_batch(shape, batch=3), spec)
                except Exception as failed:  # noqa: BLE001 - ONNX Runtime's errors have no common base
                    error = first_line(failed)
                    alone = alone or self._runs_alone(spec, shape)
                    continue
                self._check_batch(spec, shape, together)
                return spec
        if alone:
            raise OneAtATime(file.refusal("it takes one picture at a time", "Export it with a free batch axis"))
        raise file.refusal(f"it runs on none of the usual input shapes ({error})", "Give its shape with --size")

    def _runs_alone(self, spec: InputSpec, shape: tuple[int, int]) -> bool:
        try:
            self.run(probe_batch(shape, batch=1), spec)
        except Exception:  # noqa: BLE001 - ONNX Runtime's errors have no common base
            return False
        return True

    def runs(self, spec: InputSpec, shape: tuple[int, int]) -> bool:
        """Whether pictures of another shape give the same cells at the same stride."""
        try:
            values = self.run(probe_batch(shape), spec)
        except Exception:  # noqa: BLE001 - ONNX Runtime's errors have no common base
            return False
        return self.found(values, shape) == self.find(spec)

    def find(self, spec: InputSpec) -> FoundOutputs:
        """The outputs at the first shape of `spec`."""
        return self.found(self.run(probe_batch(spec.shapes[0]), spec), spec.shapes[0])

    def found(self, values: Arrays, shape: tuple[int, int]) -> FoundOutputs:
        """The outputs in one run on two pictures of `shape`."""
        return find_outputs(values, shape, batch=2, taps=self.file.taps)

    def _shapes(self, size: tuple[int, int] | None) -> list[tuple[int, int]]:
        file = self.file
        if file.height and file.width:
            if size and size != (file.height, file.width):
                raise file.refusal(
                    f"its input is fixed at {file.height} x {file.width} pixels, so --size cannot change it"
                )
            return [(file.height, file.width)]
        if size:
            return [size]
        written = file.preprocessing.size if file.preprocessing else None
        sides = dict.fromkeys([*([written] if written else []), *_USUAL_SIDES])
        return [(file.height or side, file.width or side) for side in sides]

    def _check_batch(self, spec: InputSpec, shape: tuple[int, int], together: Arrays) -> None:
        """A graph that was traced with one picture may fail, or mix pictures, when it gets several."""
        last = self.run(probe_batch(shape, batch=3)[2:], spec)
        remedy = "Export it with a free batch axis"
        for name, value in together.items():
            if value.dtype.kind != "f":
                continue
            one = last[name]
            if value.shape[:1] != (3,) or one.shape[1:] != value.shape[1:]:
                continue  # not one row a picture: it will not be found
            rows, alone = value[2].astype(np.float64), one[0].astype(np.float64)
            if not (np.isfinite(rows).all() and np.isfinite(value.astype(np.float64)).all()):
                raise self.file.refusal(f"its output '{name}' holds values that are not numbers", "")
            if np.abs(rows - alone).max(initial=0.0) > 0.02 * max(1e-6, float(np.abs(alone).max(initial=0.0))):
                raise self.file.refusal(
                    f"its output '{name}' for a picture depends on the others of the batch", remedy
                )


def open_backbone(
    file: BackboneFile, saved: Path, *, size: tuple[int, int] | None, threads: int
) -> tuple[Backbone, InputSpec]:
    """Save the model as `saved` and find an input that runs; a graph for one picture gets a loop over the batch.

    Raises PackError when nothing runs.
    """
    for last in (False, True):
        onnx.save(file.model, str(saved))
        backbone = Backbone(file, saved, threads=threads)
        try:
            return backbone, backbone.input_spec(size=size)
        except OneAtATime:
            if last:
                raise
            file = one_at_a_time(file)
    raise AssertionError("unreachable")


def find_outputs(
    values: Arrays, shape: tuple[int, int], *, batch: int, taps: frozenset[str] = frozenset()
) -> FoundOutputs:
    """Sort the outputs of one run on `batch` pictures of `shape` = (height, width).

    A vector a picture: [B, D], [B, D, 1, 1] or [B, 1, D]; of several, the first with a telling name, else the
    first.
    Cells: [B, C, h, w], [B, h, w, C], or tokens [B, N, C] with N = h w + class token and registers, h and w in
    whole cells of one stride; of several, the stride nearest to 16, then the most channels. `taps`, values from
    inside the graph, come after its own outputs. A vector as long as ImageNet has classes says which class it is,
    not what it looks like: where there are cells, the descriptor is made of them.
    """
    vectors: list[str] = []
    cells: list[CellsOutput] = []
    for name, value in values.items():
        if value.dtype.kind != "f" or value.ndim not in (2, 3, 4) or value.shape[0] != batch:
            continue
        if value.size // batch == max(value.shape[1:]) >= FEWEST_CHANNELS:
            vectors.append(name)
        elif value.ndim == 4:
            cells += _map_of(name, value.shape, shape)
        elif value.ndim == 3:
            cells += _tokens_of(name, value.shape, shape)
    cells.sort(key=lambda one: (one.name in taps, abs(np.log2(one.stride / 16)), -one.channels))
    own = [name for name in vectors if name not in taps]
    if cells:
        own = [name for name in own if values[name].size // batch not in CLASS_COUNTS]
    named = [name for name in own if _GOOD_NAME.search(name)]
    embedding = next(iter(named or own), None)
    return FoundOutputs(
        embedding=embedding,
        cells=cells[0] if cells else None,
        others=tuple(
            name for name in [*vectors, *(one.name for one in cells[1:])] if name not in taps and name != embedding
        ),
    )


def _map_of(name: str, dims: Sequence[int], shape: tuple[int, int]) -> list[CellsOutput]:
    for layout, channels, grid in (("NCHW", dims[1], dims[2:]), ("NHWC", dims[3], dims[1:3])):
        stride = _stride(shape, (grid[0], grid[1]))
        if stride and channels >= FEWEST_CHANNELS:
            return [CellsOutput(name, layout, stride, channels)]
    return []


def _tokens_of(name: str, dims: Sequence[int], shape: tuple[int, int]) -> list[CellsOutput]:
    best: CellsOutput | None = None
    for stride in range(2, min(shape) // FEWEST_CELLS + 1):
        if shape[0] % stride or shape[1] % stride or dims[2] < FEWEST_CHANNELS:
            continue
        prefix = dims[1] - (shape[0] // stride) * (shape[1] // stride)
        if 0 <= prefix <= MOST_PREFIX and (best is None or prefix < best.prefix):
            best = CellsOutput(name, "tokens", stride, dims[2], prefix)
    return [best] if best else []


def _stride(shape: tuple[int, int], grid: tuple[int, int]) -> int | None:
    """Pixels per cell when the grid covers the picture in whole square cells, else None."""
    if min(grid) < FEWEST_CELLS or max(grid) > MOST_CELLS:
        return None
    stride = shape[0] // grid[0]
    return stride if stride >= 2 and (grid[0] * stride, grid[1] * stride) == shape else None


def cells_array(values: NDArray[np.generic], cells: CellsOutput, shape: tuple[int, int]) -> NDArray[np.float32]:
    """The cells of an output as [B, h, w, C] float32, tokens without class token and registers."""
    floats = values.astype(np.float32, copy=False)
    if cells.layout == "NCHW":
        return np.ascontiguousarray(floats.transpose(0, 2, 3, 1))
    if cells.layout == "NHWC":
        return floats
    rows, columns = shape[0] // cells.stride, shape[1] // cells.stride
    return floats[:, cells.prefix :].reshape(len(floats), rows, columns, cells.channels)
