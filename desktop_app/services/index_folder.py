"""Index folders: look through them, then take every photo that is new or changed through the engine."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

from desktop_app.domain.errors import LibraryError, UnreadableImage, UsageError
from desktop_app.domain.photos import FolderId, PhotoId, PhotoRecord, Skipped, path_text
from desktop_app.domain.progress import Control, NoControl, Phase, Progress
from desktop_app.imaging.decode import DecodedPhoto, decode_photo
from desktop_app.imaging.metadata import with_sidecar
from desktop_app.imaging.preview import encode_preview
from desktop_app.library.records import IndexedPhoto, SkippedPhoto
from desktop_app.services.describe import describe
from desktop_app.services.engine import Engine
from desktop_app.services.index_tiles import index_cells, index_tiles
from desktop_app.services.library_session import PACK_SETTING, LibrarySession
from desktop_app.services.measure_scores import refresh_scores
from desktop_app.services.pace import Pace
from desktop_app.services.pipeline import Failed, Indexed, Pipeline, Stages
from desktop_app.services.scan_folders import ScanTally, Survey, folder_is_there, scan, survey
from desktop_app.services.speed_probe import SpeedProbe, probe_speed

__all__ = [
    "IndexSummary",
    "SpeedProbe",
    "Survey",
    "index_folders",
    "probe_speed",
    "rescan",
    "resume",
    "retry_skipped",
    "survey",
    "whole_paths",
]

log = logging.getLogger(__name__)

CHUNK = 1024  # photos fetched from the work queue at a time
TELL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class IndexSummary:
    """What a run did.

    `indexed`: photos whose row was made or renewed (new, changed, copied, moved). `unchanged`: photos in these
    folders that only cost a look. `skipped`: files in these folders that cannot be used, with the reason,
    whichever run came upon them. `seconds`: wall time of the whole run. `parts`: photos whose parts were
    described, in a library that is searched in parts.
    """

    indexed: int
    unchanged: int
    skipped: tuple[Skipped, ...]
    seconds: float
    images_per_second: float
    device: str
    parts: int = 0


Job = Generator[Progress, None, IndexSummary]


def index_folders(
    session: LibrarySession,
    paths: Sequence[Path],
    *,
    control: Control | None = None,
    low_priority: bool = False,
    retry_skipped: bool = False,
) -> Job:
    """Add `paths` to the library where they are new, look through them, and index what is new or changed.

    Stopping at any point (by `control`, by closing the generator, by a kill) loses at most the batches in flight;
    the next run goes on from there. `retry_skipped` tries files again that could not be used before.
    Raises UsageError for a path that is no folder, and IndiciumError when the job cannot go on.
    """
    folders = whole_paths(paths)
    session.write(lambda catalogue: [catalogue.add_folder(folder) for folder in folders])
    # Asked a second time: a folder that was added first may have become part of one that was added later.
    added = session.write(lambda catalogue: [catalogue.add_folder(folder) for folder in folders])
    if retry_skipped:
        session.write(lambda catalogue: catalogue.retry_skipped())
    return (yield from _run(session, added, control=control, low_priority=low_priority))


def whole_paths(paths: Sequence[Path]) -> list[bytes]:
    """The folders `paths` as absolute bytes. Raises UsageError for one that is no folder."""
    for path in paths:
        if not path.is_dir():
            raise UsageError(f"{path} is not a folder", remedy="Give folders; a photo comes with its folder")
    return [os.fsencode(path.absolute()) for path in paths]


def rescan(
    session: LibrarySession,
    *,
    control: Control | None = None,
    folders: Sequence[FolderId] | None = None,
    low_priority: bool = False,
) -> Job:
    """Look through the folders of the library again (all, or `folders`) and index what is new or changed."""
    chosen = [folder.id for folder in session.folders() if folders is None or folder.id in folders]
    return (yield from _run(session, chosen, control=control, low_priority=low_priority))


def resume(session: LibrarySession, *, control: Control | None = None, low_priority: bool = False) -> Job:
    """Go on with what an earlier run left pending, without looking through the folders."""
    return (yield from _run(session, (), control=control, low_priority=low_priority))


def retry_skipped(session: LibrarySession, *, control: Control | None = None, low_priority: bool = False) -> Job:
    """Try the files again that could not be used."""
    session.write(lambda catalogue: catalogue.retry_skipped())
    return (yield from _run(session, (), control=control, low_priority=low_priority))


def _run(
    session: LibrarySession, folders: Sequence[FolderId], *, control: Control | None, low_priority: bool
) -> Job:
    control = control or NoControl()
    started = time.monotonic()
    tally = ScanTally()
    folders = tuple(dict.fromkeys(folders))
    for folder in folders:
        yield from scan(session, folder, tally, control=control)
    engine = session.index_engine()
    session.set_setting(PACK_SETTING, engine.source)
    waiting = session.reader.pending_count(digest=engine.digest)
    unchanged = session.reader.settled_count(engine.digest, folders)
    indexed = yield from _embed(session, engine, waiting, control=control, low_priority=low_priority)
    yield from describe(session, control=control)
    yield Progress(Phase.SAVING, device=engine.embedder.report().words)
    session.save_snapshot(engine.digest, at_end=True)
    yield from session.update_graph(engine.digest, control=control)
    yield from index_cells(session, engine, control=control, low_priority=low_priority)
    parts = yield from index_tiles(session, engine, control=control, low_priority=low_priority)
    seconds = time.monotonic() - started
    yield from refresh_scores(session, control=control)
    summary = IndexSummary(
        indexed=indexed,
        unchanged=unchanged,
        skipped=(*tally.skipped, *_unusable(session, folders)),
        seconds=seconds,
        images_per_second=indexed / seconds if seconds > 0 else 0.0,
        device=engine.embedder.report().words,
        parts=parts,
    )
    yield Progress(Phase.DONE, done=indexed, total=indexed, rate=summary.images_per_second, device=summary.device)
    return summary


def _unusable(session: LibrarySession, folders: Sequence[FolderId]) -> Iterator[Skipped]:
    """The files that cannot be used in `folders` (none: anywhere), also those an earlier run came upon."""
    for photo in session.skipped():
        if not folders or photo.folder in folders:
            yield Skipped(photo.path, photo.reason or "")


def _embed(
    session: LibrarySession, engine: Engine, total: int, *, control: Control, low_priority: bool
) -> Generator[Progress, None, int]:
    """Take the `total` photos that are pending through the engine; returns how many were indexed."""
    digest = engine.digest
    pipeline = Pipeline(
        _stages(session, engine),
        engine.embedder,
        threads=_threads(session, low_priority),
        low_priority=low_priority,
    )
    pace = Pace()
    indexed = failed = 0
    changed: list[PhotoId] = []
    skipped: list[Skipped] = []
    last = float("-inf")  # the first commit is told at once: from there on searches find something
    steps = pipeline.run(_pending(session, digest))
    try:
        for step in steps:
            indexed += len(step.photos)
            changed += step.photos
            failed += len(step.skipped)
            skipped += step.skipped
            done = indexed + failed
            pace.note(done)
            before = time.monotonic()
            if before - last < TELL_SECONDS and done < total:
                continue
            yield Progress(
                Phase.INDEXING,
                done=done,
                total=max(total, done),
                rate=pace.rate,
                seconds_left=pace.seconds_left(total - done),
                device=engine.embedder.report().words,
                changed=tuple(changed),
                skipped=tuple(skipped),
            )
            control.wait_if_paused()
            last = time.monotonic()
            if last - before > TELL_SECONDS:
                pace.resume()  # it was paused: that time says nothing about the speed
            changed, skipped = [], []
            session.save_snapshot(digest, at_end=False)
    finally:
        steps.close()
    return indexed


def _threads(session: LibrarySession, low_priority: bool) -> int:
    return max(1, session.threads - 1) if low_priority else session.threads


def _pending(session: LibrarySession, digest: str) -> Iterator[PhotoRecord]:
    """The work queue: photos without features for `digest`, in the order of their rows."""
    after = 0
    while chunk := session.reader.pending(CHUNK, after=after, digest=digest):
        yield from chunk
        after = chunk[-1].id


def _stages(session: LibrarySession, engine: Engine) -> Stages:
    roots = {folder.id: folder.path for folder in session.folders()}
    previews = session.previews

    def decode(photo: PhotoRecord) -> DecodedPhoto:
        try:
            decoded = decode_photo(photo.path, metadata=True)
            return replace(decoded, metadata=with_sidecar(decoded.metadata, photo.sidecar))
        except UnreadableImage:
            root = roots.get(photo.folder)
            if root is not None and not folder_is_there(root):
                raise LibraryError(
                    f"the folder {path_text(root)} is not there any more",
                    remedy="Connect its drive and index again; everything so far is kept",
                ) from None
            raise

    def keep_preview(decoded: DecodedPhoto) -> None:
        if not previews.has(decoded.fingerprint):
            previews.put(decoded.fingerprint, encode_preview(decoded.rgb))

    def commit(indexed: Sequence[Indexed], failed: Sequence[Failed]) -> Future[Sequence[PhotoId]]:
        items = [_row(item) for item in indexed]
        skips = [SkippedPhoto(failure.photo, failure.reason) for failure in failed]
        return session.write_later(lambda catalogue: catalogue.commit_batch(engine.digest, items, skips))

    return Stages(
        decode=decode,
        keep_preview=keep_preview,
        codes=engine.features,
        known=lambda fingerprints: session.reader.known_fingerprints(fingerprints, engine.digest),
        commit=commit,
    )


def _row(item: Indexed) -> IndexedPhoto:
    return IndexedPhoto(
        photo=item.ready.photo,
        fingerprint=item.ready.fingerprint,
        width=item.ready.width,
        height=item.ready.height,
        features=item.features,
        taken=item.ready.taken,
        camera=item.ready.camera,
        metadata=item.ready.metadata,
    )
