"""The backbone: a plain residual network in four stages, trained from random weights.

| part | layers | out for a 224 px square |
|---|---|---|
| s1 | three strided 3x3 convolutions and three residual blocks, 1x1 joint | 28 x 28 x 32 |
| s2 | one strided 3x3 convolution and two residual blocks of 256 (map X4), 1x1 joint | 14 x 14 x 96 |
| s3 | one strided 3x3 convolution and two residual blocks of 512, 1x1 joint | 7 x 7 x 320 |
| s4 | 1x1 convolution, ReLU (map X5) | 7 x 7 x 1280 |

The joints are the tensors a teacher's stages are copied at while training (`models.teacher`).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class TrunkMaps(NamedTuple):
    """Maps of one forward pass, channels first.

    joints: the three joint tensors [B, 32, H/8, W/8], [B, 96, H/16, W/16], [B, 320, H/32, W/32].
    x4: [B, 256, H/16, W/16], non-negative: the map before the last one.
    x5: [B, 1280, H/32, W/32], non-negative: the last map.
    """

    joints: tuple[Tensor, Tensor, Tensor]
    x4: Tensor
    x5: Tensor


def conv_bn_relu(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 3x3 convolution without bias, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Residual(nn.Module):
    """relu(x + BN(conv(relu(BN(conv(x))))))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a = conv_bn_relu(channels, channels)
        self.b = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.b(self.a(x)))


class Trunk(nn.Module):
    """[B, 3, H, W] float, (x - 127.5) / 58, H and W multiples of 32 -> TrunkMaps.

    `widths` scales the stages; the shipped trunk uses the default.
    """

    JOINTS = (32, 96, 320)

    def __init__(
        self, widths: tuple[int, int, int, int, int] = (32, 64, 128, 256, 512), pooled: int = 1280
    ) -> None:
        super().__init__()
        stem, low, middle, high, top = widths
        j1, j2, j3 = self.JOINTS
        self.x4_channels, self.x5_channels = high, pooled
        self.s1 = nn.Sequential(
            conv_bn_relu(3, stem, 2),
            conv_bn_relu(stem, low, 2),
            Residual(low),
            conv_bn_relu(low, middle, 2),
            Residual(middle),
            Residual(middle),
            nn.Sequential(nn.Conv2d(middle, j1, 1)),
        )
        self.s2 = nn.Sequential(
            conv_bn_relu(j1, high, 2), Residual(high), Residual(high), nn.Sequential(nn.Conv2d(high, j2, 1))
        )
        self.s3 = nn.Sequential(
            conv_bn_relu(j2, top, 2), Residual(top), Residual(top), nn.Sequential(nn.Conv2d(top, j3, 1))
        )
        self.s4 = nn.Sequential(nn.Conv2d(j3, pooled, 1))

    def stage(self, number: int, x: Tensor) -> Tensor:
        """Stage `number` (0 to 2) alone, for training it apart from the others."""
        return (self.s1, self.s2, self.s3)[number](x)  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> TrunkMaps:
        first = self.s1(x)
        x4 = self.s2[:3](first)
        second = self.s2[3](x4)
        third = self.s3(second)
        return TrunkMaps((first, second, third), x4, F.relu(self.s4(third)))

    def pooled(self, x5: Tensor) -> Tensor:
        """[B, C, h, w] -> [B, C]: the plain average over cells."""
        return torch.mean(x5, (2, 3))
