"""Work on threads, results on the GUI thread: in order, none lost, and only those of the newest request."""

import logging
import threading

import pytest
from PySide6.QtCore import QObject, Signal

from desktop_app.domain.errors import Cancelled, UnreadableImage
from desktop_app.domain.progress import Phase, Progress
from desktop_app.ui.viewmodels.bridge import Bridge, JobControl, UnexpectedError


@pytest.fixture
def bridge(qapp):
    made = Bridge()
    yield made
    assert made.close()


def test_a_functions_value_arrives_on_the_gui_thread(bridge, qtbot):
    got = []
    bridge.submit(
        "search",
        lambda control: threading.current_thread(),
        on_done=lambda worker: got.append((worker, threading.current_thread())),
    )
    qtbot.waitUntil(lambda: bool(got))
    worker, here = got[0]
    assert worker is not threading.main_thread()
    assert here is threading.main_thread()


def test_five_thousand_steps_arrive_in_order_and_the_return_value_last(bridge, qtbot):
    got, end = [], []

    def work(control):
        yield from range(5000)
        return "end"

    bridge.submit("job", work, on_step=got.append, on_done=end.append)
    qtbot.waitUntil(lambda: bool(end), timeout=20_000)
    assert got == list(range(5000))
    assert end == ["end"]


def test_five_thousand_emissions_of_a_python_signal_survive(qapp):
    """PySide 6.12.0 on Python 3.11 loses a reference at each emission and aborts: such a release must not pass."""

    class Sender(QObject):
        said = Signal(object)

    sender, got = Sender(), []
    sender.said.connect(got.append)
    for number in range(5000):
        sender.said.emit(Progress(Phase.INDEXING, done=number))
    assert [step.done for step in got] == list(range(5000))


def test_a_newer_request_drops_what_the_older_one_still_says(bridge, qtbot):
    release, started, got = threading.Event(), threading.Event(), []

    def slow(control):
        started.set()
        release.wait(10)
        yield "old step"
        return "old"

    bridge.submit("search", slow, on_step=got.append, on_done=got.append, on_cancelled=lambda: got.append("stop"))
    assert started.wait(10)
    bridge.submit("search", lambda control: "new", on_done=got.append)
    release.set()
    qtbot.waitUntil(lambda: bool(got))
    qtbot.wait(20)
    assert got == ["new"]


def test_queued_requests_run_one_after_the_other(bridge, qtbot):
    got = []
    for name in "abc":
        bridge.submit("job", lambda control, name=name: name, on_done=got.append, queue=True)
    qtbot.waitUntil(lambda: len(got) == 3)
    assert got == ["a", "b", "c"]


def test_a_paused_job_stands_still_and_goes_on(bridge, qtbot):
    got, end = [], []

    def work(control):
        yield from range(200)

    request = bridge.submit("job", work, on_step=lambda n: (got.append(n), n == 0 and request.pause()))
    request.on_done = end.append
    qtbot.waitUntil(lambda: request.control.paused)
    qtbot.wait(30)
    stood = len(got)
    qtbot.wait(30)
    assert len(got) == stood
    request.resume()
    qtbot.waitUntil(lambda: bool(end))
    assert got == list(range(200))


def test_a_job_can_be_stopped_while_it_is_paused(bridge, qtbot):
    ended = []

    def work(control):
        while True:
            yield 1

    request = bridge.submit("job", work, on_cancelled=lambda: ended.append("stopped"))
    request.pause()
    qtbot.wait(20)
    request.cancel()
    qtbot.waitUntil(lambda: ended == ["stopped"])


def test_stopping_closes_the_generator_so_that_it_can_tidy_up(bridge, qtbot):
    tidied = threading.Event()

    def work(control):
        try:
            while True:
                yield 1
        finally:
            tidied.set()

    seen = []
    request = bridge.submit("job", work, on_step=seen.append)
    qtbot.waitUntil(lambda: bool(seen))
    request.cancel()
    qtbot.waitUntil(tidied.is_set)


def test_an_error_a_person_can_act_on_arrives_as_it_is(bridge, qtbot):
    errors = []

    def work(control):
        raise UnreadableImage("a.jpg", "the file is empty")

    bridge.submit("search", work, on_failed=errors.append)
    qtbot.waitUntil(lambda: bool(errors))
    assert errors[0].message == "cannot read a.jpg: the file is empty"


def test_a_programmers_error_becomes_a_sentence_with_details(bridge, qtbot, caplog):
    def work(control):
        yield 1
        raise KeyError("grid")

    with caplog.at_level(logging.CRITICAL), qtbot.waitSignal(bridge.failed) as caught:
        bridge.submit("search", work)
    error = caught.args[0]
    assert isinstance(error, UnexpectedError)
    assert "KeyError" in error.message
    assert "Traceback" in error.details
    assert error.remedy


def test_an_exception_in_a_callback_does_not_hold_up_the_mail_behind_it(bridge, qtbot):
    got = []

    def first(value):
        raise ValueError("in the callback")

    with qtbot.captureExceptions() as exceptions:
        bridge.submit("a", lambda control: 1, on_done=first)
        bridge.submit("b", lambda control: 2, on_done=got.append)
        qtbot.waitUntil(lambda: got == [2] and bool(exceptions))


def test_closing_stops_work_and_joins_every_thread(qapp, qtbot):
    bridge = Bridge()
    got = []

    def work(control):
        while True:
            yield 1

    bridge.submit("job", work, on_step=got.append)
    qtbot.waitUntil(lambda: bool(got))
    assert bridge.close()
    got.clear()
    qtbot.wait(20)
    assert got == []
    assert bridge.submit("job", work).ended


def test_control_raises_once_stopped():
    control = JobControl()
    control.wait_if_paused()
    control.stop()
    with pytest.raises(Cancelled):
        control.wait_if_paused()
