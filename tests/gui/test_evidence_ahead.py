"""The neighbours' evidence is made while one result is looked at, and given up when another question is asked."""

from __future__ import annotations

import threading

import pytest

from desktop_app.domain.photos import PhotoRecord
from desktop_app.domain.query import FilePicture, QueryItem
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.evidence_ahead import CHANNEL, EvidenceAhead


class Slow:
    """Makes evidence only once it is let go."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.begun = threading.Event()
        self.go = threading.Event()

    def explain(self, _item: QueryItem, photo: PhotoRecord) -> None:
        self.asked.append(photo)
        self.begun.set()
        assert self.go.wait(10)


@pytest.fixture
def bridge(qtbot):
    made = Bridge()
    yield made
    assert made.close()


def test_neighbours_are_made_in_their_order(qtbot, bridge) -> None:
    port = Slow()
    port.go.set()
    EvidenceAhead(bridge).make(port, QueryItem(FilePicture(b"/x")), ["next", "previous"])
    qtbot.waitUntil(lambda: not bridge.busy(CHANNEL))
    assert port.asked == ["next", "previous"]


def test_what_is_not_begun_is_given_up(qtbot, bridge) -> None:
    port, ahead = Slow(), EvidenceAhead(bridge)
    ahead.make(port, QueryItem(FilePicture(b"/x")), ["next", "previous"])
    assert port.begun.wait(10)
    ahead.stop()
    port.go.set()
    assert bridge.close()
    assert port.asked == ["next"]
