"""A graph that a pack may have beside embed.onnx, to explain pairs with: found in the manifest, loaded, run."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.devices import Device
from desktop_app.domain.errors import PackError
from desktop_app.inference.manifest import Manifest
from desktop_app.inference.runtime import Session, SessionFactory, first_line


class OptionalPart:
    """One such graph on the CPU, where a small graph is at home; loaded when it is first needed. Thread safe."""

    def __init__(
        self, directory: Path, manifest: Manifest, section: str, *, threads: int, session_factory: SessionFactory
    ) -> None:
        """section: the part's name in the manifest, whose "file" is the graph. Raises PackError without one."""
        self._pack = manifest.name
        self._file = _file(manifest, section)
        self._directory = directory
        self._threads = max(1, threads)
        self._make_session = session_factory
        self._session: Session | None = None
        self._lock = threading.Lock()

    def run(
        self, outputs: Sequence[str], feed: Mapping[str, NDArray[np.generic]]
    ) -> Sequence[NDArray[np.generic]]:
        """The values of `outputs`. Raises PackError when the graph cannot be run."""
        try:
            return self._loaded().run(outputs, feed)
        except Exception as error:
            raise self.error(f"ONNX Runtime says: {first_line(error)}") from error

    def error(self, what: str) -> PackError:
        """What is wrong with the graph, in words that follow a colon."""
        return PackError(
            f"the part {self._file} of the pack {self._pack} cannot be used: {what}",
            remedy="Install the pack again",
        )

    def _loaded(self) -> Session:
        with self._lock:
            if self._session is None:
                self._session = self._make_session(self._directory / self._file, Device.CPU, self._threads)
            return self._session


def has_part(manifest: Manifest, section: str) -> bool:
    """Whether the pack has the part."""
    return manifest.raw.get(section) is not None


def part_section(manifest: Manifest, section: str) -> Mapping[str, object]:
    """What the manifest says about the part. Raises PackError when that is no object."""
    found = manifest.raw.get(section)
    if not isinstance(found, Mapping):
        raise section_error(manifest, section, f"is {found!r}, not an object")
    return found


def section_error(manifest: Manifest, section: str, what: str) -> PackError:
    """What is wrong with the section of a part, in words that follow its name."""
    return PackError(
        f"the pack {manifest.name} cannot be used: its section '{section}' {what}", remedy="Install the pack again"
    )


def _file(manifest: Manifest, section: str) -> str:
    file = part_section(manifest, section).get("file")
    if not isinstance(file, str) or file not in manifest.files:
        raise section_error(manifest, section, f"names the file {file!r}, which its manifest does not list")
    return file
