"""The composition root without Qt: builds the adapters and passes them to the services."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path

import platformdirs
import psutil

from desktop_app.domain.devices import Device
from desktop_app.domain.errors import PackError
from desktop_app.domain.evidence import MatchEvidence
from desktop_app.domain.geometry import Region
from desktop_app.domain.query import FilePicture, QueryItem
from desktop_app.inference.packs import InstalledPack, find_packs, open_pack
from desktop_app.inference.session import OnnxEmbedder
from desktop_app.library.layout import default_library
from desktop_app.retrieval.parameters import RetrievalParameters
from desktop_app.services.engine import Engine
from desktop_app.services.explain import ExplainService
from desktop_app.services.library_session import LibrarySession

HOME_VARIABLE = "INDICIUM_HOME"  # one folder for library, packs and log: for tests and for a portable installation
LOG_BYTES = 2_000_000
LOG_FILES = 3


@dataclass(frozen=True, slots=True)
class Options:
    """What may be chosen from outside.

    library: None for the person's own. pack: name or folder, None for the library's own or the shipped one.
    threads: None for all cores, less one while a window is open (`window`).
    """

    library: Path | None = None
    pack: str | None = None
    device: Device = Device.AUTO
    window: bool = False
    threads: int | None = None

    def thread_count(self) -> int:
        """How many threads compute and decode, at least 1."""
        if self.threads is not None:
            return max(1, self.threads)
        cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
        return max(1, cores - 1) if self.window else cores
