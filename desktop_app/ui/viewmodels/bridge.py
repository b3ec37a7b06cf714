"""The one bridge between worker threads and Qt.

Work is a plain function or a generator (services yield Progress or SearchAnswer). It runs on the thread of its
channel, and what it yields, returns or raises arrives on the GUI thread, in order, as callbacks. Each channel
has one thread, so work of a channel never overlaps itself: a newer request supersedes the older ones (their
results are dropped from that moment on), or waits for them where `queue=True`.

The bridge lives on the GUI thread and owns the signal. Workers only emit it: a worker that owned its signals
would lose those still in flight when it ends.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from desktop_app.domain.errors import Cancelled, IndiciumError

log = logging.getLogger(__name__)

Work = Callable[["JobControl"], Any]
"""Gets the control of its request; returns a value, or a generator whose yields are steps."""

# The longest one delivery may keep the event loop: the rest of the mail waits for the next turn.
DELIVERY_SECONDS = 0.008


class UnexpectedError(IndiciumError):
    """A programmer's error in a worker, made presentable; `details` holds the traceback for "copy details"."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(
            f"something went wrong inside Indicium ({type(error).__name__}: {str(error) or 'no details'})",
            remedy="Try again; if it comes back, copy the details and report it",
        )
        self.details = "".join(traceback.format_exception(error))


class JobControl:
    """Pause and stop of one request, obeyed between two steps (implements `domain.progress.Control`)."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._paused = False
        self._stopped = False

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def stopped(self) -> bool:
        return self._stopped

    def pause(self) -> None:
        with self._condition:
            self._paused = True

    def resume(self) -> None:
        with self._condition:
            self._paused = False
            self._condition.notify_all()

    def stop(self) -> None:
        """Let the next `wait_if_paused` raise Cancelled, also when it waits already."""
        with self._condition:
            self._stopped = True
            self._condition.notify_all()

    def wait_if_paused(self) -> None:
        """Called by workers between steps. Blocks while paused; raises Cancelled once stopped."""
        with self._condition:
            while self._paused and not self._stopped:
                self._condition.wait()
            if self._stopped:
                raise Cancelled


class _Kind(Enum):
    STEP = auto()
    DONE = auto()
    FAILED = auto()
    CANCELLED = auto()


Callback = Callable[[Any], object]


@dataclass(eq=False)
class Request:
    """One piece of work that was handed in. Used on the GUI thread only."""

    id: int
    channel: str
    work: Work = field(repr=False)
    on_step: Callback | None = None
    on_done: Callback | None = None
    on_failed: Callable[[IndiciumError], object] | None = None
    on_cancelled: Callable[[], object] | None = None
    control: JobControl = field(default_factory=JobControl)
    superseded: bool = False
    ended: bool = False

    def pause(self) -> None:
        self.control.pause()

    def resume(self) -> None:
        self.control.resume()

    def cancel(self) -> None:
        """Stop at the next step. `on_cancelled` follows unless the work ended before."""
        self.control.stop()


class _Channel(threading.Thread):
    """The thread of one channel: takes requests in order and puts what they give into the bridge's mail."""

    def __init__(self, name: str, deliver: Callable[[Request, _Kind, object], None]) -> None:
        super().__init__(name=f"indicium-{name}", daemon=True)
        self._deliver = deliver
        self._waiting: deque[Request] = deque()
        self._condition = threading.Condition()
        self._open = True
        self._working = False

    def put(self, request: Request) -> None:
        with self._condition:
            self._waiting.append(request)
            self._condition.notify_all()

    def shut(self) -> None:
        with self._condition:
            self._open = False
            self._condition.notify_all()

    def run(self) -> None:
        while True:
            with self._condition:
                while self._open and not self._waiting:
                    self._condition.wait()
                if not self._waiting:
                    return
                request = self._waiting.popleft()
                self._working = True
            self._work(request)
            del request  # results may be large: do not hold the last one while waiting for the next
            with self._condition:
                self._working = False
                self._condition.notify_all()

    def wait_idle(self, seconds: float) -> bool:
        with self._condition:
            return self._condition.wait_for(lambda: not self._working and not self._waiting, seconds)

    def _work(self, request: Request) -> None:
        control = request.control
        try:
            control.wait_if_paused()
            result = request.work(control)
            if isinstance(result, Generator):
                result = self._walk(request, result)
        except Cancelled:
            self._deliver(request, _Kind.CANCELLED, None)
        except IndiciumError as error:
            log.warning("%s: %s", request.channel, error)
            self._deliver(request, _Kind.FAILED, error)
        except Exception as error:  # the boundary where a programmer's error becomes a message
            log.exception("unexpected error in %s", request.channel)
            self._deliver(request, _Kind.FAILED, UnexpectedError(error))
        else:
            self._deliver(request, _Kind.DONE, result)

    def _walk(self, request: Request, steps: Generator[Any, None, Any]) -> object:
        try:
            while True:
                try:
                    step = next(steps)
                except StopIteration as end:
                    return end.value
                self._deliver(request, _Kind.STEP, step)
                request.control.wait_if_paused()
        finally:
            steps.close()


