"""Previews are kept by content, whole or not at all."""

import errno
import os
import shutil
import threading
from pathlib import Path

import pytest

from desktop_app.domain.errors import LibraryError, StorageFull
from desktop_app.library.previews import PreviewCache

ONE, TWO = bytes(range(16)), bytes(range(16, 32))


@pytest.fixture
def cache(tmp_path):
    return PreviewCache(tmp_path / "previews")


def test_a_preview_comes_back_as_it_was(cache):
    assert cache.get(ONE) is None
    cache.put(ONE, b"jpeg one")
    cache.put(TWO, b"jpeg two")
    assert (cache.get(ONE), cache.get(TWO)) == (b"jpeg one", b"jpeg two")
    assert cache.has(ONE)
    assert cache.fingerprints() == {ONE, TWO}
    assert cache.size() == (2, 16)


def test_a_preview_can_be_replaced_and_forgotten(cache):
    cache.put(ONE, b"damaged")
    cache.put(ONE, b"better")
    assert cache.get(ONE) == b"better"
    cache.forget([ONE, TWO])
    assert not cache.has(ONE)
    assert cache.size() == (0, 0)


def test_the_folder_may_be_deleted_at_any_time(cache):
    cache.put(ONE, b"jpeg")
    shutil.rmtree(cache.directory)
    assert cache.get(ONE) is None
    assert cache.fingerprints() == set()
    cache.put(ONE, b"again")
    assert cache.get(ONE) == b"again"


def test_an_empty_file_is_no_preview(cache):
    cache.put(ONE, b"")
    assert cache.get(ONE) is None
    assert not cache.has(ONE)
    assert cache.fingerprints() == set()


def test_a_full_disk_is_told_and_leaves_nothing_half_written(cache, monkeypatch):
    cache.put(ONE, b"old")
    real = Path.write_bytes

    def full(path, data):
        real(path, data[:2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageFull) as told:
        cache.put(ONE, b"new preview")
    assert "Make room" in told.value.remedy
    assert cache.get(ONE) == b"old"
    assert list((cache.directory / "unfinished").iterdir()) == []


def test_a_folder_that_may_not_be_written_is_told(cache, monkeypatch):
    def refused(path, data):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "write_bytes", refused)
    with pytest.raises(LibraryError, match="may not be written"):
        cache.put(ONE, b"jpeg")


def test_what_a_killed_process_left_is_cleared(cache):
    cache.put(ONE, b"jpeg")
    (cache.directory / "unfinished" / "half-1-2").write_bytes(b"half")
    cache.clear_unfinished()
    assert list((cache.directory / "unfinished").iterdir()) == []
    assert cache.get(ONE) == b"jpeg"


def test_strange_files_in_the_folder_are_ignored(cache):
    cache.put(ONE, b"jpeg")
    (cache.directory / "00" / "note.txt").write_text("mine")
    (cache.directory / "00" / "zz.jpg").write_text("mine")
    assert cache.fingerprints() == {ONE}


def test_many_threads_may_write_the_same_preview(cache):
    data = bytes(100_000)

    def write():
        for _ in range(20):
            cache.put(ONE, data)
            assert cache.get(ONE) == data

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.size() == (1, len(data))
