"""The list behind the grid: pages on demand, hits that are refined in place, thumbnails that never block."""

import threading

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester

from desktop_app.domain.photos import FolderId, PhotoId, PhotoRecord, PhotoStatus
from desktop_app.domain.results import Hit, StageScores, Words
from desktop_app.ui.viewmodels import thumbnails as thumbnails_module
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.photo_list import PAGE, PhotoListModel, keep_in_place
from desktop_app.ui.viewmodels.thumbnails import ThumbnailProvider


def photo(number: int, status: PhotoStatus = PhotoStatus.PRESENT) -> PhotoRecord:
    name = f"/photos/IMG_{number:05}.jpg".encode()
    return PhotoRecord(PhotoId(number), FolderId(1), name, 1, 1, 640, 480, status, fingerprint=b"%016d" % number)


def hit(number: int, score: float = 0.8, words: Words = Words.SAME_THING) -> Hit:
    return Hit(photo(number), score, StageScores(score), words)


@pytest.fixture
def bridge(qapp):
    made = Bridge()
    yield made
    assert made.close()


@pytest.fixture
def model(bridge):
    made = PhotoListModel(bridge)
    tester = QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal)
    yield made
    tester.deleteLater()


def test_a_hundred_thousand_photos_are_listed_without_reading_them(bridge, qtbot):
    model, asked = PhotoListModel(bridge), []

    def fetch(ids):
        asked.append(list(ids))
        return [photo(number) for number in ids]

    ids = np.arange(1, 100_001)
    model.show_photos(ids, fetch)
    assert model.rowCount() == 100_000
    first = model.index(50_000)
    if model.photo(50_000) is None:
        qtbot.waitUntil(lambda: model.photo(50_000) is not None)
    assert first.data(Qt.ItemDataRole.DisplayRole) == "IMG_50001.jpg"
    assert all(len(page) <= PAGE for page in asked)
    assert sum(map(len, asked)) < 5 * PAGE, "only what was looked at is read"


def test_reading_a_page_happens_on_another_thread(model, qtbot):
    threads = set()

    def fetch(ids):
        threads.add(threading.current_thread())
        return [photo(number) for number in ids]

    model.show_photos(np.arange(1, 11), fetch)
    model.photo(3)
    qtbot.waitUntil(lambda: model.photo(3) is not None)
    assert threading.main_thread() not in threads


def test_changed_photos_are_read_again(model, qtbot):
    status = PhotoStatus.PENDING
    model.show_photos(np.arange(1, 11), lambda ids: [photo(number, status) for number in ids])
    model.photo(4)
    qtbot.waitUntil(lambda: model.photo(4) is not None)
    status = PhotoStatus.PRESENT
    with qtbot.waitSignal(model.dataChanged):
        model.photos_changed([PhotoId(5)])
    qtbot.waitUntil(lambda: (p := model.photo(4)) is not None and p.status is PhotoStatus.PRESENT)


def test_photos_that_come_and_go_leave_the_rest_in_place(model, qtbot):
    from PySide6.QtCore import QPersistentModelIndex

    def fetch(ids):
        asked.extend(ids)
        return [photo(number) for number in ids]

    asked: list[int] = []
    model.show_photos(np.arange(10, 30), fetch)
    model.photo(0)
    qtbot.waitUntil(lambda: model.photo(0) is not None)
    kept, resets = QPersistentModelIndex(model.index(5)), []
    model.modelReset.connect(lambda: resets.append(1))
    model.show_photos(np.array([1, 2, *range(10, 13), 5, *range(14, 30), 99]), fetch)
    assert resets == [] and kept.row() == 7 and model.photo_id(kept.row()) == 15
    assert [model.photo_id(row) for row in (0, 1, 2, 5, 6, 22)] == [1, 2, 10, 5, 14, 99]
    assert model.photo(7).id == 15, "what was read is not read again"
    assert asked.count(15) == 1
    model.show_photos(np.arange(30, 9, -1), fetch)
    assert resets == [1], "another order is another list"


