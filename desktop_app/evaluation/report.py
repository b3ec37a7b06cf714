"""What a protocol finds: rows of named measures, in the one shape that every protocol prints as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from desktop_app.domain.photos import Skipped


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one pack under one condition.

    names: what the row is about besides the pack, as "profile", "stages_run", "source", in the order of printing.
    measures: by name; None where a measure has no meaning or nothing to be taken from.
    """

    pack: str
    names: Mapping[str, object] = field(default_factory=dict)
    measures: Mapping[str, float | None] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        figures = {name: None if value is None else round(value, 6) for name, value in self.measures.items()}
        return {"pack": self.pack, **self.names, **figures}


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a protocol: photos looked at, queries or pairs asked, rows, and the files left out."""

    protocol: str
    images: int
    queries: int
    rows: tuple[Row, ...]
    skipped: tuple[Skipped, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The document that `indicium evaluate PROTOCOL --json` prints."""
        return {
            "protocol": self.protocol,
            "images": self.images,
            "queries": self.queries,
            "rows": [row.as_json() for row in self.rows],
        }
