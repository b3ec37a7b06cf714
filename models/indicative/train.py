"""Trains the indicative network of a pack on pairs with known truth.

    python -m models.indicative.train --pack models/packs/indicium-s --data DIR --cache CACHE --out RUN
        [--layout 2d|4d] [--input pixels|features] [--har off|paper|peak|predicted] [--preset smoke|cpu|gpu]
        [--minutes M] [--from RUN] [--export]

Pairs are made once from TRAIN photos and kept in CACHE/indicative. The run folder holds checkpoint.pt (a killed
run goes on from it), losses.csv, losses.png, settings.json, figures.json (on held-out TRAIN pairs). The rate
follows one cycle over the time. --export writes indicative.onnx into the pack and its section of the manifest,
with thresholds chosen on the held-out pairs (models.indicative.export).
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from desktop_app.inference.manifest import EMBED_FILE
from desktop_app.inference.packs import load_manifest
from models import checkpoint
from models.data import SET_LIMITS, PhotoCache, class_name, list_photos, whole
from models.evaluate.holdout import GraphEmbedder
from models.indicative.losses import Truth, evidence_losses, relevance_loss
from models.indicative.measure import answers, as_input, figures
from models.indicative.pairs import TEACHING, PairMaker, PairSet, features_form, pixels_form, usable_rows
from models.indicative.settings import PRESETS, Settings
from models.networks.indicative.har import MODES
from models.networks.indicative.network import INPUTS, LAYOUTS, IndicativeConfig, IndicativeNetwork, select
from models.run_folder import LEARNT_FROM, digest_of, resumed, write_losses, write_rows

WARM_UP = 0.1  # of the time
RECIPE = 2  # raised when pairs are made otherwise, so that no stored ones are taken for them
MIRRORED = 0.1  # of the pairs, one picture only
Say = Callable[[str], None]


def make_network(settings: Settings, dimension: int = 128) -> IndicativeNetwork:
    """A network of random weights. dimension: of the pack's local features."""
    return IndicativeNetwork(
        IndicativeConfig(
            layout=settings.layout,
            input=settings.input,
            har=settings.har,
            metrics=settings.metrics,
            dimension=dimension,
            widths=settings.widths,
            blocks=settings.blocks,
        )
    )


