"""The stage `evidence` of a search: what a close look at a candidate adds to its score [ours].

Four terms, each compared with what is usual for a candidate of that score, so that scores keep their scale:

    raw = raw + sum_t weight_t (x_t - level_t - slope_t min(raw, most_t))

    match    S0's many-to-many match over the cells themselves, not their clusters (SCIENCE A3)
    local    log-odds of the local relevance: links that one transform explains (`relevance`)
    network  logit of the indicative network (S1)
    kin      how the candidates support one another (`kinship`), of more of them than the others
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import PackError

MATCH, LOCAL, NETWORK, KIN = "match", "local", "network", "kin"
TERMS = (MATCH, LOCAL, NETWORK, KIN)
DEPTH = 50  # candidates that are looked at closely
END = 1e-4  # how far below the end of the head those may lie that fall out of it

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Term:
    """How much a term counts, and what is usual for a raw score: level + slope * min(raw, most). most: the largest
    raw score that the line was drawn through; copies and views of a picture lie above."""

    weight: float
    level: float = 0.0
    slope: float = 0.0
    most: float = math.inf

    @classmethod
    def from_manifest(cls, values: object) -> Self:
        """Raises PackError for anything but numbers by name."""
        if not isinstance(values, Mapping):
            raise _unreadable(values)
        numbers = [values.get(one.name, one.default) for one in fields(cls) if one.name != "weight"]
        numbers = [values.get("weight", 0.0), *numbers]
        if not all(_is_number(value) for value in numbers):
            raise _unreadable(numbers)
        return cls(*(float(value) for value in numbers))

    def as_json(self) -> dict[str, float]:
        """Its numbers by name, as the manifest has them."""
        return {name: value for name, value in asdict(self).items() if value != math.inf}

    def changes(self, values: Float, raw: Float) -> NDArray[np.float64]:
        """[M] to be added to the raw scores [M] for the term's values [M]; 0 where they are NaN."""
        usual = self.level + self.slope * np.minimum(raw.astype(np.float64), self.most)
        return np.nan_to_num(self.weight * (values - usual), nan=0.0)


@dataclass(frozen=True, slots=True)
class CloseLookParameters:
    """The part `evidence` of the manifest's section `fusion`: the terms that count, learnt on TRAIN photos."""

    terms: Mapping[str, Term] = field(default_factory=dict)

    @classmethod
    def from_manifest(cls, fusion: Mapping[str, object]) -> Self:
        """No terms without that part. Raises PackError for a term that is unknown or not made of numbers."""
        section = fusion.get("evidence") or {}
        if not isinstance(section, Mapping):
            raise _unreadable(section)
        terms = {}
        for name, values in section.items():
            if name not in TERMS:
                raise _unreadable(name)
            terms[name] = Term.from_manifest(values)
        return cls({name: term for name, term in terms.items() if term.weight != 0.0})


@dataclass(frozen=True, slots=True, eq=False)
class CloseLook:
    """What was seen of the first M candidates.

    relevance: [M] float32, 0..1, NaN for those that were not looked at. terms: by name, [M] float32, NaN likewise;
    terms that the pack cannot make are missing.
    """

    relevance: Float
    terms: Mapping[str, Float]

    @classmethod
    def nothing(cls) -> Self:
        """Of no candidate."""
        return cls(np.empty(0, np.float32), {})

    def changes(self, raw: Float, parameters: CloseLookParameters, leave_out: str | None = None) -> Float:
        """[M] float32 to be added to the raw scores [M]; a term that is not known of a candidate adds nothing.
        leave_out: a term that does not count."""
        total = np.zeros(len(raw), np.float64)
        for name, term in parameters.terms.items():
            if name in self.terms and name != leave_out:
                total += term.changes(self.terms[name], raw)
        return total.astype(np.float32)

    def with_term(self, name: str, values: Float) -> CloseLook:
        """With one more term, [M'] float32, of at least as many candidates."""
        missing = np.full(len(values) - len(self.relevance), np.nan, np.float32)
        terms = {known: np.concatenate([found, missing]) for known, found in self.terms.items()}
        return CloseLook(np.concatenate([self.relevance, missing]), terms | {name: values})


def pooled(values: Sequence[Float], *, weights: Sequence[float], negative: Sequence[bool], beta: float) -> Float:
    """A term of several query pictures as one: the weighted mean of those that are wanted, less beta times how far
    that of the others lies above the mean of the candidates that were seen.

    values: one [M] float32 a picture, NaN where a candidate was not seen. Returns [M] float32.
    """
    total = np.zeros(len(values[0]), np.float64)
    for unwanted in (False, True):
        rows = [at for at, is_negative in enumerate(negative) if bool(is_negative) is unwanted]
        share = np.array([weights[at] for at in rows], np.float64)
        if not share.sum() > 0:
            continue
        mean = np.average(np.stack([values[at] for at in rows]).astype(np.float64), axis=0, weights=share)
        if unwanted:
            seen = ~np.isnan(mean)
            mean = -beta * (mean - mean[seen].mean()) if seen.any() else mean
        total += mean
    return total.astype(np.float32)


def kept_in_front(raw: Float, end: float) -> Float:
    """Raw scores [M] of the head of which none lies below what follows: those below `end` are pressed together
    into the last END above which the head ended, their order kept."""
    low = float(raw.min(initial=end))
    if low >= end:
        return raw
    pressed = end - END * (end - raw.astype(np.float64)) / (end - low)
    return np.where(raw < end, pressed, raw).astype(np.float32)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _unreadable(what: object) -> PackError:
    return PackError(
        f"the manifest of the pack has {what!r} in 'fusion' ('kin' or 'evidence'), which this version cannot read",
        remedy="Install the pack again, or a newer version of the application",
    )
