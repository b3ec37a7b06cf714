"""A value inside a JSON document that people may write by hand, and where it stands, so that errors can say so."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from desktop_app.domain.errors import UsageError


@dataclass(frozen=True, slots=True)
class JsonValue:
    """`value` is what the document holds at `where`, for example "rounds[1].marks[0].sign".

    Every method raises UsageError, naming the place, when the value is of another kind.
    """

    value: object
    where: str

    def get(self, key: str, default: object = ...) -> JsonValue:
        """The entry `key` of an object; a missing one is `default`, and an error without any."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        place = f"{self.where}.{key}" if self.where else key
        if key not in self.value:
            if default is ...:
                raise UsageError(f"'{place}' is missing", remedy="Add it")
            return JsonValue(default, place)
        return JsonValue(self.value[key], place)

    def has(self, key: str) -> bool:
        """Whether an object has the entry, and not null."""
        return isinstance(self.value, dict) and self.value.get(key) is not None

    def entries(self) -> Iterator[JsonValue]:
        """The entries of a list."""
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        for at, entry in enumerate(self.value):
            yield JsonValue(entry, f"{self.where}[{at}]")

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.wrong("text")
        return self.value

    def number(self) -> float:
        """A finite number."""
        if (
            isinstance(self.value, bool)
            or not isinstance(self.value, int | float)
            or not math.isfinite(self.value)
        ):
            raise self.wrong("a number")
        return float(self.value)

    def whole(self) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.wrong("a whole number")
        return self.value

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def wholes(self, count: int) -> tuple[int, ...]:
        """A list of so many whole numbers."""
        if not isinstance(self.value, list) or len(self.value) != count:
            raise self.wrong(f"a list of {count} whole numbers")
        return tuple(entry.whole() for entry in self.entries())

    def wrong(self, wanted: str) -> UsageError:
        """The error that says what should stand here."""
        shown = repr(self.value)
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        return UsageError(f"'{self.where or 'the document'}' is {shown}, not {wanted}", remedy="Correct it")
