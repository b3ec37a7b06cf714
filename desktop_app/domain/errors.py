"""Errors a person can act on: every one says what happened, to which file, and what to do about it."""

from __future__ import annotations


class IndiciumError(Exception):
    """Base of all errors that are shown as a message.

    `message` is one sentence that says what happened (naming the file); `remedy` says what to do, or is empty.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}".strip() if self.remedy else self.message


class UsageError(IndiciumError):
    """What was asked for is not possible as asked (exit code 2)."""


class UnreadableImage(IndiciumError):
    """A file cannot be used as a picture. `reason` is the part behind the colon."""

    def __init__(self, name: str, reason: str, *, remedy: str = "") -> None:
        super().__init__(f"cannot read {name}: {reason}", remedy=remedy)
        self.name = name
        self.reason = reason


class LibraryError(IndiciumError):
    """The library folder or its catalogue cannot be used as it is."""


class LibraryLocked(LibraryError):
    """Another process writes to this library."""


class LibraryDamaged(LibraryError):
    """The catalogue failed a check; `indicium library repair` is the way out."""


class LibraryForeign(LibraryError):
    """The catalogue was not made by Indicium, or by a newer one."""


class StorageFull(LibraryError):
    """The disk under the library is full or a file-size limit was reached."""


class SnapshotInvalid(IndiciumError):
    """An index snapshot does not match its sidecar; the caller goes to the previous one or rebuilds."""


class PackError(IndiciumError):
    """A model pack is damaged, incomplete or not for this version."""


class DeviceError(IndiciumError):
    """A device was asked for that cannot be used; the message holds the reason."""


class Cancelled(IndiciumError):
    """The person stopped a job. Not a failure."""

    def __init__(self, message: str = "stopped", *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
