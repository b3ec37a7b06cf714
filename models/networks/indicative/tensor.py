"""The correlation tensor of S1 (eq. 1 and 2): how alike every patch of one picture is to every patch of
another."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GRID = 14
PATCH = 16
SIDE = GRID * PATCH
METRICS = ("cosine", "l2", "l1", "mahalanobis", "mutual")
"""S1's four, and [ours] "mutual": cosine after NCNet's soft mutual filter r (r / max of row) (r / max of
column)."""
FLOOR = 0.1  # the least weight of a query patch: feedback dims a part, it never blinds [ours]
SHRINKAGE = 0.1


def patches_of(pictures: Tensor) -> Tensor:
    """[B, 224, 224, 3] uint8 -> [B, 196, 768] float32 in 0..1: rigid 14 x 14 grid of 16 x 16 patches,
    row-major."""
    x = pictures.to(torch.float32) / 255.0
    x = x.reshape(-1, GRID, PATCH, GRID, PATCH, 3).permute(0, 1, 3, 2, 4, 5)
    return x.reshape(-1, GRID * GRID, PATCH * PATCH * 3)


def query_mask(weights: Tensor, floor: float = FLOOR) -> Tensor:
    """S1's Q* as a mask (section 3.4): [B, 14, 14] non-negative -> [B, 1, 1, 196], Q* / max Q*, at least `floor`.

    It multiplies the tensor along (k, l) and not the pixels: scaling a patch does not change its cosine [ours].
    """
    flat = weights.reshape(-1, 1, 1, GRID * GRID)
    largest = flat.amax(dim=3, keepdim=True)
    return torch.clamp(flat / torch.clamp(largest, min=1e-6), min=floor)


class CorrelationTensor(nn.Module):
    """Patches [B, 196, D] of the result p and of the query q -> T [B, |M|, 196, 196], rows (i, j), columns (k, l).

    Distances d become exp(-d / median of d), so that all views lie in 0..1 (cosine in -1..1). Mahalanobis is the
    L2 distance after whitening by a shrunk PCA. `learn` sets medians and whitening from training patches.
    """

    medians: Tensor
    mean: Tensor
    whitening: Tensor

    def __init__(self, metrics: Sequence[str], dimension: int, rank: int = 96) -> None:
        super().__init__()
        unknown = [name for name in metrics if name not in METRICS]
        if unknown or not metrics:
            raise ValueError(f"metrics must be some of {', '.join(METRICS)}, not {', '.join(unknown) or 'none'}")
        self.metrics = tuple(metrics)
        whitens = "mahalanobis" in self.metrics
        self.register_buffer("medians", torch.ones(len(self.metrics)))
        self.register_buffer("mean", torch.zeros(dimension if whitens else 0))
        self.register_buffer("whitening", torch.eye(dimension)[:, : min(rank, dimension) if whitens else 0])

    def forward(self, result: Tensor, query: Tensor) -> Tensor:
        return torch.stack([self._view(name, result, query) for name in self.metrics], dim=1)

    def distances(self, name: str, p: Tensor, q: Tensor) -> Tensor:
        """[B, n, D] x [B, m, D] -> [B, n, m], in the units of `name`."""
        if name == "mahalanobis":
            p, q = (p - self.mean) @ self.whitening, (q - self.mean) @ self.whitening
        if name == "l1":
            # A row of patches at a time: the whole difference [n, m, D] of a batch would not fit in memory.
            rows = [(part[:, :, None] - q[:, None]).abs().sum(3) for part in p.split(GRID, dim=1)]
            return torch.cat(rows, dim=1)
        squared = (p * p).sum(2)[:, :, None] + (q * q).sum(2)[:, None] - 2.0 * (p @ q.transpose(1, 2))
        return torch.sqrt(torch.clamp(squared, min=1e-12))

    def _view(self, name: str, p: Tensor, q: Tensor) -> Tensor:
        if name in ("cosine", "mutual"):
            cosine = F.normalize(p, dim=2) @ F.normalize(q, dim=2).transpose(1, 2)
            return cosine if name == "cosine" else soft_mutual(cosine)
        return torch.exp(-self.distances(name, p, q) / self.medians[self.metrics.index(name)])

    @torch.no_grad()
    def learn(self, result: Tensor, query: Tensor) -> None:
        """Set medians and whitening from pairs of training pictures: [N, 196, D] patches each."""
        if "mahalanobis" in self.metrics:
            every = torch.cat([result, query]).flatten(0, 1).double()
            mean = every.mean(0)
            values, vectors = torch.linalg.eigh((every - mean).T @ (every - mean) / len(every))
            values = (1 - SHRINKAGE) * values + SHRINKAGE * values.mean()
            keep = vectors.flip(1)[:, : self.whitening.shape[1]] / values.flip(0)[: self.whitening.shape[1]].sqrt()
            self.mean.copy_(mean)
            self.whitening.copy_(keep)
        for at, name in enumerate(self.metrics):
            if name in ("l2", "l1", "mahalanobis"):
                found = [
                    self.distances(name, p[None], q[None]).median() for p, q in zip(result, query, strict=True)
                ]
                self.medians[at] = torch.stack(found).median()


def soft_mutual(cosine: Tensor) -> Tensor:
    """NCNet's filter of [B, n, m] cosines: r (r / max of its row) (r / max of its column), r = max(0, cosine)."""
    r = torch.relu(cosine)
    rows, columns = r.amax(2, keepdim=True), r.amax(1, keepdim=True)
    return r * (r / torch.clamp(rows, min=1e-6)) * (r / torch.clamp(columns, min=1e-6))
