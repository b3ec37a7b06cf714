"""How fast indexing will be on this machine, from a few seconds of real work on the person's own photos."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from desktop_app.domain.errors import LibraryError
from desktop_app.domain.photos import FoundFile, Skipped
from desktop_app.library.scan import scan_folder
from desktop_app.services.embed_files import embed_files
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.scan_folders import picture_kinds

LOOKED_AT = 2000  # files that the sample is drawn from
SAMPLED = 256


@dataclass(frozen=True, slots=True)
class SpeedProbe:
    """Photos per second of decoding and network together, the device at work, and how many photos were tried.

    0 photos per second when none could be read.
    """

    images_per_second: float
    device_words: str
    sampled: int


def probe_speed(session: LibrarySession, paths: Sequence[Path], *, seconds: float = 3.0) -> SpeedProbe:
    """Decode and embed a sample spread over the first photos below `paths`, for about `seconds`.

    Nothing is stored. Raises PackError or DeviceError.
    """
    engine = session.index_engine()
    found = list(islice(_photos(paths), LOOKED_AT))
    step = max(1, len(found) // SAMPLED)
    sample = found[::step][:SAMPLED]
    list(embed_files(engine, sample[: engine.embedder.batch_size], threads=session.threads))  # loads and allocates
    done = 0
    started = time.monotonic()
    spent = 0.0
    part = engine.embedder.batch_size * 2
    for start in range(0, len(sample), part):
        items = list(embed_files(engine, sample[start : start + part], threads=session.threads))
        done += sum(not isinstance(item, Skipped) for item in items)
        spent = time.monotonic() - started
        if spent >= seconds:
            break
    return SpeedProbe(done / spent if done else 0.0, engine.embedder.report().words, done)


def _photos(paths: Sequence[Path]) -> Iterator[Path]:
    kinds = picture_kinds()
    for path in paths:
        try:
            for item in scan_folder(os.fsencode(path.absolute()), kinds):
                if isinstance(item, FoundFile):
                    yield Path(os.fsdecode(item.path))
        except LibraryError:
            continue
