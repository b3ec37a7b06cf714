"""How the candidates of a search support one another: diffusion from the query over their own neighbours [ours].

Scores spread from the query along W, the links of every picture to its nearest among the others, and come back:
f = (1 - a) (I - a D^-1/2 W D^-1/2)^-1 e (after manifold ranking: Zhou et al. 2004, Iscen et al. 2017), solved
exactly, for the first candidates only. A candidate that many others of the query's kind are near to rises.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DEPTH = 300  # candidates that take part in `rerank`
DEEP = 1000  # and in a close look
NEAREST = 10  # links of each picture
POWER = 4.0  # of a cosine, as the weight of its link
SPREAD = 0.9  # a: how much of its score a picture passes on
_LEAST = 1e-6

Float = NDArray[np.float32]


def kinship(asked: Float, cosines: Float) -> Float:
    """log f of M candidates, [M] float32.

    asked: [M] cosines of the query with the candidates; cosines: [M, M] of the candidates with one another.
    """
    count = len(asked)
    every = np.zeros((count + 1, count + 1), np.float32)
    every[0, 1:] = every[1:, 0] = asked
    every[1:, 1:] = cosines
    every = np.maximum(every, np.float32(0)) ** np.float32(POWER)
    np.fill_diagonal(every, 0.0)
    nearest = np.argpartition(-every, min(NEAREST, count), axis=1)[:, :NEAREST]
    links = np.zeros(every.shape)
    np.put_along_axis(links, nearest, np.take_along_axis(every, nearest, axis=1), axis=1)
    links = (links + links.T) / 2
    scale = 1.0 / np.sqrt(links.sum(axis=1) + _LEAST)
    start = np.zeros(count + 1)
    start[0] = 1.0 - SPREAD
    found = np.linalg.solve(np.eye(count + 1) - SPREAD * scale[:, None] * links * scale, start)
    return np.log(np.maximum(found[1:], 0.0) + (1.0 - SPREAD) * _LEAST).astype(np.float32)
