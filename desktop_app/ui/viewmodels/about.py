"""The documents About shows: the cards of model packs, and the licences of what is shipped."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib import metadata

from desktop_app import locate
from desktop_app.domain.errors import IndiciumError
from desktop_app.services.packs import installed_packs

log = logging.getLogger(__name__)

# The distributions that travel with the program; their own licence texts are read from where they are installed.
DISTRIBUTIONS = (
    "PySide6-Essentials",
    "shiboken6",
    "onnxruntime",
    "onnxruntime-gpu",
    "numpy",
    "pillow",
    "simplejpeg",
    "opencv-python-headless",
    "hnswlib",
    "scikit-learn",
    "scipy",
    "joblib",
    "threadpoolctl",
    "narwhals",
    "platformdirs",
    "watchdog",
    "psutil",
    "pillow-heif",
    "rawpy",
)


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its title."""

    title: str
    text: str


def packs() -> list[Document]:
    """One document for each installed model pack: its card, provenance and licence."""
    try:
        found = installed_packs()
    except IndiciumError as error:
        return [Document("Model packs", str(error))]
    made = []
    for pack in found:
        lines = [pack.title, f"{pack.name} {pack.version}, licence: {pack.licence}", pack.description, ""]
        lines += [f"From: {source.name} ({source.licence}), {source.source}" for source in pack.provenance]
        made.append(Document(pack.name, "\n".join([*lines, "", pack.card, "", pack.licence_text]).strip()))
    return made


def licences() -> list[Document]:
    """The program's own licence first, then those of the libraries that are installed."""
    own = locate.resources_dir() / "licences"
    made = [Document(path.stem, path.read_text(encoding="utf-8")) for path in sorted(own.glob("*.txt"))]
    for name in DISTRIBUTIONS:
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        made.append(Document(f"{name} {distribution.version}", _licence_of(distribution)))
    return made


def _licence_of(distribution: metadata.Distribution) -> str:
    """The licence files of an installed distribution, or what its metadata says."""
    words = ("LICENSE", "LICENCE", "COPYING", "NOTICE")
    texts: list[str] = []
    for file in distribution.files or ():
        own = ".dist-info" in str(file.parent) or len(file.parts) == 2  # some lie beside the modules instead
        if own and file.name.upper().startswith(words):
            try:
                text = file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                log.info("no licence text in %s", file)
                continue
            if text not in texts:
                texts.append(text)
    about = distribution.metadata.json
    said = about.get("license_expression") or about.get("license") or "see the project's page"
    home = about.get("home_page") or next(iter(about.get("project_url") or []), "")
    return "\n\n".join([f"Licence: {said}\n{home}".strip(), *texts])
