"""The settings of an indicative training; presets are data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Settings:
    """Everything a run depends on besides its pack and photos.

    minutes: of training (pairs are made before); steps: instead of minutes where not 0. evidence: weight of the
    losses on the network's own evidence (0: relevance alone, as S1). counts: pairs made of each kind; kind_share:
    how often a pair of a kind is drawn among the matching ones. holdout: pairs that thresholds are chosen on.
    """

    layout: str = "4d"
    input: str = "features"
    har: str = "peak"
    metrics: tuple[str, ...] = ("cosine", "mutual")
    widths: tuple[int, int, int, int] | None = None
    blocks: int = 2
    evidence: float = 0.5
    batch: int = 16
    rate: float = 3e-3
    weight_decay: float = 0.01
    minutes: float = 25.0
    steps: int = 0
    seed: int = 0
    kind_share: float = 0.08
    average: float = 0.99
    threads: int = 2
    device: str = "cpu"
    checkpoint_every: int = 50
    log_every: int = 10
    counts: dict[str, int] = field(
        default_factory=lambda: {"view": 1000, "composite": 3500, "kind": 300, "stranger": 2200}
    )
    holdout: dict[str, int] = field(default_factory=lambda: {"view": 100, "composite": 150, "stranger": 200})


PRESETS: dict[str, Settings] = {
    "cpu": Settings(),
    "gpu": replace(
        Settings(),
        batch=64,
        device="cuda",
        threads=8,
        minutes=20.0,
        counts={"view": 4000, "composite": 12000, "kind": 1000, "stranger": 5000},
    ),
    # Seconds on any folder of photos: for trying the code, not for a useful pack.
    "smoke": replace(
        Settings(),
        widths=(4, 4, 8, 8),
        blocks=1,
        batch=6,
        steps=12,
        threads=1,
        rate=1e-2,
        average=0.8,
        checkpoint_every=6,
        log_every=1,
        counts={"view": 4, "composite": 8, "kind": 2, "stranger": 6},
        holdout={"view": 3, "composite": 4, "stranger": 6},
    ),
}