class Drawer:
    """Draws training batches: half of the pairs match, half do not (made strangers, and pictures of other
    pairs)."""

    def __init__(self, pairs: PairSet, settings: Settings) -> None:
        self.pairs, self.settings = pairs, settings
        self.located = pairs.of_kind("view", "composite")
        self.of_a_kind = pairs.of_kind("kind")
        self.strangers = pairs.of_kind("stranger")
        if not len(self.located):
            raise ValueError("there are no pairs to learn from: no photo was large enough")

    def draw(self, random: np.random.Generator) -> tuple[Tensor, Tensor, Truth]:
        """result, query, and what is known of them."""
        chosen = [self._one(at % 2 == 0, random) for at in range(self.settings.batch)]
        first, second, label, known = (np.array(column) for column in zip(*chosen, strict=True))
        result, query = self.pairs.result[first], self.pairs.query[second]
        homography = np.where(known[:, None, None], self.pairs.to_result[first], 0).astype(np.float64)
        masks = [np.where(known[:, None, None], m[first], 0).astype(np.float32) for m in self._masks()]
        result, query, homography, masks = self._changed(result, query, homography, masks, random)
        truth = Truth(
            relevant=torch.from_numpy(label.astype(np.float32)),
            located=torch.from_numpy(known.astype(np.bool_)),
            to_result=torch.from_numpy(homography.astype(np.float32)),
            result_mask=torch.from_numpy(np.ascontiguousarray(masks[0])),
            query_mask=torch.from_numpy(np.ascontiguousarray(masks[1])),
        )
        return as_input(np.ascontiguousarray(result)), as_input(np.ascontiguousarray(query)), truth

    def _masks(self) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
        return self.pairs.result_mask, self.pairs.query_mask

    def _one(self, relevant: bool, random: np.random.Generator) -> tuple[int, int, int, bool]:
        """(row of the result, row of the query, label, whether the truth is known)."""
        if relevant:
            if len(self.of_a_kind) and random.random() < self.settings.kind_share:
                row = int(random.choice(self.of_a_kind))
                return row, row, 1, False
            row = int(random.choice(self.located))
            return row, row, 1, True
        if len(self.strangers) and random.random() < 0.5:
            row = int(random.choice(self.strangers))
            return row, row, 0, False
        first, second = random.choice(self.located, 2, replace=len(self.located) < 2)
        return int(first), int(second), 0, False

    @staticmethod
    def _changed(
        result: NDArray[np.generic],
        query: NDArray[np.generic],
        homography: NDArray[np.float64],
        masks: list[NDArray[np.float32]],
        random: np.random.Generator,
    ) -> tuple[NDArray[np.generic], NDArray[np.generic], NDArray[np.float64], list[NDArray[np.float32]]]:
        """Roles swapped in half of the batches, both pictures flipped, now and then only one (a mirrored copy)."""
        flips = {1: np.diag([1.0, -1.0, 1.0]), 2: np.diag([-1.0, 1.0, 1.0])}
        flips[1][1, 2] = flips[2][0, 2] = 1.0
        for axis in (1, 2):
            both = random.random() < 0.5
            once = axis == 2 and random.random() < MIRRORED
            if both != once:
                result, masks[0] = np.flip(result, axis), np.flip(masks[0], axis)
                homography = flips[axis] @ homography
            if both:
                query, masks[1] = np.flip(query, axis), np.flip(masks[1], axis)
                homography = homography @ flips[axis]
        if random.random() < 0.5:
            known = np.abs(np.linalg.det(homography)) > 1e-12
            inverse = np.zeros_like(homography)
            inverse[known] = np.linalg.inv(homography[known])
            result, query, homography, masks = query, result, inverse, masks[::-1]
        return result, query, homography, masks


