"""What a long job says while it runs. Services are generators of these; each yield is a cancel and pause point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from desktop_app.domain.photos import PhotoId, Skipped


class Phase(StrEnum):
    """What a job is doing now, in words that may be shown."""

    SCANNING = "looking through folders"
    INDEXING = "indexing"
    PARTS = "looking at parts of photos"
    DESCRIBING = "reading dates, places and tags"
    SAVING = "saving the index"
    COMPARING = "comparing photos"
    CHECKING = "checking"
    REPAIRING = "repairing"
    EVALUATING = "evaluating"
    MEASURING = "measuring what scores mean here"
    LEARNING = "learning"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a job.

    `done` of `total` items (total 0: not known yet), `rate` items per second over the last seconds,
    `seconds_left` None until it can be told honestly, `changed` the photos this step added or changed,
    `skipped` the files this step could not use, `message` one sentence for people or "".
    """

    phase: Phase
    done: int = 0
    total: int = 0
    rate: float = 0.0
    seconds_left: float | None = None
    message: str = ""
    device: str = ""
    changed: tuple[PhotoId, ...] = ()
    skipped: tuple[Skipped, ...] = ()


class Control(Protocol):
    """How the outside steers a job between two steps."""

    def wait_if_paused(self) -> None:
        """Return at once, or block while the job is paused. Raises Cancelled when it was stopped."""


@dataclass(slots=True)
class NoControl:
    """A job that nobody pauses or stops."""

    def wait_if_paused(self) -> None:
        return


@dataclass(slots=True)
class StopWhen:
    """Stops a job as soon as `condition` is true."""

    condition: Callable[[], bool] = field(default=lambda: False)

    def wait_if_paused(self) -> None:
        from desktop_app.domain.errors import Cancelled

        if self.condition():
            raise Cancelled
