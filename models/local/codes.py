"""Fine-tunes the code layer of a pack (LM-BiHalf, S0) and writes its code.onnx.

    python -m models.local.codes PACK --data DIR --cache CACHE [--out RUN] [--preset smoke|cpu]

The centroids of TRAIN photos (held-out classes left out) come from the pack's own embed.onnx. The layer starts as
a rotation, a random one or ITQ's (S2, eq. 2), and is trained gently: a high rate ends in bits that say the same
thing many times over, which costs 20 points of mAP. Where photos share a class, the loss is the contrastive one on
S0's many-to-many score

    s(Q, C) = 1/2 [mean_i max_j u(s_ij) + mean_j max_i u(s_ij)],  s_ij = b_i . b_j / bits,  u(s) = max(0, s)^power

and, with the weight `keep`, the mean squared error between the cosines of codes and of centroids, which is the
whole loss where there are no pairs; the Bi-half layer adds its gamma term (SCIENCE A3). A quarter of the classes
(of the photos, where there are no classes) is never trained on: the layer that ranks it best is kept, the starts
included [ours]. RUN keeps checkpoint.pt (a second call goes on), losses.csv and losses.png.
"""

from __future__ import annotations

import argparse
import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from desktop_app.domain.features import LocalCodes
from desktop_app.evaluation.measures import average_precision
from desktop_app.retrieval.clusters import make_local_codes_batch
from models import checkpoint
from models.data import (
    IMAGENETTE,
    LABELLED,
    SET_LIMITS,
    Photo,
    PhotoCache,
    class_name,
    holdout_classes,
    list_photos,
    whole,
)
from models.evaluate.holdout import GraphEmbedder
from models.graph import export_codes
from models.linear import itq
from models.manifest import add_part
from models.networks.bihalf import CodeLayer
from models.run_folder import LEARNT_FROM, digest_of, resumed, write_losses

CLUSTERS = 32


@dataclass(frozen=True)
class CodeSettings:
    """photos: TRAIN photos; steps of `pairs` pairs of photos; rate: of SGD (momentum 0.9, weight decay 5e-4);
    power: of u; temperature: of the contrastive loss; check: steps between two looks at what is held out."""

    photos: int = 1000
    steps: int = 120
    pairs: int = 12
    rate: float = 0.002
    power: float = 3.0
    temperature: float = 0.05
    keep: float = 30.0
    check: int = 40
    gamma: float = 6.0
    seed: int = 0


PRESETS = {
    "cpu": CodeSettings(),
    "smoke": replace(CodeSettings(), photos=24, steps=80, pairs=6, rate=0.02, keep=1.0, check=40, gamma=0.5),
}


@dataclass(frozen=True)
class CodeTraining:
    """The layer that is kept, the loss of every step, and the mAP on what was held out: of the random
    rotation, of ITQ's, and after every `check` steps."""

    layer: CodeLayer
    losses: list[float]
    held_out: list[float]


def match_scores(codes: Tensor, *, power: float) -> Tensor:
    """S0's symmetric many-to-many scores of N photos with each other, [N, K, bits] of unit length -> [N, N]."""
    count, clusters, bits = codes.shape
    flat = codes.reshape(-1, bits)
    u = (flat @ flat.T).clamp_min(0.0).pow(power).reshape(count, clusters, count, clusters)
    forward = u.amax(3).mean(1)
    return 0.5 * (forward + forward.T)


