"""The Evidence page: the query and one result, why they match, and how to go on from there."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QImage, QKeySequence, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QSlider,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop_app.domain.query import Side
from desktop_app.ui.viewmodels.evidence import EvidenceViewModel
from desktop_app.ui.viewmodels.evidence_pair import Layer
from desktop_app.ui.views import theme
from desktop_app.ui.views.evidence.canvas import GAP, PairCanvas
from desktop_app.ui.views.evidence.geometry import STEP
from desktop_app.ui.views.evidence.why_panel import WhyPanel
from desktop_app.ui.views.page import Page
from desktop_app.ui.views.parts import ElidedLabel, EmptyState, FoldingRow, Offer, button, label, row, tool
from desktop_app.ui.views.theme import BETWEEN, INSIDE


class Legend(QWidget):
    """The scale of the maps, fixed from 0 to 1, always in view."""

    def __init__(self, strip: QImage) -> None:
        super().__init__()
        self._strip = strip
        self.setAccessibleName("Scale of the maps from 0 to 1")
        self.setToolTip(
            "Maps always use this scale: dark is 0, bright is 1. Where nothing matches, nothing shows."
        )
        self.setFixedSize(QSize(160, 24))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.tabular(theme.small_font(self.font())))
        painter.setPen(theme.theme().tokens.colour("secondary"))
        bar = QRectF(16, 7, self.width() - 32, 10)
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, "0")
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "1")
        painter.drawImage(bar, self._strip)


class EvidencePage(Page):
    """Two pictures, layers, words and marks. The window connects `back_to_search`."""

    title = "Evidence"
    back_to_search = Signal()

    def __init__(self, evidence: EvidenceViewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._evidence = evidence
        self.setObjectName("evidence-page")
        self.canvas = PairCanvas(evidence)
        self.why = WhyPanel(evidence)
        self.why.lit.connect(self.canvas.light)
        self.empty = EmptyState()
        self._build()
        self._keys()
        for signal in (evidence.position_changed, evidence.pictures_changed, evidence.evidence_changed):
            signal.connect(self._refresh)
        evidence.layers_changed.connect(self._refresh_layers)
        self.canvas.blinking_changed.connect(self.blink.setChecked)
        self._refresh()
        self._refresh_layers()

    # -- for the window ------------------------------------------------------------------------------------------

    def entered(self) -> None:
        self._evidence.refresh()

    def first_focus(self) -> QWidget:
        return self.canvas if self._evidence.shown else (self.empty.first_button() or self)

    def shortcuts(self) -> list[tuple[QKeySequence | str, str]]:
        return [
            ("N", "Next result"),
            ("P", "Previous result"),
            ("1", "Attention"),
            ("2", "Matched areas"),
            ("3", "Links"),
            ("4", "All layers off"),
            ("B", "Blink the two pictures"),
            ("+", "Zoom in"),
            ("-", "Zoom out"),
            ("0", "Fit both pictures"),
            ("Arrows", "Move from patch to patch"),
            ("Enter", "Mark the patch: +, −, none"),
            ("Shift+drag", "Mark a region +"),
            ("Ctrl+Z", "Undo a mark or a round"),
            ("Ctrl+Shift+Z", "Redo"),
            ("Ctrl+Return", "Search again with the marks"),
            ("Ctrl+S", "Save the evidence as a picture or as data"),
        ]

    # -- building ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        model = self._evidence
        self.query_title = ElidedLabel()
        self.result_title = ElidedLabel()
        self.pictures = QComboBox()
        self.pictures.setAccessibleName("Picture of the search")
        self.pictures.activated.connect(model.choose_item)
        self.previous = tool("chevron-left", "Previous result", model.previous, keys="P")
        self.next = tool("chevron-right", "Next result", model.next, keys="N")
        heads = QHBoxLayout()
        heads.setSpacing(GAP)
        left, right = QHBoxLayout(), QHBoxLayout()
        left.addWidget(self.query_title, 1)
        left.addWidget(self.pictures)
        right.addWidget(self.result_title, 1)
        right.addWidget(self.previous)
        right.addWidget(self.next)
        heads.addLayout(left, 1)
        heads.addLayout(right, 1)
        pair = QWidget()
        column = QVBoxLayout(pair)
        column.setContentsMargins(BETWEEN, INSIDE, BETWEEN, BETWEEN)
        column.setSpacing(INSIDE)
        column.addLayout(heads)
        column.addWidget(self.canvas, 1)
        column.addWidget(self._layer_bar())
        column.addWidget(self.why)
        self.stack = QStackedWidget()
        self.stack.addWidget(pair)
        self.stack.addWidget(self.empty)
        lay = QVBoxLayout(self)
        lay.setContentsMargins(0, 0, 0, 0)
        lay.addWidget(self.stack)

    def _layer_bar(self) -> FoldingRow:
        model = self._evidence
        self.attention = _toggle("Attention", "1", "Where each picture resembles the other")
        self.areas = _toggle("Matched areas", "2", "How much of each place is found in the other picture")
        self.links = _toggle("Links", "3", "Patches that match each other")
        self.off = button("Off", quiet=True)
        self.off.setToolTip("Only the photos (4)")
        self.attention.clicked.connect(lambda on: model.set_map_layer(Layer.ATTENTION if on else None))
        self.areas.clicked.connect(lambda on: model.set_map_layer(Layer.AREAS if on else None))
        self.links.clicked.connect(model.set_links_shown)
        self.off.clicked.connect(lambda _on=False: self._all_off())
        self.strength = QSlider(Qt.Orientation.Horizontal)
        self.strength.setRange(0, 100)
        self.strength.setValue(round(100 * model.strength))
        self.strength.setFixedWidth(110)
        self.strength.setAccessibleName("Strength of the maps")
        self.strength.setToolTip("How strongly the maps cover the photos")
        self.strength.valueChanged.connect(lambda value: model.set_strength(value / 100))
        self.legend = Legend(model.legend())
        self.blink = tool("blink", "Blink the two pictures", keys="B", checkable=True)
        self.blink.clicked.connect(self.canvas.set_blinking)
        self.zoom_out = tool("zoom-out", "Zoom out", lambda: self.canvas.zoom(1 / STEP), keys="-")
        self.fit = tool("fit", "Fit both pictures", self.canvas.fit, keys="0")
        self.zoom_in = tool("zoom-in", "Zoom in", lambda: self.canvas.zoom(STEP), keys="+")
        self.save = tool("export", "Save the evidence", self._export, keys="Ctrl+S")
        layers = row(label("Show", role="secondary"), self.attention, self.areas, self.links, self.off, spacing=4)
        layers.addSpacing(BETWEEN)
        layers.addStretch(1)
        scale = row(label("Strength", role="secondary"), self.strength, spacing=4)
        scale.addSpacing(INSIDE)
        scale.addWidget(self.legend)
        scale.addStretch(1)
        for tool_button in (self.blink, self.zoom_out, self.fit, self.zoom_in, self.save):
            scale.addWidget(tool_button)
        return FoldingRow(layers, scale, spacing=4)

    def _keys(self) -> None:
        model, canvas = self._evidence, self.canvas
        keys = {
            "N": model.next,
            "P": model.previous,
            "1": lambda: model.set_map_layer(_switched(model.map_layer, Layer.ATTENTION)),
            "2": lambda: model.set_map_layer(_switched(model.map_layer, Layer.AREAS)),
            "3": lambda: model.set_links_shown(not model.links_shown),
            "4": self._all_off,
            "B": lambda: canvas.set_blinking(not canvas.blinking),
            "0": canvas.fit,
            "+": lambda: canvas.zoom(STEP),
            "=": lambda: canvas.zoom(STEP),
            "-": lambda: canvas.zoom(1 / STEP),
            "Ctrl+Z": model.undo,
            "Ctrl+Shift+Z": model.redo,
            "Ctrl+Return": model.search_again,
            "Ctrl+S": self._export,
        }
        for name, deed in keys.items():
            action = QAction(self)
            action.setShortcut(QKeySequence(name))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(lambda _checked=False, deed=deed: deed())
            self.addAction(action)

    # -- state ---------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        model = self._evidence
        if not model.shown:
            self.empty.say(
                icon="evidence",
                title="Why two photos match",
                text="Search with a photo, then press Enter on a result or double-click it. "
                "Both pictures will be here, with the parts that match.",
                offers=[Offer("Go to Search", self.back_to_search.emit, primary=True, icon="search")],
            )
            self.stack.setCurrentWidget(self.empty)
            return
        self.stack.setCurrentIndex(0)
        self.query_title.setText(model.title(Side.QUERY))
        self.result_title.setText(model.title(Side.RESULT))
        self.previous.setEnabled(model.can_go_previous)
        self.next.setEnabled(model.can_go_next)
        self.save.setEnabled(model.evidence is not None)
        names = model.item_names()
        self.pictures.setVisible(len(names) > 1)
        if [self.pictures.itemText(row) for row in range(self.pictures.count())] != names:
            self.pictures.clear()
            self.pictures.addItems(names)
        self.pictures.setCurrentIndex(model.item_index)

    def _refresh_layers(self) -> None:
        model = self._evidence
        self.attention.setChecked(model.map_layer is Layer.ATTENTION)
        self.areas.setChecked(model.map_layer is Layer.AREAS)
        self.links.setChecked(model.links_shown)
        self.off.setEnabled(model.map_layer is not None or model.links_shown)
        self.strength.setEnabled(model.map_layer is not None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.why.set_room(event.size().height() // 4 - 40)

    def _all_off(self) -> None:
        self._evidence.all_off()
        self._refresh_layers()

    def _export(self) -> None:
        if self._evidence.evidence is None:
            return
        dialog = QFileDialog(self, "Save the evidence")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(["Picture (*.png)", "Drawing (*.svg)", "Data (*.json)"])
        dialog.setDefaultSuffix("png")
        dialog.selectFile("evidence.png")
        dialog.filterSelected.connect(
            lambda chosen: dialog.setDefaultSuffix(next(end for end in ("json", "svg", "png") if end in chosen))
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.export_to)
        dialog.open()

    def export_to(self, name: str) -> None:
        """Write what is shown to a file: a picture, a drawing (.svg), or data (.json)."""
        self._evidence.export(Path(name), theme="dark" if theme.theme().tokens.dark else "light")


def _switched(now: Layer | None, wanted: Layer) -> Layer | None:
    return None if now is wanted else wanted


def _toggle(words: str, key: str, explanation: str) -> QCheckBox:
    made = QCheckBox(words)
    made.setAccessibleName(words)
    made.setToolTip(f"{explanation} ({key})")
    return made
