from dataclasses import replace

import numpy as np
import pytest

from desktop_app.retrieval.clusters import SEED, make_local_codes, make_local_codes_batch, spherical_kmeans
from tests.support.made_embeddings import code_layer, random_embedding


def kmeans_by_loops(cells, k, seed, iterations):
    """Spherical k-means with k-means++ seeding for one picture, cell by cell."""
    unit = [cell / np.linalg.norm(cell) if np.linalg.norm(cell) > 1e-6 else cell * 0 for cell in cells]
    valid = [i for i, cell in enumerate(unit) if np.linalg.norm(cell) > 0]
    draws = np.random.Generator(np.random.PCG64(seed)).random(k)
    seeds = [valid[int(draws[0] * len(valid))]]
    for number in range(1, k):
        distances = []
        for i, cell in enumerate(unit):
            nearest = min(1 - float(cell @ unit[s]) for s in seeds)
            distances.append(nearest if i in valid and nearest > 1e-5 else 0.0)
        if sum(distances) == 0:
            break
        reach, target = 0.0, draws[number] * sum(distances)
        for i, distance in enumerate(distances):
            reach += distance
            if reach > target:
                seeds.append(i)
                break
    centroids = [unit[s] for s in seeds]
    labels = None
    for _ in range(iterations):
        new = [max(range(len(centroids)), key=lambda c: float(cell @ centroids[c])) for cell in unit]
        if new == labels:
            break
        labels = new
        for c in range(len(centroids)):
            total = np.sum([unit[i] for i in range(len(unit)) if labels[i] == c], axis=0)
            if np.linalg.norm(total) > 1e-6:
                centroids[c] = total / np.linalg.norm(total)
    return labels, np.array(centroids)


@pytest.mark.parametrize("seed", range(5))
def test_clusters_equal_plain_loops(seed):
    cells = np.random.default_rng(seed).normal(size=(1, 30, 8)).astype(np.float32)
    labels, centroids = kmeans_by_loops(cells[0].astype(np.float64), 6, SEED, 10)
    fast = spherical_kmeans(cells, 6)
    assert fast.labels[0].tolist() == labels
    assert fast.centroids[0] == pytest.approx(centroids, abs=1e-5)
    assert fast.used.all()


def test_every_centroid_is_the_direction_of_the_sum_of_its_cells():
    cells = np.random.default_rng(3).normal(size=(4, 196, 32)).astype(np.float32)
    unit = cells / np.linalg.norm(cells, axis=2, keepdims=True)
    found = spherical_kmeans(cells, 32)
    for picture in range(4):
        for cluster in np.flatnonzero(found.used[picture]):
            total = unit[picture][found.labels[picture] == cluster].sum(axis=0)
            assert found.centroids[picture, cluster] == pytest.approx(total / np.linalg.norm(total), abs=1e-5)


def test_clustering_finds_groups_that_are_there():
    random = np.random.default_rng(4)
    groups = random.normal(size=(5, 64))
    truth = random.integers(5, size=196)
    cells = (groups[truth] + 0.05 * random.normal(size=(196, 64))).astype(np.float32)
    found = spherical_kmeans(cells[None], 5)
    pairs = {(int(t), int(label)) for t, label in zip(truth, found.labels[0], strict=True)}
    assert len(pairs) == 5


@pytest.mark.parametrize("distinct", [1, 2, 7])
def test_fewer_clusters_when_there_are_fewer_distinct_cells(distinct):
    cells = np.random.default_rng(5).normal(size=(distinct, 16)).astype(np.float32)
    found = spherical_kmeans(cells[np.arange(50) % distinct][None], 32)
    assert found.used[0].sum() == distinct


def test_no_more_clusters_than_cells():
    found = spherical_kmeans(np.random.default_rng(6).normal(size=(2, 3, 16)).astype(np.float32), 32)
    assert found.centroids.shape == (2, 3, 16)
    assert found.used.all()


def test_no_cells_at_all_are_refused():
    with pytest.raises(ValueError, match="cannot be clustered"):
        spherical_kmeans(np.zeros((1, 0, 8), np.float32), 4)


