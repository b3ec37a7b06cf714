"""An open library: readers of several threads, packs that change, feedback rounds, and its end."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from desktop_app.bootstrap import Options, open_engine
from desktop_app.domain.errors import LibraryError, UnreadableImage, UsageError
from desktop_app.domain.feedback import FeedbackSession
from desktop_app.domain.geometry import Cell, Region
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.progress import StopWhen
from desktop_app.domain.query import (
    FilePicture,
    LibraryPicture,
    Mark,
    PixelPicture,
    Profile,
    Query,
    QueryItem,
    Side,
)
from desktop_app.library import schema
from desktop_app.retrieval.marked_query import query_of
from desktop_app.services.explain import ExplainService
from desktop_app.services.index_folder import index_folders, probe_speed, rescan, resume
from desktop_app.services.library_session import LibrarySession, PhotoOrder
from desktop_app.services.search import SearchService
from tests.support.tiny_pack import make_tiny_pack

PICTURES = {"astronaut": data.astronaut, "coffee": data.coffee, "cat": data.chelsea}


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs")
    make_tiny_pack(folder / "first", seed=0, name="first")
    make_tiny_pack(folder / "second", seed=1, name="second")
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, picture in PICTURES.items():
        small = cv2.resize(cv2.cvtColor(picture(), cv2.COLOR_RGB2BGR), (320, 240))
        cv2.imwrite(str(folder / f"{name}.png"), small)
        cv2.imwrite(str(folder / f"{name} dark.png"), (small * 0.7).astype(np.uint8))
        cv2.imwrite(str(folder / f"{name} part.png"), small[20:-20, 30:-30])
    return folder


def opened(root: Path, packs: Path, pack: str = "first", *, writer: bool = True) -> LibrarySession:
    def find(digest: str) -> str | None:
        for folder in sorted(packs.iterdir()):
            engine = open_engine(Options(threads=1), str(folder))
            if engine.digest == digest:
                return str(folder)
        return None

    return LibrarySession(
        root,
        writer=writer,
        open_engine=partial(open_engine, Options(threads=1)),
        find_pack=find,
        pack=str(packs / pack),
        threads=2,
    )


@pytest.fixture
def session(tmp_path: Path, packs: Path, photos: Path) -> Iterator[LibrarySession]:
    with opened(tmp_path / "library", packs) as session:
        run(index_folders(session, [photos]))
        yield session


def run(job):
    steps = []
    while True:
        try:
            steps.append(next(job))
        except StopIteration as end:
            return steps, end.value


def photo_named(session: LibrarySession, name: str):
    return next(photo for photo in session.photos_page() if photo.name == name)


def best(session: LibrarySession, query: Query) -> list[str]:
    *_, answer = SearchService(session).search(query)
    return [hit.photo.name for hit in answer.hits]


def likeness(session: LibrarySession, query: Query, name: str) -> float:
    """What the stage `global` says of the photo."""
    *_, answer = SearchService(session).search(query)
    (found,) = [hit.stages.global_ for hit in answer.hits if hit.photo.name == name]
    assert found is not None
    return found


def test_the_first_answer_comes_after_global_and_the_last_is_final(session: LibrarySession) -> None:
    query = Query((QueryItem(LibraryPicture(photo_named(session, "cat.png").id)),))
    first, last = SearchService(session).search(query)
    assert ([stage.value for stage in first.stages_run], first.final) == (["global"], False)
    assert ([stage.value for stage in last.stages_run], last.final) == (["global", "graph", "local"], True)
    assert {hit.photo.id for hit in first.hits} == {hit.photo.id for hit in last.hits}
    assert len(last.hits) == 8 and last.searched == 9
    assert last.hits[0].photo.name.startswith("cat")


def test_a_library_photo_is_not_its_own_result_but_its_copy_is(session: LibrarySession, photos: Path) -> None:
    shutil.copy(photos / "cat.png", photos / "zz copy of the cat.png")
    run(rescan(session))
    by_id = Query((QueryItem(LibraryPicture(photo_named(session, "cat.png").id)),))
    by_file = Query((QueryItem(FilePicture(os.fsencode(photos / "cat.png"))),))
    for query in (by_id, by_file):
        names = best(session, query)
        assert names[0] == "zz copy of the cat.png" and "cat.png" not in names


def test_equal_scores_are_ordered_by_path_and_not_by_when_they_were_indexed(
    session: LibrarySession, photos: Path
) -> None:
    shutil.copy(photos / "coffee.png", photos / "b.png")
    run(rescan(session))
    shutil.copy(photos / "coffee.png", photos / "a.png")
    (photos / "0.png").write_bytes((photos / "coffee.png").read_bytes() + b"\0")  # same pixels, other content
    run(rescan(session))
    names = best(session, Query((QueryItem(FilePicture(os.fsencode(photos / "coffee.png"))),)))
    assert names[:3] == ["0.png", "a.png", "b.png"]


def test_the_folder_filter_leaves_out_other_folders(session: LibrarySession, photos: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(photos / "cat dark.png", other / "elsewhere.png")
    run(index_folders(session, [other]))
    (folder,) = [record.id for record in session.folders() if record.path == os.fsencode(other)]
    query = Query((QueryItem(LibraryPicture(photo_named(session, "cat.png").id)),), folders=frozenset([folder]))
    assert best(session, query) == ["elsewhere.png"]


def test_a_region_a_pasted_picture_and_several_pictures_can_be_asked_with(session: LibrarySession) -> None:
    cat = photo_named(session, "cat.png")
    region = Query((QueryItem(LibraryPicture(cat.id), region=Region(60, 40, 200, 160)),))
    assert len(best(session, region)) == 8
    pasted = Query((QueryItem(PixelPicture(data.chelsea())),), profile=Profile.INSTANT)
    assert best(session, pasted)[0].startswith("cat")
    coffee = photo_named(session, "coffee.png")
    both = Query((QueryItem(LibraryPicture(cat.id)), QueryItem(LibraryPicture(coffee.id), negative=True)))
    names = best(session, both)
    assert "coffee.png" not in names and len(names) == 7


def test_a_region_that_is_too_small_or_outside_is_a_sentence(session: LibrarySession) -> None:
    cat = LibraryPicture(photo_named(session, "cat.png").id)
    for region, words in ((Region(10, 10, 4, 100), "too small"), (Region(400, 10, 50, 50), "outside")):
        with pytest.raises(UsageError, match=words):
            best(session, Query((QueryItem(cat, region=region),)))


def test_only_unwanted_pictures_are_no_question(session: LibrarySession) -> None:
    cat = LibraryPicture(photo_named(session, "cat.png").id)
    with pytest.raises(UsageError, match="no picture to look for"):
        best(session, Query((QueryItem(cat, negative=True),)))


def test_a_photo_that_is_gone_is_asked_with_and_explained_by_its_preview(
    session: LibrarySession, photos: Path
) -> None:
    cat = photo_named(session, "cat.png")
    photos.rename(photos.with_name("away"))
    query = QueryItem(LibraryPicture(cat.id))
    assert best(session, Query((query,)))[0].startswith("cat")
    service = ExplainService(session)
    evidence = service.explain(query, photo_named(session, "cat dark.png"))
    assert evidence.query_box == Region(0, 0, 320, 240)
    seen = service.result_picture(cat)
    assert (seen.width, seen.height) == (320, 240)
    with pytest.raises(UnreadableImage):
        best(session, Query((QueryItem(FilePicture(os.fsencode(photos / "nothing.png"))),)))


def test_marks_make_a_second_round_in_which_the_marked_photo_stays(session: LibrarySession) -> None:
    query = Query((QueryItem(LibraryPicture(photo_named(session, "cat.png").id)),))
    result = photo_named(session, "coffee.png")
    evidence = ExplainService(session).explain(query.items[0], result)
    grid = evidence.result_grid
    mark = Mark(
        Side.RESULT, Cell(grid.rows // 2, grid.columns // 2), grid, evidence.result_box, +1, photo=result.id
    )
    second = query_of(FeedbackSession(query).with_marks((mark,)))
    names = best(session, second)
    assert "coffee.png" in names and "cat.png" not in names
    assert names.index("coffee.png") <= best(session, query).index("coffee.png")
    assert likeness(session, second, "coffee.png") > likeness(session, query, "coffee.png")
    own = Mark(Side.QUERY, Cell(2, 2), evidence.query_grid, evidence.query_box, +1)
    assert len(best(session, query_of(FeedbackSession(second).with_marks((own,))))) == 8


def test_old_features_answer_until_a_new_pack_has_seen_everything(
    session: LibrarySession, tmp_path: Path, packs: Path
) -> None:
    digest = session.pack_digest
    session.close()
    query = Query((QueryItem(PixelPicture(data.chelsea())),))
    with opened(tmp_path / "library", packs, "second") as changed:
        assert changed.pack_digest != digest
        assert changed.search_engine().digest == digest
        assert best(changed, query)[0].startswith("cat")
        _, summary = run(resume(changed))
        assert summary.indexed == 9
        assert changed.search_engine().digest == changed.pack_digest
        assert best(changed, query)[0].startswith("cat")


def test_a_stopped_run_keeps_what_it_has_and_is_resumed(
    tmp_path: Path, packs: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from desktop_app.domain.errors import Cancelled

    monkeypatch.setattr("desktop_app.services.pipeline.BATCHES_IN_FLIGHT", 1)
    monkeypatch.setattr("desktop_app.inference.session.BATCH_ON_CPU", 2)
    with opened(tmp_path / "library", packs) as session:
        seen: list[int] = []
        job = index_folders(session, [photos], control=StopWhen(lambda: bool(seen)))
        with pytest.raises(Cancelled):
            for progress in job:
                seen += progress.changed
        kept = session.counts()
        assert 0 < kept.indexed < 9 and kept.indexed + kept.pending == 9
        steps, summary = run(resume(session, low_priority=True))
        assert summary.indexed == 9 - kept.indexed
        assert session.counts().indexed == 9
        assert steps[-1].phase.value == "done" and steps[-1].device.startswith("CPU")


def test_every_thread_reads_and_closing_meanwhile_is_an_error_and_no_crash(session: LibrarySession) -> None:
    outcomes: list[object] = []
    started = threading.Barrier(5)

    def read() -> None:
        started.wait()
        try:
            while True:
                assert len(session.photo_ids(PhotoOrder.NAME)) == 9
                photo = session.photos_page(limit=1)[0]
                assert session.thumbnail(photo, 64) is not None
        except LibraryError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    started.wait()
    session.set_setting("key", "value")
    assert session.get_setting("key") == "value"
    session.close()
    for thread in threads:
        thread.join(10)
    assert len(outcomes) == 4
    with pytest.raises(LibraryError, match="closed"):
        session.folders()


def test_a_drive_that_leaves_while_searching_leaves_its_photos_findable_by_their_previews(
    session: LibrarySession, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from desktop_app.services import pictures

    cat = photo_named(session, "cat.png")
    item = QueryItem(LibraryPicture(cat.id))
    part = QueryItem(LibraryPicture(cat.id), region=Region(40, 30, 160, 150))
    whole = best(session, Query((item,)))
    decode, decode_full = pictures.decode_photo, pictures.decode_full

    def leaves(path: bytes, **asked: bool) -> object:
        """The drive is gone when the file is to be read, not before."""
        if photos.exists():
            photos.rename(photos.with_name("away"))
        return (decode if asked else decode_full)(path, **asked)

    monkeypatch.setattr(pictures, "decode_photo", leaves)
    monkeypatch.setattr(pictures, "decode_full", leaves)
    for query in (Query((item,)), Query((part,))):
        search = SearchService(session).search(query)
        first = next(search)
        assert not photos.exists() and len(first.hits) == 8
        assert best(session, query)[:2] == [hit.photo.name for hit in next(search).hits][:2]
        assert best(session, query)[0].startswith("cat")
        photos.with_name("away").rename(photos)
    with monkeypatch.context() as there:
        there.setattr(pictures, "decode_photo", decode)
        assert best(session, Query((item,))) == whole
    session.previews.forget([cat.fingerprint or b""])
    with pytest.raises(UnreadableImage, match="no preview of it") as told:
        best(session, Query((item,)))
    assert "Connect its drive" in told.value.remedy


def test_a_library_whose_drive_leaves_while_searching_is_a_sentence(
    tmp_path: Path, session: LibrarySession
) -> None:
    (tmp_path / "library").rename(tmp_path / "away")
    query = Query((QueryItem(PixelPicture(data.chelsea())),))
    with pytest.raises(LibraryError, match="is not there any more") as told:
        best(session, query)
    assert "Connect its drive" in told.value.remedy
    (tmp_path / "away").rename(tmp_path / "library")
    assert best(session, query)[0].startswith("cat")


def test_a_forgotten_folder_leaves_the_answers_and_no_previews(session: LibrarySession, photos: Path) -> None:
    query = Query((QueryItem(PixelPicture(data.chelsea())),))
    assert best(session, query)
    (folder,) = session.folders()
    session.forget_folder(folder.id)
    assert best(session, query) == [] and session.previews.fingerprints() == set()
    assert sorted(path.name for path in photos.iterdir())[0] == "astronaut dark.png"


def test_a_reader_cannot_write(session: LibrarySession, tmp_path: Path, packs: Path) -> None:
    with opened(tmp_path / "library", packs, writer=False) as reader:
        assert len(reader.photo_ids()) == 9
        with pytest.raises(LibraryError, match="reading only"):
            reader.set_setting("key", "value")
        with pytest.raises(LibraryError, match="not in the library"):
            reader.photo(PhotoId(999))


def test_the_speed_probe_stores_nothing(tmp_path: Path, packs: Path, photos: Path) -> None:
    with opened(tmp_path / "library", packs) as session:
        probe = probe_speed(session, [photos], seconds=0.1)
        assert probe.images_per_second > 0 and probe.sampled > 0 and probe.device_words.startswith("CPU")
        assert session.counts().photos == 0
        assert probe_speed(session, [tmp_path / "library"]).images_per_second == 0


def test_what_another_folder_holds_does_not_count_as_unchanged(
    session: LibrarySession, photos: Path, tmp_path: Path
) -> None:
    (photos / "broken.jpg").write_bytes(b"no picture")
    other = tmp_path / "other"
    other.mkdir()
    for name in ("coffee.png", "cat.png"):
        shutil.copy(photos / name, other)
    assert run(index_folders(session, [photos]))[1].unchanged == 9
    first = run(index_folders(session, [other]))[1]
    again = run(index_folders(session, [other]))[1]
    assert [(one.indexed, one.unchanged, len(one.skipped)) for one in (first, again)] == [(2, 0, 0), (0, 2, 0)]


def test_a_preview_that_is_lost_or_damaged_is_made_again_from_the_original(
    session: LibrarySession, photos: Path
) -> None:
    cat, coffee = photo_named(session, "cat.png"), photo_named(session, "coffee.png")
    before = session.thumbnail(cat, 128)
    shutil.rmtree(session.layout.previews_dir)
    assert np.array_equal(session.thumbnail(cat, 128), before) and session.previews.has(cat.fingerprint)
    session.previews.put(cat.fingerprint, b"no JPEG")
    assert np.array_equal(session.thumbnail(cat, 128), before)
    (photos / "coffee.png").unlink()
    assert session.thumbnail(coffee, 128) is None


def test_a_reader_brings_an_older_library_up_to_date_when_nobody_writes(
    session: LibrarySession, packs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = session.root
    session.close()
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, "CREATE TABLE later (id INTEGER PRIMARY KEY) STRICT;"))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    with opened(root, packs, writer=False) as reader:
        assert reader.reader.counts().indexed == 9
