"""The person's settings: a typed schema that also draws the dialog, kept in one versioned JSON file.

Unknown values, a damaged file or a file of a newer version never stop the start: what can be read is used, and a
damaged file is set aside beside the new one.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import platformdirs
from PySide6.QtCore import QLocale, QObject, Signal

from desktop_app.domain.devices import Device
from desktop_app.domain.photos import LeftOut
from desktop_app.locate import resources_dir

log = logging.getLogger(__name__)

VERSION = 1
CHOSEN_OUT = (LeftOut.HIDDEN, LeftOut.SYSTEM, LeftOut.PLACEHOLDER, LeftOut.RAW_PAIR)
"""What is left out of a scan by choice; the other reasons are facts."""
Value = bool | int | str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its default. Text values that name a choice are checked against the schema."""

    theme: str = "system"
    language: str = ""
    reduce_motion: bool = False
    cell_size: int = 180
    device: str = Device.AUTO.value
    threads: int = 0
    low_priority: bool = True
    rescan_at_start: bool = True
    watch_folders: bool = True
    leave_out: tuple[str, ...] = tuple(kind.value for kind in CHOSEN_OUT)
    library: str = ""
    libraries: tuple[str, ...] = ()
    order: str = "date"
    descending: bool = True
    side_panel: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a setting and the words for it."""

    value: str
    words: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the settings dialog: `choices` for one of several, `several` for any, `span` for a number.

    `restart` marks settings that take effect with the next start.
    """

    key: str
    section: str
    title: str
    help: str = ""
    choices: tuple[Choice, ...] = ()
    several: bool = False
    span: tuple[int, int] | None = None
    zero_words: str = ""
    restart: bool = False


DEVICE_WORDS = {
    Device.AUTO: "Choose the fastest that works",
    Device.CPU: "Processor (CPU)",
    Device.CUDA: "NVIDIA graphics card (CUDA)",
    Device.TENSORRT: "NVIDIA graphics card (TensorRT)",
    Device.DIRECTML: "Graphics card through Windows (DirectML)",
    Device.COREML: "Apple (Core ML)",
}

SCHEMA: tuple[Entry, ...] = (
    Entry(
        "theme",
        "Appearance",
        "Theme",
        choices=(Choice("system", "Like the system"), Choice("dark", "Dark"), Choice("light", "Light")),
    ),
    Entry("language", "Appearance", "Language", choices=(Choice("", "Like the system"),)),
    Entry("cell_size", "Appearance", "Size of pictures in the grid", span=(96, 384)),
    Entry("reduce_motion", "Appearance", "Reduce motion", "Nothing slides or fades."),
    Entry(
        "device",
        "Speed",
        "Compute on",
        "A device that does not work is left out, and the status bar says why.",
        choices=tuple(Choice(device.value, words) for device, words in DEVICE_WORDS.items()),
        restart=True,
    ),
    Entry(
        "threads",
        "Speed",
        "Processor threads",
        "Fewer leave more of the computer for other work.",
        span=(0, max(1, os.cpu_count() or 1)),
        zero_words="Automatic",
        restart=True,
    ),
    Entry("low_priority", "Speed", "Index at low priority", "Other programs come first while photos are indexed."),
    Entry("rescan_at_start", "Folders", "Look for changes at start"),
    Entry("watch_folders", "Folders", "Notice changes while the window is open"),
    Entry(
        "leave_out",
        "Folders",
        "Leave out",
        "Applies to the next scan. Nothing is ever deleted or changed.",
        choices=tuple(Choice(kind.value, kind.value) for kind in CHOSEN_OUT),
        several=True,
    ),
)

# Steps from one version of the file to the next; a step gets and returns the plain values.
MIGRATIONS: Mapping[int, Callable[[dict[str, object]], dict[str, object]]] = {}


def languages() -> tuple[Choice, ...]:
    """The languages there is a translation for, in their own words."""
    codes = (
        path.stem.removeprefix("indicium_") for path in (resources_dir() / "translations").glob("indicium_*.qm")
    )
    return tuple(Choice(code, QLocale(code).nativeLanguageName()) for code in sorted(codes))


