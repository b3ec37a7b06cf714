"""`make run`: the window on a folder of photos, or, where there is no display, the same main job offscreen.

Offscreen it indexes, searches and explains for real, and leaves pictures of the window and of the evidence in
`demo/`, whose names it prints at the end.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

DEMO = Path("demo")
ENOUGH_PHOTOS = 3


def has_display() -> bool:
    """Whether a window can be shown: always on Windows and macOS, elsewhere with an X or Wayland display."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def pictures_folder() -> Path | None:
    """The person's pictures folder, when it holds photos."""
    import platformdirs

    folder = Path(platformdirs.user_pictures_dir())
    return folder if folder.is_dir() and sum(1 for _ in _some_photos(folder)) >= ENOUGH_PHOTOS else None


def _some_photos(folder: Path) -> Iterator[Path]:
    from desktop_app.services.sample_library import is_picture_name

    for place, _, names in os.walk(folder):
        for name in names:
            if is_picture_name(os.fsencode(name)):
                yield Path(place) / name


def choose_folder(arguments: Sequence[str]) -> Path:
    """The folder named in `arguments`, else the pictures folder, else a sample library made on the spot."""
    if arguments:
        return Path(arguments[0]).expanduser().absolute()
    found = pictures_folder()
    if found is not None:
        return found
    from desktop_app.services.sample_library import make_sample_library

    target = (DEMO / "sample photos").absolute()
    count = make_sample_library(target)
    print(f"Your pictures folder holds no photos yet, so here is a sample library: {count} pictures in {target}")
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    folder = choose_folder(sys.argv[1:] if arguments is None else arguments)
    if not folder.is_dir():
        print(f"{folder} is not a folder. Name a folder of photos: make run DIR=/path/to/photos", file=sys.stderr)
        return 2
    from desktop_app import bootstrap

    if has_display():
        from desktop_app.ui.app import run

        bootstrap.configure_logging(verbose=False, window=True)
        return run(bootstrap.Options(window=True), [folder])
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    # A demonstration leaves the person's own settings and libraries alone.
    os.environ.setdefault(bootstrap.HOME_VARIABLE, str(DEMO.absolute()))
    from desktop_app.ui.offscreen import run_offscreen

    print("There is no display here, so the same job runs offscreen: index, search, explain.")
    return run_offscreen(folder, DEMO.absolute())


if __name__ == "__main__":
    sys.exit(main())
