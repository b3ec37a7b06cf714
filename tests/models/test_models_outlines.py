"""What drawing round a thing brings: the made questions are what they say, and every way of asking is measured."""

import json
from pathlib import Path

import cv2
import numpy as np
from skimage import data as photographs

from desktop_app.domain.geometry import Region
from models.evaluate.outlines import asked_by, asking, main
from tests.support.tiny_pack import make_tiny_pack


def test_the_line_runs_round_the_object_and_leaves_much_of_its_box_out() -> None:
    item, mask = asking(photographs.coffee(), photographs.astronaut(), np.random.default_rng(1))
    assert item.outline is not None
    inside = item.outline.samples(Region(0, 0, mask.shape[1], mask.shape[0]), *mask.shape)
    assert (inside != mask).mean() < 0.01 and 0.05 < mask.mean() < 0.16
    assert item.outline.samples(item.outline.box).mean() < 0.6
    assert asked_by(item, "box").part == item.outline.box and asked_by(item, "whole").part is None


def test_the_command_measures_every_way(tmp_path: Path, capsys) -> None:
    for folder, names in (("things/a", ("coffee", "cat")), ("things/b", ("rocket",)), ("others", ("astronaut",))):
        for name in names * 3:
            rgb = cv2.resize(getattr(photographs, name)(), (160, 120))
            file = tmp_path / folder / f"{name}-{len(list((tmp_path / folder).glob('*')))}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(file), rgb[..., ::-1])
    pack = make_tiny_pack(tmp_path / "pack")
    main(
        [
            *(str(pack), "--data", str(tmp_path / "things"), "--backgrounds", str(tmp_path / "others")),
            *("--queries", "2", "--distractors", "1", "--profile", "instant"),
        ]
    )
    document = json.loads(capsys.readouterr().out)
    assert document["queries"] == 2 and document["photos"] == 8
    assert set(document["rows"]) == {"whole", "box", "outline"}
    assert all(0 <= value <= 1 for row in document["rows"].values() for value in row.values())
    assert set(document["outline over box"]) == {"mAP", "R@1"}
