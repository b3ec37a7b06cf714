"""Looking at snapshots without loading or changing them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from desktop_app.index.hnsw import HnswIndex
from desktop_app.index.snapshots import SnapshotStore

PACK = "ab" * 16


def stored(folder: Path, rows: int = 30) -> SnapshotStore:
    vectors = np.random.default_rng(1).normal(size=(rows, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    store = SnapshotStore(folder)
    store.save(HnswIndex.build(np.arange(1, rows + 1), vectors, threads=1), PACK)
    return store


def test_a_good_snapshot_has_no_problems_and_tells_its_rows(tmp_path: Path) -> None:
    store = stored(tmp_path)
    assert store.problems() == []
    assert (store.rows(PACK), store.rows("cd" * 16)) == (30, 0)


def test_nothing_saved_is_no_problem(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path / "none")
    assert (store.problems(), store.rows(PACK)) == ([], 0)


def test_damage_is_named_and_nothing_is_changed(tmp_path: Path) -> None:
    store = stored(tmp_path)
    (data,) = tmp_path.glob("*.hnsw")
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(bytes(content))
    names = sorted(path.name for path in tmp_path.iterdir())
    ((digest, why),) = store.problems()
    assert digest == PACK and data.name in why and "damaged" in why
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    data.unlink()
    assert len(store.problems()) == 1 and store.rows(PACK) == 0


def test_a_sidecar_that_is_none_is_named(tmp_path: Path) -> None:
    store = stored(tmp_path)
    (sidecar,) = tmp_path.glob("*.json")
    sidecar.write_text("{}")
    assert len(store.problems()) == 1 and store.rows(PACK) == 0
