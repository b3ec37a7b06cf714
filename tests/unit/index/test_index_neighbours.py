"""The neighbour graph: as a plain search over all pairs gives it, however it came about."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.vectors import make_vectors

from desktop_app.index import gallery as gallery_module
from desktop_app.index import neighbours
from desktop_app.index.gallery import Gallery
from desktop_app.index.neighbours import NONE, Neighbours, agrees, build, updated

Result = TypeVar("Result")


def run(steps: Generator[int, None, Result]) -> Result:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def slow(labels: np.ndarray, vectors: np.ndarray) -> list[list[tuple[int, float]]]:
    """For every row the 11 nearest others, one by one."""
    lists = []
    for at, own in enumerate(vectors):
        others = [
            (float(np.dot(own, other)), int(label))
            for place, (label, other) in enumerate(zip(labels, vectors, strict=True))
            if place != at
        ]
        lists.append([(label, cosine) for cosine, label in sorted(others, key=lambda one: -one[0])[:11]])
    return lists


def check(graph: Neighbours, labels: np.ndarray, vectors: np.ndarray) -> None:
    assert graph.labels.tolist() == labels.tolist()
    found, cosines = graph.of(labels)
    for row, wanted in enumerate(slow(labels, vectors)):
        assert found[row, : len(wanted)].tolist() == [label for label, _ in wanted]
        assert np.allclose(cosines[row, : len(wanted)], [cosine for _, cosine in wanted], atol=1e-5)
        assert (found[row, len(wanted) :] == NONE).all()
        assert (cosines[row, len(wanted) :] == -1).all()


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks so small that lists are made of several of them."""
    monkeypatch.setattr(neighbours, "_ROWS", 16)
    monkeypatch.setattr(neighbours, "_COLUMNS", 24)


def rows(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    vectors = make_vectors(count, 16, seed=seed).astype(np.float16).astype(np.float32)
    return np.arange(count, dtype=np.int64) * 3 + 5, vectors


@pytest.mark.parametrize("count", [0, 1, 2, 8, 12, 100])
def test_lists_hold_the_nearest_others(count: int) -> None:
    labels, vectors = rows(count)
    check(run(build(Gallery(labels, vectors))), labels, vectors)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 10_000))
def test_rows_that_come_and_go_leave_the_graph_as_if_it_were_built_anew(
    before: int, after: int, seed: int
) -> None:
    labels, vectors = rows(70)
    random = np.random.default_rng(seed)
    first = np.sort(random.permutation(70)[:before])
    second = np.sort(random.permutation(70)[:after])
    graph = run(build(Gallery(labels[first], vectors[first].reshape(-1, 16))))
    graph = run(updated(graph, Gallery(labels[second], vectors[second].reshape(-1, 16))))
    check(graph, labels[second], vectors[second])


def test_nothing_new_gives_the_graph_itself() -> None:
    gallery = Gallery(*rows(30))
    graph = run(build(gallery))
    assert run(updated(graph, gallery)) is graph


def test_above_the_exact_limit_the_frozen_graph_gives_the_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, vectors = rows(300)
    monkeypatch.setattr(neighbours, "EXACT_ROWS", 100)
    monkeypatch.setattr(gallery_module, "EXACT_ROWS", 100)
    frozen = Gallery(labels[:280], vectors[:280]).build_frozen(threads=1)
    graph = run(build(Gallery(labels, vectors, frozen=frozen)))
    wanted = slow(labels, vectors)
    found, _ = graph.of(labels)
    hits = [len({label for label, _ in wanted[row]} & set(found[row].tolist())) for row in range(300)]
    assert np.mean(hits) > 0.98 * 11
    assert (found != labels[:, None]).all()


def test_rows_it_does_not_know_have_no_neighbours() -> None:
    graph = run(build(Gallery(*rows(20))))
    labels, cosines = graph.of(np.array([5, 4, 10_000], np.int64))
    assert (labels[0] != NONE).all()
    assert (labels[1:] == NONE).all() and (cosines[1:] == -1).all()


def test_a_graph_of_other_vectors_is_told_from_its_own() -> None:
    labels, vectors = rows(50)
    graph = run(build(Gallery(labels, vectors)))
    assert agrees(graph, Gallery(labels, vectors))
    assert agrees(graph, Gallery(labels[:30], vectors[:30]))
    assert not agrees(graph, Gallery(labels, rows(50, seed=1)[1]))
