"""Tags and ratings are written beside the photos: what else a sidecar holds stays, no photo is ever touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from desktop_app.domain.photos import FoundFile
from desktop_app.imaging.xmp import read_xmp
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.write_sidecars import sidecars_of, write_sidecars

OTHERS = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:c="urn:crop" c:left="0.25"/></rdf:RDF></x:xmpmeta>'
)


def no_engine(_pack):
    raise AssertionError("no network is needed")


@pytest.fixture
def session(tmp_path):
    """Three photos in a library: one without a sidecar, one with another program's, one with a damaged one."""
    photos = tmp_path / "photos"
    photos.mkdir()
    found = []
    for name, sidecar, content in (
        ("a.jpg", None, b""),
        ("b.jpg", "b.xmp", OTHERS),
        ("c.jpg", "c.jpg.xmp", b"<x:"),
    ):
        (photos / name).write_bytes(b"the photo " + name.encode())
        if sidecar:
            (photos / sidecar).write_bytes(content)
        beside = os.fsencode(photos / sidecar) if sidecar else None
        found.append(FoundFile(os.fsencode(photos / name), 11, 1, None, beside, 1))
    with LibrarySession(
        tmp_path / "library", writer=True, open_engine=no_engine, find_pack=lambda _: None, pack=None, threads=1
    ) as session:
        folder = session.write(lambda catalogue: catalogue.add_folder(os.fsencode(photos)))
        session.write(lambda catalogue: catalogue.record_scan(folder, found))
        ids = session.reader.photo_ids().tolist()
        session.set_rating(ids, 4)
        session.change_tags(ids, add=["sea"], remove=[])
        yield session


def ids_of(session):
    return sorted(session.reader.photo_ids().tolist())


def labels(path: Path) -> tuple[int | None, tuple[str, ...]]:
    facts = read_xmp(path.read_bytes())
    return facts.rating, facts.keywords


def test_every_photo_gets_its_file_and_nothing_else_changes(session, tmp_path):
    photos = tmp_path / "photos"
    before = {path.name: path.read_bytes() for path in photos.iterdir()}
    (photos / "b.xmp").chmod(0o640)
    planned = {plan.path.name: plan.there for plan in sidecars_of(session, ids_of(session))}
    assert planned == {"a.jpg.xmp": False, "b.xmp": True, "c.jpg.xmp": True}
    written = write_sidecars(session, ids_of(session))
    assert sorted(path.name for path in written.files) == ["a.jpg.xmp", "b.xmp"]
    assert labels(photos / "a.jpg.xmp") == labels(photos / "b.xmp") == (4, ("sea",))
    assert b'c:left="0.25"' in (photos / "b.xmp").read_bytes()
    if os.name == "posix":
        assert (photos / "b.xmp").stat().st_mode & 0o777 == 0o640
    (skipped,) = written.skipped
    assert skipped.path.endswith(b"c.jpg.xmp") and "damaged" in skipped.reason
    after = {path.name: path.read_bytes() for path in photos.iterdir()}
    assert sorted(after) == sorted([*before, "a.jpg.xmp"])
    assert {name for name in before if after[name] != before[name]} == {"b.xmp"}


def test_a_photo_that_is_away_gets_no_file(session, tmp_path):
    (tmp_path / "photos" / "a.jpg").unlink()
    written = write_sidecars(session, ids_of(session)[:1])
    assert written.files == () and "not there" in written.skipped[0].reason
    assert not (tmp_path / "photos" / "a.jpg.xmp").exists()


def test_a_link_that_leads_to_a_photo_is_not_followed(session, tmp_path):
    photo = tmp_path / "photos" / "b.jpg"
    (tmp_path / "photos" / "b.xmp").unlink()
    try:
        (tmp_path / "photos" / "b.xmp").symlink_to(photo)
    except OSError:
        pytest.skip("links cannot be made here")
    written = write_sidecars(session, ids_of(session)[1:2])
    assert written.files == () and photo.read_bytes() == b"the photo b.jpg"
