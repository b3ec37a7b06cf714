"""Trains CANet on a pack's frozen local maps and adds it to the pack as coattention.onnx.

    python -m models.coattention.train --pack PACK --data DIR --cache CACHE --out RUN [--preset smoke|cpu|gpu]

Most pairs are made, so what two pictures have in common is known to the pixel: an object pasted into another
photo, a photo under a homography. Photos of one class whose keypoints agree are pairs too. About a third of the
pairs have nothing in common, half of those near neighbours of another class. Loss: class-balanced BCE + 0.5 Dice
in both directions, pairs without a match included, so that the map is 0 where nothing matches [ours]. RUN keeps
checkpoint.pt (a second call goes on), losses.csv and losses.png.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor
from torch.nn import functional as F

from models import checkpoint
from models.coattention.pairs import MapPairs, make_pairs
from models.data import LABELLED, SET_LIMITS, PhotoCache, Rgb, class_name, holdout_classes, list_photos
from models.evaluate.holdout import GraphEmbedder
from models.graph import OPSET, halve_weights
from models.manifest import add_part
from models.networks.canet import CANet, attended, pooled_query
from models.run_folder import LEARNT_FROM, digest_of, resumed, write_losses

FILE = "coattention.onnx"
SECTION = "coattention"


@dataclass(frozen=True)
class Settings:
    """photos: of which pairs are made; held_out: photos of held-out classes for the figures; side: pixels."""

    photos: int = 500
    held_out: int = 100
    side: int = 256
    steps: int = 1200
    batch: int = 24
    rate: float = 1e-3
    width: int = 256
    branch: int = 64
    seed: int = 0
    minutes: float = 5.0
    device: str = "cpu"


PRESETS = {
    "cpu": Settings(),
    "gpu": replace(Settings(), photos=4000, steps=8000, batch=64, device="cuda", minutes=20),
    "smoke": replace(Settings(), photos=4, side=96, steps=24, batch=4, width=16, branch=4, minutes=60),
}


def balanced_bce(logits: Tensor, labels: Tensor) -> Tensor:
    """BCE in which the labelled and the unlabelled share of a batch weigh the same; [B, h, w] each."""
    share = labels.mean().clamp(0.02, 0.98)
    losses = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return ((0.5 / share * labels + 0.5 / (1 - share) * (1 - labels)) * losses).mean()


def dice(logits: Tensor, labels: Tensor) -> Tensor:
    """1 - 2 sum(A Y) / (sum A + sum Y), with one cell added above and below; the mean over pairs."""
    attention = torch.sigmoid(logits)
    both = (attention * labels).sum((1, 2))
    return (1 - (2 * both + 1) / (attention.sum((1, 2)) + labels.sum((1, 2)) + 1)).mean()


def loss_of(net: CANet, pairs: MapPairs) -> Tensor:
    """Both directions of every pair."""
    query, result = (torch.from_numpy(x.astype(np.float32)) for x in (pairs.query, pairs.result))
    labels = torch.from_numpy(pairs.labels)
    total = torch.zeros(())
    for asking, answering, wanted in ((query, result, labels[:, 1]), (result, query, labels[:, 0])):
        logits = net.logits(net.mapped(answering), pooled_query(asking))
        total = total + balanced_bce(logits, wanted) + 0.5 * dice(logits, wanted)
    return total / 2


def train_net(
    pairs: MapPairs, settings: Settings, out: Path, *, learnt_from: str
) -> tuple[CANet, list[dict[str, float]]]:
    """Train, or go on from `out`; returns the network and the mean loss of every tenth of the steps.

    learnt_from: a key of pack and photos. Raises ValueError when `out` holds a training on others.
    """
    torch.manual_seed(settings.seed)
    net = CANet(pairs.query.shape[1], settings.width, settings.branch)
    optimiser = torch.optim.AdamW(net.parameters(), lr=settings.rate, weight_decay=0.01)
    out.mkdir(parents=True, exist_ok=True)
    place = out / "checkpoint.pt"
    step, rows = 0, []  # type: int, list[dict[str, float]]
    if state := resumed(place, learnt_from):
        net.load_state_dict(state.tensors["net"])
        optimiser.load_state_dict(state.tensors["optimiser"])
        step, rows = state.step, state.tensors["rows"]
    started, sums, since = time.monotonic(), 0.0, 0
    late = 0.0
    while step < settings.steps and late < 1:
        share = step / settings.steps
        late = (time.monotonic() - started) / (settings.minutes * 60)
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * max(0.02, 1 - max(share, late))
        random = np.random.default_rng((settings.seed, step))
        chosen = pairs.take(random.choice(len(pairs), min(settings.batch, len(pairs)), replace=False))
        net.train()
        loss = loss_of(net, chosen)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step, sums, since = step + 1, sums + float(loss.detach()), since + 1
        if step % max(settings.steps // 10, 1) == 0 or step == settings.steps or late >= 1:
            rows.append({"step": step, "loss": sums / since})
            print(json.dumps({"step": step, "loss": round(rows[-1]["loss"], 4)}), flush=True)
            sums, since = 0.0, 0
            tensors = {"net": net.state_dict(), "optimiser": optimiser.state_dict(), "rows": rows}
            checkpoint.save(
                place, checkpoint.State("coattention", step, 0.0, tensors | {LEARNT_FROM: learnt_from})
            )
    write_losses(out, rows)
    return net.eval(), rows


@torch.no_grad()
def figures(net: CANet, pairs: MapPairs) -> dict[str, float]:
    """AUC of the result's map inside what is common against outside, and of cos(v_c, GeM(X_q)) of matching against
    other pairs; the mean of the map where the pair matches (inside, outside) and where it does not."""
    query, result = (torch.from_numpy(x.astype(np.float32)) for x in (pairs.query, pairs.result))
    asked = pooled_query(query)
    maps = torch.cat([net(result[i : i + 32], asked[i : i + 32]) for i in range(0, len(result), 32)])
    scores = (attended(result, maps) * asked).sum(1).numpy()
    inside = pairs.labels[:, 1] >= 0.5
    matching = pairs.matches
    shown = maps.numpy()
    return {
        "cells AUC": float(roc_auc_score(inside[matching].ravel(), shown[matching].ravel())),
        "score AUC": float(roc_auc_score(matching, scores)),
        "mean inside": float(shown[matching][inside[matching]].mean()),
        "mean outside": float(shown[matching][~inside[matching]].mean()),
        "mean of strangers": float(shown[~matching].mean()),
    }


def export_net(net: CANet, path: Path) -> None:
    """Write coattention.onnx: map [B, D, h, w], query [B, D] -> coattention [B, h, w]; B, h, w free."""
    single = path.with_suffix(".single")
    axes = {"map": {0: "B", 2: "h", 3: "w"}, "query": {0: "B"}, "coattention": {0: "B", 1: "h", 2: "w"}}
    with torch.no_grad():
        torch.onnx.export(
            net.eval(),
            (torch.rand(2, net.dimension, 6, 8), torch.rand(2, net.dimension)),
            str(single),
            input_names=["map", "query"],
            output_names=["coattention"],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    halve_weights(single, path)
    single.unlink()


def parity(net: CANet, path: Path) -> float:
    """The largest difference between PyTorch and the exported graph on random maps of two shapes."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for shape in ((1, net.dimension, 9, 14), (3, net.dimension, 18, 18)):
        maps, query = torch.rand(shape), torch.rand(shape[0], net.dimension)
        with torch.no_grad():
            wanted = net(maps, query).numpy()
        made = session.run(["coattention"], {"map": maps.numpy(), "query": query.numpy()})[0]
        worst = max(worst, float(np.abs(made - wanted).max()))
    return worst


