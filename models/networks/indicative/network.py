"""The indicative network: relevance of two pictures, and its own evidence M*, P, Q, in one forward pass (S1)."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.networks.indicative.har import Hypersphere
from models.networks.indicative.layers import Block, Unit, Unit2d, Unit4d, sizes
from models.networks.indicative.tensor import GRID, PATCH, CorrelationTensor, patches_of, query_mask

CELLS = GRID * GRID
INPUTS = ("pixels", "features")
LAYOUTS = ("2d", "4d")
OUTPUTS = ("logit", "matching", "p_sum", "q_sum")
_WIDTHS = {"2d": (64, 128, 256, 512), "4d": (8, 16, 32, 64)}
_STRIDES = {"2d": (4, 8, 16, 32), "4d": (1, 2, 4, 8)}  # of the four stages against the tensor


@dataclass(frozen=True)
class IndicativeConfig:
    """What an indicative network is.

    layout: "2d" is S1's ResNet18 on the pseudo-image 196 x 196 x |M|; "4d" [ours] the same schedule with
    centre-pivot 4-D convolutions on 14^4 x |M|. input: "pixels" (S1: patches of 16 x 16 x 3) or "features" [ours]
    (14 x 14 local features of a pack). widths: None for 64 to 512 (2d) and 8 to 64 (4d). blocks: per stage.
    """

    layout: str = "4d"
    input: str = "features"
    har: str = "peak"
    metrics: tuple[str, ...] = ("cosine", "mutual")
    dimension: int = 128
    widths: tuple[int, int, int, int] | None = None
    blocks: int = 2

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS or self.input not in INPUTS:
            raise ValueError(f"there is no layout {self.layout} for {self.input}")

    @property
    def channels(self) -> tuple[int, int, int, int]:
        return self.widths or _WIDTHS[self.layout]  # type: ignore[return-value]

    @property
    def patch_dimension(self) -> int:
        return PATCH * PATCH * 3 if self.input == "pixels" else self.dimension


class Tape(NamedTuple):
    """What one pass leaves behind for the vector-Jacobian product.

    logit: [B]. regulated: F_hat of the four stages, [B, C, ...]; plain: F before the regulation; blocks: per stage
    and block the input's spatial size, the activations inside, and the output.
    """

    logit: Tensor
    regulated: list[Tensor]
    plain: list[Tensor]
    blocks: list[list[tuple[Sequence[int], Tensor, Tensor]]]


def select(tape: Tape, rows: Tensor) -> Tape:
    """The tape of some of its pairs: evidence is only asked of those whose truth is known."""
    return Tape(
        tape.logit[rows],
        [x[rows] for x in tape.regulated],
        [x[rows] for x in tape.plain],
        [[(size, inside[rows], out[rows]) for size, inside, out in steps] for steps in tape.blocks],
    )


class IndicativeNetwork(nn.Module):
    """(result, query, weights) -> logit of relevance [B], M* [B, 196, 196], sums P and Q [B, 14, 14] each.

    result, query: [B, 224, 224, 3] uint8 for "pixels", [B, 14, 14, D] float32 for "features". weights: [B, 14,
    14], non-negative, on the query's patches (all ones without feedback). Rows of M* are the result's patches.
    """

    def __init__(self, config: IndicativeConfig) -> None:
        super().__init__()
        self.config = config
        self.correlation = CorrelationTensor(config.metrics, config.patch_dimension)
        widths = config.channels
        flat = config.layout == "2d"
        unit = Unit2d if flat else Unit4d
        self.stem = (
            Unit2d(len(config.metrics), widths[0], 7, 2) if flat else Unit4d(len(config.metrics), widths[0], 3, 1)
        )
        self.stages = nn.ModuleList()
        self.har = nn.ModuleList()
        before = widths[0]
        for stage, width in enumerate(widths):
            stride = 1 if stage == 0 else 2
            blocks = [
                Block(unit, before if at == 0 else width, width, stride if at == 0 else 1)
                for at in range(config.blocks)
            ]
            self.stages.append(nn.ModuleList(blocks))
            self.har.append(Hypersphere(config.har, width, stage_sites(config.layout, stage)))
            self.register_buffer(f"enlarge{stage}", enlarging(config.layout, stage), persistent=False)
            before = width
        self.head = nn.Linear(before, 1)

    def forward(self, result: Tensor, query: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        tape = self.run(self.tensor(result, query, weights))
        matching = self.matching(tape)
        p_sum = matching.sum(2).reshape(-1, GRID, GRID)
        return tape.logit, matching, p_sum, matching.sum(1).reshape(-1, GRID, GRID)

    def patches(self, pictures: Tensor) -> Tensor:
        """[B, 196, D] float32."""
        if self.config.input == "pixels":
            return patches_of(pictures)
        return pictures.reshape(-1, CELLS, self.config.dimension)

    def tensor(self, result: Tensor, query: Tensor, weights: Tensor | None = None) -> Tensor:
        """T [B, |M|, 196, 196], with the query's weights along its columns."""
        tensor: Tensor = self.correlation(self.patches(result), self.patches(query))
        return tensor if weights is None else tensor * query_mask(weights)

    def run(self, tensor: Tensor) -> Tape:
        """The pass from the tensor to the logit."""
        x = tensor
        if self.config.layout == "4d":
            x = x.reshape(-1, len(self.config.metrics), GRID, GRID, GRID, GRID)
        x = F.relu(self.stem(x))
        if self.config.layout == "2d":
            x = F.max_pool2d(x, 3, stride=2, padding=1)
        regulated, plain, inner = [], [], []
        for blocks, har in zip(self.stages, self.har, strict=True):
            steps: list[tuple[Sequence[int], Tensor, Tensor]] = []
            for block in blocks:  # type: ignore[attr-defined]
                size = sizes(x)[1:]
                x, inside = block(x)
                steps.append((size, inside, x))
            shape = (-1, *sizes(x))
            plain.append(x)
            x = har(x.flatten(2)).reshape(shape)
            regulated.append(x)
            inner.append(steps)
        return Tape(self.head(x.flatten(2).mean(2))[:, 0], regulated, plain, inner)

    def gradients(self, tape: Tape) -> list[Tensor]:
        """d logit / d F_hat of the four stages: a vector-Jacobian product by hand, batch normalisation in
        inference form, of which autograd's result is the test."""
        last = tape.regulated[-1]
        cells = math.prod(sizes(last)[1:])
        upstream = (self.head.weight[0] / cells).reshape(1, -1, *[1] * (last.ndim - 2)).expand_as(last)
        found = [upstream]
        for stage in range(len(self.stages) - 1, 0, -1):
            plain = tape.plain[stage]
            flat = self.har[stage].vjp(upstream.flatten(2), plain.flatten(2))  # type: ignore[operator]
            upstream = flat.reshape(-1, *sizes(plain))
            for block, (size, inside, out) in zip(
                reversed(list(self.stages[stage])),  # type: ignore[call-overload]
                reversed(tape.blocks[stage]),
                strict=True,
            ):
                upstream = block.vjp(upstream, size=size, inside=inside, out=out)
            found.append(upstream)
        return found[::-1]

    def matching(self, tape: Tape) -> Tensor:
        """M* (S1 eq. 3): the mean over the stages of Grad-CAM, each scaled to 0..1 before [ours], else one stage
        would dominate. [B, 196, 196]."""
        maps = []
        for stage, (features, gradient) in enumerate(zip(tape.regulated, self.gradients(tape), strict=True)):
            weights = gradient.flatten(2).mean(2)
            shape = sizes(features)[1:]
            cam = F.relu((features.flatten(2) * weights[:, :, None]).sum(1))
            low, high = cam.amin(1, keepdim=True), cam.amax(1, keepdim=True)
            cam = (cam - low) / torch.clamp(high - low, min=1e-12)
            maps.append(self._enlarged(cam, stage, shape))
        return torch.stack(maps).mean(0)

    def _enlarged(self, cam: Tensor, stage: int, shape: Sequence[int]) -> Tensor:
        """[B, S] -> [B, 196, 196], linear along each of the axes."""
        matrix: Tensor = getattr(self, f"enlarge{stage}")
        if self.config.layout == "2d":
            return matrix @ cam.reshape(-1, *shape) @ matrix.T
        i, j, k, n = shape
        rows = matrix @ cam.reshape(-1, i, j * k * n)
        columns = matrix @ rows.reshape(-1, j, k * n)
        columns = columns.reshape(-1, CELLS, k, n)
        return (matrix @ columns @ matrix.T).reshape(-1, CELLS, CELLS)

    def folded(self) -> IndicativeNetwork:
        """A copy for export: inference form, every batch normalisation part of its convolution."""
        net = copy.deepcopy(self).eval()
        for module in net.modules():
            if isinstance(module, Unit):
                module.fold()
        return net


