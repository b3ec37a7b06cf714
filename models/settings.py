"""The settings of a training run; presets are data."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Settings:
    """Everything a run depends on besides its photos and its teacher.

    Times are minutes of a phase; where `steps` is not 0, a phase of more than 0 minutes takes so many steps.
    sides: the joint phase's input sides, each with the share of the phase's time until which it is used: small
    pictures first (twice as many in the same time), the teacher's own size at the end. labels_weight: of ArcFace
    on beta (0: no labels); centres_rate: learning rate of its class centres, as a multiple.
    """

    side: int = 224
    batch: int = 32
    seed: int = 0
    stages_minutes: float = 60.0
    joint_minutes: float = 240.0
    steps: int = 0
    stages_rate: float = 3e-3
    joint_rate: float = 4e-4
    labels_weight: float = 0.08
    centres_rate: float = 10.0
    sides: tuple[tuple[float, int], ...] = ((0.6, 160), (1.0, 224))
    second: int = 256
    weight_decay: float = 0.02
    ema: float = 0.998
    threads: int = 2
    device: str = "cpu"
    autocast: bool = True
    checkpoint_every: int = 200
    log_every: int = 50
    widths: tuple[int, int, int, int, int] = (32, 64, 128, 256, 512)
    pooled: int = 1280
    rfb_width: int = 96
    descriptor: int = 512
    teacher_photos: int = 6000


PRESETS: dict[str, Settings] = {
    "cpu": Settings(),
    "gpu": replace(
        Settings(), batch=256, joint_rate=2e-3, device="cuda", threads=8, stages_minutes=10, joint_minutes=60
    ),
    # Seconds on any folder of photos, without a teacher file: for trying the code, not for a useful pack.
    "smoke": replace(
        Settings(),
        side=64,
        batch=8,
        steps=40,
        threads=1,
        widths=(8, 8, 16, 32, 32),
        pooled=64,
        rfb_width=8,
        descriptor=64,
        teacher_photos=32,
        checkpoint_every=10,
        log_every=5,
        joint_rate=2e-3,
        ema=0.9,
    ),
}
