"""A report as bars: a small SVG picture, written by hand so that the application needs no plotting library."""

from __future__ import annotations

import math
from html import escape

from desktop_app.evaluation.report import Report, figure

MOST_MEASURES = 16
MOST_ROWS = 48
NOT_DRAWN = ("seconds", "count", "threshold", "best_threshold")
COLOURS = ("#3366aa", "#cc7722", "#448855", "#aa4466", "#7755aa", "#888888")  # a pack each, then again
_LINE, _BAR, _GAP, _HEAD = 22, 16, 18, 30  # pixels: a row, its bar, between two measures, the title of one
_LEFT, _WIDTH, _RIGHT = 320, 420, 70  # labels, bars, figures
_LETTER = 6.6  # pixels of a letter of a label, to cut those that are too long

_PAGE = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" \
viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">
<title>{title}</title>
<rect width="100%" height="100%" fill="#ffffff"/>
{parts}
</svg>
"""
_TITLE = '<text x="12" y="{y}" font-size="14" font-weight="bold" fill="#222222">{text}</text>'
_LABEL = '<text x="{x}" y="{y}" text-anchor="end" fill="#222222">{text}</text>'
_RECT = '<rect x="{x}" y="{y}" width="{width:.1f}" height="{height}" fill="{colour}"/>'
_FIGURE = '<text x="{x:.1f}" y="{y}" fill="#222222">{text}</text>'
_AXIS = '<line x1="{x}" y1="{top}" x2="{x}" y2="{bottom}" stroke="{colour}" stroke-width="1"/>'


def bar_chart(report: Report) -> str:
    """The first MOST_MEASURES measures of a report, one group of bars each with a bar for each row.

    Every group begins at 0 and ends at 1, or at the next whole number above its largest figure; below 0 nothing
    is drawn; the figures stand in a column behind the bars. At most MOST_ROWS rows are
    drawn, and the picture says so.
    """
    rows = report.rows[:MOST_ROWS]
    packs = list(dict.fromkeys(row.pack for row in report.rows))
    names = [name for row in rows for name, value in row.measures.items() if value is not None]
    measures = [name for name in dict.fromkeys(names) if name not in NOT_DRAWN][:MOST_MEASURES]
    parts = [_TITLE.format(y=22, text=escape(_heading(report)))]
    top = 22 + _GAP
    for name in measures:
        drawn = [
            (row, value) for row in rows if (value := row.measures.get(name)) is not None and math.isfinite(value)
        ]
        if not drawn:
            continue
        end = max(1, math.ceil(max(value for _, value in drawn)))
        parts.append(_TITLE.format(y=top + 14, text=escape(f"{name} (0 to {end})")))
        top += _HEAD
        bottom = top + _LINE * len(drawn)
        for part, colour in (
            (0.0, "#222222"),
            (0.25, "#dddddd"),
            (0.5, "#dddddd"),
            (0.75, "#dddddd"),
            (1.0, "#aaaaaa"),
        ):
            parts.append(_AXIS.format(x=_LEFT + _WIDTH * part, top=top - 4, bottom=bottom, colour=colour))
        for row, value in drawn:
            width = _WIDTH * max(0.0, value) / end
            colour = COLOURS[packs.index(row.pack) % len(COLOURS)]
            parts.append(_LABEL.format(x=_LEFT - 8, y=top + 13, text=escape(_cut(row.label()))))
            parts.append(_RECT.format(x=_LEFT, y=top + 1, width=width, height=_BAR, colour=colour))
            parts.append(_FIGURE.format(x=_LEFT + _WIDTH + 8, y=top + 13, text=figure(name, value)))
            top += _LINE
        top += _GAP
    return _PAGE.format(
        width=_LEFT + _WIDTH + _RIGHT, height=top + 12, title=escape(report.protocol), parts="\n".join(parts)
    )


def _heading(report: Report) -> str:
    text = f"{report.protocol}: {report.images:,} photos, {report.queries:,} queries"
    return text if len(report.rows) <= MOST_ROWS else f"{text} (the first {MOST_ROWS} of {len(report.rows)} rows)"


def _cut(label: str) -> str:
    most = int((_LEFT - 20) / _LETTER)
    return label if len(label) <= most else label[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"
