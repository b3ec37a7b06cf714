"""The row above the photos: words to look for, and one menu per kind of filter with the photos that it leaves."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLineEdit, QMenu, QToolButton, QWidget

from desktop_app.domain.filters import FilterKind, PhotoFilter
from desktop_app.ui.viewmodels.filter_words import SHOWN, choice_words, kind_words, value_words
from desktop_app.ui.viewmodels.library import LibraryViewModel
from desktop_app.ui.viewmodels.words import number, photos
from desktop_app.ui.views.flow import FlowLayout
from desktop_app.ui.views.parts import button, label
from desktop_app.ui.views.theme import BETWEEN, INSIDE, set_role

REST_MS = 250  # words are looked for once typing rests
MOST_SHOWN = 40  # values of a menu; the rest is found by words


class KindButton(QToolButton):
    """One kind of filter: its menu lists the values with their counts, those chosen ticked."""

    def __init__(self, kind: FilterKind, library: LibraryViewModel) -> None:
        super().__init__()
        self._kind, self._library = kind, library
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setCheckable(True)
        set_role(self, "quiet")
        menu = QMenu(self)
        menu.aboutToShow.connect(self.fill)
        self.setMenu(menu)

    def show_state(self) -> None:
        """The name and the choice; hidden where there is nothing to choose between."""
        facets, chosen = self._library.facets, self._library.chosen.of(self._kind)
        values = facets.values[self._kind] if facets is not None else ()
        words = choice_words(self._kind, chosen)
        self.setText(f"{words} ▾")
        self.setChecked(bool(chosen))
        told = ", ".join(value_words(self._kind, value) for value in chosen) or self.tr("everything")
        self.setAccessibleName(self.tr("{0}: {1}").format(kind_words(self._kind), told))
        self.setToolTip(self.accessibleName())
        self.setVisible(bool(chosen) or len(values) > 1 or (self._kind is FilterKind.TAG and bool(values)))

    def fill(self) -> None:
        """The values there are now."""
        menu, facets = self.menu(), self._library.facets
        menu.clear()
        chosen = self._library.chosen.of(self._kind)
        counts = {found.value: found.count for found in facets.values[self._kind]} if facets is not None else {}
        if facets is not None and len(chosen) == 1:
            counts.setdefault(chosen[0], facets.total)  # a circle, or several days: not counted as one value
        listed = list(dict.fromkeys((*chosen, *list(counts)[:MOST_SHOWN])))
        for value in (
            sorted(listed, reverse=True) if self._kind in (FilterKind.DATE, FilterKind.RATING) else listed
        ):
            left = f"\t{number(counts[value])}" if value in counts else ""
            action = menu.addAction(f"{value_words(self._kind, value)}{left}")
            action.setCheckable(True)
            action.setChecked(value in chosen)
            action.setData(value)
            action.triggered.connect(lambda _checked=False, value=value: self._toggle(value))
        if chosen:
            menu.addSeparator()
            menu.addAction(self.tr("Any {0}").format(kind_words(self._kind).lower()), self._clear)

    def _toggle(self, value: str) -> None:
        self._library.set_chosen(self._library.chosen.toggled(self._kind, value))

    def _clear(self) -> None:
        self._library.set_chosen(self._library.chosen.without(self._kind))


class FilterRow(QWidget):
    """Words, kinds, how many photos are left, and the way back to all of them."""

    def __init__(self, library: LibraryViewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._library = library
        self.words = QLineEdit()
        self.words.setPlaceholderText(self.tr("Names, folders, tags …"))
        self.words.setAccessibleName(self.tr("Only photos with these words in their name, folder, tags or data"))
        self.words.setToolTip(self.tr('Beginnings of words; "words in a row"; -word leaves photos out'))
        self.words.setClearButtonEnabled(True)
        self.words.setFixedWidth(200)
        for cross in self.words.findChildren(QToolButton):
            cross.setAccessibleName(self.tr("Clear the words"))
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._take_words)
        self.words.textEdited.connect(lambda _text: self._rest.start())
        self.words.returnPressed.connect(self._take_words)
        self.kinds = {kind: KindButton(kind, library) for kind in SHOWN}
        self.selection = button("", lambda: self._change(within=None), quiet=True, icon="close")
        self.left = label(role="secondary")
        self.clear = button(self.tr("Clear filters"), lambda: library.set_chosen(PhotoFilter()), quiet=True)
        self._lines = layout = FlowLayout(self, spacing=INSIDE // 2)
        layout.setContentsMargins(BETWEEN, INSIDE // 2, BETWEEN, 0)
        for part in (self.words, *self.kinds.values(), self.selection, self.left, self.clear):
            layout.addWidget(part)
        library.session_changed.connect(lambda _session: self._show())
        library.filter_changed.connect(self._show)
        library.photos_changed.connect(self._show)
        self._show()

    def _take_words(self) -> None:
        self._rest.stop()
        self._change(text=self.words.text())

    def _change(self, **fields: object) -> None:
        self._library.set_chosen(replace(self._library.chosen, **fields))  # type: ignore[arg-type]

    def _show(self) -> None:
        chosen, facets = self._library.chosen, self._library.facets
        self.words.setVisible(self._library.session is not None)
        if not self.words.hasFocus() and not self._rest.isActive():
            self.words.setText(chosen.text)
        for kind in self.kinds.values():
            kind.show_state()
        within = chosen.within
        self.selection.setText(self.tr("Among {0} selected").format(number(len(within or ()))))
        self.selection.setVisible(within is not None)
        self.left.setText(photos(facets.total) if facets is not None else "")
        self.left.setVisible(bool(chosen))
        self.clear.setVisible(bool(chosen))
        self._lines.invalidate()
