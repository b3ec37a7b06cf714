from __future__ import annotations

import threading
import time

import pytest

from desktop_app.inference.priority_lock import PATIENCE, PriorityLock


class Line:
    """Threads that wait for one lock, in an order the test decides; `served` says who had a turn when."""

    def __init__(self) -> None:
        self.lock = PriorityLock()
        self.served: list[str] = []
        self.threads: list[threading.Thread] = []

    def join(self, name: str, *, urgent: bool) -> None:
        def take_a_turn() -> None:
            with self.lock.turn(urgent=urgent):
                self.served.append(name)

        before = self.waiting()
        self.threads.append(threading.Thread(target=take_a_turn))
        self.threads[-1].start()
        for _ in range(10_000):  # until it stands in line; a thread that never comes fails the test by its order
            if self.waiting() > before:
                break
            time.sleep(0.001)

    def waiting(self) -> int:
        return len(self.lock._urgent) + len(self.lock._ordinary)

    def finish(self) -> list[str]:
        for thread in self.threads:
            thread.join(10)
        return self.served


def test_urgent_ones_go_first_and_each_kind_in_order_of_arrival():
    line = Line()
    with line.lock.turn(urgent=False):
        for name, urgent in [("batch 1", False), ("batch 2", False), ("query 1", True), ("query 2", True)]:
            line.join(name, urgent=urgent)
        assert line.served == []  # who works is never interrupted
    assert line.finish() == ["query 1", "query 2", "batch 1", "batch 2"]


def test_a_stream_of_urgent_ones_lets_a_batch_through_now_and_then():
    line = Line()
    with line.lock.turn(urgent=True):
        line.join("batch", urgent=False)
        for number in range(PATIENCE + 3):
            line.join(f"query {number}", urgent=True)
    assert line.finish().index("batch") == PATIENCE


def test_an_error_in_a_turn_ends_the_turn():
    lock = PriorityLock()
    with pytest.raises(ZeroDivisionError), lock.turn(urgent=False):
        raise ZeroDivisionError
    with lock.turn(urgent=False):
        pass


def test_one_at_a_time():
    lock = PriorityLock()
    inside, most, guard = 0, 0, threading.Lock()

    def work(urgent: bool) -> None:
        nonlocal inside, most
        for _ in range(200):
            with lock.turn(urgent=urgent):
                with guard:
                    inside += 1
                    most = max(most, inside)
                with guard:
                    inside -= 1

    threads = [threading.Thread(target=work, args=(number % 2 == 0,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == 1
    assert not lock._held


def test_who_is_interrupted_while_waiting_leaves_the_line(monkeypatch):
    class Interrupted(threading.Event):
        def wait(self, timeout=None):
            raise KeyboardInterrupt

    line = Line()
    with line.lock.turn(urgent=False):
        with monkeypatch.context() as patch:
            patch.setattr("desktop_app.inference.priority_lock.threading.Event", Interrupted)
            with pytest.raises(KeyboardInterrupt), line.lock.turn(urgent=True):
                pass
        line.join("batch", urgent=False)
    assert line.finish() == ["batch"]
