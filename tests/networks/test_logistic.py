"""The linear head of a probe, against scikit-learn."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from al_lightning.errors import TrainingError
from al_lightning.networks import logistic
from al_lightning.networks.logistic import ABSENT, GRID, choose_penalty, fit_logistic, held_out, temperature_of


def clusters(rows: int, width: int, classes: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Features of classes that overlap, on scales that differ, and their classes, each at least once."""
    draw = torch.Generator().manual_seed(seed)
    label = torch.cat([torch.arange(classes), torch.randint(classes, (rows - classes,), generator=draw)])
    centres = torch.randn(classes, width, generator=draw)
    scale = torch.logspace(-2, 2, width)
    return ((centres[label] + 2 * torch.randn(rows, width, generator=draw)) * scale + 3).double(), label


@pytest.mark.parametrize(("rows", "width"), [(12, 40), (60, 40), (41, 40), (40, 40), (300, 5)])
@pytest.mark.parametrize("inverse_penalty", [0.01, 1.0])
def test_probabilities_are_scikit_learns(rows: int, width: int, inverse_penalty: float) -> None:
    features, label = clusters(rows, width, 4)
    new, _ = clusters(200, width, 4, seed=1)
    scaler = StandardScaler().fit(features.numpy())
    peer = LogisticRegression(C=inverse_penalty, tol=1e-10, max_iter=100_000)
    peer.fit(scaler.transform(features.numpy()), label.numpy())
    wanted = peer.predict_proba(scaler.transform(new.numpy()))
    found = fit_logistic(features, label, 4, inverse_penalty)(new).softmax(dim=1).numpy()
    assert np.abs(found - wanted).max() < 1e-6


def test_two_classes_have_a_weight_vector_each() -> None:
    """The multinomial penalty on two vectors is half of the binary one: scikit-learn's C counts twice."""
    features, label = clusters(50, 3, 2)
    scaler = StandardScaler().fit(features.numpy())
    peer = LogisticRegression(C=0.2, tol=1e-10, max_iter=10_000).fit(scaler.transform(features.numpy()), label.numpy())
    found = fit_logistic(features, label, 2, 0.1)(features).softmax(dim=1).numpy()
    assert np.abs(found - peer.predict_proba(scaler.transform(features.numpy()))).max() < 1e-6


def test_float32_is_close() -> None:
    features, label = clusters(400, 6, 3)
    features = (features - features.mean(dim=0)) / features.std(dim=0)
    exact = fit_logistic(features, label, 3)(features).softmax(dim=1)
    found = fit_logistic(features.float(), label, 3)(features).softmax(dim=1)
    assert float((exact - found).abs().max()) < 1e-3


def test_classes_without_a_row_and_features_without_variance() -> None:
    features, label = clusters(20, 6, 3)
    label = label * 2  # classes 0, 2 and 4 of six
    features[:, 3] = 7.1
    head = fit_logistic(features, label, 6)
    assert head.bias[[1, 3, 5]].tolist() == [ABSENT] * 3
    assert not head.weight[[1, 3, 5]].any()
    assert not head.weight[:, 3].any()
    others = [0, 1, 2, 4, 5]
    same = fit_logistic(features[:, others], label, 6)
    assert torch.allclose(head.weight[:, others], same.weight)


def test_one_class_alone_is_always_predicted() -> None:
    features, _ = clusters(4, 3, 1)
    logits = fit_logistic(features, torch.full((4,), 2), 3)(features)
    assert logits.tolist() == [[ABSENT, ABSENT, 0.0]] * 4


@pytest.mark.parametrize(("value", "what"), [(1.0, "same features"), (float("nan"), "NaN")])
def test_features_that_tell_nothing_are_refused(value: float, what: str) -> None:
    with pytest.raises(TrainingError, match=what):
        fit_logistic(torch.full((4, 3), value).double(), torch.tensor([0, 1, 0, 1]), 2)


def test_a_fit_that_does_not_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    features, label = clusters(8, 3, 2)
    monkeypatch.setattr(logistic, "MOST_STEPS", 2)
    with pytest.raises(TrainingError, match=r"within 2 steps; give a smaller --training\.inverse_penalty"):
        fit_logistic(features, label, 2, 1e6)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 30), st.integers(1, 5), st.integers(0, 5))
def test_folds_hold_out_each_row_once_and_keep_groups_together(rows: int, classes: int, seed: int) -> None:
    label = torch.from_numpy(np.random.default_rng(seed).integers(classes, size=rows))
    parts = held_out(label, np.random.default_rng(seed))
    assert torch.stack(parts).sum(dim=0).tolist() == [1] * rows
    for value in label.unique():
        counts = [int((part & (label == value)).sum()) for part in parts]
        assert max(counts) - min(counts) <= 1
    group = torch.arange(rows) // 3
    for part in held_out(label, np.random.default_rng(seed), group):
        assert not set(group[part].tolist()) & set(group[~part].tolist())


def test_the_penalty_that_generalises_is_chosen() -> None:
    draw = torch.Generator().manual_seed(3)
    label = torch.arange(60) % 2
    noise = torch.randn(60, 30, generator=draw).double()
    assert choose_penalty(noise, label, 2, np.random.default_rng(0)) == GRID[0]  # there is nothing to learn
    clear = noise.clone()
    clear[:, 0] = 20.0 * label + noise[:, 0]
    assert choose_penalty(clear, label, 2, np.random.default_rng(0)) > GRID[0]
    assert choose_penalty(clear[:2], label[:2], 2, np.random.default_rng(0)) is None  # nothing can be held out


def test_the_temperature_is_that_of_held_out_rows() -> None:
    features, label = clusters(60, 20, 3)
    label[::3] = 0  # wrong labels, which the head nevertheless fits
    draw = np.random.default_rng
    confident = temperature_of(features, label, 3, 1.0, draw(0))
    assert confident > 1.5  # it is too sure of others
    parts = held_out(label, draw(0))
    logits = torch.cat([fit_logistic(features[~part], label[~part], 3, 1.0)(features[part]) for part in parts])
    target = torch.cat([label[part] for part in parts])
    losses = {
        t: float(torch.nn.functional.cross_entropy(logits / t, target))
        for t in (0.9 * confident, confident, 1.1 * confident)
    }
    assert min(losses, key=lambda t: losses[t]) == confident
    assert temperature_of(features[:1], label[:1], 3, 1.0, draw(0)) == 1.0
    assert temperature_of(features, torch.zeros_like(label), 3, 1.0, draw(0)) == 1.0  # all are as likely


def test_copies_with_two_labels_alone_say_nothing_of_held_out_rows() -> None:
    features = torch.tensor([[1.0, 2.0], [1.0, 2.0], [3.0, 1.0]])  # what is left without the last row are copies
    label = torch.tensor([0, 1, 0])
    assert temperature_of(features, label, 2, 1.0, np.random.default_rng(0)) > 0
    assert temperature_of(torch.ones(4, 2), torch.tensor([0, 0, 1, 1]), 2, 1.0, np.random.default_rng(0)) == 1.0
    assert choose_penalty(torch.ones(4, 2), torch.tensor([0, 0, 1, 1]), 2, np.random.default_rng(0)) is None
