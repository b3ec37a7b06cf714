"""Two-model re-ranking (S2) as a stage: what it changes about the head of a list, as a score to be added.

Both models' lists are over the candidates that `global` found [ours]: the base model's is the head in its order of
distances, the other's are the K of smallest Hamming distance by Euclidean distance. The stage's score of a
candidate is rho of alpha minus the changed rho: how much nearer S2 puts it, in means of rho.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import PackError
from desktop_app.retrieval.components import NO_CLASS, ComponentParameters
from desktop_app.retrieval.two_model import Lists, TwoModelParameters, euclidean, rerank_lists

ALPHA, BETA = "alpha", "beta"
DEPTH = 1000  # results that are re-ranked at most, whatever the pack says

Float = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RerankParameters:
    """The manifest's section `rerank`. base: the model whose list is re-ranked. groups: which mutual neighbours
    stand for classes where nobody has named any."""

    base: str = ALPHA
    groups: ComponentParameters = field(default_factory=ComponentParameters)
    two_model: TwoModelParameters = field(default_factory=TwoModelParameters)

    @classmethod
    def from_manifest(cls, section: Mapping[str, object]) -> Self | None:
        """None without the section: the pack does not re-rank. Raises PackError for a value of the wrong kind."""
        if not section:
            return None
        base, groups = section.get("base", ALPHA), section.get("groups", {})
        if base not in (ALPHA, BETA) or not isinstance(groups, Mapping):
            raise PackError(
                "the manifest of the pack has a section 'rerank' that this version cannot read",
                remedy="Install the pack again, or a newer version of the application",
            )
        known = {one.name: groups[one.name] for one in fields(ComponentParameters) if one.name in groups}
        if any(isinstance(value, bool) or not isinstance(value, int | float) for value in known.values()):
            raise PackError(
                "the manifest of the pack has groups in 'rerank' that are not numbers",
                remedy="Install the pack again",
            )
        return cls(str(base), ComponentParameters(**known), TwoModelParameters.from_manifest(section))

    @property
    def depth(self) -> int:
        """Results that are re-ranked."""
        return min(DEPTH, self.two_model.listed)


def common_labels(rows: Rows, labels: Mapping[int, Sequence[str]]) -> Rows:
    """[N] class numbers of rows by their labels; of several labels the one that most of these rows share, then the
    first by name [ours]; NO_CLASS without any."""
    counts = Counter(label for row in rows.tolist() for label in labels.get(row, ()))
    names = sorted(counts)
    number = {name: at for at, name in enumerate(names)}
    chosen = [
        min(labels.get(row, ()), key=lambda name: (-counts[name], name), default=None) for row in rows.tolist()
    ]
    return np.array([NO_CLASS if name is None else number[name] for name in chosen], np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class SecondModel:
    """The second model's view of M candidates. query: [E]. features: [M, E] float32, L2-normalised. bits_apart:
    [M] Hamming distances of their codes to the query's."""

    query: Float
    features: Float
    bits_apart: NDArray[np.number[Any]]


def changes(cosines: Float, second: SecondModel, classes: Rows, depth: int, parameters: RerankParameters) -> Float:
    """How much nearer S2 puts the first `depth` of M candidates: [depth] float32, in means of rho.

    cosines: [M] of alpha with the query. classes: [M], NO_CLASS for none. The candidates are in the order of the
    list so far; equal distances keep it.
    """
    p = parameters.two_model
    head = min(depth, len(cosines))
    if not head:
        return np.empty(0, np.float32)
    alpha = np.sqrt(np.maximum(0.0, 2.0 - 2.0 * cosines)).astype(np.float32)
    beta = euclidean(second.query, second.features)
    base, other = (alpha, beta) if parameters.base == ALPHA else (beta, alpha)
    own = np.argsort(base[:head], kind="stable")
    if parameters.base == ALPHA:
        near = np.argsort(second.bits_apart, kind="stable")[: p.candidates]
        compared = near[np.argsort(beta[near], kind="stable")]
    else:
        compared = np.argsort(alpha, kind="stable")[: p.candidates]
    found = rerank_lists(
        Lists(own[None], base[own][None]),
        Lists(compared[None], other[compared][None]),
        classes,
        replace(p, listed=head),
        second=other[own][None],
    )
    after = np.empty(head, np.float64)
    after[found.rows[0]] = found.distances[0]
    before = alpha[:head] / max(float(alpha[:head].mean()), 1e-12)
    return np.asarray(before - after, np.float32)
