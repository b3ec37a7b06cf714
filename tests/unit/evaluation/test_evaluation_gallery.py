"""What a gallery under evaluation holds of its photos."""

from __future__ import annotations

import numpy as np

from desktop_app.domain.features import PhotoFeatures
from desktop_app.evaluation.ranking import Gallery


def photo(seed: int, *, second: bool) -> PhotoFeatures:
    random = np.random.default_rng(seed)
    codes = random.integers(0, 256, (2, 8), dtype=np.uint8)
    alpha, beta = (random.normal(size=size).astype(np.float16) for size in (12, 6))
    return PhotoFeatures(alpha, codes[0], None, beta if second else None, codes[1] if second else None)


def test_a_gallery_carries_what_the_second_model_says_when_all_photos_have_it() -> None:
    photos = [photo(seed, second=True) for seed in range(4)]
    gallery = Gallery.of(photos)
    assert gallery.betas is not None and gallery.betas.dtype == np.float32
    assert gallery.beta_codes is not None and gallery.alpha_codes is not None
    for row, stored in enumerate(photos):
        assert np.array_equal(gallery.betas[row], stored.beta.astype(np.float32))
        assert np.array_equal(gallery.beta_codes[row], stored.beta_code)
        assert np.array_equal(gallery.alpha_codes[row], stored.alpha_code)


def test_without_the_second_model_of_one_photo_there_is_none() -> None:
    gallery = Gallery.of([photo(0, second=True), photo(1, second=False)])
    assert gallery.betas is None and gallery.beta_codes is None
    assert gallery.alpha_codes is not None
