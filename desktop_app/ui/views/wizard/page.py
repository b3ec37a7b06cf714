"""The frame around the wizard's questions: where one is, back, next, and the way out."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from desktop_app.ui.viewmodels import words
from desktop_app.ui.viewmodels.wizard import WizardViewModel, has_room
from desktop_app.ui.views.page import Page
from desktop_app.ui.views.parts import button, label, row
from desktop_app.ui.views.theme import AROUND, BETWEEN, INSIDE
from desktop_app.ui.views.wizard.contents_step import ContentsStep
from desktop_app.ui.views.wizard.folders_step import FoldersStep
from desktop_app.ui.views.wizard.how_step import HowStep
from desktop_app.ui.views.wizard.started_step import StartedStep

WIDEST = 760


class WizardPage(Page):
    """Adding folders, inside the window: nothing is modal, and everything else stays reachable."""

    title = "Add photos"
    left = Signal()
    """The person gave up."""
    done = Signal()
    """The job runs, and the person wants to see photos."""

    def __init__(self, wizard: WizardViewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wizard = wizard
        self.folders, self.contents, self.how = FoldersStep(wizard), ContentsStep(wizard), HowStep(wizard)
        self.started = StartedStep()
        self.steps = (self.folders, self.contents, self.how, self.started)
        self.progress = label(role="secondary")
        self.question = label(role="title")
        self.back_button = button(self.tr("Back"), self.back)
        self.next_button = button(self.tr("Next"), self.next, primary=True)
        self.cancel_button = button(self.tr("Cancel"), self.left.emit, quiet=True)
        self._stack = QStackedWidget()
        for step in self.steps:
            area = QScrollArea()
            area.setWidgetResizable(True)
            area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            area.setWidget(step)
            self._stack.addWidget(area)
        middle = QWidget()
        middle.setMaximumWidth(WIDEST)
        layout = QVBoxLayout(middle)
        layout.setContentsMargins(AROUND, AROUND, AROUND, AROUND)
        layout.setSpacing(INSIDE)
        layout.addWidget(self.progress)
        layout.addWidget(self.question)
        layout.addSpacing(INSIDE)
        layout.addWidget(self._stack, 1)
        layout.addSpacing(BETWEEN - INSIDE)
        layout.addLayout(row(self.cancel_button, None, self.back_button, self.next_button))
        outer = QHBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addStretch(1)
        outer.addWidget(middle, 100)
        outer.addStretch(1)
        wizard.folders_changed.connect(self._choice_changed)
        for signal in (wizard.folders_changed, wizard.survey_changed, wizard.plan_changed):
            signal.connect(self._show_buttons)
        self._go(0)

    @property
    def step(self) -> int:
        """The question one is at, 0 to 3."""
        return self._stack.currentIndex()

    def entered(self) -> None:
        self._go(0)

    def first_focus(self) -> QWidget:
        return self.next_button if self.next_button.isEnabled() else self.folders.first_focus()

    def back(self) -> None:
        self._go(self.step - 1)

    def next(self) -> None:
        """On to the next question; after the third the job starts, after the fourth the wizard is done."""
        if self.step == 3:
            self.done.emit()
            return
        if self.step == 2:
            if self._wizard.survey is not None:
                self.started.say(self._wizard.survey.photos)
            self._wizard.start()
        self._go(self.step + 1)

    def _choice_changed(self) -> None:
        """Folders came in at a later question, or the wizard began anew: what is in them comes first."""
        if self.isVisible() and self.step > 0:
            self._go(1 if self._wizard.folders else 0)

    def _go(self, step: int) -> None:
        self._stack.setCurrentIndex(step)
        self.progress.setText(self.tr("Add photos, step {0} of {1}").format(step + 1, len(self.steps)))
        self.question.setText(self.tr(self.steps[step].question))
        self._show_buttons()
        if step == 1 and self._wizard.survey is None:
            self._wizard.look()
        elif step == 2 and self._wizard.plan is None:
            self._wizard.try_out()
        if self.isVisible():  # never on Cancel: who presses Enter too early would lose all answers
            waiting = self.folders.first_focus() if step == 0 else self.back_button
            (self.next_button if self.next_button.isEnabled() else waiting).setFocus()

    def _show_buttons(self) -> None:
        step, survey = self.step, self._wizard.survey
        self.back_button.setVisible(0 < step < 3)
        self.cancel_button.setVisible(step < 3)
        texts = (self.tr("Next"), self.tr("Next"), self.tr("Start"), self.tr("Show my photos"))
        self.next_button.setText(texts[step])
        self.next_button.setAccessibleName(texts[step])
        ready = (
            bool(self._wizard.folders),
            survey is not None and survey.photos > 0 and has_room(survey),
            self._wizard.plan is not None,
            True,
        )
        waited = not self.next_button.isEnabled() and self.back_button.hasFocus()
        self.next_button.setEnabled(ready[step])
        if waited and ready[step]:
            self.next_button.setFocus()
        if step == 1 and survey is not None and not survey.photos:
            self.contents.space.setText(
                words.sentence(self.tr("There are no photos here. Go back and choose other folders"))
            )
