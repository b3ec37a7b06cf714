"""Labels of classes that are seen lift their unseen photos; a set without labels is named."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from models.evaluate.alphas import Alphas
from models.evaluate.labelled import figures, labelled_rows
from models.linear import l2


def made(seed: int, per_class: int = 24) -> Alphas:
    """Classes that differ in 4 of 32 directions, under noise that is larger in the others."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(6, 4))
    names = np.repeat(np.arange(6), per_class)
    inside = centres[names] + 0.6 * random.normal(size=(len(names), 4))
    vectors = l2(np.concatenate([inside, 1.5 * random.normal(size=(len(names), 28))], axis=1))
    return Alphas.of(vectors.astype(np.float32), [str(name) for name in names], None)


def test_labels_lift_the_unseen_photos_of_their_classes() -> None:
    document = figures(made(1), made(2))
    systems = document["systems"]
    assert systems["with labels"]["mAP"] > systems["alpha"]["mAP"] + 0.1  # type: ignore[index]
    assert systems["with labels"]["minus alpha"]["mAP"][1] > 0  # type: ignore[index]
    assert document["adapter"]["installed"] is True  # type: ignore[index]


def test_rows_are_drawn_from_the_set_that_is_asked_for() -> None:
    photos = [SimpleNamespace(set=name, label=label) for name, label in (("a", "x"), ("b", "y"), ("a", None))]
    cache = SimpleNamespace(photos=photos)
    assert labelled_rows(cache, "a", 5) == [0]  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="c: no labelled photos of this set; there are a, b"):
        labelled_rows(cache, "c", 5)  # type: ignore[arg-type]
