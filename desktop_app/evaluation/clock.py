"""Progress of a protocol that goes through a known number of items."""

from __future__ import annotations

import time

from desktop_app.domain.progress import Phase, Progress

_EVERY = 0.25  # seconds between two reports


class Clock:
    """Counts items and makes a Progress now and then."""

    def __init__(self, total: int, message: str) -> None:
        self._total, self._message = total, message
        self._done = 0
        self._started = self._last = time.perf_counter()

    def step(self) -> Progress | None:
        """One more item is done; a report when the last one is old enough, or at the end."""
        self._done += 1
        now = time.perf_counter()
        if now - self._last < _EVERY and self._done < self._total:
            return None
        self._last = now
        rate = self._done / max(now - self._started, 1e-9)
        return Progress(
            phase=Phase.EVALUATING,
            done=self._done,
            total=self._total,
            rate=rate,
            seconds_left=max(0, self._total - self._done) / rate,
            message=self._message,
        )
