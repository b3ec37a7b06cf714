"""What of an embedding is stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage.data
from support.tiny_pack import make_tiny_pack

from desktop_app.domain.devices import Device
from desktop_app.inference.session import OnnxEmbedder
from desktop_app.retrieval.parameters import RetrievalParameters
from desktop_app.services.engine import Engine


@pytest.mark.parametrize("second", [True, False])
def test_features_are_the_descriptors_in_float16_with_their_codes(tmp_path: Path, second: bool) -> None:
    embedder = OnnxEmbedder(make_tiny_pack(tmp_path / "tiny", second=second), device=Device.CPU)
    engine = Engine(embedder, RetrievalParameters(), "tiny")
    embeddings = embedder.embed(skimage.data.astronaut()[None, :224, :224])
    (stored,) = engine.features(embeddings)
    assert stored.alpha.dtype == np.float16
    np.testing.assert_allclose(stored.alpha, embeddings[0].alpha, atol=1e-3)
    assert stored.alpha_code is not None
    assert stored.local is not None
    if second:
        assert stored.beta is not None and stored.beta.dtype == np.float16
        np.testing.assert_allclose(stored.beta, embeddings[0].beta, atol=1e-3)
        assert np.array_equal(stored.beta_code, embeddings[0].beta_code)
    else:
        assert stored.beta is None and stored.beta_code is None
