"""What a protocol finds: rows of named measures, in the one shape that every protocol prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from desktop_app.domain.photos import Skipped
from desktop_app.evaluation.bootstrap import Difference, paired_bootstrap

SECONDS = "seconds"
_DIGITS = {SECONDS: 3}  # after the point, in JSON
_OTHER_DIGITS = 6
_NOT_SHARES = {SECONDS: 1, "count": 0}  # digits after the point in a table


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one pack under one condition.

    names: what the row is about besides the pack, as "profile", "stages_run", "source", in the order of printing.
    measures: by name; None where a measure has no meaning or nothing to be taken from. per_query: the values of
    which some measures are the means, query by query in the same order in every row of a report, None where a
    query does not count: what a paired bootstrap of two rows takes. Empty where a protocol does not keep them.
    """

    pack: str
    names: Mapping[str, object] = field(default_factory=dict)
    measures: Mapping[str, float | None] = field(default_factory=dict)
    per_query: Mapping[str, Sequence[float | None]] = field(default_factory=dict)

    def as_json(self, *, per_query: bool = False) -> dict[str, object]:
        figures = {name: _rounded(name, value) for name, value in self.measures.items()}
        row: dict[str, object] = {"pack": self.pack, **self.names, **figures}
        if per_query and self.per_query:
            row["per_query"] = {
                name: [_rounded(name, value) for value in values] for name, values in self.per_query.items()
            }
        return row

    def label(self) -> str:
        """The row in a few words, as under a bar of a plot."""
        parts = [self.pack, *(shown(value) for name, value in self.names.items() if name != "stages_run")]
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Step:
    """What a row gains over the one before it, with the interval of its paired bootstrap, measure by measure."""

    pack: str
    before: str
    after: str
    gains: Mapping[str, Difference]

    @classmethod
    def between(cls, before: Row, after: Row, name: str) -> Step:
        """Of two rows about the same queries that differ in what `name` says of them, as "profile"."""
        gains = {
            measure: paired_bootstrap(_values(after, measure), _values(before, measure))
            for measure in after.per_query
        }
        return cls(after.pack, str(before.names[name]), str(after.names[name]), gains)

    def as_json(self) -> dict[str, object]:
        gains = {measure: gain.as_json() for measure, gain in self.gains.items()}
        return {"pack": self.pack, "from": self.before, "to": self.after, **gains}

    def words(self) -> str:
        gains = (
            f"{measure} {gain.difference:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})"
            for measure, gain in self.gains.items()
        )
        return f"{self.pack}, {self.after} over {self.before}: {', '.join(gains)}"


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a protocol: photos looked at, queries or pairs asked, rows, and the files left out.

    steps: what each row gains over the one before it, where a protocol compares them.
    notes: what has to be known beside the figures, as that a test is incomplete, in sentences.
    """

    protocol: str
    images: int
    queries: int
    rows: tuple[Row, ...]
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()

    def as_json(self, *, per_query: bool = False) -> dict[str, object]:
        """The document that `indicium evaluate PROTOCOL --json` prints; "steps" and "notes" are there when
        there are any."""
        document: dict[str, object] = {
            "protocol": self.protocol,
            "images": self.images,
            "queries": self.queries,
            "rows": [row.as_json(per_query=per_query) for row in self.rows],
        }
        if self.steps:
            document["steps"] = [step.as_json() for step in self.steps]
        return document | ({"notes": list(self.notes)} if self.notes else {})

    def table(self) -> tuple[list[str], list[list[str]], list[int]]:
        """Header, cells and the columns that hold figures. Measures that no row has are left out."""
        names = _in_order(row.names for row in self.rows)
        measures = [
            name
            for name in _in_order(row.measures for row in self.rows)
            if any(row.measures.get(name) is not None for row in self.rows)
        ]
        header = ["pack", *("stages" if name == "stages_run" else name for name in names), *measures]
        cells = [
            [
                row.pack,
                *(shown(row.names.get(name)) for name in names),
                *(figure(name, row.measures.get(name)) for name in measures),
            ]
            for row in self.rows
        ]
        return header, cells, list(range(1 + len(names), len(header)))

    def to_markdown(self) -> str:
        """A document: a heading, the counts, the table and the notes."""
        header, cells, figures = self.table()
        lines = [
            f"# {self.protocol}",
            "",
            f"{self.images:,} photos, {self.queries:,} queries.",
            "",
            _markdown_line(header),
            _markdown_line(["---:" if at in figures else "---" for at in range(len(header))]),
            *(_markdown_line([cell.replace("|", "\\|") for cell in row]) for row in cells),
        ]
        if self.skipped:
            lines += ["", f"{len(self.skipped):,} files could not be read."]
        for note in (*(step.words() for step in self.steps), *self.notes):
            lines += ["", note]
        return "\n".join(lines) + "\n"


def shown(value: object) -> str:
    """A name of a row as text: lists joined by commas, nothing for None."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def figure(name: str, value: float | None) -> str:
    """A measure as text: three digits after the point, but for seconds and counts."""
    return "" if value is None else f"{value:.{_NOT_SHARES.get(name, 3)}f}"


def _values(row: Row, measure: str) -> list[float]:
    return [float(value or 0.0) for value in row.per_query[measure]]


def _rounded(name: str, value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS.get(name, _OTHER_DIGITS))


def _in_order(mappings: Iterable[Iterable[str]]) -> list[str]:
    """The keys of all mappings, each once, in the order of their first appearance."""
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))


def _markdown_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
