"""Look through the folders of a library: what is new, changed, moved away or out of reach."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from desktop_app.domain.photos import FolderId, FoundFile, LeftOut, Skipped, path_text
from desktop_app.domain.progress import Control, Phase, Progress
from desktop_app.imaging.formats import KindOfPicture, missing_package, suffixes
from desktop_app.library.scan import FolderAway, LeftOutItem, present, scan_folder
from desktop_app.library.scan_rules import CHOICES, PictureKind, ScanOptions
from desktop_app.library.survey import KindCount, LeftOutCount, Survey
from desktop_app.library.survey import survey as survey_folders
from desktop_app.services.library_session import LibrarySession

__all__ = [
    "CHOICES",
    "LEAVE_OUT_SETTING",
    "KindCount",
    "LeftOutCount",
    "ScanTally",
    "Survey",
    "folder_is_there",
    "leave_out_of",
    "picture_kinds",
    "scan",
    "set_leave_out",
    "survey",
]

log = logging.getLogger(__name__)

LEAVE_OUT_SETTING = "leave_out"
TELL_SECONDS = 0.2

# What is left out because it cannot be used, not because nobody wants it: named like any other unusable file.
_UNUSABLE = {
    LeftOut.LINK_LOOP: "it is a link that leads in a circle",
    LeftOut.UNREADABLE: "it may not be read (permission)",
    LeftOut.NO_DECODER: "it needs the extra package {package}",
}


@dataclass(slots=True)
class ScanTally:
    """What the scans of one run came upon: pictures found, links that lead nowhere, folders that are away."""

    found: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    away: list[bytes] = field(default_factory=list)


def picture_kinds() -> dict[bytes, PictureKind]:
    """What every file ending promises, with what is missing here to decode it."""
    return {
        suffix: PictureKind(label=kind.value, raw=kind is KindOfPicture.RAW, missing_package=missing_package(kind))
        for suffix, kind in suffixes().items()
    }


def survey(
    paths: Sequence[Path],
    *,
    leave_out: frozenset[LeftOut] | None = None,
    library: Path | None = None,
    tick: Callable[[int], None] = lambda found: None,
) -> Survey:
    """A dry run over `paths`: what is there by kind and year, what is left out and why, the room it will need.

    `leave_out` None: everything that usually is. `library`: where the library will be, for its free space.
    `tick` is called now and then with the number of photos found; what it raises ends the survey.
    Raises LibraryError when one of the folders is not there.
    """
    options = ScanOptions() if leave_out is None else ScanOptions(leave_out)
    return survey_folders(paths, picture_kinds(), options=options, library=library, tick=tick)


def leave_out_of(session: LibrarySession) -> frozenset[LeftOut]:
    """Which of `CHOICES` the scans of this library leave out."""
    kept = session.get_setting(LEAVE_OUT_SETTING)
    if kept is None:
        return CHOICES
    return frozenset(choice for choice in CHOICES if choice.name in kept.split(","))


def set_leave_out(session: LibrarySession, leave_out: frozenset[LeftOut]) -> None:
    """Keep the choice for all scans of this library."""
    session.set_setting(LEAVE_OUT_SETTING, ",".join(sorted(choice.name for choice in leave_out & CHOICES)))


def folder_is_there(path: bytes) -> bool:
    """Whether a folder in which there are photos is there now; an empty one is a drive's mount point."""
    return present(path, known=1)


def scan(session: LibrarySession, folder: FolderId, tally: ScanTally, *, control: Control) -> Iterator[Progress]:
    """Look through one folder and bring the catalogue up to date; a folder that is away turns its photos offline.

    Nothing is changed when it is stopped half-way.
    """
    record = next((known for known in session.folders() if known.id == folder), None)
    if record is None:
        return
    found: list[FoundFile] = []
    skipped: list[Skipped] = []
    out_of_reach: list[bytes] = []
    told = time.monotonic()
    try:
        if not present(record.path, known=record.photos):
            raise FolderAway(f"the folder {path_text(record.path)} is empty or not there")
        for item in scan_folder(record.path, picture_kinds(), options=ScanOptions(leave_out_of(session))):
            if isinstance(item, FoundFile):
                found.append(item)
            elif isinstance(item, Skipped):
                skipped.append(item)
            elif isinstance(item, LeftOutItem):
                if item.out_of_reach:
                    out_of_reach.append(item.path)
                if item.why in _UNUSABLE:
                    skipped.append(Skipped(item.path, _UNUSABLE[item.why].format(package=item.package)))
            if (now := time.monotonic()) - told >= TELL_SECONDS:
                told = now
                yield Progress(Phase.SCANNING, done=tally.found + len(found), message=path_text(record.path))
                control.wait_if_paused()
    except FolderAway as away:
        log.info("%s", away)
        session.write(lambda catalogue: catalogue.set_folder_present(folder, False))
        tally.away.append(record.path)
        yield Progress(Phase.SCANNING, done=tally.found, message=away.message)
        control.wait_if_paused()
        return
    session.write(lambda catalogue: catalogue.record_scan(folder, found, out_of_reach=out_of_reach))
    tally.found += len(found)
    tally.skipped += skipped
    yield Progress(Phase.SCANNING, done=tally.found, message=path_text(record.path))
    control.wait_if_paused()
