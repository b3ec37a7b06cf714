"""The whole embedding network: trunk, S3 head, local features, hash code; and the code layer beside it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.networks.dplg import DotProductFusion
from models.networks.regions import RegionDescriptors
from models.networks.second import SecondDescriptor
from models.networks.trunk import Trunk, TrunkMaps

MEAN, SCALE = 127.5, 58.0


class StudentOutput(NamedTuple):
    """descriptor [B, 512] and beta [B, 256], not normalised; attention [B, h, w]; maps of the trunk; X4' of S3."""

    descriptor: Tensor
    attention: Tensor
    maps: TrunkMaps
    beta: Tensor
    local: Tensor


class Student(nn.Module):
    """What is trained: [B, 3, H, W] float, (x - 127.5) / 58 -> StudentOutput."""

    def __init__(
        self,
        trunk: Trunk | None = None,
        *,
        width: int = 512,
        out: int = 512,
        rfb_width: int = 96,
        second: int = 256,
    ) -> None:
        super().__init__()
        self.trunk = trunk or Trunk()
        self.fusion = DotProductFusion(self.trunk.x4_channels, self.trunk.x5_channels, width, out, rfb_width)
        self.second = SecondDescriptor(self.trunk.x4_channels, self.trunk.x5_channels, second)

    def forward(self, x: Tensor) -> StudentOutput:
        maps = self.trunk(x)
        local = self.fusion.rfb(maps.x4)
        descriptor, attention = self.fusion.fuse(local, maps.x5)
        return StudentOutput(descriptor, attention, maps, self.second(maps.x4, maps.x5), local)


class LocalHead(nn.Module):
    """128-d local features per 14 x 14 cell: a linear map of what the trunk says around the cell.

    The cell's own joint (96 channels, 3x3 mean) and the deeper joint (320 channels, resized to the same grid)
    are standardised, concatenated and projected by a PCA with partial whitening, learnt on TRAIN photos
    (`models.linear.whitened_pca`). `deep` weighs the deeper half.
    """

    def __init__(self, channels: tuple[int, int] = (96, 320), out: int = 128) -> None:
        super().__init__()
        self.channels = channels
        self.context = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        self.register_buffer("mean", torch.zeros(sum(channels)))
        self.register_buffer("weight", torch.zeros(out, sum(channels)))

    def raw(self, maps: TrunkMaps) -> Tensor:
        """[B, 96 + 320, h, w]: the concatenation before the projection."""
        shallow, deep = maps.joints[1], maps.joints[2]
        deep = F.interpolate(deep.float(), size=shallow.shape[2:], mode="bilinear", align_corners=False)
        return torch.cat([self.context(shallow.float()), deep], 1)

    def forward(self, maps: TrunkMaps) -> tuple[Tensor, Tensor]:
        """Local features [B, h, w, 128], L2-normalised per cell; local map [B, 256, h, w], non-negative.

        The map holds the same features before their normalisation, rises and falls apart: [relu(y), relu(-y)].
        GeM pooling and the clusters of S0 need non-negative channels, and these tell places apart better than
        the trunk's own channels, which are alive nearly everywhere [ours].
        """
        y = (self.raw(maps).permute(0, 2, 3, 1) - self.mean) @ self.weight.T
        both = torch.cat([F.relu(y), F.relu(-y)], 3).permute(0, 3, 1, 2)
        return F.normalize(y, dim=3), both


class DescriptorHead(nn.Module):
    """What turns a network's vector x [B, out] into a descriptor and its hash code.

    centre [out], rotation [out, out]: d = L2(rotation (L2(x) - centre)): a partly whitened PCA of TRAIN.
    hash_offset [out], hash_rotation [out, out]: bits = (hash_rotation (d - hash_offset) >= 0), PCA + ITQ (S2);
    packed 8 to a byte, first bit highest.
    """

    def __init__(self, out: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(out))
        self.register_buffer("rotation", torch.eye(out))
        self.register_buffer("hash_offset", torch.zeros(out))
        self.register_buffer("hash_rotation", torch.eye(out))
        self.register_buffer("bit_values", 2.0 ** torch.arange(7, -1, -1))

    def descriptor(self, x: Tensor) -> Tensor:
        """[..., out] -> [..., out], L2-normalised."""
        return F.normalize((F.normalize(x, dim=-1) - self.centre) @ self.rotation.T, dim=-1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[B, out] -> descriptor [B, out], code [B, out / 8] uint8."""
        descriptor = self.descriptor(x)
        bits = ((descriptor - self.hash_offset) @ self.hash_rotation.T >= 0).float()
        return descriptor, (bits.unflatten(1, (-1, 8)) @ self.bit_values).to(torch.uint8)


class Embedder(nn.Module):
    """What is exported as embed.onnx: [B, H, W, 3] uint8 -> the outputs named in OUTPUTS, in that order."""

    OUTPUTS = ("alpha", "alpha_code", "attention", "local_map", "local_features", "beta", "beta_code", "regions")

    def __init__(self, student: Student, local: LocalHead, out: int = 512, second: int = 256) -> None:
        super().__init__()
        self.student, self.local = student, local
        self.alpha, self.beta = DescriptorHead(out), DescriptorHead(second)
        self.regions = RegionDescriptors()

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        x = (image.permute(0, 3, 1, 2).float() - MEAN) / SCALE
        out = self.student(x)
        alpha, alpha_code = self.alpha(out.descriptor)
        beta, beta_code = self.beta(out.beta)
        features, local_map = self.local(out.maps)
        regions = self.alpha.descriptor(self.regions(out.local, out.maps.x5, self.student.fusion))
        return alpha, alpha_code, out.attention, local_map, features, beta, beta_code, regions