def test_a_hit_says_its_words_and_its_number_to_screen_readers(model):
    model.show_hits([hit(7, 0.934, Words.ALMOST_CERTAIN)])
    text = model.index(0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert text == "IMG_00007.jpg, Almost certainly the same 0.93"


def test_weaker_hits_are_kept_back_until_they_are_asked_for(model):
    hits = [hit(1), hit(2, 0.2, Words.WEAKER), hit(3, 0.1, Words.WEAKER)]
    model.show_hits(hits, divider=1, shown=2)
    assert (model.rowCount(), model.hidden, model.divider) == (2, 1, 1)
    model.show_all()
    assert (model.rowCount(), model.hidden) == (3, 0)


def test_a_refinement_moves_the_others_around_the_photo_under_the_pointer(model):
    model.show_hits([hit(n) for n in (1, 2, 3, 4, 5)])
    moved = []
    model.hits_moved.connect(moved.append)
    model.refine_hits([hit(n) for n in (5, 4, 3, 2, 1)], keep={PhotoId(2)})
    assert [model.photo_id(row) for row in range(5)] == [5, 2, 4, 3, 1]
    assert moved == [{0: 4, 2: 3, 3: 2, 4: 0}]


def test_the_current_photo_stays_current_when_its_rank_changes(model):
    model.show_hits([hit(n) for n in (1, 2, 3)])
    from PySide6.QtCore import QPersistentModelIndex

    index = QPersistentModelIndex(model.index(0))
    model.refine_hits([hit(n) for n in (3, 2, 1)])
    assert index.row() == 2 and model.photo_id(2) == 1


def test_kept_rows_are_only_those_still_there():
    hits = [hit(n) for n in (4, 3, 2)]
    assert [h.photo.id for h in keep_in_place([1, 2, 3, 4], hits, {1, 4}, limit=3)] == [4, 3, 2]
    assert [h.photo.id for h in keep_in_place([2, 3, 4], hits, {2}, limit=3)] == [2, 4, 3]


# -- thumbnails ------------------------------------------------------------------------------------------------


def picture(_photo: PhotoRecord, side: int) -> np.ndarray:
    return np.full((side * 3 // 4, side, 3), (200, 30, 30), np.uint8)


@pytest.fixture
def make_provider(qapp):
    made = []

    def make(load=picture, **options) -> ThumbnailProvider:
        made.append(ThumbnailProvider(load, **options))
        return made[-1]

    yield make
    for provider in made:
        provider.close()


def test_a_thumbnail_comes_after_it_was_asked_for(make_provider, qtbot):
    provider = make_provider()
    with qtbot.waitSignal(provider.ready) as told:
        assert provider.pixmap(photo(1), 150) is None
    assert told.args == [1]
    found = provider.pixmap(photo(1), 150)
    assert (found.width(), found.height()) == (192, 144)
    assert found.toImage().pixelColor(5, 5).red() > 180


def test_an_offline_photo_has_no_colour(make_provider, qtbot):
    provider = make_provider()
    away = photo(2, PhotoStatus.OFFLINE)
    with qtbot.waitSignal(provider.ready):
        provider.pixmap(away, 128)
    colour = provider.pixmap(away, 128).toImage().pixelColor(9, 9)
    assert colour.red() == colour.green() == colour.blue()


def test_the_newest_wish_is_served_first_and_old_ones_are_dropped(make_provider, qtbot, monkeypatch):
    monkeypatch.setattr(thumbnails_module, "WAITING", 5)
    gate, started, order = threading.Event(), threading.Event(), []

    def slow(one, side):
        started.set()
        gate.wait(10)
        order.append(int(one.id))
        return picture(one, side)

    provider = make_provider(slow, workers=1)
    provider.pixmap(photo(1), 128)
    assert started.wait(10)
    for number in range(2, 21):
        provider.pixmap(photo(number), 128)
    gate.set()
    qtbot.waitUntil(lambda: provider.idle)
    assert order == [1, 20, 19, 18, 17, 16], "what was scrolled past is never decoded"


def test_only_what_is_in_view_stays_in_the_queue(make_provider, qtbot):
    gate, started, order = threading.Event(), threading.Event(), []

    def slow(one, side):
        started.set()
        gate.wait(10)
        order.append(int(one.id))
        return picture(one, side)

    provider = make_provider(slow, workers=1)
    provider.pixmap(photo(1), 128)
    assert started.wait(10)
    for number in range(2, 11):
        provider.pixmap(photo(number), 128)
    provider.keep_waiting([photo(3), photo(4)], 128)
    gate.set()
    qtbot.waitUntil(lambda: provider.idle)
    assert order == [1, 4, 3]


def test_memory_is_bounded_and_the_oldest_goes_first(make_provider, qtbot):
    provider = make_provider(bytes_kept=3 * 128 * 96 * 4)
    for number in range(1, 7):
        with qtbot.waitSignal(provider.ready):
            provider.pixmap(photo(number), 128)
    assert provider.bytes_held <= 3 * 128 * 96 * 4
    assert provider.pixmap(photo(6), 128) is not None


def test_a_photo_without_a_picture_is_known_as_such_until_it_changes(make_provider, qtbot):
    provider = make_provider(lambda _photo, _side: None)
    with qtbot.waitSignal(provider.ready):
        provider.pixmap(photo(1), 128)
    assert provider.is_absent(photo(1), 128)
    provider.forget([PhotoId(1)])
    assert not provider.is_absent(photo(1), 128)


def test_a_broken_preview_ends_no_worker(make_provider, qtbot):
    def load(one, side):
        if one.id == 1:
            raise RuntimeError("damaged")
        return picture(one, side)

    provider = make_provider(load, workers=1)
    for number in (1, 2):
        with qtbot.waitSignal(provider.ready):
            provider.pixmap(photo(number), 128)
    assert provider.pixmap(photo(2), 128) is not None


def test_another_size_stands_in_while_the_right_one_is_made(make_provider, qtbot):
    provider = make_provider()
    with qtbot.waitSignal(provider.ready):
        provider.pixmap(photo(1), 128)
    assert provider.pixmap(photo(1), 380).width() == 128
    qtbot.waitUntil(lambda: provider.pixmap(photo(1), 380).width() == 384)
