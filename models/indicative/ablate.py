"""Ablations of the indicative network: a short training each, on the same pairs, measured on held-out TRAIN pairs.

    python -m models.indicative.ablate --pack PACK --data DIR --cache CACHE --out rows.json [--steps 120]
        [--groups har,layout,metrics,input,evidence,feedback]

har        off, paper, peak, predicted            layout     2d (S1's ResNet18), 4d
metrics    S1's four apart and together, and NCNet's soft mutual filter
input      pixels (S1), features of the pack       evidence   labels alone (S1), with the losses on the evidence
feedback   S1's average and maximum form for n = 1, 5, 10, on queries whose object lies in ten scenes
Every row is written as soon as it is there; a second call goes on where the first was stopped.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from models.indicative.measure import answers, feedback_figures, figures
from models.indicative.pairs import PairSet
from models.indicative.settings import PRESETS, Settings
from models.indicative.train import Training, feedback_pairs, make_network, pair_sets, prepared
from models.networks.indicative.network import IndicativeNetwork

Say = Callable[[str], None]
Row = dict[str, object]
FOUR = ("cosine", "l2", "l1", "mahalanobis")
GROUPS: Mapping[str, tuple[dict[str, object], ...]] = {
    "har": tuple({"har": mode} for mode in ("off", "paper", "peak", "predicted")),
    "layout": ({"layout": "2d", "batch": 8}, {"layout": "4d"}),
    "metrics": (
        {"metrics": ("cosine",)},
        {"metrics": ("l2",)},
        {"metrics": ("l1",)},
        {"metrics": ("mahalanobis",)},
        {"metrics": ("cosine", "l2")},
        {"metrics": FOUR},
        {"metrics": ("cosine", "mutual")},
    ),
    "input": (
        {"input": "pixels", "metrics": FOUR},
        {"input": "pixels", "metrics": ("cosine", "l2", "mutual")},
        {},
    ),
    "evidence": ({"evidence": 0.0}, {"evidence": 0.5}),
}
FEEDBACK = tuple((form, n) for form in ("average", "maximum") for n in (1, 5, 10))


def variants(groups: Sequence[str]) -> list[tuple[str, dict[str, object]]]:
    """(group, changes to the settings) of the groups named."""
    return [(group, dict(change)) for group in groups if group in GROUPS for change in GROUPS[group]]


def run(
    sets: Mapping[str, tuple[PairSet, PairSet]],
    chosen: Sequence[tuple[str, dict[str, object]]],
    *,
    steps: int,
    base: Settings,
    say: Say = print,
    done: Sequence[Row] = (),
    keep: Callable[[list[Row]], None] | None = None,
) -> list[Row]:
    """Train and measure each variant. sets: (training, held-out) pairs per input form. done: rows of an earlier
    call. keep: called with all rows after each."""
    rows = list(done)
    for group, change in chosen:
        settings = replace(base, steps=steps, **change)  # type: ignore[arg-type]
        row = described(group, settings)
        if any(all(old.get(k) == v for k, v in row.items()) for old in rows):
            continue
        pairs, held_out = sets[settings.input]
        net = trained(settings, pairs)
        row |= {name: round(value, 4) for name, value in figures(held_out, answers(net, held_out)).items()}
        rows.append(row)
        say(json.dumps(row))
        if keep is not None:
            keep(rows)
    return rows


def trained(settings: Settings, pairs: PairSet) -> IndicativeNetwork:
    """A network after a training of these settings, its run folder thrown away."""
    torch.manual_seed(settings.seed)
    with tempfile.TemporaryDirectory() as folder:
        training = Training(
            prepared(make_network(settings, pairs.dimension), pairs), pairs, settings, Path(folder)
        )
        training.run(say=lambda _: None)
        return training.averaged()


def described(group: str, settings: Settings) -> Row:
    """What identifies a row."""
    return {
        "group": group,
        "layout": settings.layout,
        "input": settings.input,
        "har": settings.har,
        "metrics": "+".join(settings.metrics),
        "evidence_loss": settings.evidence,
        "steps": settings.steps,
    }


def feedback_rows(net: IndicativeNetwork, pairs: PairSet, groups: Sequence[Sequence[int]]) -> list[Row]:
    """Without feedback, and with each form of the mask."""
    given = answers(net, pairs)
    plain = figures(pairs, given)
    names = ("relevance_auc", "relevance_accepted", "mIoU", "best_mIoU", "pointing")
    rows: list[Row] = [{"group": "feedback", "form": "none", "n": 0} | {k: round(plain[k], 4) for k in names}]
    for form, n in FEEDBACK:
        found = feedback_figures(net, pairs, given, groups, form=form, n=n)
        rows.append({"group": "feedback", "form": form, "n": n} | {k: round(found[k], 4) for k in names})
    return rows


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--pack", "--data", "--cache", "--out"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--steps", type=int, default=120, help="of training for each row")
    parser.add_argument("--groups", default=",".join((*GROUPS, "feedback")))
    parser.add_argument("--objects", type=int, default=16, help="queries of the rows on feedback")
    args = parser.parse_args(argv)
    names = args.groups.split(",")
    base = PRESETS["cpu"]
    torch.set_num_threads(base.threads)
    chosen = variants(names)
    forms = {str(change.get("input", base.input)) for _, change in chosen} | {base.input}
    places = {"pack": args.pack, "data": args.data, "cache_folder": args.cache}
    sets = {form: pair_sets(replace(base, input=form), **places) for form in sorted(forms)}
    rows: list[Row] = json.loads(args.out.read_text()) if args.out.exists() else []

    def keep(every: list[Row]) -> None:
        args.out.write_text(json.dumps(every, indent=1) + "\n")

    rows = run(sets, chosen, steps=args.steps, base=base, done=rows, keep=keep)
    if "feedback" in names:
        net = trained(replace(base, steps=args.steps), sets[base.input][0])
        pairs, groups = feedback_pairs(base, objects=args.objects, **places)
        rows = [row for row in rows if row["group"] != "feedback"] + feedback_rows(net, pairs, groups)
        keep(rows)
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
