"""Numbers, sizes and times as people read them, in the locale's own form."""

from __future__ import annotations

from PySide6.QtCore import QLocale


def number(value: int) -> str:
    """A whole number with the locale's thousands separators."""
    return QLocale().toString(value)


def count(value: int, one: str, many: str) -> str:
    """`1 photo`, `12,408 photos`."""
    return f"{number(value)} {one if value == 1 else many}"


def photos(value: int) -> str:
    return count(value, "photo", "photos")


def pixels(width: int, height: int) -> str:
    """The size of a picture: `6,000 × 4,000`."""
    return f"{number(width)} × {number(height)}"


def short_count(value: int) -> str:
    """A count that fits a narrow column: 312, 1k, 51k, 1.2M."""
    if value < 1000:
        return str(value)
    if value < 1_000_000:
        return f"{value // 1000}k"
    return f"{QLocale().toString(value / 1e6, 'f', 1)}M"


def size(bytes_: int) -> str:
    """A file size in powers of 1,000 with at most one decimal."""
    return QLocale().formattedDataSize(bytes_, 1, QLocale.DataSizeFormat.DataSizeSIFormat)


def rate(per_second: float) -> str:
    """Photos per second, with a decimal only where it matters; empty before anything was measured."""
    if per_second <= 0:
        return ""
    return f"{QLocale().toString(per_second, 'f', 0 if per_second >= 10 else 1)} photos/s"


def duration(seconds: float) -> str:
    """A length of time with the precision it deserves: `less than a minute`, `4 min`, `2 h 10 min`, `3 days`."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 10 and rest:
        return f"{hours} h {rest} min"
    if hours < 48:
        return f"{hours} h"
    return f"{round(hours / 24)} days"


def first_upper(text: str) -> str:
    """The text with a capital letter in front."""
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """The text with a capital letter in front and a full stop behind."""
    text = text.strip()
    if not text:
        return ""
    text = first_upper(text)
    return text if text[-1] in ".?:…" else f"{text}."