def map_of(embedder: GraphEmbedder, rgb: Rgb) -> NDArray[np.float32]:
    """[D, h, w] of one picture. Raises ValueError for a pack without a local map."""
    found = next(iter(embedder.embed([rgb]))).local_map
    if found is None:
        raise ValueError("this pack has no local map, which co-attention needs")
    return found


def train_part(
    pack: Path,
    training: tuple[Sequence[Rgb], Sequence[str]],
    held_out: tuple[Sequence[Rgb], Sequence[str]],
    settings: Settings,
    out: Path,
) -> dict[str, object]:
    """Train on pictures and their groups, export into `pack`, register; returns the manifest's section."""
    embedder = GraphEmbedder(pack / "embed.onnx", pack / "code.onnx")

    def local_map(rgb: Rgb) -> NDArray[np.float32]:
        return map_of(embedder, rgb)

    pairs = make_pairs(*training, local_map, side=settings.side, seed=settings.seed)
    form = f"{settings.side} {settings.width} {settings.branch} {settings.seed}"
    learnt_from = digest_of((pack / "embed.onnx").read_bytes(), *training[0], form)
    net, rows = train_net(pairs, settings, out, learnt_from=learnt_from)
    export_net(net, pack / FILE)
    found = figures(net, make_pairs(*held_out, local_map, side=settings.side, seed=settings.seed + 1))
    section: dict[str, object] = {
        "file": FILE,
        "inputs": ["map", "query"],
        "output": "coattention",
        "pairs": len(pairs),
        "parity": float(f"{parity(net, pack / FILE):.1e}"),
        "loss": [round(row["loss"], 4) for row in (rows[0], rows[-1])],
        "figures": {name: round(value, 4) for name, value in found.items()},
    }
    add_part(pack, FILE, {SECTION: section})
    return section


def training_photos(
    cache: PhotoCache, settings: Settings
) -> tuple[tuple[list[Rgb], list[str]], tuple[list[Rgb], list[str]]]:
    """Photos and groups (their classes, else themselves) for training, and of held-out classes for the figures."""
    held = holdout_classes(cache.photos, LABELLED)
    small = {"mini-imagenet-84", "style-128", "flowers-128"}
    random = np.random.default_rng(settings.seed + 11)
    order = [int(row) for row in random.permutation(len(cache)) if cache.photos[row].set not in small]
    parts = (
        [row for row in order if cache.photos[row].label not in held][: settings.photos],
        [row for row in order if cache.photos[row].label in held][: settings.held_out],
    )
    made = [
        (
            [cache.decode(row) for row in rows],
            [class_name(cache.photos[row]) or cache.photos[row].path for row in rows],
        )
        for rows in parts
    ]
    return made[0], made[1]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--pack", "--data", "--cache", "--out"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    parser.add_argument("--minutes", type=float)
    args = parser.parse_args(argv)
    settings = PRESETS[args.preset]
    if args.minutes is not None:
        settings = replace(settings, minutes=args.minutes)
    cache = PhotoCache.build(args.data, list_photos(args.data, limits=SET_LIMITS), args.cache)
    print(json.dumps(train_part(args.pack, *training_photos(cache, settings), settings, args.out), indent=1))


if __name__ == "__main__":
    main()
