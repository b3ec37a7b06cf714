"""Ctrl+C and a polite end: the first stops the job between two steps, a second one stops at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from desktop_app.domain.errors import Cancelled
from desktop_app.domain.progress import Control


class _Flag:
    def __init__(self) -> None:
        self.stopped = False

    def wait_if_paused(self) -> None:
        if self.stopped:
            raise Cancelled("stopped", remedy="Run the same command again to go on")


@contextmanager
def stoppable() -> Iterator[Control]:
    """A Control that a signal stops. Outside the main thread signals are left alone."""
    flag = _Flag()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return

    def stop(number: int, _frame: FrameType | None) -> None:
        if flag.stopped:
            raise KeyboardInterrupt
        flag.stopped = True
        os.write(2, b"\nstopping after what is at work now\n")  # safe inside a signal handler, unlike print

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
