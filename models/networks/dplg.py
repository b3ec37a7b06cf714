"""S3 (DPLG): dot-product fusion of a global vector with the local features it attends to."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from models.networks.gem import GeM
from models.networks.rfb import ReceptiveFieldBlock


class DotProductFusion(nn.Module):
    """V_g = GeM(X5), V_g' = conv1x1(V_g); X4' = RFB(X4); Q = W_q V_g', K = W_k X4', V = W_v X4';
    A = softmax(Q K^T / sqrt(d)); V_l = A V; F = FC(V_g' + V_l).

    The query is one token, so A is one row over the cells: the attention row, a free picture of what the
    descriptor looked at. K and V are linear and A sums to 1, so W_k and W_v act on one token instead of on every
    cell without changing the result:  Q (W_k x) = (W_k^T Q) x  and  sum_l A_l (W_v x_l) = W_v (sum_l A_l x_l).
    The key's bias shifts all logits of a row alike and drops out of the softmax, so there is none.
    W_v starts at zero, so that a fresh head is the pooled descriptor alone [ours].
    """

    def __init__(self, x4_channels: int, x5_channels: int, width: int = 512, out: int = 512, rfb_width: int = 96):
        super().__init__()
        self.width = width
        self.pool = GeM(1.0)
        self.project = nn.Linear(x5_channels, width)
        self.rfb = ReceptiveFieldBlock(x4_channels, width, rfb_width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.fc = nn.Linear(width, out)
        nn.init.zeros_(self.value.weight)
        nn.init.zeros_(self.value.bias)

    def forward(self, x4: Tensor, x5: Tensor) -> tuple[Tensor, Tensor]:
        """[B, C4, h, w], [B, C5, h/2, w/2] -> descriptor [B, out] (not normalised), attention row [B, h, w]."""
        return self.fuse(self.rfb(x4), x5)

    def fuse(self, local: Tensor, x5: Tensor) -> tuple[Tensor, Tensor]:
        """The same from X4' = RFB(X4), [B, width, h, w]."""
        whole = self.project(self.pool(x5))
        height, width = local.shape[2:]
        cells = local.float().flatten(2)
        wanted = self.query(whole) @ self.key.weight
        logits = (wanted.unsqueeze(1) @ cells).squeeze(1) / math.sqrt(self.width)
        attention = torch.softmax(logits.float(), 1)
        seen = (cells @ attention.unsqueeze(2)).squeeze(2)
        descriptor = self.fc(whole + self.value(seen))
        return descriptor, attention.view(-1, height, width)

    def direct(self, x4: Tensor, x5: Tensor) -> tuple[Tensor, Tensor]:
        """The equations as printed, with K and V of every cell: the slow twin of `forward`."""
        whole = self.project(self.pool(x5))
        local = self.rfb(x4).float()
        cells = local.flatten(2).transpose(1, 2)
        query, key, value = self.query(whole), self.key(cells), self.value(cells)
        attention = torch.softmax(torch.einsum("bd,bnd->bn", query, key) / math.sqrt(self.width), 1)
        descriptor = self.fc(whole + torch.einsum("bn,bnd->bd", attention, value))
        return descriptor, attention.view(-1, *local.shape[2:])
