"""One raw score from the scores of the stages, and the order it gives: a re-ranked head, then the global tail."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from desktop_app.retrieval.parameters import FusionParameters

LOCAL_DEPTH = 500  # candidates the local stage looks at


def fuse(
    global_scores: NDArray[np.float32], local_scores: NDArray[np.float32], parameters: FusionParameters
) -> NDArray[np.float32]:
    """raw = w_global * global + w_local * max(0, local - floor), [N] float32 each.

    A bonus above a floor [ours]: among photos of which no part matches, the descriptor's order stands.
    """
    bonus = np.maximum(0.0, local_scores - parameters.local_floor)
    return np.asarray(parameters.global_ * global_scores + parameters.local * bonus, dtype=np.float32)


def descending(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Positions from the largest score to the smallest; equal scores keep their order."""
    return np.argsort(-scores, kind="stable")


def rerank(
    global_scores: NDArray[np.float32], local_scores: NDArray[np.float32], parameters: FusionParameters
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Re-rank the head of a list that is sorted by its global score.

    global_scores: [N], falling. local_scores: [M] of the first M, M <= N. Returns the new order of all N
    positions (the head by its fused score, then the tail as it was) and the fused scores of the head in that
    order, [M].
    """
    depth = len(local_scores)
    fused = fuse(global_scores[:depth], local_scores, parameters)
    head = descending(fused)
    return np.concatenate([head, np.arange(depth, len(global_scores))]), fused[head]
