"""The phases of a training, each a loss over one batch of a student.

stages: every stage apart, fed the teacher's own input to that stage (quick: the best hour of a training).
joint:  the whole network from pixels; dense losses on the joints, the pooled vector, the fused descriptor.
        Labels teach beta at the same time, and through it the trunk, beside the teacher's similarities.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from models.losses import ArcFace, copying, relational
from models.networks.student import Student
from models.targets import Batch, Statistics, to_input

Terms = dict[str, Tensor]
Loss = Callable[[Student, Batch, Statistics], Terms]
JOINT_WEIGHTS = (0.3, 0.5, 1.0)


def _joint_loss(made: Tensor, wanted: Tensor) -> Tensor:
    if made.shape[2:] != wanted.shape[2:]:
        wanted = F.interpolate(wanted, size=made.shape[2:], mode="bilinear", align_corners=False)
    return F.smooth_l1_loss(made.float(), wanted)


def stages_loss(student: Student, batch: Batch, statistics: Statistics) -> Terms:
    """Stages 1 to 4 apart: pixels -> joint 1 -> joint 2 -> joint 3 -> pooled direction."""
    trunk = student.trunk
    inputs = (
        to_input(batch.images),
        *(stage.contiguous(memory_format=torch.channels_last) for stage in batch.stages),
    )
    terms = {f"stage{i + 1}": _joint_loss(trunk.stage(i, inputs[i]), batch.stages[i]) for i in range(3)}
    pooled = trunk.pooled(F.relu(trunk.s4(inputs[3]))).float()
    terms["pooled"] = 2 * copying(statistics.directions(pooled), batch.direction)
    return terms


class JointLoss:
    """The joint phase: a teacher's outputs for the trunk and alpha, labels for beta.

    labels: [photos] class of every photo, -1 where it has none. For the first `apart` calls beta and its class
    centres learn alone, so that they do not disturb a trunk that works while they are still random.
    """

    def __init__(
        self, labels: Tensor, classes: int, second: int, weight: float, apart: int = 600, seed: int = 0
    ) -> None:
        self.labels, self.weight, self.apart, self.calls = labels, weight, apart, 0
        torch.manual_seed(seed)
        self.arcface = ArcFace(second, max(classes, 1))

    def __call__(self, student: Student, batch: Batch, statistics: Statistics) -> Terms:
        """End to end: .3/.5/1 x smooth L1 on the joints, 2 x cosine and 2 x relational on the pooled direction,
        the same on the fused descriptor; weight x ArcFace on beta of the labelled photos."""
        out = student(to_input(batch.images))
        terms = {
            f"joint{i + 1}": weight * _joint_loss(made, wanted)
            for i, (weight, made, wanted) in enumerate(
                zip(JOINT_WEIGHTS, out.maps.joints, batch.stages, strict=True)
            )
        }
        direction = statistics.directions(student.trunk.pooled(out.maps.x5).float())
        terms["pooled"] = 2 * copying(direction, batch.direction)
        terms["pooled_relational"] = 2 * relational(direction, batch.direction)
        descriptor = F.normalize(out.descriptor.float(), dim=1)
        terms["descriptor"] = 2 * copying(descriptor, batch.descriptor)
        terms["descriptor_relational"] = 2 * relational(descriptor, batch.descriptor)
        labels = torch.where(batch.photos >= 0, self.labels[batch.photos], -1)
        known = labels >= 0
        self.calls += 1
        if self.weight > 0 and known.any():
            beta = out.beta
            if self.calls <= self.apart:
                beta = student.second(out.maps.x4.detach(), out.maps.x5.detach())
            terms["arcface"] = self.weight * self.arcface(beta.float()[known], labels[known])
        return terms
