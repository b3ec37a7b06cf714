"""CANet: where a candidate's map answers to a query's vector (S0, part III; what S0 leaves open is ours)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPS = 1e-6


def pooled_query(local_map: Tensor, p: float = 3.0) -> Tensor:
    """q: GeM of the query's own non-negative map, [B, D, h, w] -> [B, D], L2-normalised."""
    return F.normalize(local_map.clamp(min=EPS).pow(p).mean((2, 3)).pow(1 / p), dim=1)


def attended(local_map: Tensor, attention: Tensor, p: float = 3.0) -> Tensor:
    """v = (1/HW sum_l (A_l x_l)^p)^(1/p), L2-normalised: [B, D, h, w], [B, h, w] -> [B, D]."""
    weighted = local_map.clamp(min=EPS) * attention[:, None]
    return F.normalize(weighted.clamp(min=0).pow(p).mean((2, 3)).clamp(min=EPS**p).pow(1 / p), dim=1)


class MultiScaleBlock(nn.Module):
    """x + conv1x1([conv3x3 d1; conv3x3 d2; conv3x3 d3; conv1x1](x)), 64 channels a branch [ours]."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [nn.Conv2d(channels, width, 3, padding=dilation, dilation=dilation) for dilation in (1, 2, 3)]
            + [nn.Conv2d(channels, width, 1)]
        )
        self.norm = nn.BatchNorm2d(4 * width)
        self.join = nn.Conv2d(4 * width, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        views = torch.cat([branch(x) for branch in self.branches], 1)
        return F.relu(x + self.join(F.relu(self.norm(views))))


class CANet(nn.Module):
    """A = sigmoid(conv1x1(M(M(ReLU(BN(W_x X + W_q q)))))), X with unit cells, q of unit length.

    W [X; q] of the tiled query is W_x X + W_q q: the first term belongs to the photo, the second is one vector
    a query.
    """

    def __init__(self, dimension: int = 256, width: int = 256, branch: int = 64) -> None:
        super().__init__()
        self.dimension = dimension
        self.cells = nn.Conv2d(dimension, width, 1, bias=False)
        self.asked = nn.Linear(dimension, width)
        self.norm = nn.BatchNorm2d(width)
        self.blocks = nn.Sequential(MultiScaleBlock(width, branch), MultiScaleBlock(width, branch))
        self.out = nn.Conv2d(width, 1, 1)

    def mapped(self, local_map: Tensor) -> Tensor:
        """W_x X of a photo, [B, D, h, w] -> [B, width, h, w]."""
        return self.cells(F.normalize(local_map, dim=1))  # type: ignore[no-any-return]

    def logits(self, mapped: Tensor, query: Tensor) -> Tensor:
        """[B, width, h, w], q [B, D] -> [B, h, w]."""
        x = mapped + self.asked(F.normalize(query, dim=1))[:, :, None, None]
        return self.out(self.blocks(F.relu(self.norm(x))))[:, 0]  # type: ignore[no-any-return]

    def forward(self, local_map: Tensor, query: Tensor) -> Tensor:
        """[B, D, h, w], [B, D] -> co-attention [B, h, w] in 0..1."""
        return torch.sigmoid(self.logits(self.mapped(local_map), query))
