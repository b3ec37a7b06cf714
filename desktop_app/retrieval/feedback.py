"""What the marks of a person teach: a direction in the space of descriptors.

A linear classifier scores a photo by w . x, and a search by q . x: so what it learns is added to the query itself,
q' = L2((1 - share) q + share w / |w|), and every index answers it as it answers any query [ours].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from desktop_app.retrieval.parameters import FeedbackParameters
from desktop_app.retrieval.pooling import l2_normalise

Float = NDArray[np.float32]

NULLS = 300  # photos that stand for everything else
FEWEST_NULLS = 20  # below this "everything else" says nothing
NEAREST = 100  # photos nearest to the query that are no nulls: they may be what is looked for
NEAREST_SHARE = 0.25  # of a small library, at most so many
_SEED = 5


def nearest_left_out(photos: int) -> int:
    """How many of a library's photos, those nearest to the query, are no nulls."""
    return min(NEAREST, int(NEAREST_SHARE * photos))


def null_rows(rows: NDArray[np.int64], left_out: NDArray[np.int64]) -> NDArray[np.int64]:
    """Up to `NULLS` of `rows` ([N] int64, in any order), none of them in `left_out`: the same ones every time."""
    others = np.setdiff1d(rows, left_out)
    if len(others) <= NULLS:
        return others
    return np.sort(np.random.default_rng(_SEED).choice(others, NULLS, replace=False))


def learnt_descriptor(
    descriptor: Float,
    wanted: Float,
    unwanted: Float,
    nulls: Float,
    parameters: FeedbackParameters,
) -> Float:
    """The query's descriptor moved by what a linear classifier learns from marks: [D] float32 of length 1.

    descriptor: [D], what the query asks with. wanted: [P, D] descriptors of its pictures and of what was marked +;
    unwanted: [N, D] of what was marked -; nulls: [M, D] of photos that nobody marked. Rows L2-normalised. Unmarked
    photos count as unwanted, all together as much as the wanted ones; so do the marks of -, where there are any.
    Without enough photos or with nothing wanted the descriptor stays as it is.
    """
    if not len(wanted) or len(nulls) < FEWEST_NULLS:
        return l2_normalise(descriptor)
    from sklearn.linear_model import LogisticRegression  # a second to load, and only needed after several marks

    groups = [(wanted, 1.0), (nulls, 1.0), (unwanted, parameters.unwanted)]
    rows = np.concatenate([group for group, _ in groups]).astype(np.float64)
    right = np.repeat([True, False, False], [len(group) for group, _ in groups])
    shares = np.concatenate([np.full(len(group), total / max(1, len(group))) for group, total in groups])
    classifier = LogisticRegression(C=parameters.strength, max_iter=200)
    classifier.fit(rows, right, sample_weight=shares)
    direction = l2_normalise(classifier.coef_[0].astype(np.float32))
    moved = (1.0 - parameters.learnt) * l2_normalise(descriptor) + parameters.learnt * direction
    return l2_normalise(moved.astype(np.float32))
