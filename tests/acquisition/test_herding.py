"""Herding against the plain greedy algorithm, and against the best of all choices."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from al_lightning.acquisition.functional import herding as module
from al_lightning.acquisition.functional.herding import herding, labelled_radius
from al_lightning.acquisition.functional.unit_vectors import UnitVectors
from al_lightning.errors import ALError
from al_lightning.seeding import generator
from al_lightning.types import Limits
from tests.support import plain_coverage
from tests.support.errors import raises
from tests.support.scored import allowed_of

often = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))

NONE = torch.empty(0, dtype=torch.int64)


def herd(features, labelled, count, radius=1.0, weight=None, limits=None, seed=0):
    draw = generator("select", seed)
    return herding(UnitVectors(features), allowed_of(labelled, limits), count, draw, radius, weight)


KINDS = {
    "normal": lambda x, g: x,
    "half": lambda x, g: x.bfloat16(),
    "clusters": lambda x, g: torch.randn(5, x.shape[1], generator=g)[torch.arange(len(x)) % 5] + 0.01 * x,
    "duplicates": lambda x, g: x[torch.randint(0, max(1, len(x) // 5), (len(x),), generator=g)],
    "a grid": lambda x, g: x.round(),
    "all equal": lambda x, g: torch.ones_like(x),
    "one at a time": lambda x, g: torch.eye(len(x)),
    "offset": lambda x, g: 1e3 + x,
    "large": lambda x, g: x.double() * 1e100,
}


@st.composite
def problems(draw):
    draws = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    size, width = draw(st.sampled_from([2, 3, 20, 100])), draw(st.sampled_from([1, 2, 17, 64]))
    features = KINDS[draw(st.sampled_from(list(KINDS)))](torch.randn(size, width, generator=draws), draws)
    labelled = torch.rand(size, generator=draws) < draw(st.sampled_from([0, 0.05, 0.5]))
    labelled[-1] = False
    free = int((~labelled).sum())
    weight = torch.rand(size, generator=draws) if draw(st.booleans()) else None
    radius = draw(st.sampled_from([1.0, 0.3, 0.01]))
    return features, labelled, draw(st.sampled_from([free, min(free, 7)])), radius, weight


def keep(patch, kept):
    """Set which values of the kernel are kept in memory."""
    patch.setattr(module, "MEMORY", {"all pairs": 10**9, "active pairs": 0, "no pairs": 0}[kept])
    patch.setattr(module, "WORTH", 0.0 if kept == "active pairs" else 10**9)
    patch.setattr(module, "BYTES", 0)


@given(problems(), st.sampled_from(["all pairs", "active pairs", "no pairs"]), st.sampled_from([1, 32]))
@often
def test_the_choices_of_the_plain_algorithm(problem, kept, first):
    features, labelled, count, radius, weight = problem
    with pytest.MonkeyPatch.context() as patch:
        keep(patch, kept)
        patch.setattr(module, "FIRST", first)
        found = herd(features, labelled, count, radius, weight)
    rows, gains = plain_coverage.herding(features, labelled, count, radius, weight)
    weighed = count if found.alike is None else found.alike  # choices, after which no gain is left but without weights
    assert found.rows[:weighed] == rows[:weighed]
    assert found.gains[:weighed] == pytest.approx(gains[:weighed], rel=2e-5, abs=1e-12)
    assert not any(gains[weighed:])
    assert len(set(found.rows)) == count


@pytest.mark.parametrize("kind", ["normal", "clusters", "offset"])
@pytest.mark.parametrize("kept", ["all pairs", "active pairs", "no pairs"])
@pytest.mark.parametrize("radius", [1.0, 0.05])
def test_the_same_on_more_rows_than_a_block_holds(kind, kept, radius, monkeypatch):
    draws = torch.Generator().manual_seed(0)
    features = KINDS[kind](torch.randn(300, 24, generator=draws), draws)
    labelled = torch.zeros(300, dtype=torch.bool)
    labelled[:50] = True
    keep(monkeypatch, kept)
    monkeypatch.setattr("al_lightning.acquisition.functional.unit_vectors.ROOM", 1 << 12)
    monkeypatch.setattr("al_lightning.acquisition.functional.unit_vectors.CACHE", 1 << 9)
    found = herd(features, labelled, 40, radius)
    rows, gains = plain_coverage.herding(features, labelled, 40, radius)
    assert found.rows == rows
    assert found.gains == pytest.approx(gains, rel=2e-5)


def test_worked_out_by_hand():
    # Unit vectors at 0, 60 and 180 degrees: squared distances 1, 3 and 4 between 0-60, 60-180 and 0-180.
    angles = torch.tensor([0.0, math.pi / 3, math.pi])
    found = herd(torch.stack([angles.cos(), angles.sin()], dim=1), torch.zeros(3, dtype=torch.bool), 3)
    assert found.rows == [1, 2, 0]
    e = math.exp
    # Row 1 covers itself, row 0 by e^-1 and row 2 by e^-3.
    expected = [(1 + e(-1) + e(-3)) / 3, (1 - e(-3)) / 3, (1 - e(-1)) / 3]
    assert found.gains == pytest.approx(expected, rel=1e-5)
    assert found.references == 3


@pytest.mark.parametrize("seed", range(5))
def test_at_least_as_much_of_the_best_coverage_as_a_submodular_function_guarantees(seed):
    draws = torch.Generator().manual_seed(seed)
    features = torch.randn(9, 3, generator=draws)
    weight, labelled = torch.rand(9, generator=draws).double(), torch.arange(9) == 4
    kernel = torch.exp(-((plain_coverage.distances(features) / 0.5) ** 2))

    def gain(chosen):
        before = plain_coverage.coverage(kernel, [], labelled, weight)
        return plain_coverage.coverage(kernel, chosen, labelled, weight) - before

    found = herd(features, labelled, 3, 0.5, weight)
    best = max(gain(list(rows)) for rows in itertools.combinations([0, 1, 2, 3, 5, 6, 7, 8], 3))
    assert gain(found.rows) == pytest.approx(sum(found.gains), rel=1e-4)
    assert best + 1e-9 >= gain(found.rows) >= (1 - 1 / math.e) * best


@given(st.integers(0, 1000))
@often
def test_another_order_of_the_rows_gives_the_same_choice(seed):
    draws = torch.Generator().manual_seed(seed)
    features, order = torch.randn(50, 6, generator=draws), torch.randperm(50, generator=draws)
    labelled = torch.rand(50, generator=draws) < 0.1
    first = herd(features, labelled, 10)
    second = herd(features[order], labelled[order], 10)
    differ = [a != b for a, b in zip(first.rows, order[second.rows].tolist(), strict=True)]
    if any(differ):  # a tie, which the position decides
        place = differ.index(True)
        assert first.gains[place] == pytest.approx(second.gains[place], rel=2e-5)


def test_of_equal_rows_the_lower_comes_first_and_no_copy_is_chosen_while_others_are_left():
    features = torch.eye(3).repeat(4, 1)
    found = herd(features, torch.zeros(12, dtype=torch.bool), 5)
    assert found.rows == [0, 1, 2, 3, 4]
    assert found.gains[3:] == [0.0, 0.0]


def test_limits_are_kept_while_the_kernel_is_computed_once():
    features = torch.randn(40, 5, generator=torch.Generator().manual_seed(0))
    group = torch.arange(40) // 10
    limits = Limits(group[None], (1,), 0, NONE, NONE, NONE)
    nothing = torch.zeros(40, dtype=torch.bool)
    found = herd(features, nothing, 4, limits=limits)
    assert sorted(group[found.rows].tolist()) == [0, 1, 2, 3]
    free = herd(features, nothing, 40).rows
    assert found.rows[0] == free[0]
    assert sorted(group[herd(features, nothing, 8, limits=limits).rows].tolist()) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_the_radius_is_the_smallest_distance_of_labelled_vectors_that_differ():
    angles = torch.tensor([0.0, 0.0, 1e-5, math.pi / 2, math.pi])
    points = UnitVectors(torch.stack([angles.cos(), angles.sin()], dim=1))
    assert labelled_radius(points) == pytest.approx(math.sqrt(2), abs=1e-4)
    assert labelled_radius(points.subset(torch.arange(3))) == 1.0
    assert labelled_radius(points.subset(torch.arange(0))) == 1.0


def test_a_large_pool_is_covered_by_a_sample_of_it(monkeypatch):
    monkeypatch.setattr(module, "REFERENCES", 100)
    draws = torch.Generator().manual_seed(0)
    centres = torch.randn(4, 8, generator=draws)
    features = centres.repeat(100, 1) + 0.01 * torch.randn(400, 8, generator=draws)
    nothing = torch.zeros(400, dtype=torch.bool)
    found = [herd(features, nothing, 4) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0].references == 100
    assert found[0].note == "coverage is that of 100 of 400 unlabelled images, drawn at random"
    assert sorted(row % 4 for row in found[0].rows) == [0, 1, 2, 3]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_feature_that_is_not_finite(value):
    features = torch.zeros(5, 3)
    features[3, 1] = value
    with raises(ALError, "Row 3"):
        UnitVectors(features)
