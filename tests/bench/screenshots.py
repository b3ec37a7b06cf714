"""Pictures of every page, dark and light, of a small library made on the spot (or of --photos DIR).

python -m tests.bench.screenshots --out demo/screenshots
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--photos", type=Path, help="default: the sample library")
    args = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as place:
        os.environ["INDICIUM_HOME"] = place
        from desktop_app.services.sample_library import make_sample_library
        from desktop_app.ui.offscreen import run_offscreen
        from desktop_app.ui.viewmodels.settings import SettingsStore

        photos = args.photos
        if photos is None:
            photos = Path(place) / "sample photos"
            make_sample_library(photos)
        for scheme in ("dark", "light"):
            SettingsStore(Path(place) / "settings.json").change(theme=scheme)
            run_offscreen(photos, (args.out / scheme).absolute(), theme=scheme)


if __name__ == "__main__":
    main()
