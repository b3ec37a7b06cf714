"""Read the metadata of photos that are indexed already: after an update of the program, or of their sidecars."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial

from desktop_app.domain.errors import UnreadableImage
from desktop_app.domain.metadata import PhotoMetadata
from desktop_app.domain.photos import PhotoRecord
from desktop_app.domain.progress import Control, Phase, Progress
from desktop_app.imaging.metadata import metadata_of_file
from desktop_app.library.catalogue import Catalogue
from desktop_app.services.library_session import LibrarySession

log = logging.getLogger(__name__)

CHUNK = 64  # photos read and stored at a time


def describe(session: LibrarySession, *, control: Control) -> Iterator[Progress]:
    """Read headers and sidecars of all photos that wait for it; pixels and networks are not touched.

    A file that cannot be opened now is left for the next run.
    """
    total = session.reader.undescribed_count()
    done = after = 0
    while waiting := session.reader.undescribed(CHUNK, after=after):
        after = waiting[-1].id
        read = [found for photo in waiting if (found := _read(photo)) is not None]
        session.write(partial(Catalogue.store_metadata, read=read))
        done += len(waiting)
        changed = tuple(photo.id for photo, _ in read)
        yield Progress(Phase.DESCRIBING, done=done, total=max(total, done), changed=changed)
        control.wait_if_paused()


def _read(photo: PhotoRecord) -> tuple[PhotoRecord, PhotoMetadata] | None:
    try:
        return photo, metadata_of_file(photo.path, sidecar=photo.sidecar)
    except UnreadableImage as error:
        log.info("metadata is left for later: %s", error)
        return None
