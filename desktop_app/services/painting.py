"""Evidence as pictures and as JSON, for the window and the command line alike: one painter, one document."""

from __future__ import annotations

from pathlib import Path

import cv2

from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.evidence import Map, MatchEvidence
from desktop_app.imaging.overlay import (
    EvidencePage,
    Layer,
    PagePicture,
    evidence_picture,
    evidence_svg,
    heat_rgba,
    legend_rgba,
    link_colour,
)
from desktop_app.imaging.svg_canvas import data_uri
from desktop_app.retrieval.evidence_words import place_of
from desktop_app.services.pictures import Pixels

__all__ = [
    "EvidencePage",
    "Layer",
    "PagePicture",
    "data_uri",
    "evidence_json",
    "evidence_picture",
    "evidence_svg",
    "heat_rgba",
    "legend_rgba",
    "link_colour",
    "place_of",
    "write_drawing",
    "write_png",
    "write_text",
]


def write_drawing(out: Path, page: EvidencePage) -> None:
    """Write the evidence to `out`: as SVG when its name ends in .svg, else as PNG. Raises IndiciumError when it
    cannot be written."""
    if out.suffix.lower() == ".svg":
        write_text(out, evidence_svg(page))
    else:
        write_png(out, evidence_picture(page))


def write_png(out: Path, rgb: Pixels) -> None:
    """Write [H, W, 3] uint8 RGB as a PNG; the file appears under its name only when it is complete.

    Raises IndiciumError when it cannot be written.
    """
    _, encoded = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    _write(out, encoded.tobytes())


def write_text(out: Path, text: str) -> None:
    """Write text as UTF-8, as `write_png` does."""
    _write(out, text.encode("utf-8"))


def _write(out: Path, data: bytes) -> None:
    unfinished = out.with_name(out.name + ".part")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(out)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise IndiciumError(
            f"cannot write {out}: {error.strerror or error}", remedy="Choose another place for it"
        ) from error


def evidence_json(evidence: MatchEvidence) -> dict[str, object]:
    """The document of `indicium explain --json`: maps row by row in [0, 1], links strongest first.

    P belongs to the result, Q to the query; rectangles are x, y, w, h in pixels of the oriented originals.
    """
    return {
        "relevance": round(evidence.relevance, 6),
        "evidence_source": evidence.source.value,
        "coattention": {"query": _rows(evidence.coattention.query), "result": _rows(evidence.coattention.result)},
        "P": _rows(evidence.p),
        "Q": _rows(evidence.q),
        "links": [
            {
                "query": link.query.as_list(),
                "result": link.result.as_list(),
                "score": round(link.score, 6),
                "strength": link.strength.value,
            }
            for link in evidence.links
        ],
        "words": evidence.words,
        "query_box": evidence.query_box.as_list(),
        "query_outline": evidence.query_outline.as_lists() if evidence.query_outline else None,
        "result_box": evidence.result_box.as_list(),
    }


def _rows(values: Map) -> list[list[float]]:
    return [[round(float(value), 6) for value in row] for row in values]
