"""A library and a folder of photos, made anew for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.library.catalogue import Catalogue


@pytest.fixture
def library_root(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def catalogue(library_root: Path) -> Iterator[Catalogue]:
    with Catalogue.create_or_open(library_root) as opened:
        yield opened


@pytest.fixture
def photos_root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder
