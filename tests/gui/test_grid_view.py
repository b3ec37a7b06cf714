"""The grid as a person uses it: keys, pointer, size, preview, menu, and what is painted."""

import os

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtWidgets import QMenu, QPushButton
from support.pointer import drag

from desktop_app.domain.photos import FolderId, PhotoId, PhotoRecord, PhotoStatus
from desktop_app.domain.results import Hit, StageScores, Words
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.full_pictures import FullPictures
from desktop_app.ui.viewmodels.photo_list import PhotoListModel
from desktop_app.ui.viewmodels.thumbnails import ThumbnailProvider
from desktop_app.ui.views import photo_actions
from desktop_app.ui.views.grid_view import LARGEST
from desktop_app.ui.views.photo_grid import PhotoGrid


def photo(number: int, path: bytes | None = None, status: PhotoStatus = PhotoStatus.PRESENT) -> PhotoRecord:
    name = path or f"/photos/IMG_{number:05}.jpg".encode()
    return PhotoRecord(PhotoId(number), FolderId(1), name, 1, 1, 640, 480, status, fingerprint=b"%016d" % number)


def colour_of(number: int) -> tuple[int, int, int]:
    return (40 + 50 * (number % 4), 200 - 40 * (number % 5), 60)


def picture(one: PhotoRecord, side: int) -> np.ndarray:
    return np.full((side * 3 // 4, side, 3), colour_of(one.id), np.uint8)


@pytest.fixture
def parts(qtbot):
    bridge = Bridge()
    thumbnails = ThumbnailProvider(picture)
    model = PhotoListModel(bridge)
    grid = PhotoGrid(model, thumbnails, FullPictures(bridge, picture))
    qtbot.addWidget(grid)
    grid.resize(700, 520)
    grid.show()
    yield grid, model, thumbnails, bridge
    grid.close()
    thumbnails.close()
    assert bridge.close()


def browse(parts, qtbot, count: int = 60):
    grid, model, thumbnails, _ = parts
    model.show_photos(np.arange(1, count + 1), lambda ids: [photo(number) for number in ids])
    qtbot.waitUntil(lambda: model.photo(0) is not None)
    grid.setFocus()
    grid.setCurrentIndex(model.index(0))
    return grid, model, thumbnails


def centre(grid: PhotoGrid, row: int) -> QPoint:
    return grid.visualRect(grid.photos.index(row)).center()


def shown_colour(grid: PhotoGrid, row: int) -> QColor:
    return grid.viewport().grab().toImage().pixelColor(centre(grid, row) - QPoint(0, 12))


def test_every_cell_in_view_shows_its_photo(parts, qtbot):
    grid, _, thumbnails = browse(parts, qtbot)
    grid.viewport().grab()
    qtbot.waitUntil(lambda: thumbnails.idle)
    for row in (0, 1, 4):
        assert shown_colour(grid, row).getRgb()[:3] == colour_of(row + 1)


def test_photos_are_fitted_and_never_cropped(parts, qtbot):
    grid, model, thumbnails, _ = parts
    frame = np.full((300, 900, 3), 255, np.uint8)
    frame[:12], frame[-12:], frame[:, :24], frame[:, -24:] = 4 * ((255, 0, 0),)
    thumbnails.set_source(lambda _photo, _side: frame)
    wide = PhotoRecord(PhotoId(1), FolderId(1), b"/p/wide.jpg", 1, 1, 900, 300, PhotoStatus.PRESENT)
    model.show_photos(np.array([1]), lambda ids: [wide])
    qtbot.waitUntil(lambda: model.photo(0) is not None)
    grid.viewport().grab()
    qtbot.waitUntil(lambda: thumbnails.idle)
    image = grid.viewport().grab().toImage()
    cell = grid.visualRect(model.index(0))
    line = [image.pixelColor(x, cell.center().y() - 12) for x in range(cell.left(), cell.right())]
    reds = [x for x, colour in enumerate(line) if colour.red() > 200 and colour.green() < 90]
    whites = [x for x, colour in enumerate(line) if colour.green() > 200]
    assert reds and whites and reds[0] < whites[0] and reds[-1] > whites[-1], "both edges of the photo are there"


def test_arrows_home_end_and_pages_go_through_the_photos(parts, qtbot):
    grid, model, _ = browse(parts, qtbot)
    columns = next(row for row in range(60) if grid.visualRect(model.index(row)).top() > centre(grid, 0).y())

    def after(key) -> int:
        qtbot.keyClick(grid, key)
        return grid.currentIndex().row()

    assert after(Qt.Key.Key_Right) == 1
    assert after(Qt.Key.Key_Down) == 1 + columns
    assert after(Qt.Key.Key_Left) == columns
    assert after(Qt.Key.Key_Up) == 0
    assert after(Qt.Key.Key_End) == 59
    assert grid.viewport().rect().contains(centre(grid, 59)), "the current photo is in view"
    assert after(Qt.Key.Key_Home) == 0
    assert after(Qt.Key.Key_PageDown) >= columns


def test_shift_selects_in_reading_order_and_a_click_chooses_one(parts, qtbot):
    grid, _, _ = browse(parts, qtbot)
    for _ in range(3):
        qtbot.keyClick(grid, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert [one.id for one in grid.selected_photos()] == [1, 2, 3, 4]
    qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=centre(grid, 2))
    assert [one.id for one in grid.selected_photos()] == [3]
    qtbot.mouseClick(
        grid.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, centre(grid, 5)
    )
    assert [one.id for one in grid.selected_photos()] == [3, 4, 5, 6]


def test_enter_and_double_click_ask_for_the_evidence(parts, qtbot):
    grid, _, _ = browse(parts, qtbot)
    rows = []
    grid.activated_row.connect(rows.append)
    qtbot.keyClick(grid, Qt.Key.Key_Return)
    qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=centre(grid, 3))
    qtbot.mouseDClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=centre(grid, 3))
    assert rows == [0, 3]


