"""Rating, tags and the sidecar of photos, from their context menu."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import (
    QCompleter,
    QDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from desktop_app.domain.photos import PhotoId, PhotoRecord
from desktop_app.services.write_sidecars import Sidecar
from desktop_app.ui.viewmodels.labels import RATINGS, LabelsViewModel
from desktop_app.ui.viewmodels.words import photos as photos_words
from desktop_app.ui.views import icons
from desktop_app.ui.views.parts import button, label, row
from desktop_app.ui.views.questions import ask
from desktop_app.ui.views.theme import BETWEEN, INSIDE, set_role

NAMED = 8  # files that a question names; the rest is a number


class LabelActions(QObject):
    """Entries of the context menu of photos; several photos are labelled at once."""

    def __init__(self, labels: LabelsViewModel, owner: QWidget) -> None:
        super().__init__(owner)
        self._labels, self._owner = labels, owner

    def add_to(self, menu: QMenu, photos: Sequence[PhotoRecord]) -> None:
        """Add the entries for `photos`; greyed out in a library that cannot be changed."""
        ids = [photo.id for photo in photos]
        rating = menu.addMenu(self.tr("Rating"))
        for stars, words in RATINGS:
            rating.addAction(words, partial(self._labels.rate, ids, stars))
        tags = menu.addAction(
            icons.icon("tag", token="secondary"), self.tr("Tags…"), partial(self.edit_tags, photos)
        )
        write = menu.addAction(
            icons.icon("export", token="secondary"),
            self.tr("Write tags and rating to XMP sidecar…")
            if len(ids) == 1
            else self.tr("Write tags and ratings to {0} XMP sidecars…").format(len(ids)),
            partial(self.write_sidecars, ids),
        )
        for entry in (rating.menuAction(), tags, write):
            entry.setEnabled(self._labels.possible)

    def edit_tags(self, photos: Sequence[PhotoRecord]) -> None:
        """Show the tags of photos, to be changed."""
        self._labels.read_tags(
            [photo.id for photo in photos],
            lambda counts: TagsDialog(self._labels, photos, counts, self._owner.window()).open(),
        )

    def write_sidecars(self, photos: Sequence[PhotoId]) -> None:
        """Ask, naming the files, then write."""

        def sure(plan: tuple[Sidecar, ...]) -> None:
            if plan and ask(
                self._owner.window(),
                self.tr("Write tags and ratings to these files?"),
                sidecars_words(plan),
                yes=self.tr("Write"),
            ):
                self._labels.write_sidecars(photos)

        self._labels.plan_sidecars(photos, sure)


def sidecars_words(plan: Sequence[Sidecar]) -> str:
    """Which files would be written, and what becomes of what they hold."""
    lines = [
        f"{one.path}{' (is there: all else it holds stays)' if one.there else ' (new)'}" for one in plan[:NAMED]
    ]
    if len(plan) > NAMED:
        lines.append(f"and {len(plan) - NAMED:,} more")
    return "\n".join([*lines, "", "The photos themselves are not touched."])


class TagsDialog(QDialog):
    """The tags of one or several photos with a tick each, half a tick where only some have it; a line for more."""

    def __init__(
        self,
        labels: LabelsViewModel,
        photos: Sequence[PhotoRecord],
        counts: Counter[str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._labels, self._photos = labels, [photo.id for photo in photos]
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        named = photos[0].name if len(photos) == 1 else photos_words(len(photos))
        self.setWindowTitle(self.tr("Tags of {0}").format(named))
        self.line = QLineEdit()
        self.line.setPlaceholderText(self.tr("Add tags, separated by commas"))
        self.line.setAccessibleName(self.line.placeholderText())
        completer = QCompleter(labels.known_tags, self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.line.setCompleter(completer)
        self.list = QListWidget()
        set_role(self.list, "list")
        self.list.setAccessibleName(self.tr("Tags; take the tick away to remove one"))
        self._before: dict[str, Qt.CheckState] = {}
        for tag, number in sorted(counts.items()):
            item = QListWidgetItem(tag, self.list)
            state = Qt.CheckState.Checked if number == len(photos) else Qt.CheckState.PartiallyChecked
            self._before[tag] = state
            item.setCheckState(state)
        self.list.setVisible(bool(counts))
        self.note = label(
            self.tr("Tags are kept in the library; the photos stay as they are."), role="secondary", wrap=True
        )
        self.save_button = button(self.tr("Save"), self.accept, primary=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(BETWEEN, BETWEEN, BETWEEN, BETWEEN)
        layout.setSpacing(INSIDE)
        layout.addWidget(label(named, role="title"))
        layout.addWidget(self.line)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.note)
        layout.addLayout(row(None, button(self.tr("Cancel"), self.reject), self.save_button))
        self.setMinimumWidth(420)
        self.line.setFocus()

    def accept(self) -> None:
        """Put on what was typed or ticked, take away what was unticked."""
        typed = [tag.strip() for tag in self.line.text().split(",") if tag.strip()]
        now = {(item := self.list.item(place)).text(): item.checkState() for place in range(self.list.count())}
        ticked = [tag for tag, state in now.items() if state is Qt.CheckState.Checked is not self._before[tag]]
        gone = [tag for tag, state in now.items() if state is Qt.CheckState.Unchecked]
        self._labels.change_tags(self._photos, add=[*typed, *ticked], remove=gone)
        super().accept()
