"""The heads that S3's ablation compares; every one takes X4 [B, C4, h, w] and X5 [B, C5, h', w'] to [B, out]."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.networks.dplg import DotProductFusion
from models.networks.gem import GeM
from models.networks.orthogonal import OrthogonalFusion
from models.networks.rfb import ReceptiveFieldBlock


class Dplg(nn.Module):
    """S3 whole; `rfb` False: X4' is a 1x1 convolution of X4 instead of the receptive-field block."""

    def __init__(self, x4: int, x5: int, width: int, rfb_width: int, *, rfb: bool = True) -> None:
        super().__init__()
        self.fusion = DotProductFusion(x4, x5, width, width, rfb_width)
        self.fusion.value.reset_parameters()  # as the paper has it; a start at zero wastes a short training
        if not rfb:
            self.fusion.rfb = nn.Conv2d(x4, width, 1)  # type: ignore[assignment]

    def forward(self, x4: Tensor, x5: Tensor) -> Tensor:
        return self.fusion(x4, x5)[0]  # type: ignore[no-any-return]


class MeanFusion(nn.Module):
    """S3 without its dot product: F = FC(V_g' + W_v mean_l X4'_l), every cell weighing the same."""

    def __init__(self, x4: int, x5: int, width: int, rfb_width: int) -> None:
        super().__init__()
        self.pool = GeM(1.0)
        self.project = nn.Linear(x5, width)
        self.rfb = ReceptiveFieldBlock(x4, width, rfb_width)
        self.value = nn.Linear(width, width)
        self.fc = nn.Linear(width, width)

    def forward(self, x4: Tensor, x5: Tensor) -> Tensor:
        local = self.rfb(x4).float().mean((2, 3))
        return self.fc(self.project(self.pool(x5)) + self.value(local))  # type: ignore[no-any-return]


class GlobalOnly(nn.Module):
    """Plain GeM: F = FC(conv1x1(GeM(X5))), without X4."""

    def __init__(self, x5: int, width: int) -> None:
        super().__init__()
        self.pool = GeM(1.0)
        self.project = nn.Linear(x5, width)
        self.fc = nn.Linear(width, width)

    def forward(self, x4: Tensor, x5: Tensor) -> Tensor:
        del x4
        return self.fc(self.project(self.pool(x5)))  # type: ignore[no-any-return]


def all_heads(x4: int, x5: int, width: int = 512, rfb_width: int = 96) -> dict[str, Callable[[], nn.Module]]:
    """The rows by name; each entry makes a new head from the current random state."""
    return {
        "DPLG": lambda: Dplg(x4, x5, width, rfb_width),
        "without RFB": lambda: Dplg(x4, x5, width, rfb_width, rfb=False),
        "without dot product": lambda: MeanFusion(x4, x5, width, rfb_width),
        "DOLG's orthogonal fusion": lambda: OrthogonalFusion(x4, x5, width, width, rfb_width),
        "GeM alone": lambda: GlobalOnly(x5, width),
    }


def parameters(head: nn.Module) -> int:
    """The number of learnt values."""
    return sum(p.numel() for p in head.parameters())


def autocast() -> torch.autocast:
    """bfloat16 where it is exact enough: the convolutions of X4."""
    return torch.autocast("cpu", dtype=torch.bfloat16)
