"""Rate and time left, with a clock that the test turns."""

from __future__ import annotations

from desktop_app.services.pace import WINDOW_SECONDS, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_told_before_the_rate_has_settled() -> None:
    clock = Clock()
    pace = Pace(clock)
    clock.now = 0.5
    pace.note(10)
    assert pace.rate == 20.0
    assert pace.seconds_left(100) is None


def test_the_time_left_follows_the_last_seconds_and_not_the_whole_run() -> None:
    clock = Clock()
    pace = Pace(clock)
    done = 0
    for second in range(1, 101):
        clock.now = float(second)
        done += 100 if second <= 50 else 10  # the second half is ten times slower
        pace.note(done)
    assert 9.9 < pace.rate < 10.1
    assert pace.seconds_left(50) is not None and 4.9 < (pace.seconds_left(50) or 0) < 5.1
    assert WINDOW_SECONDS < 50


def test_a_pause_does_not_count() -> None:
    clock = Clock()
    pace = Pace(clock)
    clock.now = 10.0
    pace.note(100)
    clock.now = 1000.0
    pace.resume()
    clock.now = 1005.0
    pace.note(150)
    assert pace.rate == 10.0


def test_a_finished_job_has_no_time_left() -> None:
    assert Pace(Clock()).seconds_left(0) == 0.0
