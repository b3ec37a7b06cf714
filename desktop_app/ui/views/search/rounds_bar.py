"""Under the question: the round one is at, the way back and forth, and the menu of rounds that are kept."""

from __future__ import annotations

from functools import partial

from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QInputDialog, QMenu, QToolButton, QWidget

from desktop_app.domain.feedback import LONGEST_NAME
from desktop_app.domain.query import AutomaticFeedback, Pooling
from desktop_app.ui.viewmodels.rounds import RoundsViewModel, rounds_words
from desktop_app.ui.viewmodels.search import SearchViewModel
from desktop_app.ui.views import theme
from desktop_app.ui.views.parts import label, row, tool

AUTOMATIC = (
    (None, "Off"),
    (Pooling.AVERAGE, "What the first results share"),
    (Pooling.MAXIMUM, "What any of them shows"),
)


class RoundsBar(QWidget):
    """One quiet line: `Round 2 of 3`, undo, redo, and a menu."""

    def __init__(self, search: SearchViewModel, rounds: RoundsViewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._search = search
        self._rounds = rounds
        self.round = label(role="secondary")
        self.round.setFont(theme.tabular(self.round.font()))
        self.undo = tool("undo", "Take this round back", rounds.undo)
        self.redo = tool("redo", "Make the round again", rounds.redo)
        self.more = tool("more", "Rounds of this search")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.more)
        self.menu.aboutToShow.connect(self._fill)
        self.more.setMenu(self.menu)
        self.setLayout(row(self.round, None, self.undo, self.redo, self.more, spacing=0))
        rounds.changed.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        rounds = self._rounds
        self.round.setText(rounds_words(rounds.place) or rounds.name)
        self.round.setToolTip(rounds.name)
        self.undo.setEnabled(rounds.can_undo)
        self.redo.setEnabled(rounds.can_redo)

    # -- the menu ------------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        rounds, menu = self._rounds, self.menu
        menu.clear()
        if rounds.session is not None and len(rounds.session.rounds) > 1:
            group = QActionGroup(menu)
            for number, line in rounds.descriptions():
                action = _choice(menu, group, line, number == rounds.session.current)
                action.triggered.connect(lambda _checked=False, number=number: rounds.go_to(number))
            menu.addSeparator()
        automatic = menu.addMenu("Automatic feedback")
        group = QActionGroup(automatic)
        now = self._search.automatic
        for pooling, words in AUTOMATIC:
            chosen = pooling is (None if now is None else now.pooling)
            action = _choice(automatic, group, words, chosen)
            wanted = None if pooling is None else AutomaticFeedback(pooling)
            action.triggered.connect(lambda _checked=False, wanted=wanted: self._search.set_automatic(wanted))
        menu.addSeparator()
        save = menu.addAction("Save these rounds…", self.ask_name)
        save.setEnabled(rounds.session is not None)
        for title, deed in (("Open", rounds.open), ("Remove", rounds.forget)):
            names = menu.addMenu(title)
            names.setEnabled(bool(rounds.saved))
            for name in rounds.saved:
                names.addAction(name.replace("&", "&&"), partial(deed, name))

    def ask_name(self) -> None:
        """Ask what the rounds are to be called."""
        dialog = QInputDialog(self)
        dialog.setWindowTitle("Save these rounds")
        dialog.setLabelText(f"Name (at most {LONGEST_NAME} characters)")
        dialog.setTextValue(self._rounds.name)
        dialog.setOkButtonText("Save")
        dialog.textValueSelected.connect(self._rounds.save)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


def _choice(menu: QMenu, group: QActionGroup, words: str, chosen: bool) -> QAction:
    """One of several entries of which one holds."""
    action = menu.addAction(words)
    action.setCheckable(True)
    action.setChecked(chosen)
    group.addAction(action)
    return action
