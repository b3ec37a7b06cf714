"""What an indicative network learns from: relevance labels (S1), and [ours] where the evidence must lie.

S1 trains on relevance alone. Its Grad-CAM then says what moved the prediction, which need not be the object (S1
itself reports attention that is "inverted"). The evidence loss uses pairs whose truth is known to the pixel: the
network's own decoded maps, made by the vector-Jacobian product inside the same pass, must lie on what both
pictures show.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from models.networks.indicative.network import CELLS
from models.networks.indicative.tensor import GRID


@dataclass(frozen=True)
class Truth:
    """What is known of a batch. relevant: [B] 0 or 1. located: [B] bool, whether the parts that match are known.
    to_result: [B, 3, 3] query to result in shares. result_mask, query_mask: [B, 14, 14] in 0..1."""

    relevant: Tensor
    located: Tensor
    to_result: Tensor
    result_mask: Tensor
    query_mask: Tensor


def matched_pairs(truth: Truth, radius: float = 1.0) -> Tensor:
    """[B, 196, 196] bool: pairs of patches (result, query) that show the same. The middle of one, taken through
    the homography, lies within `radius` cells of the middle of the other, in either direction; both belong to the
    object.
    """
    seen = truth.result_mask.flatten(1) > 0.5, truth.query_mask.flatten(1) > 0.5
    forward = _near(truth.to_result, radius) & seen[1][:, :, None]
    backward = _near(_inverse(truth.to_result), radius) & seen[0][:, :, None]
    return forward.transpose(1, 2) | backward


def evidence_losses(matching: Tensor, truth: Truth) -> dict[str, Tensor]:
    """matching: M* [located, 196, 196] of the pairs of `truth` whose parts are known, in order (0 without any):
    links    -log of the share of M* that lies on pairs of patches that show the same
    maps     1 - Dice of P / max P with the object in the result, and of Q / max Q with the object in the query
    """
    chosen = truth.located
    if not bool(chosen.any()):
        nothing = matching.sum() * 0.0
        return {"links": nothing, "maps": nothing}
    part = Truth(*(value[chosen] for value in vars(truth).values()))
    right = matched_pairs(part)
    known = right.flatten(1).any(1).float()
    share = (matching * right).sum((1, 2)) / torch.clamp(matching.sum((1, 2)), min=1e-6)
    links = -(torch.log(torch.clamp(share, min=1e-4)) * known).sum() / torch.clamp(known.sum(), min=1.0)
    maps = dice(matching.sum(2), part.result_mask.flatten(1)) + dice(matching.sum(1), part.query_mask.flatten(1))
    return {"links": links, "maps": maps}


def dice(sums: Tensor, mask: Tensor) -> Tensor:
    """1 - Dice of [B, 196] sums, each scaled to a largest value of 1, with [B, 196] masks; the mean over the
    batch."""
    scaled = sums / torch.clamp(sums.amax(1, keepdim=True), min=1e-6)
    both = 2.0 * (scaled * mask).sum(1)
    return (1.0 - both / torch.clamp((scaled**2).sum(1) + (mask**2).sum(1), min=1e-6)).mean()


def relevance_loss(logit: Tensor, truth: Truth, smoothing: float = 0.02) -> Tensor:
    """Binary cross-entropy on the label, a little smoothed."""
    return F.binary_cross_entropy_with_logits(logit, truth.relevant * (1.0 - 2.0 * smoothing) + smoothing)


def _near(homography: Tensor, radius: float) -> Tensor:
    """[B, source cells, target cells]: whose middles lie within `radius` cells after the homography."""
    along = (torch.arange(GRID, dtype=torch.float32) + 0.5) / GRID
    y, x = torch.meshgrid(along, along, indexing="ij")
    middles = torch.stack([x.flatten(), y.flatten(), torch.ones(CELLS)])
    taken = homography @ middles
    depth = taken[:, 2:3]
    at = taken[:, :2] / torch.where(depth > 1e-6, depth, torch.ones_like(depth))
    distance = torch.cdist(at.transpose(1, 2) * GRID, (middles[:2].T * GRID)[None].expand(len(at), -1, -1))
    return (distance <= radius) & (depth > 1e-6).transpose(1, 2)


def _inverse(homography: Tensor) -> Tensor:
    """The inverse through the adjugate; zero stays zero."""
    a, b, c = homography[:, 0], homography[:, 1], homography[:, 2]
    columns = torch.stack([torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)], dim=2)
    determinant = torch.linalg.det(homography)[:, None, None]
    return columns / torch.where(determinant.abs() > 1e-12, determinant, torch.ones_like(determinant))
