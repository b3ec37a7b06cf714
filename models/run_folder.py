"""What a training on frozen features keeps: a checkpoint that knows what it learnt from, and its losses."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models import checkpoint

LEARNT_FROM = "learnt_from"


def digest_of(*parts: NDArray[np.generic] | Tensor | bytes | str) -> str:
    """A key of what a training learns from: arrays by shape, type and content, bytes and texts as they are.

    Give what is read, not what a network makes of it: that may differ in its last digits from call to call.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, (bytes, str)):
            digest.update(part if isinstance(part, bytes) else part.encode())
            continue
        array = np.ascontiguousarray(part.detach().cpu().numpy() if isinstance(part, Tensor) else part)
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(array.data)
    return digest.hexdigest()


def resumed(path: Path, learnt_from: str) -> checkpoint.State | None:
    """The checkpoint in `path` to go on from, None when there is none.

    Raises ValueError when it is that of another training: its weights say nothing about these features.
    """
    try:
        state = checkpoint.load(path)
    except TypeError:
        state = checkpoint.State("", tensors={LEARNT_FROM: ""})
    if state is not None and state.tensors.get(LEARNT_FROM, learnt_from) != learnt_from:
        raise ValueError(f"{path} belongs to a training on other photos, features or form: name another place")
    return state


def write_rows(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """A CSV file with a line of names and a line a row."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_losses(folder: Path, rows: Sequence[Mapping[str, float]], *, name: str = "losses") -> None:
    """NAME.csv and NAME.png of `rows`, each with "step" and the same losses; nothing without rows."""
    if not rows:
        return
    write_rows(folder / f"{name}.csv", rows)
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(7, 4))
    for loss in rows[0]:
        if loss not in ("step", "seconds"):
            axis.plot([row["step"] for row in rows], [row[loss] for row in rows], label=loss)
    axis.set_xlabel("step")
    axis.legend()
    figure.tight_layout()
    figure.savefig(folder / f"{name}.png", dpi=110)
    pyplot.close(figure)
