"""Where a pack has an indicative network: whose evidence is shown, whose relevance, and what the network is
given."""

from dataclasses import replace

import numpy as np
import pytest
from skimage import data as photographs

from desktop_app.domain.errors import UsageError
from desktop_app.domain.evidence import EvidenceSource
from desktop_app.domain.geometry import Cell, Grid
from desktop_app.domain.query import PixelPicture, QueryItem
from desktop_app.inference.session import OnnxEmbedder
from desktop_app.retrieval.indicative import IndicativeParameters, square_features, square_pixels
from desktop_app.retrieval.parameters import RetrievalParameters
from desktop_app.services.embedded_query import QueryEmbedder
from desktop_app.services.engine import Engine, IndicativePart
from desktop_app.services.explain import evidence_sources, pair_evidence
from tests.support.tiny_pack import make_tiny_pack


class Network:
    """Answers with one logit and one matched pair of patches, and remembers what it was asked."""

    def __init__(self, *, logit=4.0, reads_pixels=False):
        self.logit, self.reads_pixels, self.asked = logit, reads_pixels, []

    def match(self, result, query, weights):
        self.asked.append((result, query, weights))
        matching = np.zeros((len(result), 196, 196), np.float32)
        matching[:, 30, 165] = 0.9
        return np.full(len(result), self.logit, np.float32), matching


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    pack = make_tiny_pack(tmp_path_factory.mktemp("packs") / "tiny")
    return Engine(OnnxEmbedder(pack), RetrievalParameters(), source="tiny")


def with_part(engine, network, **parameters):
    return replace(engine, indicative=IndicativePart(network, IndicativeParameters(**parameters)))


def embedded(engine, rgb, **item):
    return QueryEmbedder(None).embed(QueryItem(PixelPicture(rgb, "picture"), **item), engine)


@pytest.fixture(scope="module")
def pair(engine):
    return embedded(engine, photographs.astronaut()), embedded(engine, photographs.coffee())


def test_a_pack_without_the_part_shows_local_evidence(engine, pair):
    assert evidence_sources(engine) == (EvidenceSource.LOCAL,)
    assert pair_evidence(*pair, engine).source is EvidenceSource.LOCAL
    with pytest.raises(UsageError, match="indicative"):
        pair_evidence(*pair, engine, source=EvidenceSource.INDICATIVE)


def test_the_manifest_decides_whose_evidence_is_shown(engine, pair):
    for shown in (True, False):
        equipped = with_part(engine, Network(), evidence=shown)
        first, second = evidence_sources(equipped)
        assert pair_evidence(*pair, equipped).source is first
        assert (first is EvidenceSource.INDICATIVE) == shown
        assert pair_evidence(*pair, equipped, source=second).source is second


def test_indicative_evidence_shows_the_patches_that_the_network_matched(engine, pair):
    found = pair_evidence(*pair, with_part(engine, Network(), evidence=True))
    assert found.relevance == pytest.approx(1 / (1 + np.exp(-4.0)))
    assert [(link.result_cell, link.query_cell) for link in found.links] == [(Cell(2, 2), Cell(11, 11))]
    assert found.p[2, 2] == pytest.approx(found.relevance, abs=1e-5)
    assert found.q[11, 11] == pytest.approx(found.relevance, abs=1e-5)
    assert np.count_nonzero(found.p) == 1


def test_no_match_shows_nothing(engine, pair):
    found = pair_evidence(*pair, with_part(engine, Network(logit=-4.0), evidence=True))
    assert found.relevance < 0.05 and found.links == ()
    assert not found.p.any() and not found.q.any() and not found.coattention.result.any()


def test_its_relevance_may_judge_local_evidence_too(engine, pair):
    network = Network(logit=4.0)
    judged = pair_evidence(*pair, with_part(engine, network, judges=True))
    assert judged.source is EvidenceSource.LOCAL
    assert judged.relevance == pytest.approx(1 / (1 + np.exp(-4.0)))
    untouched = Network()
    alone = pair_evidence(*pair, with_part(engine, untouched))
    assert alone.relevance == pair_evidence(*pair, engine).relevance
    assert untouched.asked == []


def test_the_network_gets_result_query_and_the_persons_weights(engine, pair):
    network = Network()
    asked = embedded(engine, photographs.astronaut(), cell_weights={Cell(0, 0): 5.0}, grid=Grid(2, 2))
    pair_evidence(asked, pair[1], with_part(engine, network, evidence=True))
    result, query, weights = network.asked[0]
    assert np.allclose(result[0], square_features(pair[1].embedding.local_features), atol=1e-6)
    assert np.allclose(query[0], square_features(asked.embedding.local_features), atol=1e-6)
    assert weights.shape == (1, 14, 14)
    assert weights[0, :7, :7].mean() > weights[0, 7:, 7:].mean()


def test_a_network_of_pixels_gets_pixels(engine, pair):
    network = Network(reads_pixels=True)
    pair_evidence(*pair, with_part(engine, network, evidence=True))
    result, query, weights = network.asked[0]
    assert np.array_equal(query[0], square_pixels(pair[0].pixels.rgb))
    assert result.dtype == np.uint8 and (weights == 1).all()