def test_size_changes_keep_the_photo_in_view(parts, qtbot):
    grid, model, _ = browse(parts, qtbot, 4000)
    grid.setCurrentIndex(model.index(2000))
    for size in (120, LARGEST, 150):
        grid.set_cell_size(size)
        assert grid.viewport().rect().contains(centre(grid, 2000))


def test_space_opens_the_preview_arrows_walk_in_it_and_escape_closes_it(parts, qtbot):
    grid, _, _ = browse(parts, qtbot)
    qtbot.keyClick(grid, Qt.Key.Key_Space)
    preview = grid.window().findChild(type(grid._preview), "quick-preview")
    assert preview.isVisible() and "IMG_00001.jpg" in preview.accessibleDescription()
    middle = QPoint(preview.width() // 2, preview.height() // 2 - 20)
    qtbot.waitUntil(lambda: preview.grab().toImage().pixelColor(middle).getRgb()[:3] == colour_of(1))
    qtbot.keyClick(preview, Qt.Key.Key_Right)
    assert "IMG_00002.jpg" in preview.accessibleDescription()
    qtbot.keyClick(preview, Qt.Key.Key_Escape)
    assert not preview.isVisible() and grid.currentIndex().row() == 1


def open_menu(grid: PhotoGrid, row: int) -> QMenu:
    from PySide6.QtGui import QContextMenuEvent
    from PySide6.QtWidgets import QApplication

    where = centre(grid, row)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, where, grid.viewport().mapToGlobal(where))
    QApplication.sendEvent(grid.viewport(), event)
    return grid.findChildren(QMenu)[-1]


def choose(menu: QMenu, words: str) -> None:
    next(action for action in menu.actions() if action.text() == words).trigger()
    menu.close()


def test_the_menu_finds_similar_photos_and_copies_paths(parts, qtbot):
    grid, _, _ = browse(parts, qtbot)
    found, unwanted = [], []
    grid.find_similar.connect(found.append)
    grid.not_like.connect(unwanted.append)
    menu = open_menu(grid, 4)
    assert "Not like this" not in [action.text() for action in menu.actions()], "there is no question yet"
    choose(menu, "Find similar")
    grid.set_search_actions(True)
    choose(open_menu(grid, 5), "Not like this")
    choose(open_menu(grid, 2), "Copy path")
    assert (found, unwanted) == ([5], [6])
    assert QGuiApplication.clipboard().text() == "/photos/IMG_00003.jpg"


def test_copy_puts_the_picture_on_the_clipboard(parts, qtbot):
    grid, _, _ = browse(parts, qtbot)
    grid.setCurrentIndex(grid.photos.index(1))
    qtbot.keyClick(grid, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: QGuiApplication.clipboard().mimeData().hasImage())
    image = QGuiApplication.clipboard().image()
    assert image.pixelColor(5, 5).getRgb()[:3] == colour_of(2)


