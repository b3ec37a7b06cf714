"""Changes in watched folders are told once things are quiet; reading is no change."""

import errno
import os
import threading

import pytest

from desktop_app.library.watch import FolderWatcher


class Told:
    """What the watcher said, waited for with a generous limit."""

    def __init__(self):
        self.calls = []
        self._news = threading.Event()

    def __call__(self, folders):
        self.calls.append(folders)
        self._news.set()

    def wait(self):
        assert self._news.wait(20), "the watcher said nothing"
        self._news.clear()


@pytest.fixture
def folders(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name / "sub").mkdir(parents=True)
    return [os.fsencode(tmp_path / "one"), os.fsencode(tmp_path / "two")]


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def watcher(folders, told):
    with FolderWatcher(folders, told, quiet=0.05) as watching:
        assert watching.problems == ()
        yield watching


def test_a_new_file_is_told_by_its_folder(watcher, folders, told, tmp_path):
    (tmp_path / "one" / "sub" / "a.jpg").write_bytes(b"x")
    told.wait()
    assert told.calls[0] == {folders[0]}


def test_what_is_written_into_the_library_is_no_change(folders, told, tmp_path):
    library = tmp_path / "one" / "library"
    library.mkdir()
    with FolderWatcher(folders, told, ignore=os.fsencode(library), quiet=0.05):
        (library / "catalogue.sqlite").write_bytes(b"x")
        (library / "previews").mkdir()
        (tmp_path / "two" / "a.jpg").write_bytes(b"x")
        told.wait()
    assert told.calls == [{folders[1]}]


def test_renamed_and_removed_files_are_told(watcher, folders, told, tmp_path):
    (tmp_path / "two" / "a.jpg").write_bytes(b"x")
    told.wait()
    (tmp_path / "two" / "a.jpg").rename(tmp_path / "two" / "b.jpg")
    told.wait()
    (tmp_path / "two" / "b.jpg").unlink()
    told.wait()
    assert all(call == {folders[1]} for call in told.calls)


def test_files_in_a_folder_made_later_are_told(watcher, folders, told, tmp_path):
    (tmp_path / "one" / "new").mkdir()
    told.wait()
    (tmp_path / "one" / "new" / "a.jpg").write_bytes(b"x")
    told.wait()
    assert told.calls[-1] == {folders[0]}


def test_reading_and_hidden_files_are_no_change(folders, told, tmp_path):
    (tmp_path / "one" / "a.jpg").write_bytes(b"x")
    (tmp_path / "one" / "@eaDir").mkdir()
    with FolderWatcher(folders, told, quiet=0.05):
        (tmp_path / "one" / "a.jpg").read_bytes()
        (tmp_path / "one" / "@eaDir" / "thumb.jpg").write_bytes(b"x")
        (tmp_path / "one" / "@eaDir" / "thumb.jpg").unlink()
        (tmp_path / "two" / "b.jpg").write_bytes(b"x")  # told after what came before it
        told.wait()
    assert told.calls == [{folders[1]}]


def test_a_burst_of_changes_is_told_together(folders, told, tmp_path):
    with FolderWatcher(folders, told, quiet=0.5):
        for number in range(50):
            (tmp_path / "one" / f"{number}.jpg").write_bytes(b"x")
        (tmp_path / "two" / "a.jpg").write_bytes(b"x")
        told.wait()
    assert told.calls == [set(folders)]


def test_changes_that_never_pause_are_told_all_the_same(folders, told, tmp_path):
    stop = threading.Event()

    def disturb():
        while not stop.is_set():
            (tmp_path / "one" / "a.jpg").write_bytes(b"x")

    with FolderWatcher(folders, told, quiet=600, longest=0.2):
        thread = threading.Thread(target=disturb)
        thread.start()
        told.wait()
        stop.set()
        thread.join()


def test_a_failing_listener_does_not_end_the_watch(folders, tmp_path):
    told = Told()

    def fail_once(changed):
        told(changed)
        if len(told.calls) == 1:
            raise RuntimeError("a bug in the listener")

    with FolderWatcher(folders, fail_once, quiet=0.05):
        (tmp_path / "one" / "a.jpg").write_bytes(b"x")
        told.wait()
        (tmp_path / "two" / "a.jpg").write_bytes(b"x")
        told.wait()
    assert folders[1] in told.calls[-1]


def test_a_folder_that_is_away_is_named_and_the_others_are_watched(folders, told, tmp_path):
    missing = os.fsencode(tmp_path / "unplugged")
    with FolderWatcher([missing, *folders], told, quiet=0.05) as watcher:
        assert len(watcher.problems) == 1
        assert "unplugged cannot be watched" in watcher.problems[0]
        (tmp_path / "one" / "a.jpg").write_bytes(b"x")
        told.wait()


def test_too_many_folders_for_the_system_is_said_with_the_way_out(folders, told, monkeypatch):
    watcher = FolderWatcher(folders[:1], told)

    def refuse(*arguments, **options):
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr(watcher._observer, "schedule", refuse)
    with watcher:
        assert "more sub-folders than this system watches" in watcher.problems[0]
        assert "Rescan" in watcher.problems[0]


def test_closing_twice_or_unstarted_is_fine_and_ends_its_threads(folders, told):
    FolderWatcher(folders, told).close()
    watcher = FolderWatcher(folders, told)
    watcher.start()
    watcher.close()
    watcher.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "folder-watcher"]
