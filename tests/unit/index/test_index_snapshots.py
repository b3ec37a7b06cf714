from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from desktop_app.domain.errors import LibraryError, SnapshotInvalid, StorageFull
from desktop_app.index import snapshots as module
from desktop_app.index.hnsw import HnswIndex
from desktop_app.index.snapshots import SnapshotStore

PACK = "0123456789abcdef"
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def index(vectors) -> HnswIndex:
    return HnswIndex.build(np.arange(800), vectors[:800], threads=1)


@pytest.fixture(scope="module")
def larger(vectors) -> HnswIndex:
    return HnswIndex.build(np.arange(900), vectors[:900], threads=1)


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "library" / "index"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def keep_previous(monkeypatch) -> None:
    """As if the process were killed after the new snapshot was renamed and before the old one was removed."""
    monkeypatch.setattr(SnapshotStore, "_forget_before", lambda *_: None)


def test_a_snapshot_answers_like_the_index_that_was_saved(folder, index, queries):
    SnapshotStore(folder).save(index, PACK)
    loaded = SnapshotStore(folder).load(PACK)
    for query in queries:
        for mine, theirs in zip(loaded.search(query, 10), index.search(query, 10), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(loaded.labels, index.labels)


def test_only_the_newest_is_kept_once_it_is_verified(folder, index, larger):
    store = SnapshotStore(folder)
    store.save(index, PACK)
    store.save(larger, PACK)
    assert names(folder) == [f"{PACK}-00000002.hnsw", f"{PACK}-00000002.json"]
    assert len(store.load(PACK)) == 900


def test_the_sidecar_describes_the_data(folder, index):
    SnapshotStore(folder).save(index, PACK)
    sidecar = json.loads((folder / f"{PACK}-00000001.json").read_text())
    assert sidecar["bytes"] == (folder / f"{PACK}-00000001.hnsw").stat().st_size
    assert {key: sidecar[key] for key in ("format", "metric", "dimension", "count", "links", "pack")} == {
        "format": 1,
        "metric": "ip",
        "dimension": 32,
        "count": 800,
        "links": 16,
        "pack": PACK,
    }


def test_each_pack_has_its_own(folder, index, larger):
    store = SnapshotStore(folder)
    store.save(index, "aa")
    store.save(larger, "bb")
    assert (len(store.load("aa")), len(store.load("bb"))) == (800, 900)
    store.forget("aa")
    assert len(store.load("bb")) == 900
    with pytest.raises(SnapshotInvalid, match="no snapshot"):
        store.load("aa")


def test_without_any_snapshot_it_says_so(folder):
    with pytest.raises(SnapshotInvalid, match="no snapshot") as error:
        SnapshotStore(folder).load(PACK)
    assert "built again" in error.value.remedy


@pytest.mark.parametrize("position", [0.0, 0.001, 0.2, 0.5, 0.8, 0.9999])
def test_one_flipped_bit_anywhere_in_the_data_is_noticed(folder, index, position):
    store = SnapshotStore(folder)
    store.save(index, PACK)
    path = folder / f"{PACK}-00000001.hnsw"
    data = bytearray(path.read_bytes())
    data[int(position * (len(data) - 1))] ^= 4
    path.write_bytes(data)
    with pytest.raises(SnapshotInvalid, match="is damaged"):
        store.load(PACK)
    assert names(folder) == [f"{path.name}.damaged", f"{PACK}-00000001.json.damaged"]


def test_every_flipped_byte_of_the_sidecar_is_noticed_or_harmless(folder, index, queries):
    store = SnapshotStore(folder)
    store.save(index, PACK)
    sidecar, data = (folder / f"{PACK}-00000001{suffix}" for suffix in (".json", ".hnsw"))
    whole, content = sidecar.read_bytes(), data.read_bytes()
    expected = index.search(queries[0], 10)
    for position in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        sidecar.write_bytes(damaged)
        try:
            found = store.load(PACK).search(queries[0], 10)
        except SnapshotInvalid:
            data.write_bytes(content)  # it was set aside
            continue
        np.testing.assert_array_equal(found[0], expected[0])


@pytest.mark.parametrize("keep", [0, 50, 5000, -1])
def test_data_that_is_cut_short_is_noticed(folder, index, keep):
    store = SnapshotStore(folder)
    store.save(index, PACK)
    path = folder / f"{PACK}-00000001.hnsw"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(SnapshotInvalid, match="bytes instead of"):
        store.load(PACK)


def test_data_of_another_snapshot_under_the_name_is_noticed(folder, index, larger):
    store = SnapshotStore(folder)
    store.save(index, "aa")
    store.save(larger, "bb")
    for suffix in (".json", ".hnsw"):
        shutil.copy(next(folder.glob(f"bb-*{suffix}")), next(folder.glob(f"aa-*{suffix}")))
    with pytest.raises(SnapshotInvalid, match="another pack"):
        store.load("aa")


@pytest.mark.parametrize("key", ["dimension", "count", "links", "ef_construction"])
def test_a_sidecar_that_lies_is_noticed(folder, index, key):
    store = SnapshotStore(folder)
    store.save(index, PACK)
    path = folder / f"{PACK}-00000001.json"
    sidecar = json.loads(path.read_text())
    path.write_text(json.dumps(sidecar | {key: sidecar[key] // 2}))
    with pytest.raises(SnapshotInvalid, match="not the index"):
        store.load(PACK)


@pytest.mark.parametrize("content", ["", "null", "[]", "{}", '{"format": 2}', "\x00\xff"])
def test_a_sidecar_that_is_none_is_noticed(folder, index, content):
    store = SnapshotStore(folder)
    store.save(index, PACK)
    (folder / f"{PACK}-00000001.json").write_text(content)
    with pytest.raises(SnapshotInvalid, match="description"):
        store.load(PACK)


@pytest.mark.parametrize("suffix", [".hnsw", ".json"])
def test_a_damaged_snapshot_gives_way_to_the_previous_one(folder, index, larger, monkeypatch, suffix):
    store = SnapshotStore(folder)
    store.save(index, PACK)
    keep_previous(monkeypatch)
    store.save(larger, PACK)
    (folder / f"{PACK}-00000002{suffix}").write_bytes(b"damaged")
    assert len(store.load(PACK)) == 800
    assert len(store.load(PACK)) == 800  # the damaged one is not tried again
    monkeypatch.undo()
    store.save(larger, PACK)
    assert len(store.load(PACK)) == 900
    assert len(names(folder)) == 2  # what was set aside goes with the next good snapshot


def test_a_crash_between_the_renames_leaves_the_old_snapshot(folder, index, larger, monkeypatch):
    store = SnapshotStore(folder)
    store.save(index, PACK)
    keep_previous(monkeypatch)
    store.save(larger, PACK)
    (folder / f"{PACK}-00000002.json").unlink()  # data is there, its sidecar not yet
    (folder / f"{PACK}-00000003.hnsw.tmp").write_bytes(b"half written")
    monkeypatch.undo()
    assert len(store.load(PACK)) == 800
    store.save(larger, PACK)
    assert len(store.load(PACK)) == 900
    assert len(names(folder)) == 2


def test_a_full_disk_leaves_the_old_snapshot(folder, index, larger, monkeypatch):
    store = SnapshotStore(folder)
    store.save(index, PACK)
    before = names(folder)

    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: Usage(free=1000))
    with pytest.raises(StorageFull, match="disk is full") as error:
        store.save(larger, PACK)
    assert "Free some space" in error.value.remedy
    assert names(folder) == before
    assert len(store.load(PACK)) == 800


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_disk_that_fills_up_while_flushing_leaves_the_old_snapshot(folder, index, larger, monkeypatch, step):
    store = SnapshotStore(folder)
    store.save(index, PACK)
    calls = []

    def fsync(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == step:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.os, "fsync", fsync)
    with pytest.raises(StorageFull):
        store.save(larger, PACK)
    assert len(calls) == step
    # After the last flush both renames have happened: either generation is a right answer.
    assert len(store.load(PACK)) == (900 if step == 3 else 800)


@pytest.mark.skipif(os.name == "nt", reason="limits on file sizes are a matter of POSIX")
def test_a_limit_on_file_sizes_leaves_the_old_snapshot(folder, index, larger):
    """hnswlib itself meets the limit here, and says nothing."""
    store = SnapshotStore(folder)
    store.save(index, PACK)
    source = folder / f"{PACK}-00000001.hnsw"
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from desktop_app.domain.errors import StorageFull\n"
        "from desktop_app.index.snapshots import SnapshotStore\n"
        "store = SnapshotStore(Path(sys.argv[1]))\n"
        "index = store.load(sys.argv[2])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)\n"
        "try:\n"
        "    store.save(index, sys.argv[2])\n"
        "except StorageFull as error:\n"
        "    print(error)\n"
        "    sys.exit(7)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder), PACK, str(source.stat().st_size // 2)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    assert "the disk is full" in done.stdout
    assert names(folder) == [f"{PACK}-00000001.hnsw", f"{PACK}-00000001.json"]
    assert len(store.load(PACK)) == 800


def test_a_folder_that_may_not_be_written_is_named(folder, index, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(LibraryError, match="Permission denied") as error:
        SnapshotStore(folder).save(index, PACK)
    assert str(folder) in error.value.message


def test_what_is_read_back_must_be_what_was_written(folder, index, larger, monkeypatch):
    store = SnapshotStore(folder)
    store.save(index, PACK)
    verify = SnapshotStore._verify

    def damage_then_verify(self, data, sidecar):
        content = bytearray(data.read_bytes())
        content[len(content) // 2] ^= 1
        data.write_bytes(content)
        verify(self, data, sidecar)

    monkeypatch.setattr(SnapshotStore, "_verify", damage_then_verify)
    with pytest.raises(SnapshotInvalid, match="is damaged"):
        store.save(larger, PACK)
    monkeypatch.undo()
    assert len(store.load(PACK)) == 800


def test_a_snapshot_replaced_while_it_is_read_is_looked_up_again(folder, index, larger, monkeypatch):
    store = SnapshotStore(folder)
    store.save(index, PACK)
    load, calls = SnapshotStore._load, []

    def replaced_first(self, data, pack):
        calls.append(data.name)
        if len(calls) == 1:
            SnapshotStore(folder).save(larger, PACK)
        return load(self, data, pack)

    monkeypatch.setattr(SnapshotStore, "_load", replaced_first)
    assert len(store.load(PACK)) == 900


def test_a_digest_that_is_no_digest_is_a_mistake(folder, index):
    with pytest.raises(ValueError, match="not a pack digest"):
        SnapshotStore(folder).save(index, "../elsewhere")
