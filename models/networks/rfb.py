"""The receptive-field block of S3: several dilated views of one map, and its global mean, side by side."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.networks.gem import GeM


def _conv(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=dilation * (kernel // 2), dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class ReceptiveFieldBlock(nn.Module):
    """[B, C, H, W] -> [B, out, H, W].

    Three branches of two convolutions each, in which first the kernel grows, then the dilation:
    (1x1 -> 3x3 d1), (3x3 -> 3x3 d3), (5x5 -> 3x3 d5); a fourth branch pools the map by GeM and spreads the
    result over all cells; all are joined by a 1x1 convolution. The paper gives the branches, not their widths:
    `width` channels each [ours].
    """

    def __init__(self, channels: int, out: int, width: int = 96) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(_conv(channels, width, kernel), _conv(width, width, 3, dilation))
            for kernel, dilation in ((1, 1), (3, 3), (5, 5))
        )
        self.pool = GeM(3.0)
        self.pooled = nn.Linear(channels, width)
        self.join = nn.Conv2d(4 * width, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        views = [branch(x) for branch in self.branches]
        whole = torch.relu(self.pooled(self.pool(x)))[:, :, None, None].to(views[0].dtype)
        return self.join(torch.cat([*views, whole.expand(-1, -1, *x.shape[2:])], 1))  # type: ignore[no-any-return]
