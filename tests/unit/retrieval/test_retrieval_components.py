"""Groups of mutual nearest neighbours against a slow literal twin."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.retrieval.components import (
    NO_CLASS,
    ComponentParameters,
    MutualNeighbours,
    _roots,
    mutual_knn_components,
)


def gallery(seed: int, groups: int, each: int, *, noise: float = 0.12, dimension: int = 16) -> np.ndarray:
    """Groups of similar unit vectors, [groups * each, dimension], in a random order."""
    random = np.random.default_rng(seed)
    x = np.repeat(random.normal(size=(groups, dimension)), each, axis=0)
    x += noise * np.sqrt(dimension) * random.normal(size=x.shape)
    x = random.permutation(x / np.linalg.norm(x, axis=1, keepdims=True))
    return x.astype(np.float32)


def slow_components(features: np.ndarray, parameters: ComponentParameters) -> list[set[int]]:
    """The definition, word by word."""
    n = len(features)
    cosine = features @ features.T
    near = []
    for i in range(n):
        others = sorted((j for j in range(n) if j != i), key=lambda j: (-cosine[i, j], j))
        near.append({j for j in others[: parameters.neighbours] if cosine[i, j] >= parameters.cosine})
    seen: set[int] = set()
    found = []
    for start in range(n):
        if start in seen:
            continue
        component, waiting = set(), [start]
        while waiting:
            i = waiting.pop()
            if i in component:
                continue
            component.add(i)
            waiting += [j for j in near[i] if i in near[j]]
        seen |= component
        if len(component) >= parameters.least:
            found.append(component)
    return found


def as_sets(classes: np.ndarray) -> list[set[int]]:
    return [set(np.flatnonzero(classes == number).tolist()) for number in range(classes.max(initial=-1) + 1)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "parameters",
    [ComponentParameters(), ComponentParameters(2, 0.3, 2), ComponentParameters(50, 0.8, 4)],
)
def test_components_are_those_of_the_definition(seed: int, parameters: ComponentParameters) -> None:
    features = gallery(seed, 6, 5)
    assert as_sets(mutual_knn_components(features, parameters)) == slow_components(features, parameters)


@pytest.mark.parametrize("seed", range(4))
def test_a_photo_left_out_takes_no_part(seed: int) -> None:
    """Exactly the classes of the gallery without it, for every photo of it."""
    features = gallery(seed, 5, 5, noise=0.2)
    parameters = ComponentParameters(3, 0.4, 3)
    neighbours = MutualNeighbours.of(features, parameters)
    for query in range(len(features)):
        found = neighbours.classes(without=query)
        assert found[query] == NO_CLASS
        assert np.array_equal(
            np.delete(found, query), mutual_knn_components(np.delete(features, query, 0), parameters)
        )


def test_groups_far_apart_become_classes_and_loners_do_not() -> None:
    axes = np.eye(8, dtype=np.float32)
    features = np.repeat(axes[:2], 4, axis=0)
    features = np.vstack([features, axes[5:6], axes[6:7]])
    assert mutual_knn_components(features).tolist() == [0] * 4 + [1] * 4 + [NO_CLASS, NO_CLASS]


def test_long_chains_are_one_component() -> None:
    n = 300
    order = np.random.default_rng(0).permutation(n)
    a, b = order[:-1], order[1:]
    roots = _roots(n, np.concatenate([a, b]), np.concatenate([b, a]))
    assert not roots.any()


@pytest.mark.parametrize("photos", [0, 1, 2])
def test_tiny_galleries_have_no_classes(photos: int) -> None:
    features = np.ones((photos, 4), np.float32) / 2
    assert mutual_knn_components(features).tolist() == [NO_CLASS] * photos
