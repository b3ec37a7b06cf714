"""Which way round a picture asks, where it may lie on its side or be mirrored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

GAIN = 0.03  # cosine by which a later orientation has to be better; chosen on TRAIN photos


def chosen_orientation(cosines: Sequence[float]) -> int:
    """The place of the orientation to ask with, given the cosine of each with the photo that is nearest to it.

    The first one that comes within `GAIN` of the best: descriptors hardly change when a picture is mirrored, so
    the best alone would often be a matter of chance. The picture as it is comes first (`domain.query.TURNS`).
    """
    values = np.asarray(cosines, dtype=np.float64)
    return int(np.argmax(values >= values.max() - GAIN))