class Training:
    """One run: network, optimiser, average of the weights, progress; resumes from its checkpoint.

    Raises ValueError when `out` holds a run on other pairs or of another form.
    """

    def __init__(self, net: IndicativeNetwork, pairs: PairSet, settings: Settings, out: Path) -> None:
        self.net, self.settings, self.out = net, settings, out
        self.drawer = Drawer(pairs, settings)
        self.learnt_from = digest_of(pairs.result, pairs.query, pairs.to_result, repr(net.config))
        self.random = np.random.Generator(np.random.PCG64(settings.seed))
        self.optimiser = torch.optim.AdamW(net.parameters(), settings.rate, weight_decay=settings.weight_decay)
        self.average = checkpoint.Average(net, settings.average)
        self.step, self.elapsed = 0, 0.0
        self.rows: list[dict[str, float]] = []
        out.mkdir(parents=True, exist_ok=True)
        (out / "settings.json").write_text(json.dumps(asdict(settings), indent=1) + "\n")
        self._resume()

    def run(self, say: Say = print) -> list[dict[str, float]]:
        """Train until the time (or the steps) are used up; returns the logged rows."""
        sums: dict[str, float] = {}
        while self.done < 1.0:
            start = time.perf_counter()
            terms = self._one_step()
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + value
            self.step += 1
            self.elapsed += time.perf_counter() - start
            if self.step % self.settings.log_every == 0:
                row = {"step": self.step, "seconds": round(self.elapsed, 1)}
                row |= {name: value / self.settings.log_every for name, value in sums.items()}
                self.rows.append(row)
                write_rows(self.out / "losses.csv", self.rows)
                say(" ".join(f"{name} {value:.4g}" for name, value in row.items()))
                sums = {}
            if self.step % self.settings.checkpoint_every == 0:
                self._save()
        self._save()
        write_losses(self.out, self.rows)
        return self.rows

    @property
    def done(self) -> float:
        """The share of the run that is over."""
        if self.settings.steps:
            return self.step / self.settings.steps
        return self.elapsed / (60.0 * self.settings.minutes)

    def averaged(self) -> IndicativeNetwork:
        """The network with the averaged weights, ready to be measured and exported."""
        net = make_network(self.settings, self.net.config.dimension)
        net.load_state_dict(self.average.weights)
        return net.eval()

    def _one_step(self) -> dict[str, float]:
        done, settings = self.done, self.settings
        rise = min(1.0, done / WARM_UP)
        fall = 0.5 * (1.0 + math.cos(math.pi * max(0.0, done - WARM_UP) / (1.0 - WARM_UP)))
        for group in self.optimiser.param_groups:
            group["lr"] = settings.rate * max(0.01, min(rise, 1.0) * fall)
        self.net.train()
        result, query, truth = self.drawer.draw(self.random)
        device = torch.device(settings.device)
        tape = self.net.run(self.net.tensor(result.to(device), query.to(device)))
        terms = {"relevance": relevance_loss(tape.logit.cpu(), truth)}
        loss = terms["relevance"]
        if settings.evidence > 0:
            located = torch.nonzero(truth.located).flatten().to(device)
            matching = (
                self.net.matching(select(tape, located)) if len(located) else tape.logit.new_zeros(0, 196, 196)
            )
            terms |= evidence_losses(matching.cpu(), truth)
            loss = loss + settings.evidence * (terms["links"] + terms["maps"])
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        self.average.update(self.net)
        right = ((tape.logit.detach().cpu() > 0) == (truth.relevant > 0.5)).float().mean()
        return {name: float(value.detach()) for name, value in terms.items()} | {"right": float(right)}

    def _save(self) -> None:
        tensors = {
            "net": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.weights,
            "average_step": self.average.step,
            "random": json.dumps(self.random.bit_generator.state),
            LEARNT_FROM: self.learnt_from,
        }
        state = checkpoint.State("indicative", self.step, self.elapsed, tensors)
        checkpoint.save(self.out / "checkpoint.pt", state)

    def _resume(self) -> None:
        state = resumed(self.out / "checkpoint.pt", self.learnt_from)
        if state is None:
            return
        self.net.load_state_dict(state.tensors["net"])
        self.optimiser.load_state_dict(state.tensors["optimiser"])
        self.average.weights, self.average.step = state.tensors["average"], state.tensors["average_step"]
        self.random.bit_generator.state = json.loads(state.tensors["random"])
        self.step, self.elapsed = state.step, state.elapsed
        losses = self.out / "losses.csv"
        if losses.exists():
            with losses.open(newline="") as file:
                read = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
            self.rows = [row for row in read if row["step"] <= self.step]


def load_settings(run: Path) -> Settings:
    """The settings a run was made with. Raises ValueError when there is no run."""
    path = run / "settings.json"
    if not path.exists():
        raise ValueError(f"there is no run in {run}: train first")
    held = json.loads(path.read_text())
    held |= {name: tuple(held[name]) for name in ("metrics", "widths") if held[name] is not None}
    return Settings(**held)


def prepared(net: IndicativeNetwork, pairs: PairSet, *, count: int = 24) -> IndicativeNetwork:
    """Set medians and whitening from the training pairs. Returns `net`."""
    rows = np.linspace(0, len(pairs) - 1, min(count, len(pairs))).astype(int)
    net.correlation.learn(net.patches(as_input(pairs.result[rows])), net.patches(as_input(pairs.query[rows])))
    return net


def start_from(net: IndicativeNetwork, run: Path) -> None:
    """Begin with the averaged weights of another run. Raises ValueError when they do not fit."""
    state = checkpoint.load(run / "checkpoint.pt")
    if state is None:
        raise ValueError(f"there is no checkpoint in {run}: train first")
    own = {name: value.clone() for name, value in net.correlation.state_dict().items()}
    try:
        net.load_state_dict(state.tensors["average"])
    except RuntimeError as error:
        raise ValueError(f"{run} holds another form of network: {error}") from None
    net.correlation.load_state_dict(own)  # medians and whitening belong to the new pairs


