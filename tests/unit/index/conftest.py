from __future__ import annotations

import numpy as np
import pytest
from support.vectors import make_vectors


@pytest.fixture(scope="session")
def vectors() -> np.ndarray:
    return make_vectors(3000, 32)


@pytest.fixture(scope="session")
def queries() -> np.ndarray:
    return make_vectors(40, 32, seed=1).astype(np.float32)
