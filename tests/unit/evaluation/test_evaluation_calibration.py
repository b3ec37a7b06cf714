import json
from dataclasses import replace

import numpy as np
import pytest
from skimage import data as photographs

from desktop_app.domain.geometry import Grid
from desktop_app.evaluation.calibration import calibrate_pack
from desktop_app.evaluation.fit_evidence import fit_coattention, fit_logistic
from desktop_app.evaluation.fit_scores import (
    INDIFFERENT,
    Searches,
    fit_calibration,
    fit_curve,
    fit_fusion,
    threshold_for,
)
from desktop_app.evaluation.pair_samples import (
    CalibrationPhoto,
    ViewPair,
    best_cosines,
    mutual_cosines,
    nearest_pairs,
    random_strangers,
    view_links,
)
from desktop_app.evaluation.views import correct_pairs, seen_cells
from desktop_app.retrieval.made_views import make_view
from desktop_app.retrieval.parameters import RetrievalParameters
from desktop_app.retrieval.relevance import PairMeasurements, relevance
from tests.support.made_embeddings import code_layer, embedding_of, picture_embedding


def made_set(classes: int = 5, each: int = 8, seed: int = 0) -> list[CalibrationPhoto]:
    random = np.random.default_rng(seed)
    photos = []
    for label in range(classes):
        base = random.normal(size=(8, 8, 32))
        for _ in range(each):
            noisy = embedding_of(base + 1.2 * random.normal(size=(8, 8, 32)))
            photos.append(CalibrationPhoto.of(noisy, label=label, code_logits=code_layer))
    return photos


@pytest.fixture(scope="module")
def views() -> list[ViewPair]:
    random = np.random.default_rng(3)
    pairs = []
    for photo in (photographs.astronaut()[:448, :448], photographs.coffee()[:384, :576]):
        for _ in range(6):
            view = make_view(photo, random)
            original, seen = (
                CalibrationPhoto.of(picture_embedding(rgb), label=0, code_logits=code_layer)
                for rgb in (photo, view.rgb)
            )
            pairs.append(ViewPair(original, seen, view.to_original))
    return pairs


@pytest.fixture(scope="module")
def fitted(views):
    return calibrate_pack([made_set(), made_set(seed=1)], views, pairs=60, queries=40)


def test_the_fit_can_be_read_back_from_the_manifest(fitted):
    sections = json.loads(json.dumps(fitted.manifest_sections()))
    assert set(sections) == {"thresholds", "relevance", "fusion", "calibration"}
    read = RetrievalParameters.from_manifest(sections)
    assert read.words.similar == pytest.approx(fitted.parameters.words.similar, rel=1e-4)
    assert read.relevance.bias == pytest.approx(fitted.parameters.relevance.bias, rel=1e-4)
    assert read.fusion == fitted.parameters.fusion
    assert read.match == fitted.parameters.match
    assert read.links.cosine == pytest.approx(fitted.parameters.links.cosine, rel=1e-4)


def test_thresholds_are_in_order(fitted):
    links, words = fitted.parameters.links, fitted.parameters.words
    assert links.map_floor <= links.cosine <= links.medium <= links.strong <= 1
    assert 0 <= words.similar <= words.same_thing <= words.almost_certain <= 1


def test_strangers_are_hardly_ever_relevant_and_the_local_match_never_costs_accuracy(fitted):
    figures = fitted.figures
    assert figures["relevant_strangers"] <= 0.03
    assert figures["relevant_matching"] > 0.5
    gains = [figures[f"holdout_balanced_{name}"] - figures[f"holdout_instant_{name}"] for name in ("mAP", "R@1")]
    assert sum(gains) >= -2 * INDIFFERENT


def test_the_fit_is_the_same_every_time(views, fitted):
    again = calibrate_pack([made_set(), made_set(seed=1)], views, pairs=60, queries=40)
    assert again.manifest_sections() == fitted.manifest_sections()


