"""How relevant one picture is to another: what is measured between them, and the logistic of the pack."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from desktop_app.retrieval.pairs import CellPairs
from desktop_app.retrieval.parameters import RelevanceParameters


@dataclass(frozen=True, slots=True)
class PairMeasurements:
    """What is measured between two pictures.

    global_: cosine of the descriptors. local: many-to-many match, 0..1. links: number of matched cell pairs that
    one transform explains (0 when none does). link_cosine: mean cosine of the matched pairs, 0 without any.
    """

    global_: float
    local: float
    links: int
    link_cosine: float

    @classmethod
    def of(cls, *, global_: float, local: float, pairs: CellPairs) -> PairMeasurements:
        return cls(
            global_=global_,
            local=local,
            links=len(pairs) if pairs.agree else 0,
            link_cosine=float(np.mean(pairs.cosine)) if len(pairs) else 0.0,
        )

    def inputs(self) -> dict[str, float]:
        """The inputs of the relevance logistic by their names in the manifest."""
        return {
            "global": self.global_,
            "local": self.local,
            "links": math.log1p(self.links),
            "link_cosine": self.link_cosine,
        }


def relevance(measurements: PairMeasurements, parameters: RelevanceParameters) -> float:
    """The probability, 0..1, that the pair is a match: the logistic learnt on matching and non-matching pairs."""
    inputs = measurements.inputs()
    raw = parameters.bias + sum(weight * inputs[name] for name, weight in parameters.weights.items())
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, raw))))