def test_dragging_out_offers_the_files_for_copying_only(parts, qtbot, monkeypatch):
    grid, _, _ = browse(parts, qtbot)
    offered: list[tuple[QMimeData, Qt.DropAction]] = []

    class Drag:
        def __init__(self, owner):
            pass

        def setMimeData(self, mime):
            self.mime = mime

        def setPixmap(self, pixmap):
            assert not pixmap.isNull()

        def exec(self, actions):
            offered.append(([url.toLocalFile() for url in self.mime.urls()], actions))

    monkeypatch.setattr(photo_actions, "QDrag", Drag)
    qtbot.keyClick(grid, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    start = centre(grid, 0)
    drag(qtbot, grid.viewport(), start, start + QPoint(50, 50))
    assert offered == [(["/photos/IMG_00001.jpg", "/photos/IMG_00002.jpg"], Qt.DropAction.CopyAction)]


def test_a_name_that_is_not_text_still_makes_an_address_that_leads_back_to_it():
    path = b"/photos/na\xefve \xff.jpg"
    encoded = bytes(photo_actions.url_of(photo(1, path)).toEncoded().data())
    from urllib.parse import unquote_to_bytes

    assert unquote_to_bytes(encoded.removeprefix(b"file://")) == path


def test_opening_what_is_gone_says_so(parts, qtbot):
    grid, _, _ = browse(parts, qtbot)
    said = []
    parts[3].failed.connect(said.append)
    qtbot.keyClick(grid, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert said and said[0].message.startswith("IMG_00001.jpg is not where it was") and said[0].remedy


def test_opening_a_photo_asks_the_system_for_its_program(parts, qtbot, tmp_path, monkeypatch):
    grid, model, _, _ = parts
    file = tmp_path / "there.jpg"
    file.write_bytes(b"x")
    model.show_photos(np.array([1]), lambda ids: [photo(1, os.fsencode(file))])
    qtbot.waitUntil(lambda: model.photo(0) is not None)
    grid.setFocus()
    grid.setCurrentIndex(model.index(0))
    opened = []
    monkeypatch.setattr(
        photo_actions.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()) or True
    )
    qtbot.keyClick(grid, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    assert opened == [str(file)]


def hits(numbers) -> list[Hit]:
    return [
        Hit(
            photo(n),
            score := round(0.95 - 0.1 * rank, 2),
            StageScores(),
            Words.SAME_THING if score > 0.6 else Words.WEAKER,
        )
        for rank, n in enumerate(numbers)
    ]


def test_the_weaker_photos_begin_a_new_line_below_the_dividing_band(parts, qtbot):
    grid, model, _, _ = parts
    model.show_hits(hits(range(1, 8)), divider=4)
    strong, weak = grid.visualRect(model.index(3)), grid.visualRect(model.index(4))
    assert weak.top() - strong.bottom() > 30 and weak.left() == grid.visualRect(model.index(0)).left()
    band = (
        grid.viewport()
        .grab()
        .toImage()
        .copy(0, strong.bottom() + 2, grid.viewport().width(), weak.top() - strong.bottom() - 4)
    )
    assert colours_in(band) > 3, "the words and the line are painted"


def colours_in(image: QImage) -> int:
    return len({image.pixel(x, y) for x in range(image.width()) for y in range(image.height())})


def test_the_photo_under_the_pointer_and_the_one_with_focus_are_held(parts, qtbot):
    grid, model, _, _ = parts
    model.show_hits(hits(range(1, 8)))
    grid.setFocus()
    grid.setCurrentIndex(model.index(2))
    qtbot.waitUntil(grid.hasFocus)
    assert PhotoId(3) in grid.held()


def test_a_footer_scrolls_below_the_last_photo(parts, qtbot):
    grid, _, _ = browse(parts, qtbot, 40)
    footer = QPushButton("Show 180 more anyway")
    grid.set_footer(footer)
    footer.show()
    grid.doItemsLayout()
    grid.scrollToBottom()
    assert footer.geometry().top() >= grid.visualRect(grid.photos.index(39)).bottom()
    assert footer.geometry().bottom() <= grid.viewport().height()


def test_a_hundred_thousand_rows_paint_only_what_is_in_view(parts, qtbot):
    grid, model, _, _ = parts
    asked = []

    def fetch(ids):
        asked.append(len(ids))
        return [photo(number) for number in ids]

    model.show_photos(np.arange(1, 100_001), fetch)
    qtbot.waitUntil(lambda: model.photo(0) is not None)
    grid.setCurrentIndex(model.index(99_999))
    qtbot.waitUntil(lambda: model.photo(99_999) is not None)
    assert grid.viewport().rect().contains(centre(grid, 99_999))
    assert len(grid.visible_rows()) < 40 and sum(asked) < 3000


def test_photos_indexed_meanwhile_do_not_move_what_one_looks_at(parts, qtbot):
    grid, model, _, _ = parts

    def fetch(ids):
        return [photo(number) for number in ids]

    model.show_photos(np.arange(1000, 1400), fetch)
    qtbot.waitUntil(lambda: model.photo(0) is not None)
    grid.setFocus()
    grid.setCurrentIndex(model.index(200))
    grid.viewport().grab()
    before = grid.visualRect(model.index(200)).center()
    whole_lines = 12  # twelve photos fill lines of one, two, three, four or six
    model.show_photos(np.concatenate([np.arange(1, whole_lines + 1), np.arange(1000, 1400)]), fetch)
    assert model.photo_id(grid.currentIndex().row()) == 1200
    assert grid.visualRect(grid.currentIndex()).center() == before
