"""Duplicates of a library: planted edits are found, nothing else is, and no file is touched."""

from __future__ import annotations

import io
import itertools
import json
from contextlib import redirect_stdout
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data
from support.opened import opened

from desktop_app import cli
from desktop_app.domain.duplicates import Keep, Strictness
from desktop_app.domain.errors import Cancelled
from desktop_app.domain.progress import Phase, StopWhen
from desktop_app.retrieval.same_picture import upright
from desktop_app.services.duplicates import THRESHOLDS, find_duplicates
from desktop_app.services.index_folder import index_folders

PICTURES = {"astronaut": data.astronaut, "coffee": data.coffee, "cat": data.chelsea, "rocket": data.rocket}
EDITS = {
    "small": lambda picture: cv2.resize(picture, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA),
    "cut": lambda picture: picture[15:-15, 20:-20],
    "mirrored": lambda picture: picture[:, ::-1],
    "turned": lambda picture: np.rot90(picture),
    "written on": lambda picture: cv2.putText(picture.copy(), "A CAPTION", (20, 60), 0, 2.0, (255, 255, 255), 8),
}
LARGEST = {"astronaut.png", "astronaut mirrored.png", "astronaut turned.png", "astronaut written on.png"}


@pytest.fixture(scope="module")
def home(tmp_path_factory, tiny_pack) -> Path:
    """Four pictures: of the astronaut three edited copies, of the coffee an identical one, the others alone."""
    home = tmp_path_factory.mktemp("duplicates")
    photos = home / "photos"
    photos.mkdir()
    for name, picture in PICTURES.items():
        cv2.imwrite(
            str(photos / f"{name}.png"), cv2.resize(cv2.cvtColor(picture(), cv2.COLOR_RGB2BGR), (400, 300))
        )
    astronaut = cv2.imread(str(photos / "astronaut.png"))
    for edit, make in EDITS.items():
        cv2.imwrite(str(photos / f"astronaut {edit}.png"), np.ascontiguousarray(make(astronaut)))
    (photos / "coffee copy.png").write_bytes((photos / "coffee.png").read_bytes())
    with opened(home / "library", tiny_pack, writer=True, threads=2) as session:
        list(index_folders(session, [photos]))
        small = next(photo for photo in session.photos_page() if "small" in photo.name)
        session.set_rating([small.id], 5)
    return home


def groups_of(session, **options):
    steps = find_duplicates(session, **options)
    while True:
        try:
            assert next(steps).phase in (Phase.SAVING, Phase.COMPARING, Phase.DONE)
        except StopIteration as end:
            return end.value


def names(group) -> list[str]:
    return [one.photo.name for one in group.photos]


def test_planted_edits_are_one_group_and_nothing_else_is(home, tiny_pack):
    before = {file: file.read_bytes() for file in (home / "photos").iterdir()}
    with opened(home / "library", tiny_pack, threads=2) as session:
        groups = groups_of(session)
    assert sorted(sorted(names(group)) for group in groups) == [
        [*sorted(f"astronaut {edit}.png" for edit in EDITS), "astronaut.png"],
        ["coffee copy.png", "coffee.png"],
    ]
    edited, exact = sorted(groups, key=lambda group: group.exact)
    assert not edited.exact and exact.exact and exact.photos[1].copy
    assert [one.copy for one in edited.photos[1:]] == [False] * len(EDITS)
    assert [one.keep for one in edited.photos] == [True] + [False] * len(EDITS)
    assert {file: file.read_bytes() for file in (home / "photos").iterdir()} == before


def test_two_things_of_one_outline_on_a_plain_ground_are_two_pictures():
    ground = np.full((192, 192), 245, np.uint8)
    things = [cv2.resize(cv2.cvtColor(make(), cv2.COLOR_RGB2GRAY), (90, 50)) for make in PICTURES.values()]
    shots = []
    for thing in (*things, np.full((50, 90), 60, np.uint8), np.full((50, 90), 200, np.uint8)):
        shots.append(ground.copy())
        shots[-1][70:120, 50:140] = thing
    normal = THRESHOLDS[Strictness.NORMAL]
    for one, other in itertools.combinations(shots, 2):
        assert not normal.met_by(upright(one, other), whole=True)
    for shot in shots:
        edited = cv2.GaussianBlur((shot * 0.8).astype(np.uint8), (0, 0), 1.0)
        assert normal.met_by(upright(shot, edited), whole=True)


def test_exact_asks_no_network(home, tiny_pack):
    with opened(home / "library", Path("no such pack"), threads=2) as session:
        (group,) = groups_of(session, strictness=Strictness.EXACT)
    assert names(group) == ["coffee.png", "coffee copy.png"] and group.spare_bytes == group.photos[0].photo.size


@pytest.mark.parametrize(
    ("keep", "first"),
    [(Keep.LARGEST, LARGEST), (Keep.RATED, {"astronaut small.png"})],
)
def test_the_keeper_follows_the_rule(home, tiny_pack, keep, first):
    with opened(home / "library", tiny_pack, threads=2) as session:
        group = next(group for group in groups_of(session, keep=keep) if not group.exact)
    assert names(group)[0] in first and group.photos[0].keep


def test_photos_that_are_gone_or_changed_are_no_duplicates(tmp_path, tiny_pack):
    (tmp_path / "photos").mkdir()
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / "photos" / name), cv2.resize(data.coffee(), (300, 200)))
    with opened(tmp_path / "library", tiny_pack, writer=True, threads=2) as session:
        list(index_folders(session, [tmp_path / "photos"]))
        assert len(groups_of(session)) == 1
        folder = session.folders()[0].id
        session.write(lambda catalogue: catalogue.record_scan(folder, []))
        assert groups_of(session) == ()
    with opened(tmp_path / "empty" / "library", tiny_pack, writer=True, threads=2) as session:
        assert groups_of(session) == ()


def test_it_stops_when_asked(home, tiny_pack):
    control = StopWhen(lambda: True)
    with opened(home / "library", tiny_pack, threads=2) as session, pytest.raises(Cancelled):
        list(find_duplicates(session, control=control))


def test_the_command_prints_one_document(home, tiny_pack):
    out = io.StringIO()
    with redirect_stdout(out):
        command = ["library", "duplicates", str(home / "library"), "--pack", str(tiny_pack), "--json"]
        assert cli.main(command) == 0
    document = json.loads(out.getvalue())
    assert [group["exact"] for group in document["groups"]].count(True) == 1 and len(document["groups"]) == 2
    assert {Path(photo["path"]).parent for group in document["groups"] for photo in group["photos"]} == {
        home / "photos"
    }
