import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from desktop_app.domain.features import Embedding, LocalCodes
from models.evaluate.codes import COMPARED, compared_rows, match_tables, ranked_figures
from models.heads import HeadSettings, learn_codes
from models.local.codes import (
    PRESETS,
    centroids_of,
    contrastive_loss,
    cosine_loss,
    match_scores,
    rotated_layers,
    train_codes,
)


def photos_of_classes(classes: int = 8, each: int = 4, clusters: int = 6, dimension: int = 24, noise: float = 0.8):
    """Centroids [N, K, D] of photos whose classes share their parts, and their classes."""
    random = np.random.default_rng(0)
    parts = random.normal(size=(classes, clusters, dimension))
    x = np.concatenate(
        [parts[label] + noise * random.normal(size=(each, clusters, dimension)) for label in range(classes)]
    )
    x /= np.linalg.norm(x, axis=2, keepdims=True)
    return x.astype(np.float32), np.repeat(np.arange(classes), each)


def test_scores_of_many_to_many_matches_equal_the_loops():
    codes = torch.where(torch.randn(5, 4, 16) >= 0, 1.0, -1.0) / 4.0
    got = match_scores(codes, power=3.0)
    for a in range(5):
        for b in range(5):
            similar = [[float(codes[a, i] @ codes[b, j]) for j in range(4)] for i in range(4)]
            u = [[max(0.0, s) ** 3 for s in row] for row in similar]
            there = sum(max(row) for row in u) / 4
            back = sum(max(u[i][j] for i in range(4)) for j in range(4)) / 4
            assert float(got[a, b]) == pytest.approx((there + back) / 2, abs=1e-5)


def test_the_contrastive_loss_equals_the_loops():
    scores, labels = torch.rand(6, 6), torch.tensor([0, 0, 1, 1, 1, 2])
    terms = []
    for q in range(6):
        others = [math.exp(float(scores[q, c]) / 0.2) for c in range(6) if labels[c] != labels[q]]
        for c in range(6):
            if c != q and labels[c] == labels[q]:
                own = math.exp(float(scores[q, c]) / 0.2)
                terms.append(-math.log(own / (own + sum(others))))
    assert float(contrastive_loss(scores, labels, temperature=0.2)) == pytest.approx(np.mean(terms), rel=1e-4)


def test_the_contrastive_loss_needs_pairs():
    with pytest.raises(ValueError, match="two photos of one class"):
        contrastive_loss(torch.rand(3, 3), torch.tensor([0, 1, 2]), temperature=0.1)


def test_the_cosine_loss_equals_the_loops():
    codes = torch.where(torch.randn(7, 8) >= 0, 1.0, -1.0)
    x = normalize(torch.randn(7, 5), dim=1)
    squares = [(float(codes[i] @ codes[j]) / 8 - float(x[i] @ x[j])) ** 2 for i in range(3) for j in range(3, 6)]
    assert float(cosine_loss(codes, x)) == pytest.approx(np.mean(squares), rel=1e-5)


def test_a_start_is_a_rotation_whose_bits_are_fair_coins():
    random = np.random.default_rng(2)
    x = random.normal(size=(4000, 16)) @ random.normal(size=(16, 16)) + 3.0
    for layer in rotated_layers(x):
        weight = layer.linear.weight.detach().numpy()
        assert np.allclose(weight @ weight.T, np.eye(16), atol=1e-4)
        share = (layer(torch.from_numpy(x).float()) >= 0).float().mean(0)
        assert float((share - 0.5).abs().max()) < 0.01


@pytest.mark.parametrize("with_classes", [True, False])
def test_training_on_pairs_lowers_the_loss_and_keeps_the_best_on_what_was_held_out(with_classes):
    x, labels = photos_of_classes()
    labels = labels if with_classes else np.full(len(x), -1)
    training = train_codes(x, labels, PRESETS["smoke"])
    assert np.mean(training.losses[-15:]) < np.mean(training.losses[:5])
    assert len(training.losses) == 80 and len(training.held_out) == 4
    share = (training.layer(torch.from_numpy(x).flatten(0, 1)) >= 0).float().mean(0)
    assert float((share.mean() - 0.5).abs()) < 0.02


def test_a_second_call_goes_on_where_the_first_stopped(tmp_path):
    x, labels = photos_of_classes()
    settings = replace(PRESETS["smoke"], steps=10, check=5)
    stopped = train_codes(x, labels, settings, out=tmp_path, learnt_from="these")
    longer = replace(settings, steps=12)
    again = train_codes(x, labels, longer, out=tmp_path, learnt_from="these")
    assert again.losses[:10] == stopped.losses and len(again.losses) == 12
    assert again.held_out[:4] == stopped.held_out and len(again.held_out) == 5
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint.pt", "losses.csv", "losses.png"}
    with pytest.raises(ValueError, match="other photos"):
        train_codes(x, labels, longer, out=tmp_path, learnt_from="those")


def test_codes_learnt_without_pairs_say_different_things_and_keep_neighbours():
    random = np.random.default_rng(4)
    spread = random.normal(size=(24, 24)) * np.geomspace(3.0, 0.3, 24)[:, None]
    x = normalize(torch.from_numpy(random.normal(size=(3000, 24)) @ spread).float(), dim=1)
    codes = torch.where(learn_codes(x, HeadSettings(code_steps=60)).forward(x) >= 0, 1.0, -1.0)
    near, far = x[:300] @ x[:300].T, codes[:300] @ codes[:300].T / 128
    assert float(torch.corrcoef(torch.stack([near.flatten(), far.flatten()]))[0, 1]) > 0.85
    assert float(((codes > 0).float().mean(0) - 0.5).abs().max()) < 0.01


def test_stored_centroids_become_units_and_missing_ones_repeat():
    stored = LocalCodes(
        codes=np.zeros((2, 16), np.uint8),
        labels=np.zeros((1, 2), np.uint8),
        centroids=np.array([[3, 4], [0, 9]], np.int8),
        scale=0.1,
    )
    got = centroids_of([stored], clusters=5)
    assert np.allclose(got[0], [[0.6, 0.8], [0, 1], [0.6, 0.8], [0, 1], [0.6, 0.8]])
    with pytest.raises(ValueError, match="local features"):
        centroids_of([None])


def test_what_codes_lose_is_measured_on_the_same_photos():
    random = np.random.default_rng(5)
    kinds = random.normal(size=(4, 6, 6, 32))
    cells = np.repeat(kinds, 4, axis=0) + 0.9 * random.normal(size=(16, 6, 6, 32))
    cells = (cells / np.linalg.norm(cells, axis=3, keepdims=True)).astype(np.float32)
    embeddings = [Embedding(alpha=row[0, 0], local_features=row) for row in cells]
    labels = [f"kind {at // 4}" for at in range(16)]
    rotation = np.linalg.qr(random.normal(size=(32, 32)))[0].astype(np.float32)
    tables = match_tables(embeddings, lambda x: x @ rotation, 3.0)
    assert set(tables) == set(COMPARED)
    assert np.abs(tables["int8"] - tables["float"]).max() < 0.02  # rounding to int8 hardly matters
    assert not np.allclose(tables["codes"], tables["asymmetric"])
    rows = compared_rows(np.stack([e.alpha for e in embeddings]), tables, labels)
    alone = {name: row["mAP"] for name, row in rows.items()}
    assert alone["float"] > alone["codes"] > np.mean([names == labels[0] for names in labels])
    ranked = ranked_figures(np.eye(16) + np.equal.outer(labels, labels), labels)
    assert ranked == {"mAP": 1.0, "R@1": 1.0}
