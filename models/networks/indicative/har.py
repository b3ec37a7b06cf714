"""Hypersphere attention regulation (S1 section 3.3, eq. 5 and 6) with its vector-Jacobian product.

Theta(x) = g exp(-(d - mu)^2 / (2 sigma^2)), d = |x - c|^2, and F_hat = F Theta + F. d is the squared radius: only
so do S1's gradients hold (eq. 7 to 9). Coordinates are scaled to -1..1 on every axis at every layer, so the
parameters do not depend on the resolution [ours]. Modes:
off        no regulation
paper      g = 1 / (sqrt(2 pi) sigma), as eq. 6 is differentiated in eq. 8
peak       g = 1, so that Theta lies in (0, 1] as S1 claims [ours]
predicted  as peak, but c, mu and sigma are predicted for every pair from the pooled features [ours]: a static
centre
           cannot follow an object
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MODES = ("off", "paper", "peak", "predicted")
_UNIT_SIGMA = math.log(math.e - 1.0)  # softplus of this is 1


class Sphere(NamedTuple):
    """The parameters of one mask: centre [..., 4], mu [..., 1] (a squared radius), sigma [..., 1] > 0."""

    centre: Tensor
    mu: Tensor
    sigma: Tensor


def density(sites: Tensor, sphere: Sphere, *, normalised: bool) -> Tensor:
    """Theta at `sites` [S, 4]: [..., S]. normalised: with the factor 1 / (sqrt(2 pi) sigma)."""
    d = ((sites - sphere.centre[..., None, :]) ** 2).sum(-1)
    theta = torch.exp(-((d - sphere.mu) ** 2) / (2.0 * sphere.sigma**2))
    return theta / (math.sqrt(2.0 * math.pi) * sphere.sigma) if normalised else theta


def density_gradients(upstream: Tensor, sites: Tensor, sphere: Sphere, *, normalised: bool) -> Sphere:
    """S1 eq. 7 to 9: the gradients of sum(upstream Theta) by centre, mu and sigma.

    upstream: dY/dTheta [..., S]. Eq. 8 has the term - sigma^2 from the normaliser; without the normaliser it is
    gone. Eq. 9 prints the norm |x - c| where the vector (x - c) must stand.
    """
    offset = sites - sphere.centre[..., None, :]
    d = (offset**2).sum(-1)
    weighted = upstream * density(sites, sphere, normalised=normalised)
    by_mu = (weighted * (d - sphere.mu)).sum(-1, keepdim=True) / sphere.sigma**2
    spread = (d - sphere.mu) ** 2 - (sphere.sigma**2 if normalised else 0.0)
    by_sigma = (weighted * spread).sum(-1, keepdim=True) / sphere.sigma**3
    by_centre = (weighted * (d - sphere.mu))[..., None] * offset
    return Sphere(2.0 * by_centre.sum(-2) / sphere.sigma**2, by_mu, by_sigma)


class Hypersphere(nn.Module):
    """The regulation of one layer whose cells lie at `sites` [S, 4] (in -1..1), on features [B, C, S]."""

    sites: Tensor

    def __init__(self, mode: str, channels: int, sites: Tensor) -> None:
        super().__init__()
        if mode not in MODES:
            raise ValueError(f"the mode of the regulation must be one of {', '.join(MODES)}, not {mode}")
        self.mode = mode
        self.register_buffer("sites", sites, persistent=False)
        if mode in ("paper", "peak"):
            self.centre = nn.Parameter(torch.zeros(4))
            self.mu = nn.Parameter(torch.zeros(1))
            self.spread = nn.Parameter(torch.full((1,), _UNIT_SIGMA))
        elif mode == "predicted":
            self.predict = nn.Linear(channels, 6)
            nn.init.zeros_(self.predict.weight)
            with torch.no_grad():
                self.predict.bias.copy_(torch.tensor([0.0] * 5 + [_UNIT_SIGMA]))

    def sphere(self, features: Tensor) -> Sphere:
        """The mask's parameters: of the layer, or (predicted) of every pair."""
        if self.mode != "predicted":
            return Sphere(self.centre, self.mu, F.softplus(self.spread))
        six = self.predict(features.mean(2))
        return Sphere(torch.tanh(six[:, :4]), six[:, 4:5], F.softplus(six[:, 5:6]))

    def forward(self, features: Tensor) -> Tensor:
        """F_hat = F Theta + F (eq. 5), Theta the same for all channels."""
        return features if self.mode == "off" else features * (1.0 + self._theta(features))

    def vjp(self, upstream: Tensor, features: Tensor) -> Tensor:
        """dY/dF from dY/dF_hat: upstream (1 + Theta), and for `predicted` what reaches F through its
        prediction."""
        if self.mode == "off":
            return upstream
        direct = upstream * (1.0 + self._theta(features))
        if self.mode != "predicted":
            return direct
        six = self.predict(features.mean(2))
        sphere = self.sphere(features)
        got = density_gradients((upstream * features).sum(1), self.sites, sphere, normalised=False)
        by_six = torch.cat(
            [got.centre * (1.0 - sphere.centre**2), got.mu, got.sigma * torch.sigmoid(six[:, 5:6])], dim=1
        )
        return direct + (by_six @ self.predict.weight)[:, :, None] / self.sites.shape[0]

    def _theta(self, features: Tensor) -> Tensor:
        theta = density(self.sites, self.sphere(features), normalised=self.mode == "paper")
        return theta[:, None] if self.mode == "predicted" else theta
