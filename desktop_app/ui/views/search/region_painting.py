"""What lies over the query picture: its part with handles, or an outline in the making."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from desktop_app.domain.outline import Outline, Part
from desktop_app.ui.views import theme
from desktop_app.ui.views.search.lasso import Lasso
from desktop_app.ui.views.search.region_handles import Placement, handle_points


def paint_part(painter: QPainter, area: QRectF, part: Part, placement: Placement) -> None:
    """The part bright, with its edge and the handles of the rectangle round it."""
    box = placement.rectangle(part.box if isinstance(part, Outline) else part)
    inner = QRectF(QPointF(box[0], box[1]), QPointF(box[2], box[3]))
    edge = QPainterPath()
    if isinstance(part, Outline):
        edge.addPolygon(QPolygonF([QPointF(*placement.to_widget(x, y)) for x, y in part.points]))
        edge.closeSubpath()
    else:
        edge.addRect(inner)
    outside = QPainterPath()
    outside.addRect(area)
    outside.addPath(edge)
    painter.fillPath(outside, theme.theme().tokens.colour("window", 0.62))
    _stroke(painter, edge)
    if isinstance(part, Outline):
        painter.setPen(QPen(QColor(255, 255, 255, 150), 1, Qt.PenStyle.DotLine))
        painter.drawRect(inner)
    painter.setPen(QPen(Qt.GlobalColor.black, 1))
    painter.setBrush(Qt.GlobalColor.white)
    for x, y in handle_points(*box).values():
        painter.drawRect(QRectF(x - 3.5, y - 3.5, 7, 7))


def paint_lasso(painter: QPainter, lasso: Lasso) -> None:
    """The line so far, the line that would close it dashed, and the pen where the keys draw."""
    points = [QPointF(*lasso.placement.to_widget(x, y)) for x, y in lasso.points]
    pen = None if lasso.cursor is None else QPointF(*lasso.placement.to_widget(*lasso.cursor))
    line = QPainterPath()
    line.addPolygon(QPolygonF(points if pen is None else [*points, pen]))
    _stroke(painter, line)
    if len(points) > 1:
        painter.setPen(QPen(Qt.GlobalColor.white, 1, Qt.PenStyle.DashLine))
        painter.drawLine(pen or points[-1], points[0])
    if pen is None:
        return
    painter.setPen(QPen(Qt.GlobalColor.black, 1))
    painter.setBrush(Qt.GlobalColor.white)
    for point in points:
        painter.drawEllipse(point, 3, 3)
    painter.setPen(QPen(theme.DARK.colour("accent"), 2))
    for arm in (QPointF(8, 0), QPointF(0, 8)):
        painter.drawLine(pen - arm, pen + arm)


def _stroke(painter: QPainter, path: QPainterPath) -> None:
    """White on black, so that it shows on every photo."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width in ((Qt.GlobalColor.black, 3.0), (Qt.GlobalColor.white, 1.5)):
        painter.setPen(QPen(colour, width, j=Qt.PenJoinStyle.RoundJoin))
        painter.drawPath(path)
