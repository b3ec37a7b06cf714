"""Training of the local features: known correspondences, the loss, and a training in seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data as photographs
from torch.nn.functional import normalize

from models import checkpoint
from models.local.train import PRESETS, LocalSettings, contrastive, train_on
from models.local.views import ViewPair, composite_pair, homography_pair, matched_cells
from models.networks.student import LocalHead
from models.settings import PRESETS as TRUNKS
from models.train import make_student

NAMES = ("astronaut", "coffee", "cat", "rocket")
SMOKE = PRESETS["smoke"]


def test_matched_cells_show_the_same_place() -> None:
    random = np.random.default_rng(1)
    pair = homography_pair(photographs.astronaut(), 256, random)
    found = matched_cells(pair)
    assert len(found) > 20
    for first, second in found:
        x, y = (first % 16 + 0.5) * 16 - 0.5, (first // 16 + 0.5) * 16 - 0.5
        u, v, w = pair.to_second @ np.array([x, y, 1.0])
        assert int((u / w + 0.5) // 16) == second % 16 and int((v / w + 0.5) // 16) == second // 16


def test_an_unmoved_picture_matches_cell_by_cell() -> None:
    rgb = np.zeros((64, 64, 3), np.uint8)
    pair = ViewPair(rgb, rgb, np.eye(3), np.ones((64, 64), np.bool_))
    assert matched_cells(pair).tolist() == [[i, i] for i in range(16)]
    half = np.zeros((64, 64), np.bool_)
    half[:32] = True
    assert matched_cells(ViewPair(rgb, rgb, np.eye(3), half)).tolist() == [[i, i] for i in range(8)]


def test_only_cells_of_a_pasted_object_match() -> None:
    pair = composite_pair(photographs.coffee(), photographs.astronaut(), 256, np.random.default_rng(0))
    seen = pair.seen.reshape(16, 16, 16, 16).any((1, 3)).ravel()
    found = matched_cells(pair)
    assert len(found) and seen[found[:, 0]].all()


def test_the_loss_is_the_mean_of_both_directions_without_near_cells() -> None:
    torch.manual_seed(0)
    first, second = (normalize(torch.randn(4, 8), dim=1) for _ in range(2))
    place = torch.tensor([[0, 0], [0, 1], [9, 9], [0, 0]])
    pair = torch.tensor([0, 0, 0, 1])
    settings = LocalSettings(near=2, temperature=0.1)
    total = 0.0
    for a, b in ((first, second), (second, first)):
        for i in range(4):
            allowed = [
                j
                for j in range(4)
                if j == i or pair[i] != pair[j] or int((place[i] - place[j]).abs().max()) > settings.near
            ]
            logits = torch.tensor([float(a[i] @ b[j]) / 0.1 for j in allowed])
            total += float(torch.logsumexp(logits, 0)) - float(a[i] @ b[i]) / 0.1
    assert float(contrastive(first, second, place, pair, settings)) == pytest.approx(total / 8, rel=1e-4)


def test_a_short_training_lowers_its_loss_and_writes_a_head(tmp_path: Path) -> None:
    student = make_student(replace(TRUNKS["smoke"]))
    pictures = [getattr(photographs, name)() for name in NAMES]
    log = train_on(student, pictures, tmp_path / "head.pt", replace(SMOKE, photos=4))
    assert log[-1]["contrastive"] < log[0]["contrastive"]
    head = LocalHead(channels=student.trunk.JOINTS[1:])
    head.load_state_dict(torch.load(tmp_path / "head.pt", weights_only=True))
    assert float(head.weight.abs().sum()) > 0
    assert (tmp_path / "head.csv").read_text().count("\n") == len(log) + 1
    assert (tmp_path / "head.png").stat().st_size > 1000


def test_a_stopped_training_goes_on_and_ends_where_a_whole_one_does(tmp_path: Path) -> None:
    student = make_student(TRUNKS["smoke"])
    pictures = [getattr(photographs, name)() for name in NAMES]
    settings = replace(SMOKE, photos=4, steps=20)
    whole = train_on(student, pictures, tmp_path / "whole.pt", settings)

    class Stopped(Exception):
        pass

    saved: list[int] = []

    def save(path: Path, state: checkpoint.State) -> None:
        keep(path, state)
        saved.append(state.step)
        if len(saved) == 4:
            raise Stopped

    keep = checkpoint.save
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(checkpoint, "save", save)
        train_on(student, pictures, tmp_path / "head.pt", settings)
    assert not (tmp_path / "head.pt").exists() and saved == [2, 4, 6, 8]
    assert train_on(student, pictures, tmp_path / "head.pt", settings) == whole
    made, wanted = (torch.load(tmp_path / name, weights_only=True) for name in ("head.pt", "whole.pt"))
    assert all(torch.equal(made[name], wanted[name]) for name in wanted)
    with pytest.raises(ValueError, match=r"head\.checkpoint belongs to a training on other photos"):
        train_on(student, pictures[::-1], tmp_path / "head.pt", settings)
