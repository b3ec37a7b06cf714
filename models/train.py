"""Trains an embedding network by distillation, from random weights or from where an earlier training ended.

    python -m models.train --data DIR --teacher FILE.tflite --out runs/indicium-s            the whole recipe
    python -m models.train --data DIR --out runs/try --preset smoke                          seconds, any folder
    ... --from-pack models/packs/indicium-s      go on from a shipped pack       --from-trunk FILE   from a trunk

DIR holds `train/` (and `evaluate/`, whose near-copies are then left out of training), or is a plain folder of
photos. The run folder holds checkpoint.pt (a killed run goes on from it), losses.csv, losses.png, settings.json.
Rates fall along a cosine over the time of a phase, so a phase ends when its minutes are used up (the smoke preset
counts steps instead).
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from models import checkpoint
from models.data import (
    IMAGENETTE,
    LABELLED,
    PICTURES,
    SET_LIMITS,
    Photo,
    PhotoCache,
    Sampler,
    class_name,
    holdout_classes,
    list_photos,
    read_rgb,
)
from models.near_copies import fingerprint, near_copies
from models.networks.student import Student
from models.networks.trunk import Trunk
from models.phases import JointLoss, Loss, stages_loss
from models.settings import PRESETS, Settings
from models.targets import Feeder, Statistics, open_teacher, to_input

PHASES = ("stages", "joint")


def make_student(settings: Settings) -> Student:
    """A student of random weights."""
    trunk = Trunk(settings.widths, settings.pooled)
    return Student(
        trunk,
        width=512 if settings.pooled == 1280 else settings.descriptor,
        out=settings.descriptor,
        rfb_width=settings.rfb_width,
        second=settings.second,
    )


def start_fusion_from_pooling(student: Student, statistics: Statistics) -> None:
    """Let the fused descriptor start as the centred average pool: V_g' = basis (X5 - mean), FC = identity.

    What the local branch adds is then learnt on top of a descriptor that works [ours].
    """
    fusion = student.fusion
    with torch.no_grad():
        rows = len(statistics.basis)
        fusion.project.weight.zero_()
        fusion.project.bias.zero_()
        fusion.project.weight[:rows] = statistics.basis
        fusion.project.bias[:rows] = -statistics.basis @ statistics.pooled_mean
        torch.nn.init.eye_(fusion.fc.weight)
        fusion.fc.bias.zero_()


def labels_of(photos: list[Photo], left_out: set[str]) -> tuple[torch.Tensor, int]:
    """[photos] class numbers, -1 where a photo has none or its class is left out; and the number of classes."""
    names = [class_name(photo) for photo in photos]
    known = sorted({name for name in names if name} - left_out)
    number = {name: i for i, name in enumerate(known)}
    return torch.tensor([number.get(name or "", -1) for name in names]), len(known)


def training_rows(held: PhotoCache, data: Path) -> tuple[list[int], int]:
    """Rows of `held` that are no near-copy (also mirrored) of a photo below `data/evaluate`, and how many were."""
    folder = data / "evaluate"
    if not folder.is_dir():
        return list(range(len(held))), 0
    hashes = []
    with ThreadPoolExecutor() as pool:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
        for rgb in pool.map(read_rgb, paths):
            if rgb is not None:
                hashes += [fingerprint(rgb), fingerprint(np.ascontiguousarray(rgb[:, ::-1]))]
    copies = near_copies(held.hashes, np.array(hashes, np.uint64))
    return [int(row) for row in np.flatnonzero(~copies)], int(copies.sum())


def side_at(settings: Settings, share: float) -> int:
    """The input side at `share` (0..1) of the joint phase; never above the settings' own."""
    side = next((side for until, side in settings.sides if share < until), settings.side)
    return min(side, settings.side)


