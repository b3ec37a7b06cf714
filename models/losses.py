"""Losses of the training phases."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def relational(student: Tensor, teacher: Tensor, temperature: float = 0.1) -> Tensor:
    """KL between the softmaxed similarities of every row to the other rows of the batch.

    Both [B, D], rows L2-normalised; D may differ between the two. Batches of fewer than three give 0.
    """
    size = len(student)
    if size < 3:
        return student.sum() * 0
    off = ~torch.eye(size, dtype=torch.bool, device=student.device)
    s = (student @ student.T)[off].view(size, -1) / temperature
    t = (teacher @ teacher.T)[off].view(size, -1) / temperature
    return F.kl_div(F.log_softmax(s, 1), F.softmax(t, 1), reduction="batchmean")


def copying(student: Tensor, teacher: Tensor) -> Tensor:
    """1 - mean cosine; both [B, D], rows L2-normalised."""
    return 1 - (student * teacher).sum(1).mean()


class ArcFace(nn.Module):
    """Additive angular margin: cross entropy over s cos(theta_y + m), s cos(theta_j) (S3: m = 0.15 rad, s = 30).

    Past theta = pi - m the cosine would rise again; there cos(theta) - m sin(m) is used instead.
    """

    def __init__(self, dimension: int, classes: int, margin: float = 0.15, scale: float = 30.0) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(classes, dimension) * 0.01)
        self.margin, self.scale = margin, scale

    def logits(self, x: Tensor, labels: Tensor) -> Tensor:
        """[B, D], [B] -> [B, classes]."""
        cosine = F.linear(F.normalize(x), F.normalize(self.centres)).clamp(-1 + 1e-6, 1 - 1e-6)
        sine = torch.sqrt(1 - cosine**2)
        moved = cosine * math.cos(self.margin) - sine * math.sin(self.margin)
        moved = torch.where(
            cosine > math.cos(math.pi - self.margin), moved, cosine - self.margin * math.sin(self.margin)
        )
        wanted = F.one_hot(labels, len(self.centres)).bool()
        return self.scale * torch.where(wanted, moved, cosine)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(self.logits(x, labels), labels)