def pair_sets(
    settings: Settings, *, pack: Path, data: Path, cache_folder: Path, say: Say = print
) -> tuple[PairSet, PairSet]:
    """The training pairs and the held-out pairs of these settings, made once and kept in the cache."""
    made = []
    graph = load_manifest(pack).files[EMBED_FILE].sha256 if settings.input == "features" else ""
    for held_out, counts in ((False, settings.counts), (True, settings.holdout)):
        seed = settings.seed + held_out
        recipe = json.dumps([RECIPE, graph, settings.input, held_out, counts, seed])
        name = hashlib.blake2b(recipe.encode(), digest_size=6).hexdigest()
        side = "holdout" if held_out else "train"
        path = cache_folder / "indicative" / f"pairs-{settings.input}-{side}-{name}.npz"
        if not path.exists():
            maker, rows = open_photos(settings, pack, data, cache_folder, held_out=held_out)
            path.parent.mkdir(parents=True, exist_ok=True)
            maker.make(rows, counts, seed, say=say).save(path)
        made.append(PairSet.load(path))
    return made[0], made[1]


def feedback_pairs(
    settings: Settings, *, objects: int, pack: Path, data: Path, cache_folder: Path
) -> tuple[PairSet, list[list[int]]]:
    """Held-out pairs for feedback: every object asks ten scenes that show it and ten that do not."""
    maker, rows = open_photos(settings, pack, data, cache_folder, held_out=True)
    return maker.groups(rows, objects=objects, scenes=10, strangers=10, seed=settings.seed)


def open_photos(
    settings: Settings, pack: Path, data: Path, cache_folder: Path, *, held_out: bool
) -> tuple[PairMaker, list[int]]:
    """The TRAIN photos of one side (held out or not), and a maker of pairs from them with the pack's features."""
    manifest = load_manifest(pack)
    cache = PhotoCache.build(data, list_photos(data, limits=SET_LIMITS), cache_folder)
    embedder = GraphEmbedder(pack / "embed.onnx", pack / "code.onnx")
    shapes = list(manifest.input.shapes)
    labels = [class_name(photo) if photo.set in TEACHING else None for photo in cache.photos]

    def alpha(row: int) -> NDArray[np.float32]:
        return next(iter(embedder.embed([whole(cache.decode(row), shapes)]))).alpha

    form = pixels_form if settings.input == "pixels" else features_form(embedder, shapes)
    return PairMaker(cache.decode, labels, form, alpha), usable_rows(cache, held_out=held_out)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--preset", choices=PRESETS, default="cpu")
    parser.add_argument("--layout", choices=LAYOUTS)
    parser.add_argument("--input", choices=INPUTS)
    parser.add_argument("--har", choices=MODES)
    parser.add_argument("--metrics", help="separated by commas")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--evidence", type=float, help="weight of the losses on the evidence; 0: labels alone")
    parser.add_argument("--seed", type=int)
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the preset's number of training pairs to make"
    )
    parser.add_argument("--from", dest="start", type=Path, help="begin with the weights of another run")
    parser.add_argument("--export", action="store_true", help="write indicative.onnx into the pack")
    args = parser.parse_args(argv)
    chosen = {k: getattr(args, k) for k in ("layout", "input", "har", "minutes", "evidence", "seed")}
    chosen["metrics"] = tuple(args.metrics.split(",")) if args.metrics else None
    settings = replace(PRESETS[args.preset], **{k: v for k, v in chosen.items() if v is not None})
    counts = {kind: max(1, round(args.share * count)) for kind, count in settings.counts.items()}
    settings = replace(settings, counts=counts)
    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    pairs, held_out = pair_sets(settings, pack=args.pack, data=args.data, cache_folder=args.cache)
    net = prepared(make_network(settings, pairs.dimension), pairs)
    if args.start is not None:
        start_from(net, args.start)
    training = Training(net.to(settings.device), pairs, settings, args.out)
    training.run()
    found = figures(held_out, answers(training.averaged(), held_out))
    (args.out / "figures.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))
    if args.export:
        from models.indicative.export import export_part

        print(json.dumps(export_part(args.pack, training.averaged(), held_out), indent=1))


if __name__ == "__main__":
    main()
