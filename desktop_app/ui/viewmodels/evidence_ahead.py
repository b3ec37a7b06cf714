"""The evidence of the neighbours of the shown result, made while a person looks: the service remembers it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from desktop_app.domain.evidence import MatchEvidence
from desktop_app.domain.photos import PhotoRecord
from desktop_app.domain.query import QueryItem
from desktop_app.ui.viewmodels.bridge import Bridge, JobControl

CHANNEL = "evidence-ahead"


class ExplainPort(Protocol):
    """Where evidence comes from; called on a worker thread."""

    def explain(self, item: QueryItem, photo: PhotoRecord) -> MatchEvidence: ...


class EvidenceAhead:
    """Makes evidence before it is asked for; whatever is asked for comes first. Used on the GUI thread."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    def make(self, port: ExplainPort, item: QueryItem, photos: Sequence[PhotoRecord]) -> None:
        """Make the evidence of these photos, in their order, one after the other."""
        for photo in photos:
            # What fails here is told when the photo is looked at.
            work = partial(_explained, port, item, photo)
            self._bridge.submit(CHANNEL, work, on_failed=lambda _error: None, queue=True)

    def stop(self) -> None:
        """Begin nothing more: another result is looked at, or the question has changed."""
        self._bridge.drop(CHANNEL)


def _explained(port: ExplainPort, item: QueryItem, photo: PhotoRecord, _control: JobControl) -> None:
    port.explain(item, photo)
