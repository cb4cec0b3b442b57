"""ProbCover's balls against all distances in float64, and against the best of all choices."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from al_lightning.acquisition.functional.ball_cover import BallCover, agreeing_radii, in_balls, pure_radius
from al_lightning.acquisition.functional.unit_vectors import UnitVectors
from tests.support.plain_coverage import distances

often = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def on_a_circle(degrees):
    angles = torch.tensor(degrees, dtype=torch.float64) * math.pi / 180
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def chord(degrees):
    return 2 * math.sin(math.radians(degrees) / 2)


@given(st.integers(0, 2**31), st.sampled_from([2, 20, 60]), st.sampled_from([0.1, 0.7, 1.2]), st.booleans())
@often
def test_degrees_are_those_of_the_whole_graph(seed, size, radius, copies):
    draws = torch.Generator().manual_seed(seed)
    features = torch.randn(size, 4, generator=draws)
    if copies:
        features = features[torch.randint(0, size // 2, (size,), generator=draws)]
    inside = distances(features) < radius
    covered = torch.rand(size, generator=draws) < 0.2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("al_lightning.acquisition.functional.unit_vectors.ROOM", 3 * size)
        cover = BallCover(UnitVectors(features), covered, radius)
        for row in torch.randperm(size, generator=draws)[:5].tolist():
            assert cover.degree.tolist() == (inside & ~covered).sum(dim=1).tolist()
            covered = covered | inside[row]
            cover.cover(row)
            assert cover.covered.tolist() == covered.tolist()


def test_the_greedy_cover_is_as_good_as_a_submodular_function_guarantees():
    draws = torch.Generator().manual_seed(1)
    for _ in range(10):
        features = torch.randn(10, 3, generator=draws)
        inside = distances(features) < 0.8
        cover = BallCover(UnitVectors(features), torch.zeros(10, dtype=torch.bool), 0.8)
        for _ in range(3):
            cover.cover(int(cover.degree.argmax()))
        best = max(int(inside[list(rows)].any(dim=0).sum()) for rows in itertools.combinations(range(10), 3))
        assert best >= int(cover.covered.sum()) >= (1 - 1 / math.e) * best


def test_a_ball_holds_what_is_closer_than_its_radius():
    points = UnitVectors(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))
    rows = torch.arange(3)
    assert points.within(rows, points, 2.0).tolist() == [[True, True, False], [True, True, True], [False, True, True]]
    close = UnitVectors(on_a_circle([0.0, 60.0]))  # a distance of 1 but for rounding
    one = float(close.squares_of_pairs(torch.tensor([0]), close, torch.tensor([1])).sqrt())
    assert close.within(torch.tensor([0]), close, one * (1 - 1e-12)).tolist() == [[True, False]]
    assert close.within(torch.tensor([0]), close, one * (1 + 1e-12)).tolist() == [[True, True]]


def test_each_centre_has_its_own_radius():
    points = UnitVectors(on_a_circle([0.0, 10.0, 20.0, 90.0, 100.0]))
    covered = in_balls(points, torch.tensor([0, 4]), torch.tensor([chord(15), chord(5)]))
    assert covered.tolist() == [True, True, False, False, True]
    assert not bool(in_balls(points, torch.tensor([], dtype=torch.int64), torch.tensor([])).any())


def test_the_largest_radius_with_pure_balls_by_hand():
    # Two groups of ten, 40 degrees apart at their ends: the nearest of the other is 40, 41 ... 49 degrees away.
    features = on_a_circle([*range(10), *range(49, 59)])
    cluster = torch.arange(20) // 10
    # Of 20 balls one may be impure, so the second smallest distance counts: both ends are at 40 degrees.
    assert pure_radius(UnitVectors(features), cluster) == 0.684  # chord(40) is 0.68404
    more = on_a_circle([*range(20), *range(59, 79)])  # of 40 balls two may be impure
    assert pure_radius(UnitVectors(more), torch.arange(40) // 20) == 0.7  # chord(41) is 0.70041
    assert pure_radius(UnitVectors(features), torch.zeros(20, dtype=torch.int64)) == 2.0


@given(st.integers(0, 2**31))
@often
def test_no_larger_radius_is_as_pure(seed):
    draws = torch.Generator().manual_seed(seed)
    centres = torch.randn(3, 4, generator=draws)
    cluster = torch.randint(0, 3, (40,), generator=draws)
    features = centres[cluster] + 0.3 * torch.randn(40, 4, generator=draws)
    between = distances(features)

    def pure(radius):
        return float(((between < radius) & (cluster[:, None] != cluster)).any(dim=1).logical_not().double().mean())

    radius = pure_radius(UnitVectors(features), cluster)
    assert pure(radius) >= 0.95
    assert radius == 2.0 or pure(radius * 1.01) < 0.95


def test_radii_that_agree_with_the_labels_by_hand():
    points = UnitVectors(on_a_circle([0.0, 10.0, 20.0, 30.0, 40.0, 90.0]))
    predicted = torch.tensor([0, 0, 1, 1, 0, 1])
    label = torch.tensor([0, 1])
    centres = torch.tensor([0, 5])
    # Around 0 degrees: 1/1, 2/2, 2/3, 2/4, 3/5, 3/6 are of class 0. At 0.6 the ball ends before 90 degrees.
    assert agreeing_radii(points, centres, label, predicted, 0.6, 2.0)[0] == pytest.approx((chord(40) + chord(90)) / 2)
    assert agreeing_radii(points, centres, label, predicted, 0.9, 2.0)[0] == pytest.approx((chord(10) + chord(20)) / 2)
    assert agreeing_radii(points, centres, label, predicted, 0.6, 0.5).tolist() == [0.5, 0.5]
    # Around 90 degrees: 1/1, 1/2, 2/3, 3/4, 3/5, 3/6 are of class 1: the whole pool at one half.
    assert agreeing_radii(points, centres, label, predicted, 0.5, 2.0)[1] == 2.0
    assert agreeing_radii(points, centres, label, predicted, 0.7, 2.0)[1] == pytest.approx((chord(70) + chord(80)) / 2)


def test_a_ball_of_the_largest_radius_agrees_too():
    points = UnitVectors(on_a_circle([0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]))
    predicted = torch.tensor([0, 1, 1, 1, 0, 0, 0])
    # Around 0 degrees: 1/1, 1/2, 1/3, 1/4, 2/5, 3/6, 4/7 are of class 0: from 50 degrees on one half again.
    one, zero = torch.tensor([0]), torch.tensor([0])
    assert agreeing_radii(points, one, zero, predicted, 0.6, 2.0).tolist() == pytest.approx([chord(10) / 2], abs=1e-6)
    assert agreeing_radii(points, one, zero, predicted, 0.5, 2.0).tolist() == [2.0]
    near = agreeing_radii(points, one, zero, predicted, 0.5, chord(35)).tolist()
    assert near == pytest.approx([(chord(10) + chord(20)) / 2])


def test_vectors_at_one_distance_are_inside_together():
    points = UnitVectors(on_a_circle([0.0, 10.0, -10.0, 50.0]))
    predicted = torch.tensor([0, 0, 1, 1])
    radius = agreeing_radii(points, torch.tensor([0]), torch.tensor([0]), predicted, 0.9, 2.0)
    assert radius.tolist() == pytest.approx([chord(10) / 2], abs=1e-6)
