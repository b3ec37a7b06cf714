"""Settings, drawn from the schema. A change takes effect at once; what needs a restart says so."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QGridLayout,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from desktop_app.ui.viewmodels.settings import SCHEMA, Entry, SettingsStore, languages
from desktop_app.ui.viewmodels.words import first_upper
from desktop_app.ui.views.parts import closing, label
from desktop_app.ui.views.theme import AROUND, BETWEEN, INSIDE

LABEL_WIDTH = 180


class SettingsDialog(QDialog):
    """One row per entry of the schema, in its sections."""

    def __init__(self, settings: SettingsStore, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.controls: dict[str, QWidget] = {}
        self.setWindowTitle(self.tr("Settings"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        content = QWidget()
        inside = QVBoxLayout(content)
        inside.setContentsMargins(AROUND, BETWEEN, AROUND, BETWEEN)
        inside.setSpacing(INSIDE)
        for section in dict.fromkeys(entry.section for entry in SCHEMA):
            inside.addWidget(label(section, role="title"))
            rows = QGridLayout()
            rows.setHorizontalSpacing(BETWEEN)
            rows.setVerticalSpacing(INSIDE // 2)
            rows.setColumnMinimumWidth(0, LABEL_WIDTH)
            rows.setColumnStretch(1, 1)
            for entry in SCHEMA:
                if entry.section == section:
                    self._add(rows, entry)
            inside.addLayout(rows)
            inside.addSpacing(BETWEEN)
        inside.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(area, 1)
        layout.addLayout(closing(self))
        self.resize(600, 660)

    def _add(self, rows: QGridLayout, entry: Entry) -> None:
        if entry.several:
            control = self._several(entry)
        elif entry.choices:
            control = self._choice(entry)
        elif entry.span is not None:
            control = self._number(entry, entry.span)
        else:
            control = self._switch(entry)
        self.controls[entry.key] = control
        control.setAccessibleName(entry.title)
        hint = entry.help + (self.tr(" Takes effect at the next start.") if entry.restart else "")
        line = rows.rowCount()
        if not isinstance(control, QCheckBox):
            name = label(entry.title)
            name.setContentsMargins(0, INSIDE - 1, 0, 0)  # on the control's first line of text
            rows.addWidget(name, line, 0, Qt.AlignmentFlag.AlignTop)
        rows.addWidget(control, line, 1, Qt.AlignmentFlag.AlignLeft)
        if hint:
            control.setAccessibleDescription(hint)
            words = label(hint.strip(), role="small", wrap=True)
            words.setContentsMargins(4, 0, 0, INSIDE // 2)
            rows.addWidget(words, line + 1, 1)

    def _switch(self, entry: Entry) -> QWidget:
        box = QCheckBox(entry.title)
        box.setChecked(bool(getattr(self._settings.values, entry.key)))
        box.toggled.connect(lambda on: self._settings.change(**{entry.key: on}))
        return box

    def _choice(self, entry: Entry) -> QWidget:
        box = QComboBox()
        choices = entry.choices + (languages() if entry.key == "language" else ())
        for choice in choices:
            box.addItem(choice.words, choice.value)
        box.setCurrentIndex(max(0, box.findData(getattr(self._settings.values, entry.key))))
        box.activated.connect(lambda _row: self._settings.change(**{entry.key: box.currentData()}))
        return box

    def _number(self, entry: Entry, span: tuple[int, int]) -> QWidget:
        box = QSpinBox()
        box.setRange(*span)
        box.setSpecialValueText(entry.zero_words)
        box.lineEdit().setTextMargins(INSIDE, 0, 0, 0)  # a spin box ignores the style sheet's padding here
        box.setValue(int(getattr(self._settings.values, entry.key)))
        box.valueChanged.connect(lambda value: self._settings.change(**{entry.key: value}))
        return box

    def _several(self, entry: Entry) -> QWidget:
        group = QWidget()
        layout = QVBoxLayout(group)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        boxes: dict[str, QCheckBox] = {}

        def changed() -> None:
            chosen = tuple(value for value, box in boxes.items() if box.isChecked())
            self._settings.change(**{entry.key: chosen})

        for choice in entry.choices:
            boxes[choice.value] = QCheckBox(first_upper(choice.words))
            boxes[choice.value].setChecked(choice.value in getattr(self._settings.values, entry.key))
            boxes[choice.value].toggled.connect(lambda _on: changed())
            layout.addWidget(boxes[choice.value])
        return group