def stage_cells(layout: str, stage: int) -> int:
    """Cells along one axis of a stage's map."""
    size = CELLS if layout == "2d" else GRID
    return -(-size // _STRIDES[layout][stage])


def stage_sites(layout: str, stage: int) -> Tensor:
    """Where the cells of a stage lie: [S, 4] as (i, j, k, l) in -1..1.

    2d: cell u of an axis stands for the mean (i, j) of the rows of the tensor that it covers: an approximation,
    one more reason for 4d.
    """
    stride, cells = _STRIDES[layout][stage], stage_cells(layout, stage)
    if layout == "4d":
        axis = 2.0 * torch.arange(cells) * stride / (GRID - 1) - 1.0
        return torch.cartesian_prod(axis, axis, axis, axis)
    places = torch.arange(CELLS)
    pairs = torch.stack([places // GRID, places % GRID], dim=1).float()
    means = torch.stack([pairs[u * stride : (u + 1) * stride].mean(0) for u in range(cells)])
    means = 2.0 * means / (GRID - 1) - 1.0
    first = means.repeat_interleave(cells, dim=0)
    return torch.cat([first, means.repeat(cells, 1)], dim=1)


def enlarging(layout: str, stage: int) -> Tensor:
    """The matrix [14 or 196, cells] of linear interpolation along one axis. Cell u is centred on place u x stride:
    that is where a convolution with such a stride and padding looks."""
    size = CELLS if layout == "2d" else GRID
    stride, cells = _STRIDES[layout][stage], stage_cells(layout, stage)
    at = torch.clamp(torch.arange(size) / stride, max=cells - 1)
    distance = (at[:, None] - torch.arange(cells)[None]).abs()
    return torch.clamp(1.0 - distance, min=0.0)