class Bridge(QObject):
    """Runs work on the threads of its channels and calls back on the GUI thread.

    Make it on the GUI thread, close it there before the application ends. All methods belong to the GUI thread.
    """

    _mail_arrived = Signal()
    failed = Signal(object)
    """An IndiciumError that no `on_failed` took: for the notification hub."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._channels: dict[str, _Channel] = {}
        self._current: dict[str, list[Request]] = {}
        self._ids = itertools.count(1)
        self._mail: deque[tuple[Request, _Kind, object]] = deque()
        self._lock = threading.Lock()
        self._announced = False
        self._closed = False
        self._mail_arrived.connect(self._hand_out, Qt.ConnectionType.QueuedConnection)

    def submit(
        self,
        channel: str,
        work: Work,
        *,
        on_step: Callback | None = None,
        on_done: Callback | None = None,
        on_failed: Callable[[IndiciumError], object] | None = None,
        on_cancelled: Callable[[], object] | None = None,
        queue: bool = False,
    ) -> Request:
        """Run `work(control)` on the thread of `channel`.

        Without `queue`, requests of this channel that have not ended are superseded: stopped at their next
        step, and none of their callbacks is called any more. Exactly one of `on_done`, `on_failed` and
        `on_cancelled` ends every other request; `on_step` gets each value a generator yields before that.
        A failure without `on_failed` goes to the signal `failed`.
        """
        request = Request(next(self._ids), channel, work, on_step, on_done, on_failed, on_cancelled)
        if self._closed:
            request.ended = True
            return request
        running = self._current.setdefault(channel, [])
        if not queue:
            self.drop(channel)
        running.append(request)
        if channel not in self._channels:
            self._channels[channel] = _Channel(channel, self._post)
            self._channels[channel].start()
        self._channels[channel].put(request)
        return request

    def drop(self, channel: str) -> None:
        """Stop everything in `channel` and forget its results."""
        for request in self._current.get(channel, []):
            request.superseded = True
            request.control.stop()
        self._current.get(channel, []).clear()

    def busy(self, channel: str | None = None) -> bool:
        """Whether a request of `channel` (or of any) has not ended yet; superseded ones do not count."""
        if channel is not None:
            return bool(self._current.get(channel))
        return any(self._current.values())

    def wait_for_others(self, *, seconds: float) -> bool:
        """Called by work itself: wait until the other channels do nothing. True when that came about."""
        limit = time.monotonic() + seconds
        others = [thread for thread in list(self._channels.values()) if thread is not threading.current_thread()]
        return all(thread.wait_idle(max(0.0, limit - time.monotonic())) for thread in others)

    def close(self, *, seconds: float = 30.0) -> bool:
        """Stop all work, wait for the threads at most `seconds`, deliver nothing more. True when all ended."""
        self._closed = True
        for channel in list(self._current):
            self.drop(channel)
        for thread in self._channels.values():
            thread.shut()
        limit = time.monotonic() + seconds
        for thread in self._channels.values():
            thread.join(max(0.0, limit - time.monotonic()))
        alive = [thread.name for thread in self._channels.values() if thread.is_alive()]
        if alive:
            log.warning("threads still at work at the end: %s", ", ".join(alive))
        with self._lock:
            self._mail.clear()
        return not alive

    def _post(self, request: Request, kind: _Kind, value: object) -> None:
        """Called by workers: keeps the value and wakes the GUI thread, once for all mail that waits."""
        with self._lock:
            self._mail.append((request, kind, value))
            announce, self._announced = not self._announced, True
        if announce:
            self._mail_arrived.emit()

    def _hand_out(self) -> None:
        more = True  # also when a callback raises: the mail behind it must not be stuck
        try:
            more = self._hand_out_some()
        finally:
            if more:
                self._mail_arrived.emit()  # the rest comes after the events that wait already

    def _hand_out_some(self) -> bool:
        limit = time.monotonic() + DELIVERY_SECONDS
        while time.monotonic() < limit:
            with self._lock:
                if not self._mail:
                    self._announced = False
                    return False
                request, kind, value = self._mail.popleft()
            self._deliver(request, kind, value)
        return True

    def _deliver(self, request: Request, kind: _Kind, value: object) -> None:
        if kind is not _Kind.STEP:
            request.ended = True
            waiting = self._current.get(request.channel, [])
            if request in waiting:
                waiting.remove(request)
        if request.superseded or self._closed:
            return
        if kind is _Kind.STEP and request.on_step:
            request.on_step(value)
        elif kind is _Kind.DONE and request.on_done:
            request.on_done(value)
        elif kind is _Kind.CANCELLED and request.on_cancelled:
            request.on_cancelled()
        elif kind is _Kind.FAILED and isinstance(value, IndiciumError):
            if request.on_failed:
                request.on_failed(value)
            else:
                self.failed.emit(value)
