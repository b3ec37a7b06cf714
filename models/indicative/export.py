"""Puts an indicative network into a pack: the graph, and thresholds chosen on held-out TRAIN pairs.

    python -m models.indicative.export --pack PACK --data DIR --cache CACHE --run RUN [--evidence no] [--judges
    yes]

The relevance is a logistic of the network's logit, fitted on views and composites against strangers (half of them
near), and moved so that 4 % of the strangers are accepted. --evidence: whether its maps and links are shown rather
than those of the local match; --judges: whether its relevance is that of local evidence too. Both are for the
measured better: `indicium evaluate evidence` on TRAIN photos says which.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from models.indicative.graph import FILE, export_indicative, parity
from models.indicative.measure import Answers, answers, figures, link_threshold, relevance_threshold
from models.indicative.pairs import PairSet
from models.manifest import add_part
from models.networks.indicative.network import IndicativeNetwork

ACCEPTED_STRANGERS = 0.04
LARGEST_DIFFERENCE = 2e-3
PRECISION = {"link_least": 0.8, "link_medium": 0.88, "link_strong": 0.95}


def export_part(
    pack: Path, net: IndicativeNetwork, held_out: PairSet, *, evidence: bool = True, judges: bool = True
) -> dict[str, Any]:
    """Write indicative.onnx and the section "indicative" of the manifest; returns the section.

    Raises ValueError when the graph disagrees with PyTorch.
    """
    path = pack / FILE
    partial = path.with_suffix(".tmp")
    export_indicative(net, partial)
    difference = parity(net, partial)
    if difference > LARGEST_DIFFERENCE:
        partial.unlink()
        raise ValueError(f"the exported graph disagrees with PyTorch by {difference:.1e}")
    partial.replace(path)
    section = section_of(net, held_out, evidence=evidence, judges=judges)
    section["figures"] |= {"parity": float(f"{difference:.1e}")}
    add_part(pack, FILE, {"indicative": section})
    return section


def section_of(net: IndicativeNetwork, held_out: PairSet, *, evidence: bool, judges: bool) -> dict[str, Any]:
    """The manifest's section: what the graph reads, and thresholds chosen on `held_out`."""
    given = answers(net, held_out)
    scale, bias = relevance_logistic(held_out, given)
    located = list(held_out.of_kind("view", "composite"))
    links = {name: link_threshold(held_out, given, located, precision=least) for name, least in PRECISION.items()}
    found = figures(held_out, given, least=links["link_least"])
    medians = zip(net.config.metrics, net.correlation.medians.tolist(), strict=True)
    return {
        "file": FILE,
        "input": net.config.input,
        "grid": [14, 14],
        "layout": net.config.layout,
        "har": net.config.har,
        "metrics": list(net.config.metrics),
        "medians": {name: round(value, 5) for name, value in medians if name not in ("cosine", "mutual")},
        "evidence": evidence,
        "judges": judges,
        "network": round(scale, 5),
        "local": 0.0,
        "bias": round(bias, 5),
        **{name: round(value, 5) for name, value in links.items()},
        "figures": {name: round(value, 4) for name, value in found.items()},
    }


def relevance_logistic(pairs: PairSet, given: Answers) -> tuple[float, float]:
    """Scale and bias of relevance = logistic(scale x logit + bias): fitted, then the bias moved so that 0.5 lies
    where 4 % of the strangers are accepted."""
    true, false = pairs.of_kind("view", "composite"), pairs.of_kind("stranger")
    logits = given.logits[np.concatenate([true, false])]
    relevant = np.arange(len(logits)) < len(true)
    fitted = LogisticRegression(C=1.0, class_weight="balanced").fit(logits[:, None], relevant)
    scale = max(0.05, float(fitted.coef_[0, 0]))
    return scale, -scale * relevance_threshold(logits, relevant, share=ACCEPTED_STRANGERS)


def main(argv: list[str] | None = None) -> None:
    from models.indicative.train import Training, load_settings, make_network, pair_sets

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--pack", "--data", "--cache", "--run"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--evidence", choices=("yes", "no"), default="yes")
    parser.add_argument("--judges", choices=("yes", "no"), default="yes")
    args = parser.parse_args(argv)
    settings = load_settings(args.run)
    pairs, held_out = pair_sets(settings, pack=args.pack, data=args.data, cache_folder=args.cache)
    net = Training(make_network(settings, held_out.dimension), pairs, settings, args.run).averaged()
    section = export_part(args.pack, net, held_out, evidence=args.evidence == "yes", judges=args.judges == "yes")
    print(json.dumps(section, indent=1))


if __name__ == "__main__":
    main()
