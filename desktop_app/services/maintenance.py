"""The state of a library: figures, a check that changes nothing, and repair."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from desktop_app.domain.errors import LibraryDamaged, SnapshotInvalid
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.progress import Control, NoControl, Phase, Progress
from desktop_app.index.neighbour_files import NeighbourFiles
from desktop_app.index.snapshots import SnapshotStore
from desktop_app.library.health import check_library
from desktop_app.library.layout import LibraryLayout
from desktop_app.library.lock import WriterLock
from desktop_app.library.records import LibraryCounts
from desktop_app.library.recover import recover
from desktop_app.services.index_folder import rescan
from desktop_app.services.library_session import LibrarySession

__all__ = ["LibraryCounts", "LibraryFigures", "RepairSummary", "check", "index_facts", "repair", "stats"]

log = logging.getLogger(__name__)

CHUNK = 500


@dataclass(frozen=True, slots=True)
class LibraryFigures:
    """A library in figures. `features`: contents described, by pack name (or digest where it is not installed).
    `in_parts`: those described in parts as well, None for a library that is not searched in parts."""

    counts: LibraryCounts
    folders: int
    features: dict[str, int]
    previews: int
    catalogue_bytes: int
    previews_bytes: int
    index_bytes: int
    in_parts: int | None = None


@dataclass(frozen=True, slots=True)
class RepairSummary:
    """What a repair did, in sentences; what is still wrong; and where a damaged catalogue was put."""

    done: tuple[str, ...]
    problems: tuple[str, ...]
    aside: Path | None


OpenSession = Callable[[], LibrarySession]
Repair = Generator[Progress, None, RepairSummary]


def stats(session: LibrarySession) -> LibraryFigures:
    """The library in figures."""
    found = session.reader.stats()
    previews, previews_bytes = session.previews.size()
    return LibraryFigures(
        counts=found.counts,
        folders=found.folders,
        features={session.pack_name(digest): count for digest, count in found.features.items()},
        previews=previews,
        catalogue_bytes=found.catalogue_bytes,
        previews_bytes=previews_bytes,
        index_bytes=sum(path.stat().st_size for path in session.layout.index_dir.glob("*") if path.is_file()),
        in_parts=session.reader.tiles_count() if session.tiles_wanted() else None,
    )


def check(root: Path) -> list[str]:
    """What is wrong with the library at `root`, in plain sentences; empty when all is well. Changes nothing."""
    layout = LibraryLayout(root)
    snapshots = [f"{why} (the index is built again when needed)." for _, why in _snapshots(layout).problems()]
    graphs = [
        f"{why} (the graph is built again when needed)." for _, why in NeighbourFiles(layout.index_dir).problems()
    ]
    return check_library(root) + snapshots + graphs


def index_facts(root: Path) -> dict[str, tuple[int, float | None]]:
    """What the saved index of every pack digest says of itself: its rows, and the share of the 10 nearest that it
    found on a sample when it was built (None where that was not measured)."""
    newest = _snapshots(LibraryLayout(root)).newest()
    return {digest: (sidecar.count, sidecar.recall) for digest, sidecar in newest.items()}


def _snapshots(layout: LibraryLayout) -> SnapshotStore:
    return SnapshotStore(layout.index_dir)


def repair(root: Path, open_session: OpenSession, *, control: Control | None = None) -> Repair:
    """Put right whatever `check` finds: the catalogue, the previews, the index; then look through all folders.

    A catalogue that cannot be read is set aside, and a new one is filled with what can be saved of it. Nothing of
    the originals is touched. `open_session` opens the library for writing.
    Raises LibraryForeign, LibraryLocked, StorageFull or another IndiciumError when it cannot go on.
    """
    control = control or NoControl()
    yield Progress(Phase.CHECKING)
    done: list[str] = []
    aside = None
    if _must_recover(open_session, done):
        yield Progress(Phase.REPAIRING, message="saving what can be read of the catalogue")
        control.wait_if_paused()
        with WriterLock(LibraryLayout(root).lock_file):
            report = recover(root)
        aside = report.aside
        done.append(f"Saved {report.photos} photos and {report.features} descriptions into a new catalogue.")
        done += report.notes
        done.append(f"The damaged catalogue is kept as {report.aside.name}.")
    with open_session() as session:
        yield from _repair_index(session, done)
        yield from _repair_graphs(session, done, control)
        yield from _repair_previews(session, done, control)
        summary = yield from rescan(session, control=control)
        if summary.indexed:
            done.append(f"Indexed {summary.indexed} photos.")
    yield Progress(Phase.CHECKING)
    problems = tuple(check(root))
    yield Progress(Phase.DONE)
    return RepairSummary(tuple(done), problems, aside)


def _must_recover(open_session: OpenSession, done: list[str]) -> bool:
    """Mend the catalogue from the inside; True when it is damaged beyond that."""
    try:
        with open_session() as session:
            mended = session.write(lambda catalogue: catalogue.mend())
            if session.reader.check():
                return True
    except LibraryDamaged as error:
        log.warning("%s", error)
        return True
    done += mended
    return False


def _repair_index(session: LibrarySession, done: list[str]) -> Iterator[Progress]:
    store = _snapshots(session.layout)
    for digest in dict.fromkeys(digest for digest, _ in store.problems()):
        yield Progress(Phase.REPAIRING, message="building the index again")
        try:
            store.load(digest)  # sets aside what is damaged; the snapshot before it may be good
        except SnapshotInvalid as error:
            log.info("%s", error)
        if digest in session.reader.feature_counts():
            session.save_snapshot(digest, at_end=True, force=True)
        done.append("Built the index again.")


def _repair_graphs(session: LibrarySession, done: list[str], control: Control) -> Iterator[Progress]:
    files = NeighbourFiles(session.layout.index_dir)
    known = session.reader.feature_counts()
    for digest, _ in files.problems():
        with contextlib.suppress(SnapshotInvalid):
            files.load(digest)  # sets aside what is damaged
        if digest in known:
            yield from session.update_graph(digest, control=control)
        done.append("Built the neighbour graph again.")


def _repair_previews(session: LibrarySession, done: list[str], control: Control) -> Iterator[Progress]:
    """Make the previews that are lacking from the originals that are there."""
    kept = session.previews.fingerprints()
    ids = session.photo_ids()
    made = lost = 0
    for start in range(0, len(ids), CHUNK):
        for photo in session.photos([PhotoId(int(number)) for number in ids[start : start + CHUNK]]):
            if photo.fingerprint is None or photo.fingerprint in kept:
                continue
            data = session.made_preview(photo)
            if data is None:
                lost += 1  # gone, or another picture by now: the scan that follows sees to it
            else:
                session.previews.put(photo.fingerprint, data)
                kept.add(photo.fingerprint)
                made += 1
        yield Progress(Phase.REPAIRING, done=min(start + CHUNK, len(ids)), total=len(ids))
        control.wait_if_paused()
    if made:
        done.append(f"Made {made} previews again.")
    if lost:
        done.append(f"{lost} previews could not be made, because the photos are not there or have changed.")
