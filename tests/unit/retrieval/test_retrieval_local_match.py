import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_app.domain.features import LocalCodes
from desktop_app.retrieval.local_match import (
    best_matches,
    centroid_similarity,
    centroid_weights,
    code_similarity,
    local_similarity,
    pack,
    pack_centroids,
    pack_codes,
)
from desktop_app.retrieval.parameters import CENTROIDS, MatchParameters

PLAIN = MatchParameters()


def made(clusters, seed, width=16):
    random = np.random.default_rng(seed)
    return LocalCodes(
        codes=random.integers(0, 256, size=(clusters, width), dtype=np.uint8),
        labels=random.integers(0, clusters, size=(4, 5), dtype=np.uint8),
        centroids=random.integers(-127, 128, size=(clusters, 24)).astype(np.int8),
        scale=0.01,
    )


def related(codes, seed, flips=8):
    """The same codes in another order with some bits flipped."""
    random = np.random.default_rng(seed)
    bits = np.unpackbits(codes.codes, axis=1)[random.permutation(len(codes.codes))]
    for row in bits:
        row[random.choice(bits.shape[1], flips, replace=False)] ^= 1
    return LocalCodes(np.packbits(bits, axis=1), codes.labels, codes.centroids, codes.scale)


def u(s, parameters):
    return max(0.0, s - parameters.floor) ** parameters.power


def direction(similarity, asking, answering, weights, parameters):
    """sum_i w_i max_j u(s_ij) / sum_i w_i, pair by pair."""
    total = 0.0
    for i in asking:
        total += weights[i] * max(u(similarity(i, j), parameters) for j in answering)
    return total / sum(weights[i] for i in asking)


def match_by_loops(query, photo, parameters, similarity, count, weights=None, both=True):
    mine, theirs = count(query), range(count(photo))
    weights = [1.0] * mine if weights is None else weights
    taking_part = [i for i in range(mine) if weights[i] > 0]
    forward = direction(similarity, taking_part, theirs, weights, parameters)
    if not both:
        return forward
    backward = direction(lambda j, i: similarity(i, j), theirs, taking_part, [1.0] * len(theirs), parameters)
    return (forward + backward) / 2


def bits_alike(query, photo):
    a, b = np.unpackbits(query.codes, axis=1), np.unpackbits(photo.codes, axis=1)

    def s(i, j):
        distance = sum(int(x) != int(y) for x, y in zip(a[i], b[j], strict=True))
        return 1 - 2 * distance / a.shape[1]

    return s


def cosine_alike(query, photo):
    a, b = query.centroids.astype(float), photo.centroids.astype(float)
    return lambda i, j: float(a[i] @ b[j] / (np.linalg.norm(a[i]) * np.linalg.norm(b[j])))


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000),
    clusters=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    floor=st.sampled_from([0.0, 0.2]),
    power=st.sampled_from([1.0, 3.0]),
    both=st.booleans(),
)
def test_the_match_equals_its_equation_by_plain_loops(seed, clusters, floor, power, both):
    parameters = MatchParameters(floor=floor, power=power)
    query = made(5, seed)
    photos = [made(count, seed + 1 + n) for n, count in enumerate(clusters)] + [related(query, seed)]
    weights = np.random.default_rng(seed).choice([0.0, 1.0, 4.0], size=5).astype(np.float32)
    weights[0] = 1.0
    packed = pack_codes(photos)
    for given_weights in (None, weights):
        fast = code_similarity(query, packed, parameters=parameters, weights=given_weights, both_directions=both)
        slow = [
            match_by_loops(
                query, photo, parameters, bits_alike(query, photo), lambda p: len(p.codes), given_weights, both
            )
            for photo in photos
        ]
        assert fast == pytest.approx(slow, abs=1e-6)


