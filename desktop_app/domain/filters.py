"""Which photos may answer: choices by kind, words, a selection; the same in the window, in JSON and when typed."""

from __future__ import annotations

import calendar
import datetime
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from desktop_app.domain.errors import UsageError
from desktop_app.domain.metadata import LEAST_RATING, MOST_RATING
from desktop_app.domain.photos import PhotoId


class FilterKind(StrEnum):
    """What photos can be filtered by. Values of one kind are alternatives; tags must all be there."""

    FOLDER = "folder"
    DATE = "date"
    CAMERA = "camera"
    LENS = "lens"
    ORIENTATION = "orientation"
    SIZE = "size"
    FORMAT = "format"
    RATING = "rating"
    TAG = "tag"
    LOCATED = "located"
    PLACE = "place"
    MARKED = "marked"


ORIENTATIONS = ("landscape", "portrait", "square")
SIZES: Mapping[str, tuple[float, float]] = {
    "small": (0, 2e6),
    "medium": (2e6, 8e6),
    "large": (8e6, 24e6),
    "huge": (24e6, math.inf),
}
"""Pixels of the whole photo, from and below."""
MOST_KILOMETRES = 20_000.0
_FIXED = {
    FilterKind.LOCATED: ("yes", "no"),
    FilterKind.ORIENTATION: ORIENTATIONS,
    FilterKind.SIZE: tuple(SIZES),
    FilterKind.MARKED: ("yes", "no"),
}
_DAY = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")
_RATING = re.compile(r"(-1|[0-5])(\+|\.\.)?")

Choice = tuple[FilterKind, str]


@dataclass(frozen=True, slots=True)
class PhotoFilter:
    """Photos that fit every kind chosen, hold all the words, and are part of the selection.

    Values are text, as typed behind `--filter KIND=`: folder=/a/path, date=2019 or 2019-05 or 2018..2019-05-01,
    camera=NAME ("" where it is not known), orientation=portrait, size=large, format=JPEG, rating=3 or 3+,
    tag=WORD, located=yes (a place or a position is known), place=NAME or LAT,LON (that tenth of a degree) or
    LAT,LON,KILOMETRES, marked=yes. `within` None: everywhere. Raises UsageError for a value that its kind does not
    have.
    """

    choices: tuple[Choice, ...] = ()
    text: str = ""
    within: frozenset[PhotoId] | None = None

    def __post_init__(self) -> None:
        tidied = tuple(
            sorted({(FilterKind(kind), _checked(FilterKind(kind), value)) for kind, value in self.choices})
        )
        object.__setattr__(self, "choices", tidied)
        object.__setattr__(self, "text", " ".join(self.text.split()))

    def __bool__(self) -> bool:
        return bool(self.choices or self.text or self.within is not None)

    def of(self, kind: FilterKind) -> tuple[str, ...]:
        """The values chosen of a kind."""
        return tuple(value for chosen, value in self.choices if chosen is kind)

    def toggled(self, kind: FilterKind, value: str) -> PhotoFilter:
        """With one value more, or without it where it was chosen."""
        choice = (kind, _checked(kind, value))
        rest = tuple(other for other in self.choices if other != choice)
        return replace(self, choices=rest if len(rest) < len(self.choices) else (*rest, choice))

    def without(self, kind: FilterKind) -> PhotoFilter:
        """Without anything of a kind."""
        return replace(self, choices=tuple(choice for choice in self.choices if choice[0] is not kind))

    def as_json(self) -> dict[str, object]:
        document: dict[str, object] = {"choices": [[kind.value, value] for kind, value in self.choices]}
        if self.text:
            document["text"] = self.text
        if self.within is not None:
            document["within"] = sorted(self.within)
        return document

    @classmethod
    def from_json(cls, document: object) -> PhotoFilter:
        """The filter of an `as_json` document. Raises UsageError for anything else."""
        try:
            if not isinstance(document, dict):
                raise TypeError
            within = document.get("within")
            return cls(
                choices=tuple((FilterKind(kind), str(value)) for kind, value in document.get("choices", ())),
                text=str(document.get("text", "")),
                within=None if within is None else frozenset(PhotoId(int(photo)) for photo in within),
            )
        except (TypeError, ValueError) as error:
            raise UsageError("this is no filter", remedy="Make the search again and save it once more") from error

    @classmethod
    def parse(cls, typed: Iterable[str]) -> PhotoFilter:
        """From texts `KIND=VALUE`; the kind `text` stands for words. Raises UsageError."""
        choices, words = [], []
        for text in typed:
            kind, equals, value = text.partition("=")
            kind = kind.strip().lower()
            if equals and kind == "text":
                words.append(value)
            elif equals and kind in list(FilterKind):
                choices.append((FilterKind(kind), value.strip()))
            else:
                known = ", ".join((*FilterKind, "text"))
                raise UsageError(f"'{text}' is no filter", remedy=f"Write KIND=VALUE; kinds are {known}")
        return cls(tuple(choices), " ".join(words))


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value of a kind, and how many photos would be left with it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """How many photos a filter leaves, and the values of every kind, the most frequent first.

    The counts of a kind are those under all other kinds chosen: choosing a second value of it adds photos. For
    tags they are those under the tags chosen too.
    """

    total: int
    values: Mapping[FilterKind, Sequence[FacetValue]]


