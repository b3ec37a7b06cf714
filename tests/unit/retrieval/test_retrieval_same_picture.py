"""Edited copies are one picture; other photos of the same thing, and photos without structure, are not."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from skimage import data

from desktop_app.retrieval.same_picture import Sameness, mirrored, sameness, sketch, upright

ASTRONAUT = cv2.resize(data.astronaut(), (384, 384), interpolation=cv2.INTER_AREA)


def turned(picture: np.ndarray, degrees: float) -> np.ndarray:
    size = picture.shape[1], picture.shape[0]
    return cv2.warpAffine(picture, cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), degrees, 1), size)


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


EDITS = {
    "identical": lambda picture: picture,
    "compressed": lambda picture: jpeg(picture, 15),
    "small": lambda picture: cv2.resize(picture, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA),
    "cut": lambda picture: picture[40:330, 60:370],
    "turned by 90": lambda picture: np.rot90(picture),
    "turned by 8": lambda picture: turned(picture, 8),
    "mirrored": lambda picture: picture[:, ::-1],
    "grey": lambda picture: np.dstack([picture.mean(axis=2).astype(np.uint8)] * 3),
    "darker": lambda picture: (picture * 0.5).astype(np.uint8),
    "framed": lambda picture: np.pad(picture, ((30, 30), (30, 30), (0, 0)), constant_values=255),
    "blurred": lambda picture: cv2.GaussianBlur(picture, (0, 0), 1.5),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_copy_is_the_same_picture_either_way_round(name):
    edited = sketch(np.ascontiguousarray(EDITS[name](ASTRONAUT)))
    for found in (sameness(sketch(ASTRONAUT), edited), sameness(edited, sketch(ASTRONAUT))):
        assert found.structure > 0.65 and found.overlap > 0.8
        assert found.mirrored == (name == "mirrored")


def test_other_pictures_are_not():
    others = [
        data.coffee(),
        data.chelsea(),
        data.rocket(),
        np.dstack([data.camera()] * 3),
        data.immunohistochemistry(),
    ]
    sketches = [sketch(ASTRONAUT), *map(sketch, others)]
    for place, one in enumerate(sketches):
        for other in sketches[:place]:
            assert sameness(one, other).structure < 0.4


def test_a_picture_with_another_half_is_not():
    """One half is the same; blocks of the other half disagree, so the background does not outvote them."""
    half = ASTRONAUT.copy()
    half[:, 192:] = cv2.resize(data.coffee(), (384, 384))[:, 192:]
    assert sameness(sketch(ASTRONAUT), sketch(half)).structure < 0.45


@pytest.mark.parametrize("picture", [np.zeros((1, 1, 3), np.uint8), np.full((300, 5, 3), 200, np.uint8)])
def test_pictures_without_structure_are_no_duplicates_of_anything(picture):
    assert sameness(sketch(picture), sketch(picture)) in (Sameness(), Sameness(mirrored=True))
    assert sameness(sketch(picture), sketch(ASTRONAUT)).points == 0


def test_the_mirror_of_the_mirror_is_the_picture():
    once = sketch(ASTRONAUT)
    assert np.array_equal(mirrored(mirrored(once)).grey, once.grey)


def slow_structure(one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """Structure, telling share and contrast of two pictures of one size, pixel by pixel."""
    a, b = (cv2.GaussianBlur(grey, (0, 0), 2.0).astype(float) for grey in (one, other))
    edges = [[int(side * step / 8) for step in range(9)] for side in one.shape]
    found, contrast = [], []
    for top, bottom in itertools.pairwise(edges[0]):
        for left, right in itertools.pairwise(edges[1]):
            x, y = (grey[top:bottom, left:right].ravel() for grey in (a, b))
            if min(x.std(), y.std()) >= 3.0:
                found.append(np.corrcoef(x, y)[0, 1])
                contrast.append(abs(np.log(x.std() / y.std())))
    return float(np.percentile(found, 20)), len(found) / 64, float(np.percentile(contrast, 80))


def test_what_is_said_of_two_pictures_on_each_other_is_that_of_the_slow_way():
    plain = np.full((190, 251), 240, np.uint8)
    plain[60:130, 40:200] = cv2.cvtColor(ASTRONAUT, cv2.COLOR_RGB2GRAY)[60:130, 40:200]
    darker = (plain * 0.6).astype(np.uint8)
    darker[60:100] = plain[60:100, ::-1]
    found = upright(plain, darker)
    assert found.overlap == 1.0 and found.telling < 0.5
    assert (found.structure, found.telling, found.contrast) == pytest.approx(
        slow_structure(plain, darker), abs=1e-6
    )
    assert upright(plain, (plain * 0.5).astype(np.uint8)).contrast == pytest.approx(np.log(2), abs=0.02)
