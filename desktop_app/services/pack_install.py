"""A new pack's folder: staged beside the others, given its manifest, checked, moved to its place, and removed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from desktop_app.domain.errors import PackError, UsageError
from desktop_app.inference.packs import (
    MANIFEST_FILE,
    find_packs,
    load_manifest,
    pack_folders,
    user_packs_dir,
    verify_pack,
)
from desktop_app.locate import packs_dir
from desktop_app.services.library_session import PACK_SETTING, LibrarySession

_STAGED = ".new-"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def person_packs(folders: Sequence[Path] | None) -> Path:
    """The folder for packs that a person adds; `folders` as everywhere: None for the usual places."""
    return user_packs_dir() if folders is None else folders[-1]


def free_name(wanted: str | None, fallback: str, folders: Sequence[Path] | None) -> str:
    """A pack name nobody has. Raises UsageError when it is taken or no name for a pack."""
    name = wanted or re.sub(r"[^A-Za-z0-9._-]+", "-", fallback).strip("-._") or "pack"
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' is no name for a pack", remedy="Use letters, digits, '.', '_' and '-' with --name"
        )
    taken = {pack.name for pack in find_packs(folders)} | {folder.name for folder in pack_folders(folders)}
    if name in taken or (person_packs(folders) / name).exists():
        raise UsageError(f"there is already a pack called {name}", remedy="Choose another name with --name")
    return name


@contextmanager
def staged(folders: Sequence[Path] | None) -> Iterator[Path]:
    """An empty folder beside the person's packs, on the same disk; gone afterwards unless it was installed."""
    place = person_packs(folders)
    try:
        place.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=_STAGED, dir=place))
    except OSError as error:
        raise PackError(f"the folder {place} for packs cannot be written ({error.strerror})") from None
    try:
        yield folder
    except OSError as error:
        raise PackError(f"the pack cannot be written to {place} ({error.strerror})") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_manifest(folder: Path, document: Mapping[str, object]) -> None:
    """Write manifest.json with the checksums of all other files of the folder."""
    files = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        for path in sorted(folder.iterdir())
        if path.name != MANIFEST_FILE
    }
    text = json.dumps({**document, "files": files}, indent=1, ensure_ascii=False, allow_nan=False)
    unfinished = folder / (MANIFEST_FILE + ".new")
    unfinished.write_text(text + "\n", encoding="utf-8")
    unfinished.replace(folder / MANIFEST_FILE)


def install(folder: Path, name: str, folders: Sequence[Path] | None) -> Path:
    """Check the staged pack as every pack is checked and move it to its place in one step; returns the place.

    Raises PackError with the first thing that is wrong.
    """
    problems = verify_pack(folder, deep=True)
    if problems:
        raise PackError(problems[0].replace(folder.name, name), remedy="Nothing was installed")
    target = person_packs(folders) / name
    for path in folder.iterdir():
        _to_disk(path)
    folder.chmod(0o755)  # a temporary folder is its maker's alone
    try:
        folder.rename(target)
    except OSError as error:
        raise PackError(f"the pack cannot be moved to {target} ({error.strerror})") from None
    return target


def _to_disk(path: Path) -> None:
    """A pack that is in its place must be whole even after a power cut."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def remove_pack(
    name: str, *, folders: Sequence[Path] | None, library: LibrarySession | None, force: bool = False
) -> Path:
    """Delete a pack that a person added; returns the folder that is gone.

    Never one that came with the application, nothing that is not a pack, nothing outside of the person's packs
    folder. Raises UsageError for those, and for a pack that `library` works with unless `force`.
    """
    place = person_packs(folders)
    target = place / name
    if not _NAME.fullmatch(name) or not (target / MANIFEST_FILE).is_file():
        shipped_place = packs_dir() if folders is None else folders[0]
        if _NAME.fullmatch(name) and (shipped_place / name / MANIFEST_FILE).is_file():
            raise UsageError(f"the pack {name} came with the application and stays")
        names = ", ".join(folder.name for folder in pack_folders([place])) or "none"
        raise UsageError(f"there is no added pack called '{name}' (added: {names})")
    if target.is_symlink() or target.resolve().parent != place.resolve():
        raise UsageError(f"{target} leads out of the folder for packs and is left alone")
    if place.resolve() == packs_dir().resolve():
        raise UsageError(f"the pack {name} came with the application and stays")
    if library is not None and not force and _uses(library, name, target):
        raise UsageError(
            f"the library {library.root} works with the pack {name}",
            remedy="Index it with another pack first, or remove the pack all the same with --force",
        )
    # Out of sight first: a deletion that is interrupted leaves no half pack behind.
    doomed = Path(tempfile.mkdtemp(prefix=_STAGED, dir=place))
    target.rename(doomed / name)
    shutil.rmtree(doomed)
    return target


def _uses(library: LibrarySession, name: str, folder: Path) -> bool:
    chosen = library.get_setting(PACK_SETTING)
    if chosen is not None:
        return chosen in (name, str(folder.absolute()))
    try:
        return load_manifest(folder).digest in library.reader.feature_counts()
    except PackError:
        return False
