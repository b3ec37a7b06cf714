"""Edited copies are one picture; other photos of the same thing, and photos without structure, are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from desktop_app.retrieval.same_picture import Sameness, mirrored, sameness, sketch

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
