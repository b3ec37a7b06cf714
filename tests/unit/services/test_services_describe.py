"""Metadata is stored while indexing, and read later for photos whose sidecars change or that were there before."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from desktop_app.bootstrap import Options, open_engine
from desktop_app.domain.progress import Phase
from desktop_app.services.index_folder import index_folders, rescan, resume
from desktop_app.services.library_session import LibrarySession
from tests.unit.imaging.test_imaging_metadata import FULL, exif, saved, subjects, xmp

HOSTILE = b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "full.jpg").write_bytes(saved("JPEG", exif=exif(), xmp=FULL))
    (folder / "hostile.jpg").write_bytes(saved("JPEG", xmp=HOSTILE, quality=50))
    return folder


@pytest.fixture
def session(tmp_path: Path, tiny_pack: Path, photos: Path) -> Iterator[LibrarySession]:
    with LibrarySession(
        tmp_path / "library",
        writer=True,
        open_engine=partial(open_engine, Options(threads=1)),
        find_pack=lambda digest: None,
        pack=str(tiny_pack),
        threads=2,
    ) as session:
        list(index_folders(session, [photos]))
        yield session


def facts(session: LibrarySession, name: str):
    photo = next(photo for photo in session.photos_page() if photo.name == name)
    return session.reader.facts_of(photo.id)


def test_indexing_stores_what_files_say_and_hostile_metadata_stops_nothing(session):
    assert facts(session, "full.jpg").keywords == ("blue sea", "boat")
    assert facts(session, "full.jpg").camera == "ILCE-7M4"
    assert facts(session, "hostile.jpg").kind == "JPEG"
    assert session.counts().indexed == 2


def test_a_changed_sidecar_is_read_without_embedding_the_photo_again(session, photos):
    (photos / "full.xmp").write_bytes(xmp(subjects("harbour"), 'xmp:Rating="5"'))
    steps = list(rescan(session))
    assert not [step for step in steps if step.phase is Phase.INDEXING]
    (described,) = [step for step in steps if step.phase is Phase.DESCRIBING]
    assert (described.done, described.total, len(described.changed)) == (1, 1, 1)
    assert facts(session, "full.jpg").rating == 5 and facts(session, "full.jpg").keywords == ("harbour",)
    assert (photos / "full.jpg").read_bytes() == saved("JPEG", exif=exif(), xmp=FULL)


def test_a_file_that_is_gone_meanwhile_waits_for_the_next_run(session, photos):
    (photos / "full.xmp").write_bytes(xmp("", 'xmp:Rating="5"'))
    session.write(lambda catalogue: catalogue._db.execute("UPDATE photos SET described = 0"))
    (photos / "full.jpg").unlink()
    list(resume(session))
    assert [photo.name for photo in session.reader.undescribed(10)] == ["full.jpg"]
