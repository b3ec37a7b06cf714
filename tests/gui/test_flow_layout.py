"""Widgets side by side over several lines, each in the middle of its line."""

from PySide6.QtWidgets import QWidget

from desktop_app.ui.views.flow import FlowLayout


def test_lines_break_where_they_are_full_and_low_widgets_stand_in_the_middle(qtbot):
    box = QWidget()
    qtbot.addWidget(box)
    flow = FlowLayout(box, spacing=10)
    parts = []
    for width, height in ((50, 30), (40, 10), (60, 20), (30, 20)):
        part = QWidget()
        part.setFixedSize(width, height)
        flow.addWidget(part)
        parts.append(part)
    parts[3].hide()
    box.resize(100, 200)
    box.show()
    assert flow.heightForWidth(100) == 30 + 10 + 20 and flow.heightForWidth(500) == 30
    places = [part.geometry().getRect() for part in parts[:3]]
    assert places == [(0, 0, 50, 30), (60, 10, 40, 10), (0, 40, 60, 20)]
    assert FlowLayout().heightForWidth(50) == 0
