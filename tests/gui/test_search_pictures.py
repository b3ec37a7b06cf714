"""The pictures of the question: read once, kept while they are shown, and not for ever."""

from __future__ import annotations

from PySide6.QtGui import QImage

from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import FilePicture, LibraryPicture, QueryItem
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.query_pictures import OTHERS_KEPT, QueryPictures, ShownPicture, name_of


class Port:
    """Reads a made picture and notes what was asked for."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def shown_picture(self, item: QueryItem, *, long_side: int) -> ShownPicture:
        assert isinstance(item.picture, LibraryPicture)
        self.read.append(item.picture.id)
        return ShownPicture(QImage(4, 3, QImage.Format.Format_RGB32), 40, 30, f"{item.picture.id}", True)


def test_only_the_last_pictures_of_earlier_questions_are_kept(qtbot) -> None:
    bridge, port = Bridge(), Port()
    pictures = QueryPictures(bridge, port)
    items = [QueryItem(LibraryPicture(PhotoId(number))) for number in range(OTHERS_KEPT + 3)]
    try:
        for item in items:
            pictures.keep([item])
            qtbot.waitUntil(lambda item=item: pictures.picture(item) is not None)
        assert len(pictures._read) == len(pictures._asked) == OTHERS_KEPT + 1
        assert pictures.picture(items[-1]) is not None and pictures.picture(items[3]) is not None
        assert port.read == list(range(OTHERS_KEPT + 3))
        qtbot.waitUntil(lambda: pictures.picture(items[0]) is not None)  # going back that far reads it again
        assert port.read[-1] == 0
    finally:
        bridge.close()


def test_a_file_is_called_by_its_name_before_it_is_read() -> None:
    assert name_of(FilePicture(b"/photos/a/b.jpg")) == "b.jpg"
