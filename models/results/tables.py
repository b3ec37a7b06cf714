"""Measured documents as Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Row = Mapping[str, object]
_INTERVAL = ("difference", "low", "high")


def cell(value: object) -> str:
    """One value: fractions with three digits, [difference, low, high] as an interval, None as a dash."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"
        case int():
            return f"{value:,}"
        case [float() | int() as difference, float() | int() as low, float() | int() as high]:
            return f"{difference:+.3f} [{low:+.3f}, {high:+.3f}]"
        case list() | tuple():
            return ", ".join(cell(item) for item in value)
        case _:
            return str(value).replace("|", "/")


def table(rows: Sequence[Row]) -> str:
    """A Markdown table; the columns are all keys in the order in which they first appear."""
    if not rows:
        return "(nothing was measured)"
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(cell(row.get(column)) for column in columns) + " |" for row in rows]
    return "\n".join(lines)


def named_rows(document: Mapping[str, object], *, first: str = "system") -> list[Row]:
    """{name: {column: value, nested: {column: value}}} -> one row per name; nested columns are joined by a dot."""
    rows: list[Row] = []
    for name, values in document.items():
        row: dict[str, object] = {first: name}
        if isinstance(values, Mapping):
            row |= flat(values)
        else:
            row["value"] = values
        rows.append(row)
    return rows


def flat(values: Mapping[str, object], *, prefix: str = "") -> dict[str, object]:
    """Nested mappings as one, keys joined by a space; {difference, low, high} is one value, an interval."""
    result: dict[str, object] = {}
    for key, value in values.items():
        name = f"{prefix} {key}".strip()
        if isinstance(value, Mapping) and set(value) == set(_INTERVAL):
            result[name] = [value[part] for part in _INTERVAL]
        elif isinstance(value, Mapping):
            result |= flat(value, prefix=name)
        else:
            result[name] = value
    return result


def report_rows(document: Mapping[str, object]) -> list[Row]:
    """The rows of what `indicium evaluate ... --json` prints, without the times."""
    rows = document.get("rows")
    if not isinstance(rows, list):
        return []
    return [
        {key: value for key, value in flat(row).items() if key != "seconds"}
        for row in rows
        if isinstance(row, Mapping)
    ]
