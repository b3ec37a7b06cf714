"""Descriptors of a photo's regions from the maps of one pass: the tile entries of the index."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from desktop_app.retrieval.tiles import OVERLAP, region_boxes
from models.networks.dplg import DotProductFusion

_NOTHING = -1e4  # a logit whose exponential is 0


class RegionDescriptors(nn.Module):
    """S3's fusion applied to every region as if it were a photo of its own [ours].

    For a region r with the share m_rl of every cell l that lies in it:
    V_g = (sum_l m_rl max(x_l, eps)^p / sum_l m_rl)^(1/p) over X5, V_g' = conv1x1(V_g), Q_r = W_q V_g';
    A_rl = m_rl exp(Q_r K_l / sqrt(d)) / sum_l m_rl exp(Q_r K_l / sqrt(d)) over X4' = RFB(X4) of the whole photo;
    F_r = FC(V_g' + sum_l A_rl V_l). Region 0 is the whole photo, for which this is the photo's own descriptor.
    """

    boxes: Tensor

    def __init__(self, overlap: float = OVERLAP) -> None:
        super().__init__()
        self.register_buffer("boxes", torch.from_numpy(region_boxes(overlap)).float(), persistent=False)

    def shares(self, height: Tensor | int, width: Tensor | int) -> Tensor:
        """[R, height * width]: the share of every cell that lies in every region."""
        left, top, right, bottom = self.boxes.unbind(1)
        rows, columns = _overlaps(top, bottom, height), _overlaps(left, right, width)
        return (rows[:, :, None] * columns[:, None, :]).flatten(1)

    def forward(self, local: Tensor, x5: Tensor, fusion: DotProductFusion) -> Tensor:
        """X4' = fusion.rfb(X4) [B, d, h, w] and X5 [B, C5, h', w'] -> [B, R, out], not normalised."""
        inside = self.shares(x5.shape[2], x5.shape[3])
        inside = inside / inside.sum(1, keepdim=True)
        p = fusion.pool.p.clamp(1.0, 8.0)
        powers = x5.float().clamp(min=fusion.pool.eps).pow(p).flatten(2).transpose(1, 2)
        whole = fusion.project((inside @ powers).pow(1.0 / p))
        inside = self.shares(local.shape[2], local.shape[3])
        cells = local.float().flatten(2)
        logits = (fusion.query(whole) @ fusion.key.weight) @ cells / math.sqrt(fusion.width)
        outside = torch.where(inside > 0, inside.clamp(min=1e-6).log(), _NOTHING)
        attention = torch.softmax(logits + outside, 2)
        return fusion.fc(whole + fusion.value(attention @ cells.transpose(1, 2)))  # type: ignore[no-any-return]


def _overlaps(start: Tensor, end: Tensor, count: Tensor | int) -> Tensor:
    """[R], [R] in 0..1 -> [R, count]: the share of each of `count` equal cells that lies between start and end."""
    cell = torch.arange(count, device=start.device).to(start.dtype)[None]  # type: ignore[arg-type]
    covered = torch.minimum(end[:, None] * count, cell + 1) - torch.maximum(start[:, None] * count, cell)
    return covered.clamp(0, 1)
