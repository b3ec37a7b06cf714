"""Where the parts of a library lie on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import platformdirs

from desktop_app.domain.errors import LibraryError
from desktop_app.library.faults import from_os_error

CATALOGUE_NAME = "catalogue.sqlite"


@dataclass(frozen=True, slots=True)
class LibraryLayout:
    """The files of the library in the folder `root`. `index/` and `previews/` may be deleted at any time."""

    root: Path

    @property
    def catalogue(self) -> Path:
        """The SQLite file that is the truth."""
        return self.root / CATALOGUE_NAME

    @property
    def index_dir(self) -> Path:
        """Snapshots of the index: a cache."""
        return self.root / "index"

    @property
    def previews_dir(self) -> Path:
        """Previews of the photos: a cache."""
        return self.root / "previews"

    @property
    def lock_file(self) -> Path:
        """Names the process that writes."""
        return self.root / "writer.lock"

    def exists(self) -> bool:
        """Whether there is a catalogue."""
        return self.catalogue.exists()

    def create(self) -> None:
        """Make the folders. Raises LibraryError (with StorageFull for a full disk) when that is not possible."""
        if self.root.exists() and not self.root.is_dir():
            raise LibraryError(f"{self.root} is a file, not a folder", remedy="Choose a folder for the library.")
        try:
            for folder in (self.root, self.index_dir, self.previews_dir):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise from_os_error(error, self.root) from error


def default_library() -> Path:
    """The library used when none is named: in the user's data folder."""
    return Path(platformdirs.user_data_dir("indicium", appauthor=False)) / "library"