class Run:
    """One training run: a student, its average, an optimiser, a log, and checkpoints."""

    def __init__(self, student: Student, settings: Settings, statistics: Statistics, out: Path) -> None:
        self.settings, self.statistics, self.out = settings, statistics, out
        self.student = student.to(settings.device, memory_format=torch.channels_last)
        self.average = checkpoint.Average(student, settings.ema)

    def phase(
        self, name: str, loss: Loss, feeder: Feeder, minutes: float, rate: float, state: checkpoint.State
    ) -> float:
        """Train until `minutes` are used up, or as many steps as the settings say. Returns the mean loss of the
        last log interval."""
        parameters = list(self.student.parameters())
        groups: list[dict[str, object]] = [{"params": parameters, "times": 1.0}]
        if isinstance(loss, JointLoss):
            centres = list(loss.arcface.parameters())
            groups.append({"params": centres, "times": self.settings.centres_rate, "weight_decay": 0.0})
            if "centres" in state.tensors and state.phase == name:
                loss.arcface.load_state_dict(state.tensors["centres"])
                loss.calls = loss.apart
        optimiser = torch.optim.AdamW(groups, lr=rate, weight_decay=self.settings.weight_decay)
        if "optimiser" in state.tensors and state.phase == name:
            optimiser.load_state_dict(state.tensors["optimiser"])
        started, done, step = time.monotonic(), state.elapsed, state.step
        sums: dict[str, float] = {}
        last, total = math.inf, minutes * 60
        self.student.train()
        while True:
            elapsed = done + time.monotonic() - started
            share = step / self.settings.steps if self.settings.steps else elapsed / total
            if share >= 1:
                break
            if isinstance(loss, JointLoss):
                feeder.side = side_at(self.settings, share)
            batch = feeder.next()
            now = rate * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))
            for group in optimiser.param_groups:
                group["lr"] = now * group["times"]
            with torch.autocast(self.settings.device, dtype=torch.bfloat16, enabled=self.settings.autocast):
                terms = loss(self.student, batch, self.statistics)
            value = torch.stack([term.float() for term in terms.values()]).sum()
            optimiser.zero_grad(set_to_none=True)
            value.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 5.0)
            optimiser.step()
            self.average.update(self.student)
            step += 1
            for key, term in {"loss": value, **terms}.items():
                sums[key] = sums.get(key, 0.0) + float(term.detach())
            if step % self.settings.log_every == 0:
                means = {key: total_ / self.settings.log_every for key, total_ in sums.items()}
                last, sums = means["loss"], {}
                self._log(name, step, elapsed, now, means)
            if step % self.settings.checkpoint_every == 0:
                self._save(name, step, done + time.monotonic() - started, optimiser, loss)
        self._save(name, step, max(elapsed, total), optimiser, loss)
        return last

    def _save(self, phase: str, step: int, elapsed: float, optimiser: torch.optim.Optimizer, loss: Loss) -> None:
        statistics = {
            key: list(value) if isinstance(value, tuple) else value for key, value in vars(self.statistics).items()
        }
        checkpoint.save(
            self.out / "checkpoint.pt",
            checkpoint.State(
                phase,
                step,
                elapsed,
                {
                    "student": self.student.state_dict(),
                    "average": self.average.weights,
                    "average_step": self.average.step,
                    "optimiser": optimiser.state_dict(),
                    "statistics": statistics,
                }
                | ({"centres": loss.arcface.state_dict()} if isinstance(loss, JointLoss) else {}),
            ),
        )

    def _log(self, phase: str, step: int, elapsed: float, rate: float, means: dict[str, float]) -> None:
        row = {
            "phase": phase,
            "step": step,
            "seconds": round(elapsed, 1),
            "rate": f"{rate:.2e}",
            "crops_per_second": round(step * self.settings.batch / max(elapsed, 1e-9), 1),
        }
        row |= {key: round(value, 4) for key, value in means.items()}
        print(json.dumps(row), flush=True)
        with (self.out / "losses.csv").open("a", newline="") as file:
            csv.writer(file).writerows([[phase, step, row["seconds"], key, value] for key, value in means.items()])


