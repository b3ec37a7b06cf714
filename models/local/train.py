"""Trains the local features: one linear map of what a frozen trunk says around a cell.

    python -m models.local.train --run RUN --data DIR --cache CACHE --out FILE.pt [--preset smoke|cpu|gpu]

RUN holds a trunk's checkpoint. Two views of a photo are made (a random homography; an object pasted into another
photo), so which cells show the same place is known exactly. Dense InfoNCE draws those together, away from the
other cells of both photos and of other photos; a second loss keeps the cosines between cells of unrelated photos
as the closed form (partly whitened PCA, `models.heads.learn_local`) has them, so that kinds of things still match.
The head starts from the closed form and stays one linear map [ours]. Writes the state of a LocalHead for
`models.export`, beside it the losses (FILE.csv, FILE.png) and FILE.checkpoint, from which a second call goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models import checkpoint
from models.data import SET_LIMITS, PhotoCache, Rgb, list_photos
from models.export import training_pictures
from models.heads import HeadSettings, learn_local
from models.local.views import ViewPair, composite_pair, homography_pair, matched_cells
from models.networks.student import LocalHead, Student
from models.run_folder import LEARNT_FROM, digest_of, resumed, write_losses
from models.settings import PRESETS as TRUNKS
from models.targets import to_input
from models.train import make_student


@dataclass(frozen=True)
class LocalSettings:
    """photos: pairs of views; side: pixels of a view; steps of `pairs` pairs with `cells` matches each; keep:
    weight of the loss that keeps the closed form's cosines; near: cells round a match that are no negatives."""

    photos: int = 1300
    side: int = 256
    steps: int = 800
    pairs: int = 16
    cells: int = 32
    rate: float = 1e-3
    temperature: float = 0.07
    keep: float = 20.0
    near: int = 2
    seed: int = 0
    batch: int = 16
    device: str = "cpu"


PRESETS = {
    "cpu": LocalSettings(),
    "gpu": replace(LocalSettings(), photos=8000, steps=6000, pairs=32, batch=64, device="cuda"),
    "smoke": replace(LocalSettings(), photos=6, side=96, steps=30, pairs=3, cells=8, batch=4),
}


@dataclass(frozen=True, eq=False)
class Cells:
    """What the trunk says: raw [P, 2, cells, 416] float16 of both views, and per pair the matched cells [M, 2]."""

    raw: Tensor
    matches: list[NDArray[np.int64]]


def make_pairs(pictures: Sequence[Rgb], settings: LocalSettings) -> list[ViewPair]:
    """Two of three pairs are homographies, one an object pasted into the next photo; pairs of fewer than four
    matched cells are left out."""
    random = np.random.default_rng(settings.seed)
    pairs = []
    for i, rgb in enumerate(pictures[: settings.photos]):
        if i % 3 == 2:
            pair = composite_pair(rgb, pictures[(i + 1) % len(pictures)], settings.side, random)
        else:
            pair = homography_pair(rgb, settings.side, random)
        if len(matched_cells(pair)) >= 4:
            pairs.append(pair)
    return pairs


@torch.no_grad()
def look(student: Student, pairs: Sequence[ViewPair], settings: LocalSettings) -> Cells:
    """Run the trunk over both views of every pair."""
    local = LocalHead(channels=student.trunk.JOINTS[1:])
    student = student.to(settings.device).eval()
    rows = []
    for start in range(0, len(pairs), settings.batch):
        part = pairs[start : start + settings.batch]
        images = np.stack([view for pair in part for view in (pair.first, pair.second)])
        with torch.autocast(settings.device, dtype=torch.bfloat16):
            maps = student.trunk(to_input(torch.from_numpy(images)).to(settings.device))
        raw = local.raw(maps).flatten(2).transpose(1, 2)
        rows.append(raw.unflatten(0, (-1, 2)).half().cpu())
    return Cells(torch.cat(rows), [matched_cells(pair) for pair in pairs])


def contrastive(first: Tensor, second: Tensor, place: Tensor, pair: Tensor, settings: LocalSettings) -> Tensor:
    """InfoNCE both ways over the matched cells of a batch.

    first, second: [M, D] L2-normalised; place: [M, 2] row and column of the second's cell; pair: [M] which pair. A
    cell of the same picture no more than `near` cells away is no negative.
    """
    logits = first @ second.T / settings.temperature
    close = (place[:, None] - place[None]).abs().amax(2) <= settings.near
    close &= pair[:, None] == pair[None]
    close.fill_diagonal_(False)
    logits = logits.masked_fill(close, -1e4)
    wanted = torch.arange(len(first), device=first.device)
    return (F.cross_entropy(logits, wanted) + F.cross_entropy(logits.T, wanted)) / 2


