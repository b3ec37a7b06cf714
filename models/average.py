"""Averages two trainings of the same form, weight by weight: where a training started, and where it ended.

    python -m models.average --run runs/joint --from-trunk FILE.safetensors --share 0.5 --out runs/averaged

Both lie in one basin of the loss, so their average often beats either; decide by `models.evaluate.holdout`. Writes
a run folder that `models.export` takes. The heads are those of the run.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from models import checkpoint
from models.networks.trunk import Trunk
from models.settings import PRESETS

CARRIED = ("photos.json", "settings.json", "losses.csv")


def average(run: Path, trunk_file: Path, share: float, out: Path) -> None:
    """`share` (0..1) is the weight of the trunk file. Raises ValueError when there is no checkpoint in `run`."""
    state = checkpoint.load(run / "checkpoint.pt")
    if state is None:
        raise ValueError(f"there is no checkpoint in {run}: train first")
    if not 0 <= share <= 1:
        raise ValueError(f"a share lies between 0 and 1, not at {share}")
    settings = PRESETS["cpu"]
    other = Trunk(settings.widths, settings.pooled)
    checkpoint.load_trunk(trunk_file, other)
    weights = state.tensors["average"]
    for name, value in other.state_dict().items():
        if value.is_floating_point():
            weights[f"trunk.{name}"].lerp_(value, share)
    checkpoint.save(out / "checkpoint.pt", state)
    for name in CARRIED:
        if (run / name).exists():
            shutil.copyfile(run / name, out / name)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--from-trunk", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.5, help="weight of the trunk file")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    average(args.run, args.from_trunk, args.share, args.out)


if __name__ == "__main__":
    main()
