"""A process killed at any moment loses at most the batch in flight."""

import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from library_builders import PACK, fingerprint_of

from desktop_app.library.catalogue import Catalogue
from desktop_app.library.health import check_library
from desktop_app.library.layout import LibraryLayout
from desktop_app.library.lock import WriterLock
from desktop_app.library.recover import recover

COUNT, BATCH = 3000, 8
INDEX = f"""
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from library_builders import PACK, fingerprint_of, found, indexed
from desktop_app.library.catalogue import Catalogue
from desktop_app.library.layout import LibraryLayout
from desktop_app.library.lock import WriterLock
from desktop_app.library.previews import PreviewCache
layout = LibraryLayout(Path(sys.argv[1]))
layout.create()
previews = PreviewCache(layout.previews_dir)
print("begin", flush=True)
with WriterLock(layout.lock_file), Catalogue.create_or_open(layout.root) as catalogue:
    folder = catalogue.add_folder(b"/p")
    catalogue.record_scan(folder, [found(f"/p/{{number:05}}.jpg") for number in range({COUNT})])
    while waiting := catalogue.pending({BATCH}):
        for photo in waiting:
            previews.put(fingerprint_of(photo.path), b"preview of " + photo.path)
        items = [indexed(photo, fingerprint=fingerprint_of(photo.path)) for photo in waiting]
        done = catalogue.commit_batch(PACK, items)
        print(f"committed {{len(done)}}", flush=True)
print("finished", flush=True)
"""


def start(root):
    return subprocess.Popen(
        [sys.executable, "-c", INDEX, str(root), str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[3],
    )


def kill_after(process, lines, seconds):
    """Read `lines` lines, wait a little, kill. -> how many photos the process said it had committed."""
    heard = "".join(process.stdout.readline() for _ in range(lines))
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    heard += process.stdout.read()
    process.wait()
    # The kill may cut the last line in two: what it was about to say counts as not heard.
    return sum(int(number) for number in re.findall(r"^committed (\d+)\n", heard, re.MULTILINE))


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_run_keeps_every_batch_and_the_next_one_goes_on(library_root, seed):
    rng = random.Random(seed)
    said = 0
    for moment in range(3):
        process = start(library_root)
        lines = 1 if moment == 0 else rng.randint(1, 40)
        said += kill_after(process, lines, rng.random() * 0.08)
        if LibraryLayout(library_root).exists():
            assert check_library(library_root) == []
            with Catalogue.open_reader(library_root) as reader:
                # A batch may have been committed without its message being heard, one per kill.
                assert said <= reader.counts().indexed <= said + BATCH * (moment + 1)
                assert len(reader.feature_rows(PACK)) == reader.counts().indexed
    layout = LibraryLayout(library_root)
    with WriterLock(layout.lock_file), Catalogue.create_or_open(library_root) as catalogue:
        for photo in catalogue.photos_page(limit=COUNT):
            assert photo.fingerprint in (None, fingerprint_of(photo.path))
        assert catalogue.check() == []


def test_a_recovery_killed_at_any_moment_can_be_started_again(library_root, tmp_path):
    process = start(library_root)
    kill_after(process, 60, 0)
    with Catalogue.open_reader(library_root) as reader:
        expected = reader.counts()
    assert expected.indexed > 0
    program = (
        "import sys\nfrom pathlib import Path\nfrom desktop_app.library.recover import recover\n"
        "print('begin', flush=True)\nrecover(Path(sys.argv[1]))\n"
    )
    rng = random.Random(7)
    for _ in range(5):
        recovery = subprocess.Popen(
            [sys.executable, "-c", program, str(library_root)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).resolve().parents[3],
        )
        recovery.stdout.readline()
        time.sleep(rng.random() * 0.15)
        recovery.send_signal(signal.SIGKILL)
        recovery.communicate()
        assert LibraryLayout(library_root).exists()
        with Catalogue.open_reader(library_root) as reader:
            assert reader.counts() == expected
    recover(library_root)
    assert check_library(library_root) == []
    with Catalogue.open_reader(library_root) as reader:
        assert reader.counts() == expected
