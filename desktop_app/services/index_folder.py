"""Index folders: look through them, then take every photo that is new or changed through the engine."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from desktop_app.domain.errors import LibraryError, UnreadableImage, UsageError
from desktop_app.domain.photos import FolderId, FolderRecord, FoundFile, PhotoId, PhotoRecord, Skipped, path_text
from desktop_app.domain.progress import Control, NoControl, Phase, Progress
from desktop_app.imaging.decode import DecodedPhoto, decode_photo
from desktop_app.imaging.preview import encode_preview
from desktop_app.services.engine import Engine
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.pace import Pace
from desktop_app.services.pipeline import Failed, Indexed, Pipeline, Stages, Step

log = logging.getLogger(__name__)

CHUNK = 1024  # photos fetched from the work queue at a time
TELL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class IndexSummary:
    """What a run did. `indexed` photos new or changed (copies and moved files too), `unchanged` ones it only
    looked at, `skipped` files that cannot be used and why, `seconds` of wall time."""

    indexed: int
    unchanged: int
    skipped: tuple[Skipped, ...]
    seconds: float
    images_per_second: float
    device: str


Job = Generator[Progress, None, IndexSummary]
