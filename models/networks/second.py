"""beta, the second descriptor of two-model re-ranking (S2): another pooling, another supervision.

alpha copies a teacher's similarities from the last map; beta is taught the labels of TRAIN classes alone (ArcFace)
and also looks at the map before the last one, which still tells textures and small parts.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.networks.gem import GeM


class SecondDescriptor(nn.Module):
    """[B, C4, h, w], [B, C5, h/2, w/2] -> [B, out], not normalised.

    beta = W standardise([GeM_3(X4); mean(X5)]). The standardisation is a batch normalisation without gain, so an
    export folds it into W.
    """

    def __init__(self, x4_channels: int, x5_channels: int, out: int = 256) -> None:
        super().__init__()
        self.pool = GeM(3.0)
        self.norm = nn.BatchNorm1d(x4_channels + x5_channels, affine=False)
        self.project = nn.Linear(x4_channels + x5_channels, out)

    def pooled(self, x4: Tensor, x5: Tensor) -> Tensor:
        """[B, C4 + C5]: what is standardised and projected."""
        return torch.cat([self.pool(x4.float()), x5.float().mean((2, 3))], 1)

    def forward(self, x4: Tensor, x5: Tensor) -> Tensor:
        return self.project(self.norm(self.pooled(x4, x5)))  # type: ignore[no-any-return]
