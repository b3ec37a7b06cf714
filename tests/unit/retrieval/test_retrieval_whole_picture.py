"""Whole pictures are recognised by their thumbnails, whichever way they are turned; others are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from desktop_app.retrieval.whole_picture import SIDE, TURNS, Proposer, _unturned, agreement, fit, thumbnail, turned

PICTURES = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket(), data.immunohistochemistry()]
ASTRONAUT = PICTURES[0]


def written_on(picture: np.ndarray) -> np.ndarray:
    return cv2.putText(picture.copy(), "CAPTION", (20, 120), 0, 3.0, (255, 255, 255), 12)


def grey(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)


def framed(picture: np.ndarray) -> np.ndarray:
    return cv2.copyMakeBorder(picture, 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=(250, 250, 250))


EDITS = {
    "small": lambda picture: cv2.resize(picture, (90, 60), interpolation=cv2.INTER_AREA),
    "darker": lambda picture: (picture * 0.5).astype(np.uint8),
    "blurred": lambda picture: cv2.GaussianBlur(picture, (0, 0), 3),
    "written on": written_on,
    **{f"turn {turn}": lambda picture, turn=turn: turned(picture.transpose(2, 0, 1), turn).transpose(1, 2, 0)
       for turn in range(1, TURNS)},
}  # fmt: skip


def slow_agreement(one: np.ndarray, other: np.ndarray) -> tuple[float, ...]:
    found = []
    for top in range(8, 56, 8):
        for left in range(8, 56, 8):
            a, b = (p[top : top + 8, left : left + 8].astype(float).ravel() for p in (one, other))
            if min(a.std(), b.std()) >= 3:
                found.append(np.corrcoef(a, b)[0, 1])
            elif max(a.std(), b.std()) >= 6:
                found.append(0.0)
    return tuple(np.percentile(found, (20, 50, 70))) if len(found) >= 4 else (0.0, 0.0, 0.0)


def test_the_eight_orientations_are_all_there_are():
    square = np.arange(16).reshape(4, 4)
    seen = {turned(square, turn).tobytes() for turn in range(TURNS)}
    known = {np.rot90(way, quarter).tobytes() for way in (square, square[:, ::-1]) for quarter in range(4)}
    assert seen == known and len(seen) == TURNS


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_copy_is_proposed_first_and_agrees(name):
    edited = np.ascontiguousarray(EDITS[name](ASTRONAUT))
    thumbnails = np.stack([thumbnail(grey(picture)) for picture in (*PICTURES, edited)])
    pairs, turns = Proposer(thumbnails).of(slice(5, 6))
    assert pairs[0].tolist() == [5, 0]
    least, middle, most = agreement(thumbnails, pairs[:1], turns[:1])[:, 0]
    assert (least > 0.85 and middle > 0.96) or most > 0.993


def test_other_pictures_do_not_agree():
    thumbnails = np.stack([thumbnail(grey(picture)) for picture in PICTURES])
    pairs = np.array([(one, other) for one in range(5) for other in range(one)])
    for turn in range(TURNS):
        least, _, most = agreement(thumbnails, pairs, np.full(len(pairs), turn))
        assert least.max() < 0.3 and most.max() < 0.8


def test_frames_around_other_pictures_do_not_count():
    thumbnails = np.stack([thumbnail(grey(framed(picture))) for picture in PICTURES[:2]])
    least, _, most = agreement(thumbnails, np.array([(0, 1)]), np.array([0]))
    assert least[0] < 0.3 and most[0] < 0.8


def test_proposals_and_agreement_are_those_of_the_slow_way():
    random = np.random.default_rng(4)
    thumbnails = np.stack(
        [cv2.GaussianBlur(random.integers(0, 256, (SIDE, SIDE), dtype=np.uint8), (0, 0), 6) for _ in range(12)]
    )
    thumbnails[7] = np.clip(turned(thumbnails[2], 5).astype(int) + random.integers(-4, 5, (SIDE, SIDE)), 0, 255)
    thumbnails[9] = 130  # of one grey: alike to nothing
    proposer = Proposer(thumbnails)
    pairs, turns = proposer.of(slice(0, 12))
    again = [proposer.of(slice(start, start + 5)) for start in (0, 5, 10)]
    assert np.array_equal(pairs, np.concatenate([part for part, _ in again]))
    assert {(2, 7), (7, 2)} <= set(map(tuple, pairs.tolist())) and 9 not in pairs
    fine = cv2.resize(np.moveaxis(thumbnails, 0, -1), (16, 16), interpolation=cv2.INTER_AREA)
    small = np.moveaxis(fine, -1, 0).astype(float)
    for (one, other), turn in zip(pairs.tolist(), turns.tolist(), strict=True):
        best = max(
            np.corrcoef(small[one].ravel(), turned(small[other], way).ravel())[0, 1] for way in range(TURNS)
        )
        found = np.corrcoef(small[one].ravel(), turned(small[other], turn).ravel())[0, 1]
        assert found == pytest.approx(best, abs=0.01) and best > 0.59
    agreed = agreement(thumbnails, pairs, turns)
    for number, ((one, other), turn) in enumerate(zip(pairs.tolist(), turns.tolist(), strict=True)):
        expected = slow_agreement(thumbnails[one], turned(thumbnails[other], turn))
        assert agreed[:, number].tolist() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_pictures_have_no_pairs(count):
    thumbnails = np.full((count, SIDE, SIDE), 7, np.uint8)
    pairs, turns = Proposer(thumbnails).of(slice(0, count))
    assert pairs.shape == (0, 2) and turns.shape == (0,)
    assert agreement(thumbnails, pairs, turns).shape == (3, 0)


@pytest.mark.parametrize("edit", [framed, lambda picture: picture[60:400, 40:460]])
def test_a_part_fits_into_its_whole_either_way_round(edit):
    part = edit(ASTRONAUT)
    shapes = [picture.shape[1] / picture.shape[0] for picture in (ASTRONAUT, part)]
    one, other = thumbnail(grey(ASTRONAUT)), thumbnail(grey(part))
    assert fit(one, other, *shapes) > 0.85 and fit(other, one, *shapes[::-1]) > 0.85
    for picture in PICTURES[1:]:
        assert fit(one, thumbnail(grey(picture)), shapes[0], picture.shape[1] / picture.shape[0]) < 0.7


def test_no_turn_changes_what_is_looked_for_first_and_nothing_alike_is_far_by_it():
    random = np.random.default_rng(8)
    one, other = random.normal(size=(2, 8, 8)).astype(np.float32)
    turns = np.stack([turned(other, turn) for turn in range(TURNS)])
    rows = _unturned(np.concatenate([turns, one[None]]))
    assert np.allclose(rows[:TURNS], rows[0], atol=1e-5)
    apart = min(np.linalg.norm(one - way) for way in turns)
    assert np.linalg.norm(rows[-1] - rows[0]) <= apart
    assert np.linalg.norm(rows[0]) == pytest.approx(np.linalg.norm(other), rel=1e-5)
