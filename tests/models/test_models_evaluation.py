"""Baselines and the comparison of systems, on photographs."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data as photographs

from models.evaluate.baselines import SiftVlad, colour_histogram, described, perceptual_hash
from models.evaluate.systems import Collection, baseline_systems, by_vectors, compare, per_query


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four classes, each three overlapping parts of one photograph."""
    root = tmp_path_factory.mktemp("classes")
    for name in ("astronaut", "coffee", "cat", "rocket"):
        rgb = getattr(photographs, name)()
        height, width = rgb.shape[:2]
        for i, left in enumerate((0.0, 0.02, 0.04)):
            part = rgb[: int(height * 0.9), int(left * width) : int((left + 0.95) * width)]
            (root / name).mkdir(exist_ok=True)
            cv2.imwrite(str(root / name / f"{i}.png"), cv2.cvtColor(part, cv2.COLOR_RGB2BGR))
    return root


def test_every_baseline_finds_the_other_parts_of_a_photograph(folder: Path) -> None:
    collection = Collection.read(folder, None)
    assert len(collection.pictures) == len(collection.queries) == 12
    for describe in (perceptual_hash, colour_histogram, SiftVlad(collection.pictures, words=8, dimension=8)):
        vectors = described(collection.pictures, describe)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
        figures = per_query(by_vectors(vectors, collection.queries), collection.classes)
        assert figures[:, 1].mean() >= 0.9


def test_the_hash_vectors_inner_product_is_one_minus_twice_the_share_of_differing_bits() -> None:
    a, b = perceptual_hash(photographs.coffee()), perceptual_hash(photographs.cat())
    differing = int((a != b).sum())
    assert float(a @ b) == pytest.approx(1 - 2 * differing / 64)


def test_a_query_is_left_out_of_its_own_list(folder: Path) -> None:
    collection = Collection.read(folder, None)
    systems = baseline_systems(collection, [], None)
    for rank in systems.values():
        for query, order in rank():
            assert query not in order and len(order) == len(collection.pictures) - 1


def test_a_comparison_holds_means_and_paired_intervals() -> None:
    random = np.random.default_rng(0)
    base = random.random((200, 3))
    document = compare({"alpha": base, "better": base + 0.1})
    row = json.loads(json.dumps(document))["better"]
    assert row["mAP"] == pytest.approx(base[:, 0].mean() + 0.1, abs=1e-3)
    difference, low, high = row["minus alpha"]["mAP"]
    assert low <= difference <= high and low > 0


def test_too_few_keypoints_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        SiftVlad([np.zeros((64, 64, 3), np.uint8)])