def date_range(value: str) -> tuple[float, float]:
    """`2019`, `2019-05`, `2019-05-01` or two of them with `..` between -> seconds from, and below."""
    first, dots, last = value.partition("..")
    start, end = _day(first or last, value), _day(last or first, value)
    return (
        start[0] if first or not dots else -math.inf,
        end[1] if last or not dots else math.inf,
    )


def rating_range(value: str) -> tuple[int, int]:
    """`3` -> (3, 3); `3+` -> (3, 5)."""
    match = _RATING.fullmatch(value)
    if not match:
        raise _odd(FilterKind.RATING, value, f"a number from {LEAST_RATING} to {MOST_RATING}, with + for at least")
    return int(match[1]), MOST_RATING if match[2] else int(match[1])


def position(value: str) -> tuple[float, float, float | None] | None:
    """`48.2,16.4` or `48.2,16.4,10` -> latitude, longitude, kilometres around it (None: its tenth of a degree);
    None for a name."""
    try:
        numbers = [float(part) for part in value.split(",")]
    except ValueError:
        return None
    if len(numbers) not in (2, 3) or not all(map(math.isfinite, numbers)):
        return None
    if abs(numbers[0]) > 90 or abs(numbers[1]) > 180 or not 0 < (*numbers, 1.0)[2] <= MOST_KILOMETRES:
        raise _odd(FilterKind.PLACE, value, "degrees north, degrees east, kilometres around it")
    return numbers[0], numbers[1], numbers[2] if len(numbers) == 3 else None


def cell_of(latitude: float, longitude: float) -> str:
    """The tenth of a degree that a position lies in, as the value of a place."""
    return f"{round(latitude, 1) + 0.0},{round(longitude, 1) + 0.0}"


def circle(latitude: float, longitude: float, kilometres: float) -> str:
    """All that lies within so many kilometres of a position, to about a metre, as the value of a place."""
    return f"{round(latitude, 5) + 0.0},{round(longitude, 5) + 0.0},{kilometres:g}"


def _checked(kind: FilterKind, value: str) -> str:
    if kind is not FilterKind.FOLDER:  # whose names need not be text
        value = value.encode("utf-8", "replace").decode("utf-8")
    if kind in _FIXED:
        value = value.lower()
        if value not in _FIXED[kind]:
            raise _odd(kind, value, " or ".join(_FIXED[kind]))
    elif kind is FilterKind.FORMAT:
        value = value.upper()
    elif kind is FilterKind.DATE:
        date_range(value)
    elif kind is FilterKind.RATING:
        rating_range(value)
    elif kind is FilterKind.PLACE:
        place = position(value)
        value = cell_of(place[0], place[1]) if place is not None and place[2] is None else value
    elif kind in (FilterKind.TAG, FilterKind.FOLDER) and not value.strip():
        raise _odd(kind, value, "a name")
    return value


def _day(text: str, whole: str) -> tuple[float, float]:
    match = _DAY.fullmatch(text.strip())
    try:
        if not match:
            raise ValueError
        year, month, day = (int(part) if part else None for part in match.groups())
        start = datetime.datetime(year or 0, month or 1, day or 1, tzinfo=datetime.UTC)
        last_month = month or 12
        last_day = day or calendar.monthrange(start.year, last_month)[1]
        end = datetime.datetime(start.year, last_month, last_day, tzinfo=datetime.UTC).timestamp() + 86_400
    except ValueError:
        raise _odd(FilterKind.DATE, whole, "2019, 2019-05, 2019-05-01, or two of them with .. between") from None
    return start.timestamp(), end


def _odd(kind: FilterKind, value: str, wanted: str) -> UsageError:
    return UsageError(f"'{value}' cannot be used for '{kind.value}'", remedy=f"Write {wanted}")
