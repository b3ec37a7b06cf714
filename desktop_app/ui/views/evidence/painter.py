"""What lies over the two pictures on screen: maps, links, marks, the lit patches and the patch cursor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPainterPath, QPen, QPolygonF

from desktop_app.domain.evidence import PatchLink, Strength
from desktop_app.domain.geometry import Cell, Region
from desktop_app.domain.query import Mark, Side
from desktop_app.ui.views import theme
from desktop_app.ui.views.evidence.geometry import Surface, View

DIMMED = 0.4  # what is not looked at keeps this share of its light
HALO = QColor(12, 13, 14)
BADGE = 9.0
RING = 11.0
STROKES = {Strength.STRONG: 3.0, Strength.MEDIUM: 2.0, Strength.WEAK: 1.5}


@dataclass(frozen=True)
class Scene:
    """Everything the canvas shows, as data."""

    surfaces: Mapping[Side, Surface]
    images: Mapping[Side, QImage]
    heat: Mapping[Side, QImage] = field(default_factory=dict)
    strength: float = 0.75
    links: Sequence[PatchLink] = ()
    colours: Sequence[QColor] = ()
    lit: Sequence[int] = ()
    """Positions of the links that are looked at; everything else dims while there are any."""
    marks: Mapping[Side, Sequence[Mark]] = field(default_factory=dict)
    cursor: tuple[Side, Cell] | None = None


def paint_scene(painter: QPainter, scene: Scene) -> None:
    """Paint both panes and what joins them."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    for side, surface in scene.surfaces.items():
        painter.save()
        painter.setClipRect(_rect(surface.view))
        _picture(painter, surface, scene.images.get(side), scene.heat.get(side), scene.strength)
        if scene.lit:
            _dim(painter, surface.view, [_own(scene.links[position], side) for position in scene.lit])
        painter.restore()
    _links(painter, scene)
    for side, surface in scene.surfaces.items():
        painter.save()
        painter.setClipRect(_rect(surface.view))
        for mark in scene.marks.get(side, ()):
            _mark(painter, surface.view, mark)
        if scene.cursor is not None and scene.cursor[0] is side:
            _cursor(painter, surface, scene.cursor[1])
        painter.restore()


def _rect(view: View) -> QRectF:
    return QRectF(view.pane.x, view.pane.y, view.pane.w, view.pane.h)


def _own(link: PatchLink, side: Side) -> Region:
    return link.query if side is Side.QUERY else link.result


def _place(view: View, region: Region) -> QRectF:
    return QRectF(*view.place(region))