def test_codes_are_the_same_alone_and_in_any_batch():
    shapes = [(14, 14), (12, 16), (14, 14), (10, 20), (14, 14), (3, 3)] * 3
    embeddings = [random_embedding(seed, rows, columns) for seed, (rows, columns) in enumerate(shapes)]
    together = make_local_codes_batch(embeddings, code_layer)
    backwards = make_local_codes_batch(embeddings[::-1], code_layer)[::-1]
    for embedding, one, other in zip(embeddings, together, backwards, strict=True):
        alone = make_local_codes(embedding, code_layer)
        for codes in (one, other):
            assert np.array_equal(codes.codes, alone.codes)
            assert np.array_equal(codes.labels, alone.labels)
            assert np.array_equal(codes.centroids, alone.centroids)
            assert codes.scale == alone.scale


def test_a_picture_that_converges_early_is_not_changed_by_one_that_goes_on():
    random = np.random.default_rng(7)
    easy = np.repeat(random.normal(size=(4, 32)), 49, axis=0).astype(np.float32)
    hard = random.normal(size=(196, 32)).astype(np.float32)
    alone, together = spherical_kmeans(easy[None], 16), spherical_kmeans(np.stack([easy, hard]), 16)
    assert np.array_equal(alone.labels[0], together.labels[0])
    assert np.array_equal(alone.centroids[0], together.centroids[0])


def test_codes_are_the_bits_of_the_logits_packed_big_endian():
    embedding = random_embedding(1)
    codes = make_local_codes(embedding, code_layer)
    assert codes.codes.shape == (32, 16)
    cells = embedding.local_features.reshape(-1, 128).astype(np.float64)
    for cluster in range(32):
        total = cells[codes.labels.ravel() == cluster].sum(axis=0)
        centroid = (total / np.linalg.norm(total)).astype(np.float32)
        assert codes.centroids[cluster] * codes.scale == pytest.approx(centroid, abs=codes.scale)
        logits = code_layer(centroid[None])[0]
        for bit in range(128):
            stored = codes.codes[cluster, bit // 8] >> (7 - bit % 8) & 1
            assert stored == (logits[bit] >= 0) or abs(logits[bit]) < 1e-4


def test_labels_name_stored_clusters_only():
    codes = make_local_codes(random_embedding(2), code_layer, clusters=8)
    assert codes.labels.shape == (14, 14)
    assert codes.labels.dtype == np.uint8
    assert set(np.unique(codes.labels)) == set(range(len(codes.codes)))


def test_without_a_code_layer_the_signs_are_the_code():
    embedding = random_embedding(3)
    codes = make_local_codes(embedding, lambda features: None)
    bits = np.unpackbits(codes.codes, axis=1)
    certain = np.abs(codes.centroids.astype(int)) > 1
    assert np.array_equal(bits[certain].astype(bool), (codes.centroids > 0)[certain])


def test_a_picture_without_content_has_one_empty_cluster():
    blank = replace(random_embedding(4), local_features=np.zeros((14, 14, 128), np.float32))
    codes = make_local_codes(blank, code_layer)
    assert codes.codes.shape == (1, 16)
    assert not codes.centroids.any()
    assert not codes.labels.any()


def test_cells_without_content_do_not_pull_on_clusters():
    embedding = random_embedding(5)
    features = embedding.local_features.copy()
    features[5:] = 0
    codes = make_local_codes(replace(embedding, local_features=features), code_layer)
    assert codes.labels.max() == len(codes.codes) - 1
    lengths = np.linalg.norm(codes.centroids * codes.scale, axis=1)
    assert lengths == pytest.approx(np.ones(len(codes.codes)), abs=0.05)


def test_a_pack_without_local_features_has_no_codes():
    assert make_local_codes(replace(random_embedding(6), local_features=None), code_layer) is None
    mixed = make_local_codes_batch(
        [replace(random_embedding(6), local_features=None), random_embedding(7)], code_layer
    )
    assert [codes is None for codes in mixed] == [True, False]