def default_file() -> Path:
    """Where the settings are kept: the user's configuration folder."""
    return Path(platformdirs.user_config_path("indicium")) / "settings.json"


class SettingsStore(QObject):
    """The settings at work. `changed` names the setting that has a new value."""

    changed = Signal(str)

    def __init__(self, file: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._file = file
        self._foreign: dict[str, object] = {}
        self.problem = ""
        """One sentence when the file could not be used, for a notice; empty otherwise."""
        self.values = self._read()

    def change(self, **values: Value) -> None:
        """Set values by name, save, and tell who listens. Raises KeyError for an unknown name."""
        known = asdict(self.values)
        before = self.values
        for key in values:
            known[key]  # an unknown name is a programmer's error
        self.values = replace(self.values, **values)  # type: ignore[arg-type]
        if self.values == before:
            return
        self._write()
        for key in values:
            if getattr(before, key) != getattr(self.values, key):
                self.changed.emit(key)

    def remember_library(self, root: Path) -> None:
        """Make `root` the library that opens next time, and the first of those known."""
        text = str(root)
        others = tuple(known for known in self.values.libraries if known != text)
        self.change(library=text, libraries=(text, *others))

    def forget_library(self, root: Path) -> None:
        """Take `root` off the list of known libraries; its files stay where they are."""
        self.change(libraries=tuple(known for known in self.values.libraries if known != str(root)))

    def _read(self) -> Settings:
        try:
            raw = json.loads(self._file.read_text(encoding="utf-8"))
            version, values = int(raw["version"]), dict(raw["values"])
        except FileNotFoundError:
            return Settings()
        except (OSError, ValueError, KeyError, TypeError):
            aside = self._file.with_suffix(".damaged.json")
            log.warning("settings file %s cannot be used", self._file, exc_info=True)
            try:
                self._file.replace(aside)
            except OSError:
                aside = self._file
            self.problem = f"the settings file could not be read and is kept as {aside.name}; defaults are used"
            return Settings()
        for step in range(version, VERSION):
            values = MIGRATIONS[step](values)
        return self._checked(values)

    def _checked(self, values: Mapping[str, object]) -> Settings:
        """What fits the schema; the rest keeps its default. Values of a newer version are kept in the file."""
        defaults = Settings()
        good: dict[str, Value] = {}
        entries = {entry.key: entry for entry in SCHEMA}
        for item in fields(Settings):
            if item.name in values:
                value = _fitting(values[item.name], getattr(defaults, item.name), entries.get(item.name))
                if value is not None:
                    good[item.name] = value
        self._foreign = {key: value for key, value in values.items() if key not in asdict(defaults)}
        return replace(defaults, **good)  # type: ignore[arg-type]

    def _write(self) -> None:
        document = {"version": VERSION, "values": {**self._foreign, **asdict(self.values)}}
        temporary = self._file.with_suffix(".new.json")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
            temporary.replace(self._file)
        except OSError as error:
            log.warning("settings cannot be saved to %s: %s", self._file, error)
            self.problem = f"the settings could not be saved to {self._file}: {error.strerror}"


def _fitting(value: object, default: Value, entry: Entry | None) -> Value | None:
    """`value` in the type of `default` and within the entry's choices or span; None when it does not fit."""
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            return None
        allowed = {choice.value for choice in entry.choices} if entry else None
        return tuple(part for part in value if allowed is None or part in allowed)
    if isinstance(default, bool):
        return value if isinstance(value, bool) else None
    if isinstance(default, int):
        span = entry.span if entry else None
        fits = type(value) is int and (span is None or span[0] <= value <= span[1])
        return value if fits and isinstance(value, int) else None
    if not isinstance(value, str):
        return None
    choices = {choice.value for choice in entry.choices} if entry and entry.key != "language" else set()
    return value if not choices or value in choices else None
