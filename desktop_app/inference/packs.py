"""Model packs on disk: finding them, reading their manifests and checking them before use."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

import desktop_app
from desktop_app.domain.errors import PackError
from desktop_app.inference.manifest import FileSpec, Manifest, parse_manifest
from desktop_app.inference.onnx_file import scan_model
from desktop_app.locate import packs_dir

log = logging.getLogger(__name__)

DEFAULT_PACK = "indicium-s"
MANIFEST_FILE = "manifest.json"
_REINSTALL = "Install the pack again"


@dataclass(frozen=True, slots=True, eq=False)
class InstalledPack:
    """A pack whose manifest can be read. `shipped` packs came with the application."""

    directory: Path
    manifest: Manifest
    shipped: bool

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def digest(self) -> str:
        return self.manifest.digest


def load_manifest(directory: Path) -> Manifest:
    """Read `manifest.json` of the pack in `directory`. Raises PackError naming the pack."""
    path = directory / MANIFEST_FILE
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise PackError(
            f"{directory} is not a model pack: it has no {MANIFEST_FILE}", remedy="Choose the folder of a pack"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(
            f"the pack {directory.name} cannot be used: {MANIFEST_FILE} cannot be read ({error})",
            remedy=_REINSTALL,
        ) from None
    return parse_manifest(text, pack=directory.name, application=desktop_app.__version__)


def pack_digest(manifest: Manifest) -> str:
    """The digest that features made with this pack are keyed by (see `Manifest.digest`)."""
    return manifest.digest


def user_packs_dir() -> Path:
    """Where packs that the person adds are kept. It need not exist."""
    return Path(platformdirs.user_data_dir("indicium", appauthor=False)) / "packs"


def pack_folders(folders: Sequence[Path] | None = None) -> list[Path]:
    """Every folder that calls itself a pack, damaged ones too: children with a manifest, sorted by name.

    `folders` defaults to the shipped packs followed by the person's own.
    """
    found = []
    for folder in (packs_dir(), user_packs_dir()) if folders is None else folders:
        if folder.is_dir():
            found += sorted(child for child in folder.iterdir() if (child / MANIFEST_FILE).is_file())
    return found


def find_packs(folders: Sequence[Path] | None = None) -> list[InstalledPack]:
    """The packs whose manifest can be read, shipped ones first; a name counts once.

    Others are logged and left out: `verify_pack` says what is wrong with them.
    """
    shipped_folder = packs_dir()
    packs: dict[str, InstalledPack] = {}
    for directory in pack_folders(folders):
        try:
            manifest = load_manifest(directory)
        except PackError as error:
            log.warning("%s", error)
            continue
        if manifest.name in packs:
            log.warning("the pack in %s is ignored: another one is called %s too", directory, manifest.name)
            continue
        shipped = directory.parent == shipped_folder
        packs[manifest.name] = InstalledPack(directory=directory, manifest=manifest, shipped=shipped)
    return list(packs.values())


def find_pack(name: str | Path | None = None, *, folders: Sequence[Path] | None = None) -> InstalledPack:
    """The pack called `name`, or the one in the folder `name`; None is the pack that is shipped.

    Raises PackError when there is no such pack or its manifest cannot be used.
    """
    wanted = DEFAULT_PACK if name is None else name
    if isinstance(wanted, Path) or (Path(wanted) / MANIFEST_FILE).is_file():
        directory = Path(wanted)
        shipped = directory.resolve().parent == packs_dir().resolve()
        return InstalledPack(directory=directory, manifest=load_manifest(directory), shipped=shipped)
    installed = find_packs(folders)
    for pack in installed:
        if pack.name == wanted:
            return pack
    for directory in pack_folders(folders):
        if directory.name == wanted:
            load_manifest(directory)  # it is there and damaged: say what is wrong with it
    names = ", ".join(pack.name for pack in installed) or "none"
    raise PackError(
        f"there is no pack called '{wanted}' (installed: {names})",
        remedy=_REINSTALL if name is None else "Choose an installed pack, or give the folder of one",
    )


def verify_pack(directory: Path, *, deep: bool) -> list[str]:
    """What is wrong with the pack in `directory`, one sentence each; empty when it may be used.

    Always: manifest, files, sizes, checksums, and that the graphs use standard operators and no data outside
    their own file. `deep` also runs the pack on a probe picture and compares every output with the manifest.
    """
    try:
        manifest = load_manifest(directory)
    except PackError as error:
        return [error.message]
    problems = list(_file_problems(directory, manifest))
    if deep and not problems:
        from desktop_app.inference.trial import trial_problems  # ONNX Runtime is loaded only when it is needed

        problems += trial_problems(directory, manifest)
    return problems


def check_files(directory: Path, manifest: Manifest) -> None:
    """Raise PackError for the first file that is not what the manifest says."""
    for problem in _file_problems(directory, manifest):
        raise PackError(problem, remedy=_REINSTALL)


def _file_problems(directory: Path, manifest: Manifest) -> Iterator[str]:
    for name, spec in manifest.files.items():
        problem = _file_problem(directory / name, spec)
        if problem is None and name.endswith(".onnx"):
            problem = scan_model((directory / name).read_bytes()).problem
        if problem is not None:
            yield f"the pack {manifest.name} cannot be used: {name} {problem}"


def _file_problem(path: Path, spec: FileSpec) -> str | None:
    try:
        size = path.stat().st_size
        if size != spec.bytes:
            return f"has {size:,} bytes instead of {spec.bytes:,}"
        with path.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None if checksum == spec.sha256 else "is damaged (its checksum is not the one in the manifest)"
