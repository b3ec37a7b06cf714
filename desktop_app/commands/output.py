"""What commands print: one JSON document or aligned text on stdout, progress on stderr."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from typing import TextIO, TypeVar

from desktop_app.domain.progress import Control, Phase, Progress

Result = TypeVar("Result")
LINE_SECONDS = 5.0  # how often progress is told where it cannot be drawn in place
DRAW_SECONDS = 0.1
WIDEST_BAR = 32


def print_json(document: Mapping[str, object]) -> None:
    """The one JSON document of a command. Text is kept readable; NaN has no place in it."""
    json.dump(document, sys.stdout, ensure_ascii=True, allow_nan=False, indent=2)
    sys.stdout.write("\n")


def table(rows: Sequence[Sequence[str]], *, header: Sequence[str] = (), right: Sequence[int] = ()) -> str:
    """Columns aligned by their widest cell; `right` names the columns that are flush right."""
    lines = [list(header), *map(list, rows)] if header else [list(row) for row in rows]
    if not lines:
        return ""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = []
    for line in lines:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text)


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 photo`, `2 photos`, `12,408 photos`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """`4 s`, `2 min 10 s`, `1 h 5 min`: as exact as such an estimate can be."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(amount: int) -> str:
    """`512 bytes`, `1.4 MB`: decimal units, as file managers show them."""
    value = float(amount)
    if value < 1000:
        return f"{amount} bytes"
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 1000 or unit == "TB":
            break
    return f"{value:.1f} {unit}"


def in_short(device: str) -> str:
    """The device at work without the reasons why not another one (`doctor` and --json tell those)."""
    return device.split(" (")[0]


def follow(job: Generator[Progress, None, Result], control: Control, *, stream: TextIO | None = None) -> Result:
    """Run `job` to its end, telling its progress on stderr; returns what the job returns."""
    shown = ProgressLine(stream or sys.stderr)
    try:
        while True:
            try:
                progress = next(job)
            except StopIteration as end:
                result: Result = end.value
                return result
            shown.show(progress)
            control.wait_if_paused()
    finally:
        job.close()
        shown.close()


class ProgressLine:
    """A bar that is drawn in place on a terminal, a line now and then anywhere else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._told = float("-inf")
        self._phase: Phase | None = None
        self._drawn = 0

    def show(self, progress: Progress) -> None:
        now = time.monotonic()
        due = now - self._told >= (DRAW_SECONDS if self._terminal else LINE_SECONDS)
        if progress.phase is Phase.DONE or not (due or progress.phase is not self._phase):
            return
        self._told, self._phase = now, progress.phase
        if self._terminal:
            self._draw(progress)
        else:
            self._stream.write(_sentence(progress) + "\n")
            self._stream.flush()

    def close(self) -> None:
        """Clear the bar, so that what is printed next stands on a line of its own."""
        if self._drawn:
            self._stream.write("\r" + " " * self._drawn + "\r")
            self._stream.flush()
            self._drawn = 0

    def _draw(self, progress: Progress) -> None:
        columns = shutil.get_terminal_size().columns
        text = _sentence(progress)
        room = min(WIDEST_BAR, columns - len(text) - 4)
        if progress.total and room >= 8:
            filled = round(room * min(1.0, progress.done / progress.total))
            text = f"[{'#' * filled}{'-' * (room - filled)}] {text}"
        text = text[: columns - 1]
        self._stream.write("\r" + text.ljust(self._drawn))
        self._stream.flush()
        self._drawn = len(text)


def _sentence(progress: Progress) -> str:
    """`indexing 1,204 of 6,421, 152 a second, 34 s left`."""
    parts = [progress.phase.value]
    if progress.total:
        parts[0] += f" {progress.done:,} of {progress.total:,}"
    elif progress.done:
        parts[0] += f" {progress.done:,}"
    if progress.rate > 0:
        parts.append(f"{progress.rate:,.0f} a second" if progress.rate >= 10 else f"{progress.rate:.1f} a second")
    if progress.seconds_left is not None and progress.total:
        parts.append(f"{duration(progress.seconds_left)} left")
    if progress.message:
        parts.append(progress.message)
    return ", ".join(parts)