def train_head(
    cells: Cells, local: LocalHead, settings: LocalSettings, place: Path, *, learnt_from: str
) -> tuple[LocalHead, list[dict[str, float]]]:
    """Train `local`, or go on from the checkpoint in `place`; returns the head and the losses of every tenth of
    the steps. learnt_from: a key of trunk and photos. Raises ValueError when `place` is of others."""
    mean, start = local.mean.clone(), local.weight.clone()
    weight = torch.nn.Parameter(local.weight.clone())
    optimiser = torch.optim.Adam([weight], lr=settings.rate)
    scale = float(start.norm(dim=1).mean())
    count = round(cells.raw.shape[2] ** 0.5)
    begin, log = 0, []  # type: int, list[dict[str, float]]
    if state := resumed(place, learnt_from):
        begin, log = state.step, state.tensors["log"]
        weight.data.copy_(state.tensors["weight"])
        optimiser.load_state_dict(state.tensors["optimiser"])
    sums = torch.zeros(2)
    every = max(settings.steps // 10, 1)
    for step in range(begin, settings.steps):
        random = np.random.default_rng((settings.seed, step))
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * scale * (1 - step / settings.steps)
        chosen = random.choice(len(cells.matches), min(settings.pairs, len(cells.matches)), replace=False)
        firsts, seconds, places, numbers = [], [], [], []
        for number in chosen:
            matches = cells.matches[number]
            pick = matches[random.permutation(len(matches))[: settings.cells]]
            firsts.append(cells.raw[number, 0, pick[:, 0]])
            seconds.append(cells.raw[number, 1, pick[:, 1]])
            places.append(torch.from_numpy(np.stack(np.divmod(pick[:, 1], count), 1)))
            numbers.append(torch.full((len(pick),), int(number)))
        x, y = torch.cat(firsts).float() - mean, torch.cat(seconds).float() - mean
        pair = torch.cat(numbers)
        made = F.normalize(torch.cat([x, y]) @ weight.T, dim=1)
        half = len(x)
        first = contrastive(made[:half], made[half:], torch.cat(places), pair, settings)
        with torch.no_grad():
            was = F.normalize(x @ start.T, dim=1)
            was = was @ was.T
        strangers = pair[:, None] != pair[None]
        second = settings.keep * F.mse_loss((made[:half] @ made[:half].T)[strangers], was[strangers])
        optimiser.zero_grad()
        (first + second).backward()
        optimiser.step()
        sums += torch.stack([first.detach(), second.detach()])
        if (step + 1) % every == 0:
            means = (sums / every).tolist()
            log.append({"step": step + 1, "contrastive": means[0], "keep": means[1], "loss": sum(means)})
            sums.zero_()
            tensors = {"weight": weight.detach(), "optimiser": optimiser.state_dict(), "log": log}
            checkpoint.save(
                place, checkpoint.State("local", step + 1, tensors=tensors | {LEARNT_FROM: learnt_from})
            )
    local.weight.copy_(weight.detach())
    return local, log


def closed_form(cells: Cells, student: Student, *, seed: int = 0) -> LocalHead:
    """The head that `models.heads` learns, from the first views."""
    local = LocalHead(channels=student.trunk.JOINTS[1:])
    raw = cells.raw[:, 0].flatten(0, 1)
    rows = np.random.default_rng(seed).permutation(len(raw))[:60_000]
    learn_local(local, raw[rows].double().numpy(), HeadSettings())
    return local


def train(run: Path, data: Path, cache: Path, out: Path, settings: LocalSettings) -> list[dict[str, float]]:
    """The whole of it; returns the losses. Raises ValueError when there is no checkpoint in `run`."""
    student = make_student(TRUNKS["cpu"])
    checkpoint.load_average(run, student)
    photos = PhotoCache.build(data, list_photos(data, limits=SET_LIMITS), cache)
    return train_on(
        student, training_pictures(photos, None, settings.photos, seed=settings.seed + 5), out, settings
    )


def train_on(
    student: Student, pictures: Sequence[Rgb], out: Path, settings: LocalSettings
) -> list[dict[str, float]]:
    """Train on given photos and write `out`; beside it its losses (.csv, .png) and a checkpoint to go on from."""
    torch.manual_seed(settings.seed)
    cells = look(student, make_pairs(pictures, settings), settings)
    out.parent.mkdir(parents=True, exist_ok=True)
    place = out.with_suffix(".checkpoint")
    learnt_from = digest_of(*student.trunk.state_dict().values(), *pictures, f"{settings.side} {settings.seed}")
    start = closed_form(cells, student, seed=settings.seed)
    local, log = train_head(cells, start, settings, place, learnt_from=learnt_from)
    torch.save(local.state_dict(), out)
    write_losses(out.parent, log, name=out.stem)
    return log


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    parser.add_argument("--keep", type=float)
    args = parser.parse_args(argv)
    settings = PRESETS[args.preset]
    if args.keep is not None:
        settings = replace(settings, keep=args.keep)
    for row in train(args.run, args.data, args.cache, args.out, settings):
        print({key: round(value, 4) for key, value in row.items()}, flush=True)


if __name__ == "__main__":
    main()
