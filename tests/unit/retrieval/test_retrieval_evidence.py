from dataclasses import replace

import numpy as np
import pytest
from skimage import data as photographs

from desktop_app.domain.evidence import EvidenceSource, Strength
from desktop_app.domain.geometry import Grid, Region
from desktop_app.retrieval.evidence import match_evidence, measure_pair, strength_of
from desktop_app.retrieval.parameters import LinkParameters, RetrievalParameters
from tests.support.made_embeddings import code_layer, picture_embedding, random_embedding

PARAMETERS = RetrievalParameters()
BOX = Region(0, 0, 448, 448)


def evidence(query, result, **options):
    options = {"query_box": BOX, "result_box": BOX, "parameters": PARAMETERS, **options}
    return match_evidence(query, result, code_logits=code_layer, **options)


@pytest.fixture(scope="module")
def astronaut():
    return photographs.astronaut()[:448, :448]


@pytest.fixture(scope="module")
def coffee():
    return photographs.coffee()[:384, :576]


def test_a_photo_is_its_own_best_match(astronaut):
    photo = picture_embedding(astronaut)
    found = evidence(photo, photo)
    assert found.source is EvidenceSource.LOCAL
    assert found.relevance > 0.9
    assert found.links
    assert all(link.query_cell == link.result_cell and link.query == link.result for link in found.links)
    assert found.p.max() == pytest.approx(found.relevance, abs=1e-5)
    assert found.q.max() == pytest.approx(found.relevance, abs=1e-5)


def test_a_region_of_a_photo_links_to_its_own_pixels(astronaut):
    region = Region(96, 64, 224, 256)
    part = picture_embedding(astronaut[64 : 64 + 256, 96 : 96 + 224])
    found = evidence(part, picture_embedding(astronaut), query_box=region, region=True)
    assert found.query_grid == Grid(8, 7)
    assert found.result_grid == Grid(14, 14)
    assert len(found.links) >= 4
    assert all(link.query == link.result for link in found.links)
    inside = found.p[2:10, 3:10].mean()
    outside = np.delete(found.p.ravel(), [r * 14 + c for r in range(2, 10) for c in range(3, 10)]).mean()
    assert inside > 3 * outside
    assert "the region you drew" in found.words


def test_links_are_strongest_first_scored_and_within_the_limit(astronaut):
    random = np.random.default_rng(1)
    noisy = np.clip(astronaut + random.normal(scale=6, size=astronaut.shape), 0, 255).astype(np.uint8)
    found = evidence(picture_embedding(noisy), picture_embedding(astronaut))
    scores = [link.score for link in found.links]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert 0 < len(scores) <= PARAMETERS.links.limit
    for link in found.links:
        assert link.strength is strength_of(link.score, PARAMETERS.links)
        assert link.query == found.query_grid.cell_region(link.query_cell, BOX)
        assert link.result == found.result_grid.cell_region(link.result_cell, BOX)


def test_where_nothing_matches_the_evidence_is_empty_and_says_so():
    found = evidence(random_embedding(1), random_embedding(2))
    assert found.relevance < 0.5
    assert found.links == ()
    for drawn in (found.p, found.q, found.coattention.query, found.coattention.result):
        assert drawn.max() < 0.05
    assert "othing here matches well" in found.words


def test_two_different_photographs_show_no_evidence(astronaut, coffee):
    found = evidence(picture_embedding(astronaut), picture_embedding(coffee), result_box=Region(0, 0, 576, 384))
    assert found.relevance < 0.5
    assert found.links == ()
    assert found.p.shape == (12, 18)
    assert not found.p.any()


def test_evidence_is_the_same_every_time(astronaut):
    one = picture_embedding(astronaut)
    other = picture_embedding(np.roll(astronaut, 64, axis=1))
    first, second = (evidence(one, other) for _ in range(2))
    assert first.links == second.links
    assert np.array_equal(first.p, second.p)
    assert first.relevance == second.relevance


def test_rejected_cells_of_the_query_take_no_part(astronaut):
    photo = picture_embedding(astronaut)
    weights = np.ones((14, 14), np.float32)
    weights[:7] = 0
    found = evidence(photo, photo, query_weights=weights)
    assert found.links
    assert all(link.query_cell.row >= 7 for link in found.links)
    assert not found.q[:7].any()
    assert found.q[7:].any()


def test_weights_must_cover_the_grid_of_the_query(astronaut):
    photo = picture_embedding(astronaut)
    with pytest.raises(ValueError, match="do not cover"):
        evidence(photo, photo, query_weights=np.ones((3, 3), np.float32))


def test_a_backbone_without_local_features_gives_relevance_but_no_parts(astronaut):
    whole = picture_embedding(astronaut)
    bare = replace(whole, local_features=None, local_map=None)
    found = evidence(bare, bare)
    assert found.links == ()
    assert found.p.shape == (1, 1)
    assert not found.p.any()
    assert not found.coattention.result.any()
    assert "similar as a whole" in found.words.lower()


def test_measurements_are_what_they_say(astronaut):
    photo = picture_embedding(astronaut)
    measured = measure_pair(photo, photo, parameters=PARAMETERS, code_logits=code_layer)
    assert measured.global_ == pytest.approx(1.0, abs=1e-5)
    assert measured.local == pytest.approx(1.0, abs=1e-6)
    assert measured.link_cosine == pytest.approx(1.0, abs=1e-5)
    assert measured.links > 50


def test_strength_follows_the_thresholds():
    parameters = LinkParameters(cosine=0.5, medium=0.6, strong=0.8)
    assert [strength_of(c, parameters) for c in (0.55, 0.6, 0.79, 0.8)] == [
        Strength.WEAK,
        Strength.MEDIUM,
        Strength.MEDIUM,
        Strength.STRONG,
    ]