@pytest.mark.parametrize("both", [True, False])
def test_the_match_on_centroids_equals_plain_loops(both):
    query, photos = made(6, 0), [made(3, 1), made(9, 2), made(40, 3)]
    weights = np.array([1, 0, 2, 1, 1, 3], np.float32)

    def cosines(photo):
        def s(i, j):
            a, b = query.centroids[i].astype(float), photo.centroids[j].astype(float)
            return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

        return s

    fast = centroid_similarity(
        query, pack_centroids(photos), parameters=PLAIN, weights=weights, both_directions=both
    )
    slow = [
        match_by_loops(query, photo, PLAIN, cosines(photo), lambda p: len(p.centroids), weights, both)
        for photo in photos
    ]
    assert fast == pytest.approx(slow, abs=1e-5)


@pytest.mark.parametrize("on", ["codes", CENTROIDS])
def test_the_best_match_of_every_centroid_is_that_of_plain_loops(on):
    parameters = MatchParameters(floor=0.1, power=2.0, on=on)
    query, photos = made(4, 0), [made(3, 1), None, made(6, 2)]
    found = best_matches(query, pack(photos, parameters), parameters=parameters)
    assert found.shape == (4, 3) and not found[:, 1].any()
    for at in (0, 2):
        alike = bits_alike(query, photos[at]) if on == "codes" else cosine_alike(query, photos[at])
        for i in range(4):
            expected = max(u(alike(i, j), parameters) for j in range(len(photos[at].codes)))
            assert found[i, at] == pytest.approx(expected, abs=1e-5)
    assert best_matches(query, pack([], parameters), parameters=parameters).shape == (4, 0)


def test_a_photo_matches_itself_fully_and_a_stranger_hardly():
    photo, stranger = made(32, 0), made(32, 1)
    score = code_similarity(photo, pack_codes([photo, related(photo, 2), stranger]), parameters=PLAIN)
    assert score[0] == 1.0
    assert score[0] > score[1] > 0.5
    assert score[2] < 0.1


def test_the_match_is_the_same_from_both_sides():
    one, other = made(7, 0), made(12, 1)
    there = code_similarity(one, pack_codes([other]), parameters=PLAIN)
    back = code_similarity(other, pack_codes([one]), parameters=PLAIN)
    assert there == pytest.approx(back, abs=1e-6)


def test_a_score_does_not_depend_on_the_other_candidates():
    query, photos = made(32, 0), [made(1 + n % 32, n) for n in range(1, 80)]
    together = code_similarity(query, pack_codes(photos), parameters=PLAIN)
    floats = centroid_similarity(query, pack_centroids(photos), parameters=PLAIN)
    for position, photo in enumerate(photos):
        assert code_similarity(query, pack_codes([photo]), parameters=PLAIN)[0] == together[position]
        assert centroid_similarity(query, pack_centroids([photo]), parameters=PLAIN)[0] == pytest.approx(
            floats[position], abs=1e-6
        )


def test_taken_rows_score_as_before():
    query, photos = made(32, 0), [made(5, n) for n in range(20)]
    packed = pack_codes(photos)
    rows = np.array([7, 3, 19])
    assert np.array_equal(
        code_similarity(query, packed.take(rows), parameters=PLAIN),
        code_similarity(query, packed, parameters=PLAIN)[rows],
    )


def test_photos_without_codes_score_zero():
    query = made(4, 0)
    assert code_similarity(query, pack_codes([None, query, None]), parameters=PLAIN).tolist() == [0, 1, 0]
    assert centroid_similarity(query, pack_centroids([None, query]), parameters=PLAIN) == pytest.approx(
        [0, 1], abs=1e-6
    )
    assert code_similarity(query, pack_codes([None]), parameters=PLAIN).tolist() == [0]


def test_no_candidates_give_no_scores():
    query = made(4, 0)
    assert code_similarity(query, pack_codes([]), parameters=PLAIN).shape == (0,)
    assert centroid_similarity(query, pack_centroids([]), parameters=PLAIN).shape == (0,)


def test_a_part_is_found_in_a_whole_without_the_candidates_direction():
    part = made(3, 0)
    background = made(29, 1)
    scene = LocalCodes(np.concatenate([part.codes, background.codes]), part.labels, part.centroids, 0.01)
    packed = pack_codes([scene, background])
    one_way = code_similarity(part, packed, parameters=PLAIN, both_directions=False)
    assert one_way[0] == 1.0
    assert one_way[1] < 0.2
    assert code_similarity(part, packed, parameters=PLAIN)[0] < 0.7


