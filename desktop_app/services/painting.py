"""Evidence as pictures and as JSON, for the window and the command line alike: one painter, one document."""

from __future__ import annotations

from desktop_app.domain.evidence import Map, MatchEvidence
from desktop_app.imaging.overlay import evidence_picture, heat_rgba, legend_rgba
from desktop_app.retrieval.evidence_words import place_of

__all__ = ["evidence_json", "evidence_picture", "heat_rgba", "legend_rgba", "place_of"]


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
        "result_box": evidence.result_box.as_list(),
    }


def _rows(values: Map) -> list[list[float]]:
    return [[round(float(value), 6) for value in row] for row in values]
