"""The bar at the bottom, 28 px: the job with its steering, skipped files, and the device with its reasons."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from desktop_app.ui.viewmodels.device import DeviceViewModel
from desktop_app.ui.viewmodels.jobs import JobPhase, JobsViewModel
from desktop_app.ui.viewmodels.library import LibraryViewModel
from desktop_app.ui.viewmodels.words import number, photos, sentence
from desktop_app.ui.views.parts import button, label
from desktop_app.ui.views.theme import BETWEEN, INSIDE, set_role, tabular

HEIGHT = 28


class DeviceReasons(QFrame):
    """A popover: which device is at work, and why each faster one is not."""

    def __init__(self, device: DeviceViewModel, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(self.tr("Devices and the reason for each"))
        set_role(self, "raised")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(BETWEEN, BETWEEN, BETWEEN, BETWEEN)
        layout.setSpacing(INSIDE)
        title = label(self.tr("Computes on: {0}").format(device.sentence), role="title")
        layout.addWidget(title)
        if device.pack:
            layout.addWidget(label(self.tr("Model pack: {0}").format(device.pack), role="secondary"))
        for name, reason in device.reasons:
            layout.addSpacing(INSIDE // 2)
            if name:
                layout.addWidget(label(name))
            why = label(sentence(reason), role="secondary", wrap=True, selectable=True)
            why.setMinimumWidth(360)
            layout.addWidget(why)


class StatusBar(QWidget):
    """Listens to the job, the library and the device."""

    skipped_wanted = Signal()

    def __init__(
        self,
        *,
        jobs: JobsViewModel,
        library: LibraryViewModel,
        device: DeviceViewModel,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._jobs, self._library, self._device = jobs, library, device
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        set_role(self, "status")
        self.setMinimumHeight(HEIGHT)
        self.sentence = label()
        self.sentence.setFont(tabular(self.sentence.font()))
        self.sentence.setAccessibleName(self.tr("Background job"))
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(120)
        self.bar.setAccessibleName(self.tr("Progress of the background job"))
        self.pause_button = self._small(self.tr("Pause"), self._pause_or_resume)
        self.cancel_button = self._small(self.tr("Stop"), jobs.cancel)
        self.skipped = label(role="secondary")
        self.skipped_button = self._small(self.tr("Show"), self.skipped_wanted.emit)
        self.skipped_button.setAccessibleName(self.tr("Show the files that could not be used"))
        self.device = label(role="secondary")
        self.why_button = self._small(self.tr("Why?"), self.show_reasons)
        self.why_button.setAccessibleName(self.tr("Why this device?"))
        line = QHBoxLayout(self)
        line.setContentsMargins(BETWEEN, 0, INSIDE, 0)
        line.setSpacing(INSIDE)
        for part in (self.sentence, self.bar, self.pause_button, self.cancel_button):
            line.addWidget(part)
        line.addStretch(1)
        for part in (self.skipped, self.skipped_button):
            line.addWidget(part)
        line.addSpacing(BETWEEN)
        for part in (self.device, self.why_button):
            line.addWidget(part)
        jobs.changed.connect(self._show_job)
        library.photos_changed.connect(self._show_library)
        device.changed.connect(self._show_device)
        self._show_job()
        self._show_library()
        self._show_device()

    def show_reasons(self) -> None:
        """Open the popover above the button."""
        popover = DeviceReasons(self._device, self)
        popover.adjustSize()
        corner = self.why_button.mapToGlobal(QPoint(self.why_button.width(), 0))
        popover.move(corner.x() - popover.width(), corner.y() - popover.height() - 4)
        popover.show()
        popover.setFocus()

    def _small(self, words: str, do: object) -> QPushButton:
        made = button(words, do, quiet=True)  # type: ignore[arg-type]
        set_role(made, "status")
        return made

    def _pause_or_resume(self) -> None:
        if self._jobs.state.phase is JobPhase.RUNNING:
            self._jobs.pause()
        else:
            self._jobs.resume()

    def _show_job(self) -> None:
        state = self._jobs.state
        text = state.sentence or self._resting()
        if self.sentence.text() != text:
            self.sentence.setText(text)
        share = state.share
        self.bar.setVisible(state.busy)
        self.bar.setRange(0, 1000 if share is not None else 0)
        if share is not None:
            self.bar.setValue(round(1000 * share))
        running = state.phase is JobPhase.RUNNING
        words = self.tr("Pause") if running else self.tr("Resume")
        self.pause_button.setText(words)
        self.pause_button.setAccessibleName(words + self.tr(" the background job"))
        self.pause_button.setVisible(state.phase in (JobPhase.RUNNING, JobPhase.PAUSED) or bool(state.left))
        self.cancel_button.setVisible(state.phase in (JobPhase.RUNNING, JobPhase.PAUSED))
        self.cancel_button.setAccessibleName(self.tr("Stop the background job"))

    def _resting(self) -> str:
        counts = self._library.counts
        if self._library.opening:
            return self.tr("opening the library")
        if counts is None or not counts.photos:
            return ""
        return self.tr("{0} ready to search").format(photos(counts.indexed))

    def _show_library(self) -> None:
        counts = self._library.counts
        skipped = counts.skipped if counts else 0
        self.skipped.setText(self.tr("{0} skipped").format(number(skipped)))
        self.skipped.setVisible(bool(skipped))
        self.skipped_button.setVisible(bool(skipped))
        self._show_job()

    def _show_device(self) -> None:
        self.device.setText(self._device.sentence)
        self.why_button.setVisible(bool(self._device.reasons))