def plot_losses(out: Path) -> None:
    """losses.csv -> losses.png, one panel a phase."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = list(csv.reader((out / "losses.csv").open())) if (out / "losses.csv").exists() else []
    phases = [phase for phase in PHASES if any(row[0] == phase for row in rows)]
    if not phases:
        return
    figure, axes = pyplot.subplots(1, len(phases), figsize=(6 * len(phases), 4), squeeze=False)
    for axis, phase in zip(axes[0], phases, strict=True):
        for key in dict.fromkeys(row[3] for row in rows if row[0] == phase):
            points = [(float(row[2]) / 60, float(row[4])) for row in rows if row[0] == phase and row[3] == key]
            axis.plot(*zip(*points, strict=True), label=key)
        axis.set(title=phase, xlabel="minutes", ylabel="loss", yscale="log")
        axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(out / "losses.png", dpi=110)
    pyplot.close(figure)


def train(
    data: Path,
    out: Path,
    settings: Settings,
    *,
    teacher_file: Path | None = None,
    trunk_file: Path | None = None,
    pack: Path | None = None,
    run_folder: Path | None = None,
    imagenette: bool = False,
    cache: Path | None = None,
    phases: tuple[str, ...] = PHASES,
) -> Path:
    """Run the phases that are not done yet. Returns the checkpoint's path."""
    torch.set_num_threads(settings.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(settings.seed)
    out.mkdir(parents=True, exist_ok=True)
    (out / "settings.json").write_text(json.dumps(asdict(settings), indent=1))
    photos = list_photos(data, limits=SET_LIMITS, seed=settings.seed)
    held = PhotoCache.build(data, photos, cache or out / "cache", threads=settings.threads)
    rows, dropped = training_rows(held, data)
    print(f"{len(rows):,} photos; {dropped:,} near-copies of evaluation photos left out", flush=True)
    (out / "photos.json").write_text(json.dumps({"photos": len(rows), "near_copies_left_out": dropped}))
    state = checkpoint.load(out / "checkpoint.pt")
    teacher = open_teacher(teacher_file, settings.side, settings.pooled)
    resumed = state.step if state else 0
    sampler = Sampler(held, rows, side=teacher.side, seed=settings.seed + 7919 * resumed)
    student = make_student(settings)
    if state:
        statistics = checkpoint.statistics_from(state.tensors["statistics"])
        student.load_state_dict(state.tensors["student"])
    elif run_folder:
        statistics = checkpoint.load_average(run_folder, student)
        state = checkpoint.State(phases[0])
    else:
        if trunk_file:
            checkpoint.load_trunk(trunk_file, student.trunk)
        statistics = Statistics.learn(
            teacher, sampler, photos=settings.teacher_photos, descriptor=settings.descriptor
        )
        start_fusion_from_pooling(student, statistics)
        if pack:
            from models.packs_io import load_pack_weights

            load_pack_weights(pack, student, to_input(torch.from_numpy(sampler.batch(64)[0])))
        state = checkpoint.State(phases[0])
    run = Run(student, settings, statistics, out)
    if "average" in state.tensors:
        run.average.weights = state.tensors["average"]
        run.average.step = state.tensors["average_step"]
    feeder = Feeder(sampler, teacher, statistics, settings.batch)
    left_out = holdout_classes(held.photos, LABELLED) | (set() if imagenette else IMAGENETTE)
    labels, classes = labels_of(held.photos, left_out)
    print(f"{int((labels >= 0).sum()):,} photos of {classes:,} classes are labelled", flush=True)
    plan: dict[str, tuple[Loss, float, float]] = {
        "stages": (stages_loss, settings.stages_minutes, settings.stages_rate),
        "joint": (
            JointLoss(labels, classes, settings.second, settings.labels_weight, seed=settings.seed),
            settings.joint_minutes,
            settings.joint_rate,
        ),
    }
    try:
        first = phases.index(state.phase) if state.phase in phases else 0
        for name in phases[first:]:
            loss, minutes, rate = plan[name]
            if minutes > 0:
                run.phase(name, loss, feeder, minutes, rate, state)
            state = checkpoint.State(name)
    finally:
        feeder.close()
        plot_losses(out)
    return out / "checkpoint.pt"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--teacher", type=Path, help="a TFLite network; without it a random one (for trying the code)"
    )
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    parser.add_argument("--from-trunk", type=Path)
    parser.add_argument("--from-pack", type=Path)
    parser.add_argument("--from-run", type=Path, help="go on from the averaged weights of another run folder")
    parser.add_argument("--labels-weight", type=float)
    parser.add_argument(
        "--imagenette-labels", action="store_true", help="use the labels of imagenette's ten classes too"
    )
    parser.add_argument("--cache", type=Path, help="folder for the prepared photos")
    parser.add_argument("--steps", type=int, help="steps of every phase, instead of minutes")
    parser.add_argument("--phases", default=None, help="comma-separated: stages,joint")
    for phase in PHASES:
        parser.add_argument(f"--{phase}-minutes", type=float)
        parser.add_argument(f"--{phase}-rate", type=float)
    args = parser.parse_args(argv)
    settings = PRESETS[args.preset]
    if args.steps is not None:
        settings = replace(settings, steps=args.steps)
    for phase in PHASES:
        for what in ("minutes", "rate"):
            value = getattr(args, f"{phase}_{what}")
            if value is not None:
                settings = replace(settings, **{f"{phase}_{what}": value})
    if args.labels_weight is not None:
        settings = replace(settings, labels_weight=args.labels_weight)
    later = args.from_trunk or args.from_pack or args.from_run
    phases = tuple(args.phases.split(",")) if args.phases else PHASES[1:] if later else PHASES
    train(
        args.data,
        args.out,
        settings,
        teacher_file=args.teacher,
        trunk_file=args.from_trunk,
        pack=args.from_pack,
        run_folder=args.from_run,
        imagenette=args.imagenette_labels,
        cache=args.cache,
        phases=phases,
    )


if __name__ == "__main__":
    main()