def test_a_local_match_that_helps_is_used_and_one_that_misleads_costs_nothing():
    photos = made_set(classes=5, each=5)
    # The n-th photos of all classes take codes of one class: by their codes they belong together, wrongly.
    codes = [photos[5 * (at % 5) + at // 5].codes for at in range(25)]
    misled = [replace(photo, codes=code) for photo, code in zip(photos, codes, strict=True)]
    gains, weights = [], []
    for given in (photos, misled):
        _, fusion, figures = fit_fusion([Searches.of(given, 25, seed=0)])
        weights.append(fusion.local)
        both = [
            figures[f"holdout_{profile}_mAP"] + figures[f"holdout_{profile}_R@1"]
            for profile in ("instant", "balanced")
        ]
        gains.append(both[1] - both[0])
    assert gains[0] > 0.02
    assert -2 * INDIFFERENT <= gains[1] < gains[0]
    assert weights[1] < weights[0]


def test_a_set_that_loses_by_the_local_match_counts_more_than_one_that_gains_as_much():
    photos = made_set(classes=5, each=5)
    codes = [photos[5 * (at % 5) + at // 5].codes for at in range(25)]
    misled = [replace(photo, codes=code) for photo, code in zip(photos, codes, strict=True)]
    helped, hurt = Searches.of(photos, 25, seed=0), Searches.of(misled, 25, seed=0)
    match, both, _ = fit_fusion([helped, hurt])
    _, alone, _ = fit_fusion([helped])
    plain = hurt.figures(None, replace(both, local=0.0))
    assert plain.tolist() == hurt.figures(hurt.local(match), replace(both, local=0.0)).tolist()
    lost = [(plain - hurt.figures(hurt.local(match), fusion)).sum() for fusion in (both, alone)]
    assert lost[0] <= lost[1]
    assert both.local < alone.local or both.local_floor > alone.local_floor or lost[0] <= 0


def test_distractors_make_searches_harder_and_words_stricter(views):
    photos = made_set(classes=3, each=10)
    strange = [replace(photo, label=-1 - n) for n, photo in enumerate(made_set(classes=60, each=1, seed=9))]
    alone, among = Searches.of(photos, 30, seed=0), Searches.of([*photos, *strange], 30, seed=0)
    assert len(among.queries) == len(alone.queries) == 30
    plain = RetrievalParameters()
    _, words = fit_calibration([alone], plain.match, plain.fusion)
    _, stricter = fit_calibration([among], plain.match, plain.fusion)
    assert stricter.similar >= words.similar
    fitted = calibrate_pack([photos], views, distractors=strange, pairs=40, queries=20)
    assert fitted.figures["relevant_strangers"] <= 0.05


def test_views_are_needed_and_so_are_classes(views):
    with pytest.raises(ValueError, match="views"):
        calibrate_pack([made_set()], [])
    with pytest.raises(ValueError, match="two classes"):
        calibrate_pack([made_set(classes=1)], views)


def test_a_view_shows_what_its_homography_says():
    photo = photographs.astronaut()
    grid = Grid(512, 512)
    view = make_view(photo, np.random.default_rng(5))
    assert view.rgb.shape == photo.shape
    near = []
    for row, column in np.random.default_rng(0).integers(40, 470, size=(300, 2)):
        x, y, w = view.to_original @ np.array([(column + 0.5) / 512, (row + 0.5) / 512, 1.0])
        at = int(y / w * 512), int(x / w * 512)
        near.append((view.rgb[row, column].mean(), photo[at].mean()))
    assert np.corrcoef(np.array(near).T)[0, 1] > 0.9
    assert grid.rows == 512


def test_views_stay_inside_the_photo_and_differ_by_seed():
    photo = photographs.coffee()
    for seed in range(30):
        corners = make_view(photo, np.random.default_rng(seed)).to_original @ np.array(
            [[0, 1, 1, 0], [0, 0, 1, 1], [1, 1, 1, 1.0]]
        )
        corners = corners[:2] / corners[2]
        assert corners.min() >= -1e-6
        assert corners.max() <= 1 + 1e-6
    first, same, other = (make_view(photo, np.random.default_rng(seed)).rgb for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_a_link_is_right_where_the_homography_lands():
    # The view is the upper left quarter: its cell (r, c) of 4 x 4 lies at (r / 2, c / 2) of the original's 4 x 4.
    quarter = np.diag([0.5, 0.5, 1.0])
    grid = Grid(4, 4)
    view = np.arange(16)
    exact = np.array([(r // 2) * 4 + c // 2 for r in range(4) for c in range(4)])
    given = {"to_original": quarter, "view_grid": grid, "original_grid": grid}
    assert correct_pairs(view, exact, tolerance=0.6, **given).all()
    wrong = (exact + 10) % 16
    assert not correct_pairs(view, wrong, tolerance=0.6, **given).any()


def test_the_cells_a_view_shows_are_those_inside_it():
    right_half = np.array([[0.5, 0, 0.5], [0, 1, 0], [0, 0, 1.0]])
    seen = seen_cells(right_half, Grid(3, 8))
    assert seen[:, 4:].all()
    assert not seen[:, :4].any()


def test_coattention_is_fitted_to_tell_what_a_view_shows(views):
    parameters, figures = fit_coattention(views)
    assert figures["coattention_inside_views"] > figures["coattention_outside_views"]
    fixed, _ = fit_coattention([])
    assert (fixed.tau, fixed.alpha) == (0.0, 3.0)
    assert 0 <= parameters.tau < 1


def test_links_between_a_photo_and_its_views_are_mostly_right_when_strong(views):
    cosines, right = view_links(views)
    strong = cosines >= np.quantile(cosines, 0.8)
    assert right[strong].mean() > right[~strong].mean()


def test_strangers_differ_in_class_and_friends_do_not():
    photos = made_set()
    strangers = random_strangers(photos, 50, np.random.default_rng(0))
    assert len(strangers) == 50
    assert all(one.label != other.label for one, other in strangers)
    friends, hard = nearest_pairs(photos, 10, np.random.default_rng(0))
    assert all(one.label == other.label and one is not other for one, other in friends)
    assert all(one.label != other.label for one, other in hard)
    one, found = friends[0]
    best = max((float(one.alpha @ p.alpha) for p in photos if p.label == one.label and p is not one), default=0)
    assert float(one.alpha @ found.alpha) == pytest.approx(best)


def test_mutual_cells_reach_less_between_strangers_than_between_friends():
    photos = made_set()
    strangers = random_strangers(photos, 20, np.random.default_rng(0))
    friends, _ = nearest_pairs(photos, 20, np.random.default_rng(0))
    assert np.median(mutual_cosines(strangers)) < np.median(mutual_cosines(friends))
    assert len(best_cosines(strangers)) == 20 * 64


def threshold_by_loops(scores, truth, precision):
    good = []
    for candidate in sorted(set(scores)):
        above = [t for s, t in zip(scores, truth, strict=True) if s >= candidate]
        good.append((candidate, sum(above) / len(above)))
    reached = [score for score, p in good if p >= precision]
    if reached:
        return min(reached)
    best = max(p for _, p in good)
    return min(score for score, p in good if p == best)


@pytest.mark.parametrize("seed", range(6))
def test_a_threshold_is_the_lowest_with_the_precision(seed):
    random = np.random.default_rng(seed)
    scores = np.round(random.random(60), 2)
    truth = random.random(60) < scores
    for precision in (0.5, 0.8, 0.95, 1.1):
        expected = threshold_by_loops(scores.tolist(), truth.tolist(), precision)
        assert threshold_for(scores, truth, precision) == pytest.approx(expected)


def test_the_curve_gives_the_frequency_of_matches():
    random = np.random.default_rng(0)
    raw = random.random(4000).astype(np.float32)
    truth = random.random(4000) < 1 / (1 + np.exp(-(8 * raw - 4)))
    curve = fit_curve(raw, truth, np.ones(4000))
    assert curve.scale == pytest.approx(8, rel=0.1)
    assert curve.offset == pytest.approx(-4, rel=0.1)
    assert fit_curve(raw, np.ones(4000, bool), np.ones(4000)).scale > 0


def test_relevance_never_falls_when_a_measurement_grows():
    random = np.random.default_rng(1)
    truth = random.random(400) < 0.5
    samples = [
        # "local" is misleading here: lower for matches than for strangers.
        PairMeasurements(
            float(random.normal(0.6 if match else 0.3, 0.1)),
            float(random.normal(0.1 if match else 0.3, 0.1)),
            int(random.poisson(20 if match else 2)),
            float(random.normal(0.7, 0.1)),
        )
        for match in truth
    ]
    parameters = fit_logistic(samples, truth)
    assert all(weight >= 0 for weight in parameters.weights.values())
    assert "local" not in parameters.weights
    judged = np.array([relevance(sample, parameters) >= 0.5 for sample in samples])
    assert (judged == truth).mean() > 0.9
