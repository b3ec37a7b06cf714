"""DOLG's orthogonal fusion (Yang et al., ICCV 2021), for comparison with S3's dot-product fusion."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.networks.gem import GeM
from models.networks.rfb import ReceptiveFieldBlock


class OrthogonalFusion(nn.Module):
    """V_g' = conv1x1(GeM(X5)); X4' = RFB(X4); o_l = x_l - (x_l . V_g') V_g' / |V_g'|^2;
    F = FC([mean_l o_l, V_g']).

    What the local features add beyond the global vector's direction, averaged, beside the global vector. The
    projection is linear in x_l, so the mean may be taken first:  mean(o_l) = mean(x_l) minus its projection.
    The local branch is S3's, so that a comparison is one of fusions alone; DOLG has its own (atrous convolutions
    and a learnt spatial weight) [ours].
    """

    def __init__(self, x4_channels: int, x5_channels: int, width: int = 512, out: int = 512, rfb_width: int = 96):
        super().__init__()
        self.pool = GeM(1.0)
        self.project = nn.Linear(x5_channels, width)
        self.rfb = ReceptiveFieldBlock(x4_channels, width, rfb_width)
        self.fc = nn.Linear(2 * width, out)

    def forward(self, x4: Tensor, x5: Tensor) -> Tensor:
        """[B, C4, h, w], [B, C5, h/2, w/2] -> descriptor [B, out] (not normalised)."""
        whole = self.project(self.pool(x5))
        local = self.rfb(x4).float().mean((2, 3))
        return self.fc(torch.cat([local - projection(local, whole), whole], 1))  # type: ignore[no-any-return]

    def direct(self, x4: Tensor, x5: Tensor) -> Tensor:
        """The equations as printed, every cell made orthogonal before the mean: the slow twin of `forward`."""
        whole = self.project(self.pool(x5))
        cells = self.rfb(x4).float().flatten(2).transpose(1, 2)
        orthogonal = cells - projection(cells, whole[:, None, :])
        spread = whole[:, None, :].expand_as(cells)
        return self.fc(torch.cat([orthogonal, spread], 2).mean(1))  # type: ignore[no-any-return]


def projection(x: Tensor, onto: Tensor) -> Tensor:
    """The part of x [..., D] along `onto` [..., D]: (x . v) v / |v|^2; 0 where v is 0."""
    length = onto.square().sum(-1, keepdim=True).clamp(min=1e-12)
    return (x * onto).sum(-1, keepdim=True) / length * onto
