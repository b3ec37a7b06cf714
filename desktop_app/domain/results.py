"""Answers: hits with the score of every stage, and the five phrases that say what a score means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from desktop_app.domain.geometry import Region
from desktop_app.domain.outline import Outline
from desktop_app.domain.photos import PhotoRecord
from desktop_app.domain.query import AS_IT_IS, Profile, Query, Turn


class Words(StrEnum):
    """The five phrases, everywhere the same."""

    ALMOST_CERTAIN = "almost certainly the same"
    SAME_THING = "same thing"
    SIMILAR = "similar"
    WEAKER = "weaker from here"
    NOTHING = "nothing here matches well"


class Stage(StrEnum):
    """The stages of a search; a stage that did not run is null in every answer."""

    GLOBAL = "global"
    GRAPH = "graph"
    LOCAL = "local"
    RERANK = "rerank"
    MARKS = "marks"
    EVIDENCE = "evidence"


@dataclass(frozen=True, slots=True)
class StageScores:
    """The score of each stage, None where it did not run. `global_` is the cosine of the descriptors."""

    global_: float | None = None
    graph: float | None = None
    local: float | None = None
    rerank: float | None = None
    marks: float | None = None
    relevance: float | None = None

    def as_json(self) -> dict[str, float | None]:
        """By the names of the command line; `marks` only in rounds of feedback that it ran in."""
        marks = {} if self.marks is None else {"marks": self.marks}
        return {
            "global": self.global_,
            "graph": self.graph,
            "local": self.local,
            "rerank": self.rerank,
            **marks,
            "relevance": self.relevance,
        }


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a photo that matches clearly better than the whole: its `box` in pixels of the oriented
    original, and the cosine of its descriptor with the query's."""

    box: Region
    score: float

    def as_json(self) -> dict[str, object]:
        return {"box": self.box.as_list(), "score": round(self.score, 6)}


@dataclass(frozen=True, slots=True)
class Hit:
    """One result. `score` is calibrated to 0..1 and `words` says what it means. `part`: where a library that is
    searched in parts found it, None where the whole photo matches about as well."""

    photo: PhotoRecord
    score: float
    stages: StageScores
    words: Words
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class QueryPicture:
    """What became of one query item: its name, the part used, how it was turned, and its size when it asked
    (oriented, and turned), as shown in answers. `region` is the box of an `outline`."""

    name: str
    width: int
    height: int
    region: Region | None
    negative: bool
    path: bytes | None = None
    turn: Turn = AS_IT_IS
    outline: Outline | None = None


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """The hits, best first, and everything needed to say how they came about.

    `final` is False for an answer that a later stage will refine. `timings_ms` is by stage name, plus "embed",
    "small" (the query embedded once more, seen small), and "turn" where an orientation was chosen. `pending`
    counts photos that are not indexed yet and so could not be found. `notes` are sentences about the question, for
    example about a mark that could not be used. `classes` says where the classes of the stage `rerank` came from,
    None where it did not run.
    """

    hits: tuple[Hit, ...]
    query: tuple[QueryPicture, ...]
    profile: Profile
    stages_run: tuple[Stage, ...]
    verdict: Words
    device: str
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    final: bool = True
    searched: int = 0
    pending: int = 0
    notes: tuple[str, ...] = ()
    classes: str | None = None

    def asked(self, query: Query) -> Query:
        """The `query` of this answer with its picture turned as it was when it found these hits."""
        items = [replace(item, turn=shown.turn) for item, shown in zip(query.items, self.query, strict=True)]
        return replace(query, items=tuple(items), turned=False)
