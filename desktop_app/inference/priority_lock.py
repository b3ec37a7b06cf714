"""A lock for the one device: who is urgent goes before everybody who waits, and waits only for who works."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 8
"""So many urgent turns in a row are taken while others wait; then one of the others gets its turn."""


class PriorityLock:
    """Turns are given in order of arrival, urgent ones first. Not reentrant."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._urgent: deque[threading.Event] = deque()
        self._ordinary: deque[threading.Event] = deque()
        self._urgent_in_a_row = 0

    @contextmanager
    def turn(self, *, urgent: bool) -> Iterator[None]:
        """Hold the device for the length of a `with` block."""
        self._acquire(urgent)
        try:
            yield
        finally:
            self._release()

    def _acquire(self, urgent: bool) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            turn = threading.Event()
            line = self._urgent if urgent else self._ordinary
            line.append(turn)
        try:
            turn.wait()
        except BaseException:  # Ctrl-C while waiting: leave the line, or pass on the turn that just came
            with self._guard:
                came = turn.is_set()
                if not came:
                    line.remove(turn)
            if came:
                self._release()
            raise

    def _release(self) -> None:
        """Hand the device straight to the next in line, so that nobody can slip in between."""
        with self._guard:
            ordinary_is_due = not self._urgent or self._urgent_in_a_row >= PATIENCE
            if self._ordinary and ordinary_is_due:
                self._urgent_in_a_row = 0
                self._ordinary.popleft().set()
            elif self._urgent:
                self._urgent_in_a_row = self._urgent_in_a_row + 1 if self._ordinary else 0
                self._urgent.popleft().set()
            else:
                self._held = False
