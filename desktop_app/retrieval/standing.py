"""A list of results as the stages leave it: the one place where scores of stages become an order.

Every stage looks at the head of the list, gives it new raw scores and sorts it; what it did not look at stays
behind it in its order:

    raw = max(cosine, tile)                                 after `global`
    raw = max((1 - mix) cosine + mix smoothed cosine, tile) after `graph`
    raw = w_global raw + w_local max(0, local - floor)      after `local`
    raw = raw + w_rerank (change of distance of S2)         after `rerank`, and then, with the same stage,
    raw = raw + (how candidates support one another, beyond the usual)
    raw = raw + share spread (likeness to marked parts)     after `marks`
    raw = raw + (what a close look says beyond the usual)   after `evidence`

`tile`: in a library that is searched in parts, the cosine of a photo's best tile less a penalty
(`retrieval.tiles`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.results import Stage, StageScores
from desktop_app.retrieval.calibration import ScoreScale
from desktop_app.retrieval.close_look import END, KIN, CloseLook, kept_in_front
from desktop_app.retrieval.fusion import descending, fuse
from desktop_app.retrieval.graph_smoothing import mixed_scores
from desktop_app.retrieval.parameters import FusionParameters, GraphParameters
from desktop_app.retrieval.tiles import TileScores

GLOBAL_DEPTH = 1000  # candidates after the global stage
GRAPH_DEPTH = 1000
LEAD = 0.02  # of raw scores; chosen on held-out TRAIN classes and made views of TRAIN photos

Float = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """N results, best first. rows: [N] int64. raw: [N] float32, falling within what the last stage looked at.

    scores: by stage, [N] float32, NaN where the stage did not look. tiles: the best tile of every result and its
    cosine, None for a library that is not searched in parts.
    """

    rows: Rows
    raw: Float
    scores: Mapping[Stage, Float] = field(default_factory=dict)
    tiles: TileScores | None = None

    @classmethod
    def first(cls, rows: Rows, cosines: Float, tiles: TileScores | None = None) -> Standing:
        """After `global`: rows [N] with their cosines, best first; with `tiles` in any order."""
        if tiles is None:
            return cls(rows, cosines, {Stage.GLOBAL: cosines})
        raw = np.maximum(cosines, tiles.lowered)
        order = descending(raw)
        return cls(rows[order], raw[order], {Stage.GLOBAL: cosines[order]}, tiles.take(order))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that ran, in their order."""
        return tuple(stage for stage in Stage if stage in self.scores)

    def with_graph(self, smooth: Float, parameters: GraphParameters) -> Standing:
        """smooth: [M] smoothed cosines of the first M results."""
        raw = mixed_scores(self.scores[Stage.GLOBAL][: len(smooth)], smooth, parameters)
        if self.tiles is not None:  # the graph knows whole photos alone
            raw = np.maximum(raw, self.tiles.lowered[: len(smooth)])
        return self._sorted(Stage.GRAPH, smooth, raw)

    def with_local(self, local: Float, parameters: FusionParameters, cells: Float | None = None) -> Standing:
        """local: [M] many-to-many match of the first M results. cells: [M] what their cells add
        (`retrieval.cell_match`)."""
        raw = fuse(self.raw[: len(local)], local, parameters)
        return self._sorted(Stage.LOCAL, local, raw if cells is None else (raw + cells).astype(np.float32))

    def with_rerank(self, changes: Float, parameters: FusionParameters) -> Standing:
        """changes: [M] how much nearer the second model puts the first M results."""
        raw = self.raw[: len(changes)] + np.float32(parameters.rerank) * changes
        return self._sorted(Stage.RERANK, changes, raw.astype(np.float32))

    def with_kin(
        self, kin: Float, parameters: FusionParameters, asking: NDArray[np.bool_] | None = None
    ) -> Standing:
        """kin: [M] how the first M results after `rerank` support one another (`kinship`). asking: [M] those that
        ask themselves. What kinship changes counts as said by that stage. A first result that led by more than
        `LEAD` stays the first: the very picture that was looked for has fewer of its kind than others."""
        if not len(kin):
            return self
        head = self.raw[: len(kin)]
        raw = (head + parameters.kin.changes(kin, head)).astype(np.float32)
        raw = kept_in_front(_kept_first(head, raw, asking), self._end_of_head(len(kin)))
        said = self.scores[Stage.RERANK][: len(kin)] + (raw - head) / np.float32(parameters.rerank)
        return self._sorted(Stage.RERANK, said, raw)

    def with_marks(self, likeness: Float, share: float, ordinary: NDArray[np.bool_]) -> Standing:
        """likeness: [M] how like the marked parts the first M results are, standardised; share: 0..1 how much it
        counts; ordinary: [M] those that neither ask nor are marked, whose scores say how far apart scores lie.

        The best result keeps the raw score that the best one had: marks move photos, they make no answer surer.
        """
        head = self.raw[: len(likeness)]
        spread = float(head[ordinary].std()) if ordinary.any() else 0.0
        raw = head + np.float32(share * spread) * likeness
        raw = raw + (head.max(initial=-np.inf) - raw.max(initial=-np.inf)) if len(raw) else raw
        return self._sorted(Stage.MARKS, likeness, raw.astype(np.float32))

    def with_evidence(
        self, look: CloseLook, parameters: FusionParameters, asking: NDArray[np.bool_] | None = None
    ) -> Standing:
        """look: a close look at the first M results, no more than the last stage looked at. asking: [M] those that
        ask themselves. Kinship leaves a clear first result here too; what was seen of the pair may move it."""
        head = self.raw[: len(look.relevance)]
        of_pairs = head + look.changes(head, parameters.evidence, leave_out=KIN)
        raw = _kept_first(of_pairs, head + look.changes(head, parameters.evidence), asking)
        return self._sorted(Stage.EVIDENCE, look.relevance, kept_in_front(raw, self._end_of_head(len(head))))

    def _end_of_head(self, count: int) -> float:
        """The raw score below which none of the first `count` may fall: that of the last, where others follow."""
        return float(self.raw[count - 1]) if 0 < count < len(self) else -np.inf

    @property
    def depths(self) -> tuple[int, ...]:
        """How many of the first results each stage looked at, in the order of the stages."""
        return tuple(
            int(np.flatnonzero(~np.isnan(self.scores[stage])).max(initial=-1)) + 1 for stage in self.stages
        )

    def shown(self, scale: ScoreScale, *, background: float) -> Float:
        """[N] float32 scores as people see them, 0..1, falling down the list."""
        return scale.scores(self.raw, depths=self.depths, background=background)

    def stage_scores(self, position: int) -> StageScores:
        """The score of every stage for the result at `position`."""
        return StageScores(
            global_=self._score(Stage.GLOBAL, position),
            graph=self._score(Stage.GRAPH, position),
            local=self._score(Stage.LOCAL, position),
            rerank=self._score(Stage.RERANK, position),
            marks=self._score(Stage.MARKS, position),
            relevance=self._score(Stage.EVIDENCE, position),
        )

    def tile(self, position: int) -> tuple[int, float] | None:
        """The tile of the result at `position` that matches clearly better than the whole, and its cosine."""
        if self.tiles is None or self.tiles.lowered[position] <= self.scores[Stage.GLOBAL][position]:
            return None
        return int(self.tiles.best[position]), float(self.tiles.scores[position])

    def _score(self, stage: Stage, position: int) -> float | None:
        if stage not in self.scores or np.isnan(self.scores[stage][position]):
            return None
        return float(self.scores[stage][position])

    def _sorted(self, stage: Stage, scores: Float, raw: Float) -> Standing:
        """The head by its new raw scores, equal ones as before; the tail as it was."""
        depth = len(raw)
        order = np.concatenate([descending(raw), np.arange(depth, len(self))])
        complete = self.scores.get(stage, np.full(len(self), np.nan, np.float32)).copy()
        complete[:depth] = scores
        every = {**self.scores, stage: complete}
        return Standing(
            self.rows[order],
            np.concatenate([raw, self.raw[depth:]])[order],
            {name: values[order] for name, values in every.items()},
            None if self.tiles is None else self.tiles.take(order),
        )


def _kept_first(before: Float, after: Float, asking: NDArray[np.bool_] | None) -> Float:
    """Raw scores [M] `after` kinship, in which what led by more than `LEAD` in `before` [M] leads still. asking:
    [M] those that ask themselves, which are no results."""
    found = np.arange(len(before)) if asking is None else np.flatnonzero(~asking)
    if len(found) < 2:
        return after
    first, second = found[np.argsort(-before[found], kind="stable")[:2]]
    if before[first] - before[second] <= LEAD:
        return after
    kept = after.copy()
    kept[first] = max(after[first], after[found[found != first]].max() + np.float32(END))
    return kept
