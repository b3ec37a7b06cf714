"""What can be done with a photo: open it, show it in its folder, copy it, drag it out. No file is ever changed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from PySide6.QtCore import QMimeData, QObject, QProcess, Qt, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QDrag, QGuiApplication, QImage, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.photos import PhotoRecord, path_text
from desktop_app.ui.viewmodels.full_pictures import FullPictures
from desktop_app.ui.viewmodels.thumbnails import ThumbnailProvider
from desktop_app.ui.views import icons

AddEntries = Callable[[QMenu, Sequence[PhotoRecord]], object]
"""(menu, photos meant): adds what can be done with them."""
COPY_PATH = QKeySequence("Ctrl+Shift+C")
COPY_IMAGE = QKeySequence("Ctrl+C")
REVEAL = QKeySequence("Ctrl+R")
OPEN = QKeySequence("Ctrl+Return")


def url_of(photo: PhotoRecord) -> QUrl:
    """A file address that also survives names that are not UTF-8."""
    return (
        QUrl.fromEncoded(b"file://" + _percent(photo.path))
        if sys.platform != "win32"
        else QUrl.fromLocalFile(str(photo.location))
    )


def _percent(path: bytes) -> bytes:
    from urllib.parse import quote_from_bytes

    return quote_from_bytes(path, safe="/").encode("ascii")


class PhotoActions(QObject):
    """The actions of a grid. `failed` says in a sentence what could not be done."""

    failed = Signal(object)

    def __init__(self, owner: QWidget, pictures: FullPictures) -> None:
        super().__init__(owner)
        self._owner = owner
        self._pictures = pictures
        self.failed.connect(pictures.report)

    def menu(
        self,
        photo: PhotoRecord,
        selected: Sequence[PhotoRecord],
        *,
        find_similar: Callable[[], object],
        not_like: Callable[[], object] | None,
        open_large: Callable[[], object],
        more: Sequence[AddEntries] = (),
    ) -> QMenu:
        """The context menu of `photo`; deletes itself when it closes. `more` add entries for the photos meant."""
        photos = list(selected) if photo in selected else [photo]
        made = QMenu(self._owner)
        made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._add(made, "Find similar", "similar", find_similar, QKeySequence("F"))
        if not_like is not None:
            self._add(made, "Not like this", "not-like", not_like, None)
        made.addSeparator()
        self._add(made, "Open large", "eye", open_large, QKeySequence("Space"))
        self._add(made, "Open in another program", "open", lambda: self.open(photo), OPEN)
        self._add(made, "Show in its folder", "reveal", lambda: self.reveal(photos), REVEAL)
        made.addSeparator()
        for add in more:
            add(made, photos)
        made.addSeparator()
        self._add(
            made,
            "Copy path" if len(photos) == 1 else f"Copy {len(photos)} paths",
            "copy",
            lambda: self.copy_paths(photos),
            COPY_PATH,
        )
        self._add(made, "Copy photo", "copy", lambda: self.copy_image(photo), COPY_IMAGE)
        return made

    def handle_key(self, event: QKeyEvent, photos: Sequence[PhotoRecord]) -> bool:
        """Do what the pressed keys mean here. False when they mean nothing."""
        if not photos:
            return False
        pressed = QKeySequence(event.keyCombination())
        deeds: dict[QKeySequence, Callable[[], object]] = {
            COPY_PATH: lambda: self.copy_paths(photos),
            COPY_IMAGE: lambda: self.copy_image(photos[0]),
            REVEAL: lambda: self.reveal(photos),
            OPEN: lambda: self.open(photos[0]),
        }
        for keys, deed in deeds.items():
            if pressed == keys:
                deed()
                return True
        return False

    def open(self, photo: PhotoRecord) -> None:
        """Open the photo with the program the system has for it."""
        if not self._there(photo):
            return
        if not QDesktopServices.openUrl(url_of(photo)):
            self.failed.emit(
                IndiciumError(f"no program opened {photo.name}", remedy="Show it in its folder and open it there")
            )

    def reveal(self, photos: Sequence[PhotoRecord]) -> None:
        """Show the photos selected in the system's file manager; where it cannot, open their folder."""
        if not self._there(photos[0]):
            return
        if sys.platform == "win32":
            QProcess.startDetached("explorer.exe", ["/select,", str(photos[0].location)])
        elif sys.platform == "darwin":
            QProcess.startDetached("open", ["-R", str(photos[0].location)])
        else:
            self._show_items([bytes(url_of(photo).toEncoded().data()).decode() for photo in photos], photos[0])

    def copy_paths(self, photos: Sequence[PhotoRecord]) -> None:
        """Put the paths on the clipboard, one a line."""
        QGuiApplication.clipboard().setText("\n".join(path_text(photo.path) for photo in photos))

    def copy_image(self, photo: PhotoRecord) -> None:
        """Put the photo on the clipboard: its pixels, and the file itself where it is there."""

        def put(image: QImage) -> None:
            mime = QMimeData()
            mime.setImageData(image)
            if photo.location.exists():
                mime.setUrls([url_of(photo)])
            QGuiApplication.clipboard().setMimeData(mime)

        self._pictures.request(photo, put, self.failed.emit)

    def drag(self, photos: Sequence[PhotoRecord], thumbnails: ThumbnailProvider) -> None:
        """Drag the files out. Only copying is offered: a drop elsewhere never moves an original."""
        if not photos:
            return
        drag = QDrag(self._owner)
        mime = QMimeData()
        mime.setUrls([url_of(photo) for photo in photos])
        drag.setMimeData(mime)
        picture = thumbnails.pixmap(photos[0], 128)
        if picture is not None:
            drag.setPixmap(picture.scaled(96, 96, Qt.AspectRatioMode.KeepAspectRatio))
        drag.exec(Qt.DropAction.CopyAction)

    def _there(self, photo: PhotoRecord) -> bool:
        if photo.location.exists():
            return True
        self.failed.emit(
            IndiciumError(
                f"{photo.name} is not where it was: {path_text(os.path.dirname(photo.path))}",
                remedy="Connect its drive, or let the library look through its folder again",
            )
        )
        return False

    def _show_items(self, addresses: list[str], first: PhotoRecord) -> None:
        from PySide6.QtDBus import QDBusConnection, QDBusMessage, QDBusPendingCallWatcher

        bus = QDBusConnection.sessionBus()
        if not bus.isConnected():
            self._open_folder(first)
            return
        message = QDBusMessage.createMethodCall(
            "org.freedesktop.FileManager1",
            "/org/freedesktop/FileManager1",
            "org.freedesktop.FileManager1",
            "ShowItems",
        )
        message.setArguments([addresses, ""])
        watcher = QDBusPendingCallWatcher(bus.asyncCall(message), self)

        def answered() -> None:
            if watcher.isError():
                self._open_folder(first)
            watcher.deleteLater()

        watcher.finished.connect(answered)

    def _open_folder(self, photo: PhotoRecord) -> None:
        folder = QUrl.fromEncoded(b"file://" + _percent(os.path.dirname(photo.path)))
        if not QDesktopServices.openUrl(folder):
            self.failed.emit(
                IndiciumError(
                    f"no file manager opened the folder of {photo.name}",
                    remedy="Copy its path and open the folder by hand",
                )
            )

    def _add(
        self, menu: QMenu, text: str, icon: str, deed: Callable[[], object], keys: QKeySequence | None
    ) -> None:
        action = QAction(icons.icon(icon, token="secondary"), text, menu)
        if keys is not None:
            action.setShortcut(keys)
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)  # shown here, handled by the grid
            action.setShortcutVisibleInContextMenu(True)
        action.triggered.connect(lambda: deed())
        menu.addAction(action)
