"""The neighbour graph on disk: what comes back is what was saved, or an error, never something else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.vectors import make_vectors

from desktop_app.domain.errors import LibraryError, SnapshotInvalid
from desktop_app.index.gallery import Gallery
from desktop_app.index.neighbour_files import NeighbourFiles
from desktop_app.index.neighbours import Neighbours, build


def graph_of(count: int) -> Neighbours:
    steps = build(Gallery(np.arange(count, dtype=np.int64) + 3, make_vectors(count, 8)))
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


@pytest.mark.parametrize("count", [0, 3, 40])
def test_a_graph_comes_back_as_it_was_saved(tmp_path: Path, count: int) -> None:
    files, graph = NeighbourFiles(tmp_path / "index"), graph_of(count)
    files.save(graph, "abc")
    back = files.load("abc")
    for name in ("labels", "positions", "cosines"):
        assert np.array_equal(getattr(back, name), getattr(graph, name))
        assert getattr(back, name).dtype == getattr(graph, name).dtype
    assert files.extent("abc") == (count, count + 2 if count else 0)
    assert files.problems() == []


def test_without_a_graph_that_is_said(tmp_path: Path) -> None:
    files = NeighbourFiles(tmp_path)
    assert files.extent("abc") == (0, 0)
    with pytest.raises(SnapshotInvalid, match="no neighbour graph"):
        files.load("abc")


def _flip(data: Path) -> None:
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)


def _cut(data: Path) -> None:
    data.write_bytes(data.read_bytes()[:-5])


def _no_sidecar_content(data: Path) -> None:
    data.with_name(data.name + ".json").write_text("{}")


def _foreign(data: Path) -> None:
    side = data.with_name(data.name + ".json")
    side.write_text(json.dumps(json.loads(side.read_text()) | {"pack": "other"}))


def _newer(data: Path) -> None:
    side = data.with_name(data.name + ".json")
    side.write_text(json.dumps(json.loads(side.read_text()) | {"format": 99}))


@pytest.mark.parametrize("harm", [_flip, _cut, _no_sidecar_content, _foreign, _newer, Path.unlink])
def test_a_damaged_or_foreign_graph_is_told_and_set_aside(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    files = NeighbourFiles(tmp_path)
    files.save(graph_of(20), "abc")
    harm(tmp_path / "abc.graph")
    (found,) = files.problems()
    assert found[0] == "abc"
    with pytest.raises(SnapshotInvalid):
        files.load("abc")
    assert not (tmp_path / "abc.graph.json").exists()
    files.save(graph_of(10), "abc")
    assert len(files.load("abc")) == 10


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file")
    with pytest.raises(LibraryError, match="could not be saved"):
        NeighbourFiles(tmp_path / "index").save(graph_of(5), "abc")
