"""How relevant one picture is to another: what is measured between them, and the logistic of the pack."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.retrieval.pairs import CellPairs
from desktop_app.retrieval.parameters import RelevanceParameters

LARGEST_LOGIT = 12.0
_DOUBT = 3  # mutual pairs added to those tried, so that few pairs never agree completely


@dataclass(frozen=True, slots=True)
class PairMeasurements:
    """What is measured between two pictures.

    global_: cosine of the descriptors. local: many-to-many match, 0..1. links: number of matched cell pairs that
    one transform explains (0 when none does). link_cosine: mean cosine of the matched pairs, 0 without any.
    agreement: that number over the number of mutual pairs it was chosen from plus three, 0..1. coverage: mean over
    the query's cells of their best cosine with the result: how much of the query is found again at all.
    """

    global_: float
    local: float
    links: int
    link_cosine: float
    agreement: float = 0.0
    coverage: float = 0.0

    @classmethod
    def of(
        cls, *, global_: float, local: float, pairs: CellPairs, cosines: NDArray[np.float32] | None = None
    ) -> PairMeasurements:
        """cosines: [nq, nr] of all cells that take part, None where the pictures have no local features."""
        return cls(
            global_=global_,
            local=local,
            links=len(pairs) if pairs.agree else 0,
            link_cosine=float(np.mean(pairs.cosine)) if len(pairs) else 0.0,
            agreement=len(pairs) / (pairs.tried + _DOUBT) if pairs.agree else 0.0,
            coverage=0.0 if cosines is None or not cosines.size else float(cosines.max(axis=1).mean()),
        )

    def inputs(self) -> dict[str, float]:
        """The inputs of the relevance logistic by their names in the manifest."""
        return {
            "global": self.global_,
            "local": self.local,
            "links": math.log1p(self.links),
            "link_cosine": self.link_cosine,
            "agreement": self.agreement,
            "coverage": self.coverage,
        }


def relevance(measurements: PairMeasurements, parameters: RelevanceParameters) -> float:
    """The probability, 0..1, that the pair is a match: the logistic learnt on matching and non-matching pairs."""
    inputs = measurements.inputs()
    raw = parameters.bias + sum(weight * inputs[name] for name, weight in parameters.weights.items())
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, raw))))


def log_odds(probability: float) -> float:
    """log(p / (1 - p)), within LARGEST_LOGIT either way."""
    inside = min(max(probability, 1e-6), 1.0 - 1e-6)
    return bounded(math.log(inside / (1.0 - inside)))


def bounded(logit: float) -> float:
    """`logit` within LARGEST_LOGIT either way: beyond that it says no more."""
    return max(-LARGEST_LOGIT, min(LARGEST_LOGIT, logit))
