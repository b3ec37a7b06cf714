"""The choice of an object's size: scenes of TRAIN alone, and recall counted from the right place."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data as photographs

from models.data import PhotoCache, list_photos
from models.evaluate.small_objects import main, make_scenes, recall
from tests.support.tiny_pack import make_tiny_pack


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    shown = {"a": photographs.coffee, "b": photographs.astronaut, "c": photographs.rocket, "d": photographs.cat}
    for name, make in shown.items():
        for i in range(3):
            file = tmp_path / "photos" / "grocery" / name / f"{i}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(
                str(file), cv2.resize(make(), (160, 120))[:, ::-1] if i else cv2.resize(make(), (160, 120))
            )
    return tmp_path / "photos"


def test_objects_come_from_held_out_classes_and_scenes_from_the_others(photos: Path, tmp_path: Path) -> None:
    cache = PhotoCache.build(photos, list_photos(photos), tmp_path / "cache")
    scenes = make_scenes(cache, 3, 4)
    assert len(scenes.objects) == 3 and len(scenes.gallery) == 7
    held = [cache.decode(i) for i, photo in enumerate(cache.photos) if photo.label == "grocery/d"]
    for picture in scenes.gallery[3:]:
        assert not any(np.array_equal(picture, other) for other in held)


def test_recall_counts_what_scores_above_the_answer() -> None:
    scores = np.array([[0.9, 0.1, 0.2], [0.5, 0.4, 0.1]], np.float32)
    assert recall(scores) == {"R@1": 0.5, "R@10": 1.0}


def test_the_command_measures_every_share(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = make_tiny_pack(tmp_path / "pack")
    common = ["--data", str(photos), "--cache", str(tmp_path / "cache"), "--queries", "2", "--distractors", "2"]
    main([str(pack), *common, "--share", "0.4", "--share", "0.6"])
    document = json.loads(capsys.readouterr().out)
    assert (document["queries"], document["gallery"]) == (2, 4)
    assert {"whole", "cells of tiles, object at 0.4", "cells of tiles, object at 0.6"} <= document["rows"].keys()
