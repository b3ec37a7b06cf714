"""A whole list of results as one HTML file: pictures inside it, nothing asked for from outside."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.photos import path_text
from desktop_app.domain.query import Query
from desktop_app.domain.results import Hit, SearchAnswer
from desktop_app.services.explain import ExplainService
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.painting import EvidencePage, data_uri, evidence_svg, write_text

EXPLAINED = 12  # results that are shown with their evidence
PICTURE_SIDE = 320
EVIDENCE_SIDE = 640
EVIDENCE_WIDTH = 1000

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
       background: #f4f4f2; color: #1b1c1e; }
article { background: #fff; border: 1px solid #dddedc; border-radius: 10px; padding: 1rem; margin: 1rem 0; }
figure { display: inline-block; margin: 0 1rem 0 0; vertical-align: top; }
img { max-width: 100%; border-radius: 6px; } svg { max-width: 100%; height: auto; }
h2 { font-size: 1rem; margin: 0 0 .5rem; overflow-wrap: anywhere; } .quiet { color: #5a5f66; }
@media (prefers-color-scheme: dark) { body { background: #17181a; color: #ecedee; }
  article { background: #1e2023; border-color: #34383d; } .quiet { color: #a6abb1; } }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write_report(
    out: Path, session: LibrarySession, explaining: ExplainService, query: Query, answer: SearchAnswer
) -> None:
    """Write the answer to `query` as HTML; the first results with their evidence.

    A picture that was found turned is shown as it asked. A result that cannot be read is named with the reason.
    Raises IndiciumError when the file cannot be written.
    """
    query = answer.asked(query)
    write_text(out, "\n".join(_lines(session, explaining, query, answer)))


def _lines(
    session: LibrarySession, explaining: ExplainService, query: Query, answer: SearchAnswer
) -> Iterator[str]:
    yield '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width"><title>Indicium: results</title>'
    yield f"<style>{_STYLE}</style></head><body><h1>{_text(_first_upper(answer.verdict.value))}</h1>"
    stages = ", ".join(stage.value for stage in answer.stages_run)
    yield (
        f'<p class="quiet">{len(answer.hits):,} of {answer.searched:,} photos; '
        f"{_text(answer.profile.value)} search by {_text(stages)}; {_text(answer.device)}</p>"
    )
    yield "<article><h2>Asked with</h2>"
    for item, shown in zip(query.items, answer.query, strict=True):
        role = "not like this: " if shown.negative else ""
        part = "" if shown.region is None else f", the part {shown.region.text}"
        part += ", inside an outline" if shown.outline else ""
        part += f", {shown.turn.words}" if shown.turn.words else ""
        viewed = explaining.query_picture(session.recognise(item), long_side=PICTURE_SIDE)
        yield _figure(data_uri(viewed.rgb), f"{role}{shown.name}, {shown.width} x {shown.height}{part}")
    yield "</article>"
    for place, hit in enumerate(answer.hits, 1):
        yield f"<article><h2>{place:,}. {_text(path_text(hit.photo.path))}</h2>"
        yield f"<p>{hit.score:.2f}, {_text(hit.words.value)}{_stages(hit)}</p>"
        try:
            if place <= EXPLAINED:
                yield _evidence(session, explaining, query, hit)
            else:
                viewed = explaining.result_picture(hit.photo, long_side=PICTURE_SIDE)
                yield _figure(data_uri(viewed.rgb), "")
        except IndiciumError as error:
            yield f'<p class="quiet">{_text(error.message)}</p>'
        yield "</article>"
    yield "</body></html>\n"


def _evidence(session: LibrarySession, explaining: ExplainService, query: Query, hit: Hit) -> str:
    """The evidence for the first picture that is wanted, as the painter draws it."""
    item = session.recognise(next(item for item in query.items if not item.negative))
    evidence = explaining.explain(item, hit.photo)
    asked = explaining.query_picture(item, long_side=EVIDENCE_SIDE)
    found = explaining.result_picture(hit.photo, long_side=EVIDENCE_SIDE)
    page = EvidencePage(
        asked.on_page(), found.on_page(hit.photo.name), evidence, theme="light", width=EVIDENCE_WIDTH
    )
    picture = evidence_svg(page, prefix=f"result{hit.photo.id}-")
    return f'<div role="img" aria-label="{_text(evidence.words)}">{picture}</div>'


def _stages(hit: Hit) -> str:
    scores = [f"{name} {value:.2f}" for name, value in hit.stages.as_json().items() if value is not None]
    return f' <span class="quiet">({_text(", ".join(scores))})</span>' if scores else ""


def _figure(address: str, words: str) -> str:
    caption = f"<figcaption>{_text(words)}</figcaption>" if words else ""
    return f'<figure><img alt="{_text(words)}" src="{address}">{caption}</figure>'


def _text(words: str) -> str:
    """Text that is nothing but text in HTML; what no document may hold becomes a replacement character."""
    return escape(words.encode("utf-8", "replace").decode("utf-8"), quote=True)


def _first_upper(words: str) -> str:
    return words[:1].upper() + words[1:]
