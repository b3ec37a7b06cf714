"""Every search compares the cells of its first candidates; libraries from before get theirs from previews."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from desktop_app.domain.errors import Cancelled
from desktop_app.domain.progress import Phase, StopWhen
from desktop_app.domain.query import FilePicture, Profile, Query, QueryItem
from desktop_app.services.index_folder import index_folders, rescan
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.search import SearchService
from tests.support.opened import opened
from tests.support.tiny_pack import make_tiny_pack

COUNT = 8


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_pack(tmp_path_factory.mktemp("packs") / "tiny")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(COUNT):
        blobs = np.random.default_rng(seed).uniform(0, 255, (6, 8, 3))
        picture = cv2.resize(blobs, (320, 240), interpolation=cv2.INTER_CUBIC).clip(0, 255)
        cv2.imwrite(str(folder / f"{seed}.png"), picture.astype(np.uint8))
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, photos: Path, pack: Path) -> Path:
    root = tmp_path_factory.mktemp("made") / "library"
    with opened(root, pack, writer=True) as session:
        list(index_folders(session, [photos]))
    return root


@pytest.fixture
def session(tmp_path: Path, made: Path, pack: Path) -> Iterator[LibrarySession]:
    shutil.copytree(made, tmp_path / "library")
    with opened(tmp_path / "library", pack, writer=True) as session:
        yield session


def forget_cells(session: LibrarySession, where: str = "1") -> None:
    def change(catalogue):
        catalogue._db.execute(f"DELETE FROM cell_codes WHERE {where}")
        catalogue._db.execute("UPDATE features SET has_local = 1 WHERE id NOT IN (SELECT feature FROM cell_codes)")

    session.write(change)


def raw(session: LibrarySession, path: Path, profile: Profile = Profile.BALANCED) -> dict[int, float]:
    query = Query((QueryItem(FilePicture(os.fsencode(path))),), profile=profile)
    last = [standing for standing, _ in SearchService(session).standings(query)][-1]
    return dict(zip(last.rows.tolist(), last.raw.tolist(), strict=True))


def test_cells_come_with_the_index_run(session):
    rows = session.reader.feature_rows(session.pack_digest)
    assert all(codes is not None and codes.shape[2] == 16 for codes in session.reader.cell_codes(rows))


def test_what_stands_out_among_the_candidates_is_raised(session, tmp_path):
    query = tmp_path / "query.png"
    cv2.imwrite(str(query), np.random.default_rng(99).integers(0, 255, (200, 260, 3), dtype=np.uint8))
    found = raw(session, query)
    forget_cells(session)
    without = raw(session, query)
    raised = [row for row in found if found[row] > without[row] + 1e-6]
    assert len(raised) == 1  # what lies above the 0.9 quantile of the eight photos
    assert all(found[row] == pytest.approx(without[row], abs=1e-6) for row in found if row not in raised)


def test_a_photo_that_asks_stays_in_front_for_its_copies(session, photos):
    found = raw(session, photos / "3.png")
    own = session.reader.feature_rows_of(
        session.pack_digest, [session.reader.photo_by_path(os.fsencode(photos / "3.png")).id]
    )
    assert max(found, key=lambda row: found[row]) == int(own[0])


def test_a_library_from_before_gets_its_cells_and_a_stopped_run_goes_on(session, monkeypatch):
    monkeypatch.setattr("desktop_app.services.index_tiles.TOGETHER", 3)
    digest = session.pack_digest
    rows = session.reader.feature_rows(digest)
    before = session.reader.cell_codes(rows)
    forget_cells(session)
    assert session.reader.lacking_cells_count(digest) == COUNT
    told: list[int] = []
    with pytest.raises(Cancelled):
        for progress in rescan(session, control=StopWhen(lambda: len(told) >= 4)):
            told.extend([progress.done] * (progress.phase is Phase.PARTS))
    assert session.reader.lacking_cells_count(digest) == COUNT - 3
    list(rescan(session))
    assert session.reader.lacking_cells_count(digest) == 0
    for codes, first in zip(session.reader.cell_codes(rows), before, strict=True):
        apart = np.unpackbits(codes ^ first).mean()
        assert apart < 0.1  # a preview is a JPEG of what was indexed
