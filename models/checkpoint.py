"""Checkpoints that survive being killed, and weights in and out of other files."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.targets import Statistics


@dataclass
class State:
    """Where a run stands: the phase, its step, the seconds it has had, and everything needed to go on."""

    phase: str
    step: int = 0
    elapsed: float = 0.0
    tensors: dict[str, Any] = field(default_factory=dict)


def save(path: Path, state: State) -> None:
    """Write to a temporary file, flush it to disk, rename: a kill leaves the old checkpoint or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".tmp")
    with partial.open("wb") as file:
        torch.save(vars(state), file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load(path: Path) -> State | None:
    """The checkpoint in `path`, or None when there is none."""
    return State(**torch.load(path, weights_only=True)) if path.exists() else None


class Average:
    """Exponential moving average of a network's weights, with a short memory at first."""

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.decay, self.step = decay, 0
        self.weights = {name: value.detach().clone() for name, value in net.state_dict().items()}

    @torch.no_grad()
    def update(self, net: nn.Module) -> None:
        self.step += 1
        keep = min(self.decay, (1 + self.step) / (10 + self.step))
        for name, value in net.state_dict().items():
            if value.is_floating_point():
                self.weights[name].mul_(keep).add_(value, alpha=1 - keep)
            else:
                self.weights[name].copy_(value)


def load_trunk(path: Path, trunk: nn.Module) -> dict[str, Tensor]:
    """Put the weights of a trunk file (safetensors, keys s1..s4) into `trunk`.

    Returns the tensors of the file that are no weights (statistics). Raises ValueError on a mismatch.
    """
    from safetensors.torch import load_file

    held = {k: v.float() if v.is_floating_point() else v for k, v in load_file(str(path)).items()}
    wanted = trunk.state_dict()
    weights = {name: held.pop(name) for name in list(held) if name in wanted}
    missing = sorted(set(wanted) - set(weights))
    wrong = [name for name, value in weights.items() if value.shape != wanted[name].shape]
    if missing or wrong:
        raise ValueError(f"{path.name} does not fit this trunk: missing {missing[:3]}, other shapes {wrong[:3]}")
    trunk.load_state_dict(weights)
    return held


def statistics_from(tensors: dict[str, Any]) -> Statistics:
    """Statistics as a checkpoint keeps them."""
    return Statistics(
        tuple(tensors["means"]), tuple(tensors["deviations"]), tensors["pooled_mean"], tensors["basis"]
    )


def load_average(run: Path, student: nn.Module) -> Statistics:
    """Put the averaged weights of a run folder into `student`; its second descriptor may be missing there.

    Raises ValueError when there is no checkpoint, or one of another form of network.
    """
    state = load(run / "checkpoint.pt")
    if state is None:
        raise ValueError(f"there is no checkpoint in {run}: train first")
    lacking = student.load_state_dict(state.tensors["average"], strict=False)
    wrong = [*lacking.unexpected_keys, *(k for k in lacking.missing_keys if not k.startswith("second."))]
    if wrong:
        raise ValueError(f"{run} holds another form of network: {wrong[:3]}")
    return statistics_from(state.tensors["statistics"])
