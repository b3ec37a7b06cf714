"""The installed model packs: what they are, and whether their files may be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from desktop_app.domain.errors import PackError
from desktop_app.inference.manifest import Provenance
from desktop_app.inference.packs import InstalledPack, find_pack, find_packs, pack_folders, verify_pack

__all__ = ["PackCheck", "PackSummary", "Provenance", "installed_packs", "verify_packs"]


@dataclass(frozen=True, slots=True)
class PackSummary:
    """A pack as shown to people. `card` and `licence_text` are the texts of its files, "" where it has none."""

    name: str
    title: str
    version: str
    description: str
    licence: str
    precision: str
    bytes: int
    shipped: bool
    folder: Path
    digest: str
    provenance: tuple[Provenance, ...]
    card: str
    licence_text: str


@dataclass(frozen=True, slots=True)
class PackCheck:
    """The outcome of a check: no problems means that the pack may be used."""

    name: str
    folder: Path
    problems: tuple[str, ...]


def installed_packs(folders: Sequence[Path] | None = None) -> list[PackSummary]:
    """The packs whose manifest can be read, shipped ones first. `folders` None: the usual places."""
    return [_summary(pack) for pack in find_packs(folders)]


def verify_packs(names: Sequence[str] = (), *, folders: Sequence[Path] | None = None) -> list[PackCheck]:
    """Check packs by name or folder, or all of them: files, sizes, checksums, operators, shapes and a trial run.

    Raises PackError for a name that no pack has, or when there is no pack at all.
    """
    found = [_place(name, folders) for name in names] if names else pack_folders(folders)
    if not found:
        raise PackError("no model pack is installed", remedy="Install the application again")
    return [PackCheck(folder.name, folder, tuple(verify_pack(folder, deep=True))) for folder in found]


def _place(name: str, folders: Sequence[Path] | None) -> Path:
    """The folder of a pack, also of one that is so damaged that its manifest cannot be read."""
    for folder in pack_folders(folders):
        if folder.name == name:
            return folder
    if Path(name).is_dir():
        return Path(name)
    return find_pack(name, folders=folders).directory


def _summary(pack: InstalledPack) -> PackSummary:
    manifest = pack.manifest
    return PackSummary(
        name=manifest.name,
        title=manifest.title,
        version=manifest.version,
        description=manifest.description,
        licence=manifest.licence,
        precision=manifest.precision,
        bytes=manifest.bytes,
        shipped=pack.shipped,
        folder=pack.directory,
        digest=pack.digest,
        provenance=manifest.provenance,
        card=_text(pack.directory, manifest.card),
        licence_text=_text(pack.directory, manifest.licence_file),
    )


def _text(folder: Path, name: str | None) -> str:
    if name is None:
        return ""
    try:
        return (folder / name).read_text("utf-8", errors="replace")
    except OSError:
        return ""
