"""What a close look adds is kept only where held-out photos are found better."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from desktop_app.retrieval.close_look import KIN, MATCH, CloseLook
from desktop_app.retrieval.parameters import FusionParameters, RetrievalParameters
from desktop_app.retrieval.standing import Standing
from models.evaluate.close_look import Search, choose, choose_kin, figures, means, usual, write_choice

PARAMETERS = RetrievalParameters()


def made(says: float, seed: int, queries: int = 30, count: int = 40) -> list[Search]:
    """Searches whose scores know a little of the truth and whose term knows `says` times as much more."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(queries):
        truth = random.random(count) < 0.3
        truth[0] = True
        raw = (0.1 * truth + random.normal(0, 0.2, count)).astype(np.float32)
        order = np.argsort(-raw)
        match = says * truth + 0.7 * raw + random.normal(0, 0.2, count)
        look = CloseLook(np.zeros(20, np.float32), {MATCH: match[order][:20].astype(np.float32)})
        found.append(Search(Standing.first(order, raw[order]), truth, look))
    return found


def test_a_term_that_knows_more_is_kept_with_its_interval_and_one_that_misleads_is_not() -> None:
    sets = [made(0.3, 1), made(0.3, 2)]
    chosen, steps = choose(sets, PARAMETERS)
    assert set(chosen.fusion.evidence.terms) == {MATCH}
    assert steps[0]["kept"] and steps[0]["gain"]["low"] > 0  # type: ignore[index]
    assert (means(figures(sets, chosen))[:, 0] > means(figures(sets, PARAMETERS))[:, 0]).all()
    nothing, steps = choose([made(-0.2, 3), made(-0.2, 4)], PARAMETERS)
    assert not nothing.fusion.evidence.terms
    assert [step["kept"] for step in steps] == [False]


def test_what_is_usual_is_the_line_through_all_pairs() -> None:
    term, spread = usual([made(0.0, 5)], MATCH)
    assert term.slope == pytest.approx(0.7, abs=0.15)
    assert term.level == pytest.approx(0.0, abs=0.05)
    assert spread > 0


def test_kinship_gets_a_weight_where_it_tells_more_and_none_where_it_misleads() -> None:
    def before(says: float, seed: int) -> list[Search]:
        scored = FusionParameters(rerank=1.0)
        return [
            replace(
                one,
                standing=one.standing.with_rerank(np.zeros(40, np.float32), scored),
                look=CloseLook.nothing().with_term(KIN, one.look.terms[MATCH]),
            )
            for one in made(says, seed)
        ]

    parameters = replace(PARAMETERS, fusion=FusionParameters(rerank=1.0))
    chosen, step = choose_kin([before(0.3, 1), before(0.3, 2)], parameters)
    assert chosen.fusion.kin.weight > 0 and step["kept"] and chosen.fusion.kin.most < 1.0
    misled, step = choose_kin([before(-0.2, 3), before(-0.2, 4)], parameters)
    assert misled.fusion.kin.weight == 0 and not step["kept"]


def test_the_choice_is_written_beside_the_other_weights(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"name": "x", "fusion": {"local": 3.0}, "files": {}}))
    chosen, _ = choose([made(0.3, 1), made(0.3, 2)], PARAMETERS)
    write_choice(tmp_path, chosen)
    document = json.loads((tmp_path / "manifest.json").read_text())
    assert list(document) == ["name", "fusion", "files"] and document["fusion"]["local"] == 3.0
    assert RetrievalParameters.from_manifest(document).fusion == replace(chosen.fusion, local=3.0)
    write_choice(tmp_path, replace(PARAMETERS))
    assert json.loads((tmp_path / "manifest.json").read_text())["fusion"]["evidence"] == {}
