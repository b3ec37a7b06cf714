"""Tags and ratings written to XMP sidecars beside the photos: only on request, and never to a photo itself."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from desktop_app.domain.errors import LibraryError
from desktop_app.domain.photos import PhotoId, PhotoRecord, Skipped
from desktop_app.imaging.xmp_edit import with_labels
from desktop_app.services.library_session import LibrarySession

SUFFIX = b".xmp"


@dataclass(frozen=True, slots=True)
class Sidecar:
    """The file that would be written for a photo. `there`: it exists, and keeps what else it holds."""

    photo: PhotoRecord
    path: Path
    there: bool


@dataclass(frozen=True, slots=True)
class Written:
    """The files that were written, and those that were not, with the reason."""

    files: tuple[Path, ...]
    skipped: tuple[Skipped, ...]


def sidecars_of(session: LibrarySession, photos: Sequence[PhotoId]) -> tuple[Sidecar, ...]:
    """The files that `write_sidecars` would write: those beside the photos, else IMG_1.JPG.xmp."""
    found = []
    for photo in session.photos(photos):
        path = Path(os.fsdecode(photo.sidecar or photo.path + SUFFIX))
        found.append(Sidecar(photo, path, path.exists()))
    return tuple(found)


def write_sidecars(session: LibrarySession, photos: Sequence[PhotoId]) -> Written:
    """Write tags and rating of these photos, as the library knows them, to their sidecars.

    A sidecar keeps all else that it holds; it is replaced as a whole or not at all. One that cannot be read is
    left as it is. Photos that are away are skipped.
    """
    files, skipped = [], []
    for sidecar in sidecars_of(session, photos):
        facts = session.reader.facts_of(sidecar.photo.id)
        try:
            if not sidecar.photo.location.exists():
                raise LibraryError("its photo is not there now")
            _write(sidecar.path, rating=facts.rating, keywords=facts.keywords)
        except (LibraryError, OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            skipped.append(Skipped(os.fsencode(sidecar.path), reason))
        else:
            files.append(sidecar.path)
    return Written(tuple(files), tuple(skipped))


def _write(path: Path, *, rating: int | None, keywords: Sequence[str]) -> None:
    target = path.resolve()  # a link stays a link
    if target.suffix.lower() != os.fsdecode(SUFFIX):
        raise ValueError("it leads to a file that is no sidecar")
    before = target.read_bytes() if target.exists() else None
    after = with_labels(before, rating=rating, keywords=keywords)
    unfinished = target.with_name(f".{target.name}.part")
    try:
        with unfinished.open("wb") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        if before is not None:
            unfinished.chmod(target.stat().st_mode & 0o777)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