def contrastive_loss(scores: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    """Cross-entropy of every photo against the photos of its class among all others of the batch.

    scores: [N, N]. labels: [N]; a photo whose class comes once is no query. The mean over the positives of
    -log(exp(s+ / t) / (exp(s+ / t) + sum of exp(s- / t))). Raises ValueError when no two photos share a class.
    """
    itself = torch.eye(len(labels), dtype=torch.bool)
    same = (labels[:, None] == labels[None]) & ~itself
    if not same.any():
        raise ValueError("a contrastive loss needs two photos of one class")
    logits = scores / temperature
    others = torch.logsumexp(logits.masked_fill(same | itself, -torch.inf), dim=1, keepdim=True)
    return (torch.logaddexp(logits, others.expand_as(logits)) - logits)[same].mean()


def cosine_loss(codes: Tensor, x: Tensor) -> Tensor:
    """The unsupervised loss of Bi-half: MSE between the cosines of codes and of vectors, half against half."""
    half = len(x) // 2
    wanted = x[:half] @ x[half : 2 * half].T
    return F.mse_loss(codes[:half] @ codes[half : 2 * half].T / codes.shape[1], wanted)


def rotated_layers(x: NDArray[np.float64], *, gamma: float = 6.0, seed: int = 0) -> list[CodeLayer]:
    """Code layers that rotate x [N, D], at random and by ITQ, with the medians of x: D bits, each a fair coin."""
    torch.manual_seed(seed)
    layers = [CodeLayer(x.shape[1], x.shape[1], gamma=gamma) for _ in range(2)]
    with torch.no_grad():
        layers[1].linear.weight.copy_(torch.from_numpy(itq(x, x.shape[1], seed=seed)[1]))
    for layer in layers:
        settle(layer, torch.from_numpy(x).float())
    return layers


@torch.no_grad()
def settle(layer: CodeLayer, x: Tensor) -> None:
    """Set the medians to those of x [N, D]: the running ones lag behind a layer that moves."""
    layer.median.copy_(layer.linear(x).median(0).values)


def train_codes(
    centroids: NDArray[np.float32],
    labels: NDArray[np.int64],
    settings: CodeSettings,
    *,
    out: Path | None = None,
    learnt_from: str = "",
) -> CodeTraining:
    """LM-BiHalf on the centroids [N, K, D] (L2-normalised) of N photos; labels [N], -1 without a class.

    out: a run folder to go on in. learnt_from: a key of pack and photos. Raises ValueError when `out` is of
    others.
    """
    random = np.random.default_rng(settings.seed)
    trained, held = _split(labels, random)
    x = torch.from_numpy(centroids).float()
    flat = centroids[trained].reshape(-1, centroids.shape[2]).astype(np.float64)
    starts = rotated_layers(flat[random.permutation(len(flat))[:20000]], gamma=settings.gamma, seed=settings.seed)
    figures = [_ranking(start, x, labels, held, settings.power) for start in starts]
    layer = starts[int(np.argmax(figures))]
    classes = [trained[labels[trained] == label] for label in np.unique(labels[trained]) if label >= 0]
    classes = [rows for rows in classes if len(rows) > 1]
    optimiser = torch.optim.SGD(layer.parameters(), lr=settings.rate, momentum=0.9, weight_decay=5e-4)
    losses: list[float] = []
    best, begin = copy.deepcopy(layer), 0
    if out is not None and (state := resumed(out / "checkpoint.pt", learnt_from)):
        begin, losses, figures = state.step, state.tensors["losses"], state.tensors["figures"]
        layer.load_state_dict(state.tensors["layer"])
        best.load_state_dict(state.tensors["best"])
        optimiser.load_state_dict(state.tensors["optimiser"])
    for step in range(begin, settings.steps):
        random = np.random.default_rng((settings.seed, step))
        rows = _draw(trained, classes, settings.pairs, random)
        batch = x[torch.from_numpy(rows)]
        cells = batch.reshape(-1, batch.shape[2])
        codes = layer.codes(cells)
        order = torch.from_numpy(random.permutation(len(cells)))
        loss = settings.keep * cosine_loss(codes[order], cells[order])
        if classes:
            scores = match_scores(
                codes.reshape(*batch.shape[:2], -1) / codes.shape[1] ** 0.5, power=settings.power
            )
            loss = loss + contrastive_loss(
                scores, torch.from_numpy(labels[rows]), temperature=settings.temperature
            )
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * (1 - step / settings.steps)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        if (step + 1) % settings.check == 0 or step + 1 == settings.steps:
            candidate = copy.deepcopy(layer)
            settle(candidate, torch.from_numpy(flat).float())
            figures.append(_ranking(candidate, x, labels, held, settings.power))
            if figures[-1] > max(figures[:-1]):
                best = candidate
            if out is not None:
                tensors = {"layer": layer.state_dict(), "best": best.state_dict(), "losses": losses}
                tensors |= {"figures": figures, "optimiser": optimiser.state_dict(), LEARNT_FROM: learnt_from}
                checkpoint.save(out / "checkpoint.pt", checkpoint.State("codes", step + 1, tensors=tensors))
    if out is not None:
        write_losses(out, [{"step": at + 1, "loss": loss} for at, loss in enumerate(losses)])
    return CodeTraining(best.eval(), losses, figures)


def _split(labels: NDArray[np.int64], random: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that are trained on and rows that judge: every fourth class, or every fourth photo without classes."""
    known = np.unique(labels[labels >= 0])
    if len(known) > 3:
        judging = np.isin(labels, random.permutation(known)[: len(known) // 4])
    else:
        judging = np.zeros(len(labels), dtype=bool)
        judging[random.permutation(len(labels))[: max(1, len(labels) // 4)]] = True
    return np.flatnonzero(~judging), np.flatnonzero(judging)


def _draw(
    trained: NDArray[np.int64],
    classes: Sequence[NDArray[np.int64]],
    pairs: int,
    random: np.random.Generator,
) -> NDArray[np.int64]:
    """Two photos of each of `pairs` classes, or as many photos at random where there are no classes."""
    if not classes:
        return np.asarray(random.choice(trained, min(2 * pairs, len(trained)), replace=False))
    chosen = random.permutation(len(classes))[:pairs]
    return np.concatenate([random.choice(classes[at], 2, replace=False) for at in chosen])


@torch.no_grad()
def _ranking(
    layer: CodeLayer, x: Tensor, labels: NDArray[np.int64], rows: NDArray[np.int64], power: float, most: int = 240
) -> float:
    """The mAP of the codes among photos of known class; minus the squared error of their cosines without any."""
    x, own = x[torch.from_numpy(rows[:most])], labels[rows[:most]]
    codes = torch.where(layer(x) >= 0, 1.0, -1.0) / layer.linear.out_features**0.5
    found = []
    scores = match_scores(codes, power=power).numpy()
    for query in np.flatnonzero(own >= 0):
        order = np.argsort(-scores[query], kind="stable")
        relevant = own[order[order != query]] == own[query]
        if relevant.any():
            found.append(average_precision(relevant))
    if found:
        return float(np.mean(found))
    flat, cells = codes.flatten(0, 1)[:2048], x.flatten(0, 1)[:2048]
    return -float(F.mse_loss(flat @ flat.T, cells @ cells.T))


def centroids_of(photos: Sequence[LocalCodes | None], clusters: int = CLUSTERS) -> NDArray[np.float32]:
    """[N, clusters, D] unit centroids as they are stored; missing ones repeat those that are there."""
    rows = []
    for photo in photos:
        if photo is None:
            raise ValueError("a pack without local features has no codes to train")
        units = photo.centroids.astype(np.float32)
        units /= np.maximum(np.linalg.norm(units, axis=1, keepdims=True), 1e-6)
        rows.append(units[np.arange(clusters) % len(units)])
    return np.stack(rows)


def _taught(photo: Photo) -> str | None:
    """The class that makes pairs of photos; never one of imagenette's, whose labels stay unused."""
    name = class_name(photo)
    return None if name in IMAGENETTE else name


def training_centroids(
    pack: Path, cache: PhotoCache, count: int, *, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Centroids [N, 32, D] and classes [N] of up to `count` TRAIN photos, none of a held-out class, up to eight of
    a class; -1 for a photo without one."""
    held = holdout_classes(cache.photos, LABELLED)
    small = {"mini-imagenet-84", "style-128", "flowers-128"}
    by_class: dict[str, list[int]] = {}
    for row in np.random.default_rng(seed).permutation(len(cache)):
        photo = cache.photos[row]
        if photo.label not in held and photo.set not in small:
            by_class.setdefault(_taught(photo) or f"of {photo.set}", []).append(int(row))
    rows = [row for members in by_class.values() for row in members[:8]][:count]
    names = [_taught(cache.photos[row]) for row in rows]
    known = sorted({name for name in names if name})
    manifest = json.loads((pack / "manifest.json").read_text(encoding="utf-8"))
    shapes = [(height, width) for height, width in manifest["input"]["shapes"]]
    embedder = GraphEmbedder(pack / "embed.onnx", pack / "code.onnx", roles=("alpha", "local_features"))
    made = []
    for start in range(0, len(rows), 64):
        pictures = [whole(cache.decode(row), shapes) for row in rows[start : start + 64]]
        made += make_local_codes_batch(list(embedder.embed(pictures)), embedder.code_logits)
    return centroids_of(made), np.array([known.index(name) if name else -1 for name in names], dtype=np.int64)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, help="a run folder to keep checkpoint and losses in")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    args = parser.parse_args(argv)
    settings = PRESETS[args.preset]
    cache = PhotoCache.build(args.data, list_photos(args.data, limits=SET_LIMITS), args.cache)
    centroids, labels = training_centroids(args.pack, cache, settings.photos)
    photos = json.dumps([photo.path for photo in cache.photos])
    learnt_from = digest_of((args.pack / "embed.onnx").read_bytes(), photos, str(settings.photos))
    training = train_codes(centroids, labels, settings, out=args.out, learnt_from=learnt_from)
    export_codes(training.layer, args.pack / "code.onnx")
    add_part(args.pack, "code.onnx", {})
    print(json.dumps({"held_out_mAP": training.held_out, "loss": [training.losses[0], training.losses[-1]]}))


if __name__ == "__main__":
    main()
