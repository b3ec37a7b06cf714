"""The ablation of S3's head: every row learns, and the collections are measured without a look at themselves."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage import data as photographs

from models.ablations.fusion import (
    AblationSettings,
    Maps,
    ablate,
    collection,
    describe,
    labelled_crops,
    maps_of,
    train_head,
)
from models.ablations.heads import GlobalOnly, MeanFusion, all_heads
from models.data import PhotoCache, list_photos
from models.networks.trunk import Trunk

SMALL = AblationSettings(photos=40, side=64, batch=8, steps=12, rate=3e-3)


def pictures(count: int) -> tuple[list[np.ndarray], list[str]]:
    """Crops of three package photographs, each a class."""
    random = np.random.default_rng(0)
    shown, names = [], []
    for i in range(count):
        name = ("cup", "cat", "rocket")[i % 3]
        photo = {"cup": photographs.coffee, "cat": photographs.cat, "rocket": photographs.rocket}[name]()
        top, left = (int(random.integers(0, side - 200)) for side in photo.shape[:2])
        shown.append(cv2.resize(photo[top : top + 200, left : left + 200], (64, 64)))
        names.append(name)
    return shown, names


@pytest.fixture(scope="module")
def trunk() -> Trunk:
    torch.manual_seed(0)
    return Trunk((8, 8, 16, 32, 32), 64).eval()


def test_every_head_lowers_its_loss_and_is_measured(trunk: Trunk) -> None:
    training, asked = pictures(36), pictures(9)
    photos = collection(trunk, *asked, shapes=[(64, 64)])
    document = ablate(trunk, training, {"cups": photos}, SMALL, width=32, rfb_width=8)
    json.dumps(document)
    assert document["classes"] == 3
    rows = document["training"]
    assert list(rows) == list(all_heads(32, 64)) and len(rows) == 5
    for row in rows.values():
        assert row["last_loss"] < row["first_loss"]
    figures = document["figures"]["cups"]
    assert all(0 <= figures[name]["mAP"] <= 1 for name in rows)
    assert "minus DPLG" in figures["without RFB"] and "minus DPLG" not in figures["DPLG"]


def test_descriptors_come_back_in_the_order_of_the_photos(trunk: Trunk) -> None:
    shown, names = pictures(6)
    wide = [cv2.resize(p, (96, 64)) if i % 2 else p for i, p in enumerate(shown)]
    photos = collection(trunk, wide, names, [(64, 64), (64, 96)])
    head = GlobalOnly(64, 16).eval()
    made = describe(head, photos)
    for i, picture in enumerate(wide):
        maps = maps_of(trunk, [picture])
        with torch.no_grad():
            alone = torch.nn.functional.normalize(head(maps.x4.float(), maps.x5.float()))[0].numpy()
        assert np.allclose(made[i], alone, atol=1e-3)


@torch.no_grad()
def test_the_mean_fusion_weighs_every_cell_alike() -> None:
    torch.manual_seed(0)
    head = MeanFusion(6, 10, 8, 4).eval()
    x4, x5 = torch.rand(2, 6, 4, 6), torch.rand(2, 10, 2, 3)
    local = head.rfb(x4)
    for b in range(2):
        mean = sum(head.value(local[b, :, i, j]) for i in range(4) for j in range(6)) / 24
        whole = head.project(x5[b].mean((1, 2)))
        assert torch.allclose(head(x4, x5)[b], head.fc(whole + mean), atol=1e-4)


def test_held_out_classes_and_imagenette_give_no_crops(tmp_path: Path) -> None:
    shown, _ = pictures(3)
    for place in ("grocery/a", "grocery/b", "grocery/c", "grocery/d", "other/n01440764", "other/n00000001"):
        for i in range(2):
            file = tmp_path / "photos" / place / f"{i}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(file), np.roll(shown[i], 7 * len(place), 1))
    cache = PhotoCache.build(tmp_path / "photos", list_photos(tmp_path / "photos"), tmp_path / "cache")
    _, names = labelled_crops(cache, SMALL)
    assert sorted(set(names)) == ["grocery/a", "grocery/b", "grocery/c", "n00000001"]
    assert len(names) == 8


def test_a_training_that_is_out_of_minutes_stops(trunk: Trunk) -> None:
    maps = Maps(torch.rand(8, 32, 4, 4), torch.rand(8, 64, 2, 2))
    settings = AblationSettings(batch=4, steps=10_000, minutes=1e-6)
    losses, _ = train_head(GlobalOnly(64, 8), maps, torch.arange(8) % 2, settings)
    assert len(losses) < 10_000
