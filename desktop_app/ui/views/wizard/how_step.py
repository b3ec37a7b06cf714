"""Question 3: how?"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QFrame, QVBoxLayout, QWidget

from desktop_app.domain.devices import ProbeResult
from desktop_app.ui.viewmodels import words
from desktop_app.ui.viewmodels.settings import DEVICE_WORDS
from desktop_app.ui.viewmodels.wizard import WizardViewModel
from desktop_app.ui.views.parts import Picture, clear, label, row
from desktop_app.ui.views.theme import BETWEEN, INSIDE, set_role


class HowStep(QWidget):
    """The device with its reasons, the model pack in one line, an honest estimate, and low priority."""

    question = "How?"

    def __init__(self, wizard: WizardViewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wizard = wizard
        self.estimate = label(role="title")
        self.trial = label(role="secondary", wrap=True)
        self.device = label()
        self.pack = label()
        self._reasons = QVBoxLayout()
        self._reasons.setSpacing(INSIDE // 2)
        self.low_priority = QCheckBox(self.tr("Low priority: other programs come first"))
        self.low_priority.setChecked(wizard.low_priority)
        self.low_priority.toggled.connect(wizard.set_low_priority)
        box = QFrame()
        set_role(box, "raised")
        inside = QVBoxLayout(box)
        inside.setContentsMargins(BETWEEN, BETWEEN, BETWEEN, BETWEEN)
        inside.setSpacing(INSIDE)
        inside.addLayout(row(Picture("device"), self.device, None))
        inside.addLayout(self._reasons)
        inside.addSpacing(INSIDE)
        inside.addLayout(row(Picture("layers"), self.pack, None))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(INSIDE)
        layout.addWidget(self.estimate)
        layout.addWidget(self.trial)
        layout.addSpacing(INSIDE)
        layout.addWidget(box)
        layout.addSpacing(INSIDE)
        layout.addWidget(self.low_priority)
        layout.addStretch(1)
        self._box = box
        wizard.plan_changed.connect(self._show)
        self._show()

    def first_focus(self) -> QWidget:
        return self.low_priority

    def _show(self) -> None:
        plan, error = self._wizard.plan, self._wizard.plan_error
        self._box.setVisible(plan is not None)
        clear(self._reasons)
        if error is not None:
            self.estimate.setText(words.sentence(error.message))
            self.trial.setText(words.sentence(error.remedy))
            return
        if plan is None:
            self.estimate.setText(self.tr("Trying it out for three seconds…"))
            self.trial.setText(self.tr("A few of your photos show how fast this computer is."))
            return
        seconds = self._wizard.seconds_needed
        self.estimate.setText(
            self.tr("This takes {0}").format(about(seconds))
            if seconds is not None
            else self.tr("There is nothing to try it out with")
        )
        self.trial.setText(
            self.tr(
                "Measured just now with {0} of your photos: {1}. You can search from the first minute on."
            ).format(words.number(plan.speed.sampled), words.rate(plan.speed.images_per_second) or "-")
        )
        self.device.setText(self.tr("Computes on: {0}").format(plan.device.words.partition(" (")[0]))
        self.pack.setText(self.tr("Model pack: {0}").format(plan.pack))
        for tried in plan.device.tried:
            if tried.device is not plan.device.at_work:
                self._reasons.addWidget(self._reason(tried))

    @staticmethod
    def _reason(tried: ProbeResult) -> QWidget:
        made = label(f"{DEVICE_WORDS[tried.device]}: {tried.reason}", role="secondary", wrap=True)
        made.setContentsMargins(28, 0, 0, 0)
        made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return made


def about(seconds: float) -> str:
    """A length of time that is only an estimate."""
    return words.duration(seconds) if seconds < 30 else f"about {words.duration(seconds)}"
