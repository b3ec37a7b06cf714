"""Where resources and model packs lie: in a checkout beside the package, in a wheel or bundle inside it.

A bundle made by PyInstaller sets `__file__` to where the package would lie under `sys._MEIPASS`, so it needs no
case of its own.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resources_dir() -> Path:
    """The folder with icons, themes, translations and licences."""
    inside = _PACKAGE / "_data" / "resources"
    return inside if inside.is_dir() else _PACKAGE.parent / "resources"


def packs_dir() -> Path:
    """The folder with the model packs that are shipped."""
    inside = _PACKAGE / "_data" / "packs"
    return inside if inside.is_dir() else _PACKAGE.parent / "models" / "packs"
