"""SuperGlobal's re-ranking against its arithmetic in loops."""

import numpy as np
import pytest

from desktop_app.retrieval.superglobal import (
    SuperGlobalParameters,
    refine,
    superglobal_order,
    superglobal_scores,
)


def unit(rng, *shape):
    x = rng.standard_normal(shape)
    return (x / np.linalg.norm(x, axis=-1, keepdims=True)).astype(np.float32)


def slow_scores(query, candidates, parameters):
    refined = []
    for i, own in enumerate(candidates):
        others = sorted((j for j in range(len(candidates)) if j != i), key=lambda j: -float(own @ candidates[j]))
        total, mass = own.astype(float).copy(), 1.0
        for j in others[: parameters.neighbours]:
            weight = parameters.beta * float(own @ candidates[j])
            total += weight * candidates[j]
            mass += weight
        refined.append(total / mass)
    first = [float(query @ x) for x in refined]
    best = sorted(range(len(first)), key=lambda i: -first[i])[: parameters.neighbours + 1]
    expanded = [max(refined[i][d] for i in best) for d in range(len(query))]
    return [(first[i] + float(np.dot(expanded, x))) / 2 for i, x in enumerate(refined)]


@pytest.mark.parametrize("count", [1, 4, 30])
def test_the_scores_equal_the_arithmetic_in_loops(count):
    rng = np.random.default_rng(count)
    query, candidates = unit(rng, 8), unit(rng, count, 8)
    parameters = SuperGlobalParameters(depth=30, neighbours=5, beta=0.15)
    assert np.allclose(
        superglobal_scores(query, candidates, parameters), slow_scores(query, candidates, parameters), atol=1e-5
    )


def test_the_defaults_are_the_published_ones():
    assert SuperGlobalParameters() == SuperGlobalParameters(depth=400, neighbours=9, beta=0.15)


def test_a_copy_of_a_candidate_does_not_take_its_own_place():
    rng = np.random.default_rng(3)
    one = unit(rng, 6)
    refined = refine(np.stack([one, one, one]), SuperGlobalParameters(neighbours=2))
    assert np.allclose(refined, one, atol=1e-6)


def test_only_the_head_moves_and_relatives_of_the_best_rise():
    rng = np.random.default_rng(0)
    thing = unit(rng, 16)
    # ten photos of one thing, of which the query resembles some; as many strangers a little nearer than the rest
    kin = thing + 0.35 * unit(rng, 10, 16)
    strangers = unit(rng, 30, 16)
    gallery = np.concatenate([kin, strangers])
    gallery = (gallery / np.linalg.norm(gallery, axis=1, keepdims=True)).astype(np.float32)
    query = (thing + 0.9 * unit(rng, 16)).astype(np.float32)
    query /= np.linalg.norm(query)
    order = np.argsort(-(gallery @ query), kind="stable")
    parameters = SuperGlobalParameters(depth=25, neighbours=5)
    new = superglobal_order(query, gallery, order, parameters)
    assert sorted(new) == sorted(order)
    assert np.array_equal(new[25:], order[25:])
    mean_rank = {
        name: np.flatnonzero(np.isin(o, np.arange(10))).mean() for name, o in (("old", order), ("new", new))
    }
    assert mean_rank["new"] <= mean_rank["old"]


def test_without_candidates_there_are_no_scores():
    empty = np.zeros((0, 4), np.float32)
    assert superglobal_scores(np.ones(4, np.float32), empty, SuperGlobalParameters()).shape == (0,)