def _picture(
    painter: QPainter, surface: Surface, image: QImage | None, heat: QImage | None, strength: float
) -> None:
    view = surface.view
    whole = _place(view, Region(0, 0, view.width, view.height))
    if image is not None:
        painter.drawImage(whole, image)
    box = surface.box
    edge = _edge(surface)
    if edge is not None:
        outside = QPainterPath()
        outside.addRect(whole)
        outside.addPath(edge)
        painter.fillPath(outside, QColor(12, 13, 14, 150))
    if heat is not None and box is not None:
        painter.save()
        painter.setOpacity(strength)
        if edge is not None:
            painter.setClipPath(edge, Qt.ClipOperation.IntersectClip)
        painter.drawImage(_place(view, box), heat)
        painter.restore()
    if edge is not None:
        painter.setPen(QPen(theme.theme().tokens.colour("accent"), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(edge)


def _edge(surface: Surface) -> QPainterPath | None:
    """Round the part that asks or that was found; None where it is all of the picture."""
    view, box = surface.view, surface.box
    edge = QPainterPath()
    if surface.outline is not None:
        points = [QPointF(*view.to_widget(x, y)) for x, y in surface.outline.points]
        edge.addPolygon(QPolygonF(points))
        edge.closeSubpath()
    elif surface.part is not None:
        edge.addRect(_place(view, surface.part))
    elif box is not None and (box.w, box.h) != (view.width, view.height):
        edge.addRect(_place(view, box))
    else:
        return None
    return edge


def _dim(painter: QPainter, view: View, kept: Iterable[Region]) -> None:
    veil = QPainterPath()
    veil.addRect(_place(view, Region(0, 0, view.width, view.height)))
    holes = QPainterPath()
    for region in kept:
        holes.addRect(_place(view, region))
    ground = QColor(theme.theme().tokens.photo_surround)
    ground.setAlphaF(1.0 - DIMMED)
    painter.fillPath(veil.subtracted(holes), ground)


def link_curve(start: QRectF, end: QRectF) -> QPainterPath:
    """From the right edge of one patch to the left edge of the other, horizontal at both ends."""
    a = QPointF(start.right(), start.center().y())
    b = QPointF(end.left(), end.center().y())
    reach = QPointF((b.x() - a.x()) * 0.35, 0.0)
    path = QPainterPath(a)
    path.cubicTo(a + reach, b - reach, b)
    return path


def _links(painter: QPainter, scene: Scene) -> None:
    if Side.QUERY not in scene.surfaces or Side.RESULT not in scene.surfaces:
        return
    query, result = scene.surfaces[Side.QUERY].view, scene.surfaces[Side.RESULT].view
    order = sorted(range(len(scene.links)), key=lambda position: (position in scene.lit, -position))
    for position in order:
        if scene.lit and position not in scene.lit:
            continue
        link, colour = scene.links[position], scene.colours[position]
        start, end = _place(query, link.query), _place(result, link.result)
        if not (start.intersects(_rect(query)) and end.intersects(_rect(result))):
            continue  # zoomed away: a line to nowhere says nothing
        _line(painter, link_curve(start, end), colour, link.strength)
        for side, box in ((query, start), (result, end)):
            painter.save()
            painter.setClipRect(_rect(side).adjusted(-1, -1, 1, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(_faint(HALO), 4.5))
            painter.drawRoundedRect(box, 4, 4)
            painter.setPen(QPen(colour, 2))
            painter.drawRoundedRect(box, 4, 4)
            painter.restore()
        _badge(painter, _inside(start.topLeft(), query), position + 1, colour)
        _badge(painter, _inside(end.topRight(), result), position + 1, colour)


def _inside(centre: QPointF, view: View) -> QPointF:
    """The place nearest to `centre` where a badge is not cut by the edge of its pane."""
    area = _rect(view).adjusted(BADGE, BADGE, -BADGE, -BADGE)
    return QPointF(
        min(max(centre.x(), area.left()), area.right()), min(max(centre.y(), area.top()), area.bottom())
    )


def _line(painter: QPainter, path: QPainterPath, colour: QColor, strength: Strength) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour_of_pass, width in ((_faint(HALO), STROKES[strength] + 2.5), (colour, STROKES[strength])):
        pen = QPen(colour_of_pass, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
        if strength is Strength.WEAK:
            pen.setDashPattern([7 / width, 6 / width])  # Qt counts dashes in widths of the pen
        painter.setPen(pen)
        painter.drawPath(path)


def _badge(painter: QPainter, centre: QPointF, number: int, colour: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(HALO)
    painter.drawEllipse(centre, BADGE, BADGE)
    painter.setBrush(colour)
    painter.drawEllipse(centre, BADGE - 1.3, BADGE - 1.3)
    painter.setPen(HALO)
    painter.save()
    font = theme.small_font(painter.font())
    font.setWeight(QFont.Weight.Bold)
    painter.setFont(font)
    area = QRectF(centre.x() - BADGE, centre.y() - BADGE, 2 * BADGE, 2 * BADGE)
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, str(number))
    painter.restore()


def _mark(painter: QPainter, view: View, mark: Mark) -> None:
    """A solid ring and a plus, or a dashed ring and a minus: told apart without colour."""
    box = _place(view, mark.grid.cell_region(mark.cell, mark.box))
    centre = box.center()
    tokens = theme.DARK  # over photographs the bright colours on a dark disc read best in both themes
    colour = tokens.colour("plus" if mark.sign > 0 else "minus")
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_faint(HALO, 0.7))
    painter.drawEllipse(centre, RING + 3, RING + 3)
    pen = QPen(colour, 2.2)
    if mark.sign < 0:
        pen.setDashPattern([2.2, 1.8])
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(centre, RING, RING)
    painter.setPen(QPen(colour, 2.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawLine(centre - QPointF(5, 0), centre + QPointF(5, 0))
    if mark.sign > 0:
        painter.drawLine(centre - QPointF(0, 5), centre + QPointF(0, 5))


def _cursor(painter: QPainter, surface: Surface, cell: Cell) -> None:
    if surface.grid is None or surface.box is None:
        return
    box = _place(surface.view, surface.grid.cell_region(cell, surface.box))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(HALO, 4))
    painter.drawRect(box)
    painter.setPen(QPen(theme.DARK.colour("accent"), 2))
    painter.drawRect(box)


def _faint(colour: QColor, alpha: float = 0.55) -> QColor:
    made = QColor(colour)
    made.setAlphaF(alpha)
    return made