def test_marked_clusters_count_more():
    query = made(2, 0)
    likes_first = LocalCodes(query.codes[:1], query.labels, query.centroids[:1], 0.01)
    likes_second = LocalCodes(query.codes[1:], query.labels, query.centroids[1:], 0.01)
    packed = pack_codes([likes_first, likes_second])
    first = code_similarity(query, packed, parameters=PLAIN, weights=np.array([8, 1], np.float32))
    second = code_similarity(query, packed, parameters=PLAIN, weights=np.array([1, 8], np.float32))
    assert first[0] > first[1]
    assert second[1] > second[0]


def test_a_query_whose_every_cell_is_rejected_matches_nothing():
    query = made(2, 0)
    packed = pack_codes([query])
    assert code_similarity(query, packed, parameters=PLAIN, weights=np.zeros(2, np.float32)).tolist() == [0]


def test_centroid_weights_are_the_mean_weight_of_their_cells():
    labels = np.array([[0, 0, 1], [1, 1, 3]], np.uint8)
    weights = np.array([[1, 3, 0], [0, 6, 5]], np.float32)
    slow = []
    for cluster in range(4):
        cells = [
            float(weights[row, column])
            for row in range(2)
            for column in range(3)
            if labels[row, column] == cluster
        ]
        slow.append(sum(cells) / len(cells) if cells else 0.0)
    assert centroid_weights(labels, weights).tolist() == slow


def test_equal_weights_change_nothing():
    query, packed = made(9, 0), pack_codes([made(8, n) for n in range(1, 6)])
    plain = code_similarity(query, packed, parameters=PLAIN)
    assert code_similarity(query, packed, parameters=PLAIN, weights=np.full(9, 2.0, np.float32)) == pytest.approx(
        plain, abs=1e-6
    )


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match="cannot be compared"):
        code_similarity(made(3, 0, width=32), pack_codes([made(3, 1, width=16)]), parameters=PLAIN)
    with pytest.raises(ValueError, match="weights were given"):
        code_similarity(made(3, 0), pack_codes([made(3, 1)]), parameters=PLAIN, weights=np.ones(2, np.float32))
    with pytest.raises(ValueError, match="do not cover"):
        centroid_weights(np.zeros((2, 2), np.uint8), np.ones((3, 2), np.float32))


def test_codes_of_256_bits_work():
    query = made(3, 0, width=32)
    flipped = LocalCodes(~query.codes, query.labels, query.centroids, 0.01)
    assert code_similarity(query, pack_codes([query]), parameters=PLAIN)[0] == 1.0
    only = LocalCodes(query.codes[:1], query.labels, query.centroids[:1], 0.01)
    opposite = LocalCodes(flipped.codes[:1], query.labels, query.centroids[:1], 0.01)
    assert code_similarity(only, pack_codes([opposite]), parameters=PLAIN)[0] == 0.0


def test_the_match_runs_on_what_the_pack_says():
    query, photos = made(12, 0), [made(7, 1), None, made(12, 0)]
    on_codes, on_centroids = MatchParameters(), MatchParameters(power=6.0, on=CENTROIDS)
    assert np.array_equal(
        local_similarity(query, pack(photos, on_codes), parameters=on_codes),
        code_similarity(query, pack_codes(photos), parameters=on_codes),
    )
    packed = pack_centroids(photos)
    fast = local_similarity(query, pack(photos, on_centroids), parameters=on_centroids)
    assert np.array_equal(fast, centroid_similarity(query, packed, parameters=on_centroids))
    assert fast[1] == 0 and fast[2] == pytest.approx(1, abs=1e-5)
    rows = np.array([2, 0])
    assert np.allclose(local_similarity(query, packed.take(rows), parameters=on_centroids), fast[rows])


def test_a_manifest_may_choose_the_centroids():
    assert MatchParameters.from_manifest({"local_on": "centroids", "local_power": 6}).on == CENTROIDS
    assert MatchParameters.from_manifest({}).on == "codes"
