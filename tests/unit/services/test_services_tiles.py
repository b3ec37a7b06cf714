"""A library that is searched in parts finds small things, says where they are, and loses nothing else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from desktop_app.domain.errors import Cancelled
from desktop_app.domain.features import TILES
from desktop_app.domain.filters import Choice, FilterKind, PhotoFilter
from desktop_app.domain.geometry import Region
from desktop_app.domain.progress import Phase, StopWhen
from desktop_app.domain.query import FilePicture, Profile, Query, QueryItem
from desktop_app.domain.results import Hit
from desktop_app.retrieval.tiles import region_boxes, tile_box
from desktop_app.services.index_folder import IndexSummary, index_folders, rescan
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.maintenance import check, repair, stats
from desktop_app.services.score_keeper import LibraryLevels, ScoreKeeper, pack_state
from desktop_app.services.search import SearchService
from tests.support.opened import opened
from tests.support.tiny_pack import make_tiny_pack

COUNT = 8
PLACE = Region(400, 40, 200, 150)  # of the thing in the photo "scene.png", inside the tile at the top right


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_pack(tmp_path_factory.mktemp("packs") / "tiny")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grey-green photos, in one of which a small coloured thing lies."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(COUNT - 1):
        cv2.imwrite(str(folder / f"plain-{number:02}.png"), ground(number))
    scene = ground(50)
    scene[PLACE.y : PLACE.y + PLACE.h, PLACE.x : PLACE.x + PLACE.w] = thing(PLACE.w, PLACE.h)
    cv2.imwrite(str(folder / "scene.png"), scene)
    return folder


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("query") / "thing.png"
    cv2.imwrite(str(path), thing(320, 240))
    return path


def ground(seed: int) -> np.ndarray:
    blobs = np.random.default_rng(seed).uniform(60, 180, (5, 7, 3)) * (0.6, 1.0, 0.7)
    return cv2.resize(blobs, (640, 480), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


def thing(width: int, height: int) -> np.ndarray:
    squares = np.random.default_rng(9).integers(0, 2, (6, 8, 3)) * 255
    return cv2.resize(squares.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, photos: Path, pack: Path) -> Path:
    root = tmp_path_factory.mktemp("made") / "library"
    with opened(root, pack, writer=True) as session:
        session.set_tiles_wanted(True)
        list(index_folders(session, [photos]))
    return root


@pytest.fixture
def session(tmp_path: Path, made: Path, pack: Path) -> Iterator[LibrarySession]:
    shutil.copytree(made, tmp_path / "library")
    with opened(tmp_path / "library", pack, writer=True) as session:
        yield session


def hits(session: LibrarySession, path: Path, **options: object) -> tuple[Hit, ...]:
    query = Query((QueryItem(FilePicture(os.fsencode(path))),), **{"profile": Profile.INSTANT, **options})
    *_, answer = SearchService(session).search(query)
    return answer.hits


def lacking(session: LibrarySession) -> int:
    return session.reader.lacking_tiles_count(session.pack_digest)


@pytest.mark.parametrize("profile", list(Profile))
def test_a_small_thing_is_found_and_its_place_told(session, query, profile):
    first = hits(session, query, profile=profile)[0]
    assert first.photo.name == "scene.png"
    assert first.part is not None
    assert first.part.box.contains(PLACE.x + PLACE.w / 2, PLACE.y + PLACE.h / 2)
    assert first.part.score > first.stages.global_
    assert first.part.box.w < first.photo.width


def test_a_whole_photo_finds_itself_as_a_whole(session, photos, tmp_path):
    copy = tmp_path / "copy.jpg"
    cv2.imwrite(str(copy), cv2.imread(str(photos / "plain-03.png")))
    first = hits(session, copy)[0]
    assert first.photo.name == "plain-03.png"
    assert first.part is None


def test_without_parts_every_photo_is_found_by_the_whole(session, query):
    session.set_tiles_wanted(False)
    found = hits(session, query)
    assert len(found) == COUNT
    assert all(hit.part is None for hit in found)
    assert session.reader.tiles_count() == 0
    assert check(session.root) == []


def test_every_photo_is_one_result(session, query):
    names = [hit.photo.name for hit in hits(session, query, profile=Profile.BALANCED)]
    assert len(names) == len(set(names)) == COUNT


def test_a_filter_holds_for_parts_too(session, query):
    chosen = PhotoFilter((Choice((FilterKind.FORMAT, "JPEG")),))
    assert hits(session, query, chosen=chosen) == ()


def test_turned_and_regions_work_with_parts(session, query, tmp_path):
    turned = tmp_path / "turned.png"
    cv2.imwrite(str(turned), cv2.rotate(cv2.imread(str(query)), cv2.ROTATE_90_CLOCKWISE))
    assert hits(session, turned, turned=True)[0].photo.name == "scene.png"
    part = QueryItem(FilePicture(os.fsencode(query)), region=Region(0, 0, 200, 200))
    *_, answer = SearchService(session).search(Query((part,)))
    assert answer.hits[0].photo.name == "scene.png"


def test_turning_it_on_describes_what_is_there_and_a_stopped_run_goes_on(tmp_path, photos, pack, query):
    with opened(tmp_path / "library", pack, writer=True) as session:
        list(index_folders(session, [photos]))
        session.set_tiles_wanted(True)
        assert lacking(session) == COUNT
        assert stopped_after(session, 3) == [1, 2, 3]
        summary = finished(rescan(session))
        assert (summary.parts, lacking(session)) == (COUNT, 0)
        assert finished(rescan(session)).parts == 0
        assert hits(session, query)[0].photo.name == "scene.png"
        assert stats(session).in_parts == COUNT


def test_a_run_keeps_the_parts_it_committed(session, photos, monkeypatch):
    session.set_tiles_wanted(False)
    session.set_tiles_wanted(True)
    monkeypatch.setattr("desktop_app.services.index_tiles.TOGETHER", 4)
    stopped_after(session, 6)
    assert lacking(session) == COUNT - 4


def test_a_repair_makes_lost_and_damaged_parts_again(tmp_path, photos, pack):
    root = tmp_path / "library"
    with opened(root, pack, writer=True) as session:
        session.set_tiles_wanted(True)
        list(index_folders(session, [photos]))
        session.write(lambda catalogue: catalogue._db.execute("UPDATE tiles SET checksum = 0 WHERE id = 1"))
        session.write(lambda catalogue: catalogue._db.execute("DELETE FROM tiles WHERE id = 2"))
    assert len(check(root)) == 2
    finished(repair(root, lambda: opened(root, pack, writer=True)))
    assert check(root) == []


def test_another_pack_describes_the_parts_anew(session, photos, tmp_path, query):
    other = make_tiny_pack(tmp_path / "other", seed=3)
    root = session.root
    session.close()
    with opened(root, other, writer=True) as later:
        assert finished(rescan(later)).parts == COUNT
        assert hits(later, query)[0].photo.name == "scene.png"


def test_a_photo_that_was_removed_is_not_found_by_its_parts(session, query):
    assert hits(session, query)[0].part is not None
    session.forget_folder(session.folders()[0].id)
    assert hits(session, query) == ()


def test_levels_are_measured_again_when_parts_are_turned_on_or_off(session):
    keeper, engine = ScoreKeeper(session), session.search_engine()
    keeper.keep(LibraryLevels(pack_state(engine, tiles=True), COUNT, {}))
    assert not keeper.wants(engine, COUNT)
    session.set_tiles_wanted(False)
    assert keeper.wants(engine, COUNT)
    assert keeper.levels(engine) is not None  # the nearest that is known, until the next run


def test_boxes_of_tiles_cover_the_photo_and_stay_inside():
    boxes = [tile_box(tile, 101, 67) for tile in range(TILES)]
    assert len(region_boxes()) == TILES + 1
    assert all(box.x + box.w <= 101 and box.y + box.h <= 67 for box in boxes)
    for part in (boxes[:4], boxes[4:]):
        assert all(any(box.contains(x, y) for box in part) for x in range(101) for y in range(67))


def stopped_after(session: LibrarySession, photos: int) -> list[int]:
    """What a run tells that is stopped after the parts of so many photos."""
    told: list[int] = []
    with pytest.raises(Cancelled):
        for progress in rescan(session, control=StopWhen(lambda: len(told) >= photos)):
            told.extend([progress.done] * (progress.phase is Phase.PARTS))
    return told


def finished(job: object) -> IndexSummary:
    while True:
        try:
            next(job)
        except StopIteration as end:
            return end.value
