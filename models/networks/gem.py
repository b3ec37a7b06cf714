"""Generalised-mean pooling."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GeM(nn.Module):
    """GeM_p(X) = (1/HW sum_l max(x_l, eps)^p)^(1/p), [B, C, H, W] -> [B, C] (S3, eq. of V_g).

    p is learnt, as in the paper's references; we start it at `p` (p = 1 is the plain average, which is where
    a trunk distilled through average pooling stands) [ours].
    """

    def __init__(self, p: float = 3.0, eps: float = 1e-6) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.tensor(float(p)))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        p = self.p.clamp(1.0, 8.0)
        return x.float().clamp(min=self.eps).pow(p).mean((2, 3)).pow(1.0 / p)
