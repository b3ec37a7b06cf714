"""What commands print for people."""

from __future__ import annotations

import io

import pytest

from desktop_app.commands.output import ProgressLine, count, duration, size, table
from desktop_app.domain.progress import Phase, Progress


def test_a_table_is_aligned_by_its_widest_cells() -> None:
    text = table(
        [["1", "0.93", "a.jpg"], ["10", "0.5", "longer name.jpg"]], header=["", "score", "photo"], right=[0, 1]
    )
    assert text.splitlines() == [
        "    score  photo",
        " 1   0.93  a.jpg",
        "10    0.5  longer name.jpg",
    ]


def test_a_table_without_rows_is_empty() -> None:
    assert table([]) == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59.4, "59 s"), (130, "2 min 10 s"), (3900, "1 h 5 min")]
)
def test_durations_are_as_exact_as_an_estimate_can_be(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1400, "1.4 kB"), (61_500_000, "61.5 MB"), (5 * 10**15, "5000.0 TB")],
)
def test_sizes_are_shown_as_file_managers_show_them(amount: int, text: str) -> None:
    assert size(amount) == text


def test_one_photo_and_many_photos() -> None:
    assert (count(1, "photo"), count(12408, "photo"), count(0, "photo")) == (
        "1 photo",
        "12,408 photos",
        "0 photos",
    )


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_bar_is_drawn_in_place_and_cleared_at_the_end() -> None:
    stream = _Terminal()
    line = ProgressLine(stream)
    line.show(Progress(Phase.INDEXING, done=50, total=100, rate=20.0, seconds_left=2.5))
    drawn = stream.getvalue()
    assert drawn.startswith("\r[") and "50 of 100, 20 a second, 2 s left" in drawn
    bar = drawn[drawn.index("[") + 1 : drawn.index("]")]
    assert bar.count("#") == bar.count("-") > 0
    line.close()
    assert stream.getvalue().endswith("\r") and "\n" not in stream.getvalue()


def test_elsewhere_plain_lines_are_written_and_not_for_every_step() -> None:
    stream = io.StringIO()
    line = ProgressLine(stream)
    for done in range(100):
        line.show(Progress(Phase.INDEXING, done=done, total=100))
    line.show(Progress(Phase.SAVING))
    line.close()
    assert stream.getvalue().splitlines() == ["indexing 0 of 100", "saving the index"]
