"""LM-BiHalf: the layer that turns local features into balanced bits (S0, Table 2; Li and van Gemert)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class BiHalf(torch.autograd.Function):
    """Forward: per bit (column), the larger half of the population becomes +1, the rest -1 (optimal transport to a
    fair coin; with an odd population the +1 half is the smaller one). Backward:
    dL/dU = dL/dB + gamma (U - B) / numel(U).
    """

    @staticmethod
    def forward(ctx: Any, u: Tensor, gamma: float) -> Tensor:
        order = u.argsort(0, descending=True)
        half = u.shape[0] // 2
        b = torch.full_like(u, -1.0)
        b.scatter_(0, order[:half], 1.0)
        ctx.save_for_backward(u, b)
        ctx.gamma = gamma
        return b

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        (grad,) = grad_outputs
        u, b = ctx.saved_tensors
        return grad + ctx.gamma * (u - b) / u.numel(), None


class CodeLayer(nn.Module):
    """[N, D] local features or centroids -> logits [N, bits]; bit = logit >= 0.

    While training, all local features of the batch are the population of the Bi-half layer, and a running median
    per bit is kept; afterwards logits = W x - median, so that a code does not depend on its batch [ours].
    """

    def __init__(self, dimension: int = 128, bits: int = 128, gamma: float = 6.0, momentum: float = 0.05) -> None:
        super().__init__()
        self.linear = nn.Linear(dimension, bits, bias=False)
        nn.init.orthogonal_(self.linear.weight)
        self.register_buffer("median", torch.zeros(bits))
        self.gamma, self.momentum = gamma, momentum

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) - self.median  # type: ignore[no-any-return]

    def codes(self, x: Tensor) -> Tensor:
        """[N, D] -> [N, bits] of +1 and -1 by the Bi-half layer; updates the running medians."""
        u = self.linear(x)
        with torch.no_grad():
            self.median.lerp_(u.median(0).values, self.momentum)
        return BiHalf.apply(u, self.gamma)  # type: ignore[no-any-return]
