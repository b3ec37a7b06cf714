"""How fast a job is and how long it will still take, told only when it can be told honestly."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 20.0
SETTLED_SECONDS = 2.0


class Pace:
    """Items per second over the last `WINDOW_SECONDS`, and the time left at that rate.

    `clock` gives seconds that never run backwards. Time spent paused is left out by `resume()`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque([(clock(), 0)])

    def note(self, done: int) -> None:
        """Record that `done` items are finished by now."""
        now = self._clock()
        self._samples.append((now, done))
        while len(self._samples) > 2 and now - self._samples[1][0] >= WINDOW_SECONDS:
            self._samples.popleft()

    def resume(self) -> None:
        """Start measuring afresh: what lies before was paused or belonged to another kind of work."""
        self._samples = deque([(self._clock(), self._samples[-1][1])])

    @property
    def rate(self) -> float:
        """Items per second, 0.0 before anything was measured."""
        (start, before), (end, after) = self._samples[0], self._samples[-1]
        return (after - before) / (end - start) if end > start else 0.0

    def seconds_left(self, remaining: int) -> float | None:
        """Seconds for `remaining` more items, None until the rate has settled."""
        measured = self._samples[-1][0] - self._samples[0][0]
        rate = self.rate
        if remaining <= 0:
            return 0.0
        if measured < SETTLED_SECONDS or rate <= 0.0:
            return None
        return remaining / rate
