"""Sampling by squared distance: probabilities enumerated, and the plain algorithm."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from al_lightning.acquisition.functional.d2_sampling import Products, lengths, sample_distant
from al_lightning.acquisition.functional.draws import exponential
from al_lightning.seeding import generator
from tests.support.quick import quick
from tests.support.selections import allowed


def products(size, classes=3, width=4, seed=0):
    draws = torch.Generator().manual_seed(seed)
    return Products(torch.randn(size, classes, generator=draws), torch.randn(size, width, generator=draws))


def outer(vectors):
    """The vectors themselves, (N, C D) float64."""
    return (vectors.q.double()[:, :, None] * vectors.z.double()[:, None]).flatten(1)


def sample(vectors, first, count, seed=0, **limits):
    size = len(vectors.q)
    return sample_distant(vectors, first, count, torch.arange(size), allowed(size, **limits), generator("select", seed))


def plain(vectors, first, count, seed=0):
    """The same race with all distances computed at each draw."""
    points, draws, index = outer(vectors), generator("select", seed), torch.arange(len(vectors.q))
    rows = [first]
    while len(rows) < count:
        square = torch.cdist(points, points[rows]).square().amin(dim=1)
        square[rows] = 0
        rows.append(int((exponential(index, draws) / square).argmin()))
    return rows


def test_squared_distances_and_lengths_are_those_of_the_outer_products():
    vectors = products(30)
    points = outer(vectors)
    torch.testing.assert_close(lengths(vectors), points.square().sum(dim=1))
    square = vectors.of(slice(None)).squares(vectors.of(slice(0, 5)))
    torch.testing.assert_close(square, torch.cdist(points, points[:5]).square(), atol=1e-9, rtol=1e-9)
    assert (square.diagonal() == 0).all()


@given(seed=st.integers(0, 50), size=st.integers(2, 60), share=st.floats(0, 1))
@quick
def test_lazy_sampling_draws_what_the_plain_algorithm_draws(seed, size, share):
    vectors = products(size, seed=seed)
    count = 1 + int(share * (size - 1))
    rows, squares = sample(vectors, seed % size, count, seed)
    assert rows == plain(vectors, seed % size, count, seed)
    points = outer(vectors)
    for number in range(1, count):
        nearest = (points[rows[:number]] - points[rows[number]]).square().sum(dim=1).min()
        assert squares[number] == pytest.approx(float(nearest), rel=1e-9)


def test_the_next_two_rows_are_drawn_with_their_enumerated_probabilities():
    vectors = products(5)
    points = outer(vectors)
    square = torch.cdist(points, points).square()
    second = square[2] / square[2].sum()
    expected = {}
    for a in range(5):
        third = torch.minimum(square[2], square[a])
        for b in range(5):
            expected[a, b] = float(second[a] * third[b] / third.sum())
    draws = 2500
    seen = dict.fromkeys(expected, 0)
    for seed in range(draws):
        seen[tuple(sample(vectors, 2, 3, seed)[0][1:])] += 1
    possible = [pair for pair in expected if expected[pair] > 0]
    assert sum(seen[pair] for pair in possible) == draws
    observed, wanted = ([table[pair] for pair in possible] for table in (seen, expected))
    assert stats.chisquare(observed, draws * np.array(wanted)).pvalue > 0.01


def test_where_all_open_rows_equal_a_drawn_one_the_lowest_follow():
    vectors = products(3)
    copies = Products(vectors.q.repeat(4, 1), vectors.z.repeat(4, 1))
    rows, squares = sample(copies, 4, 12)
    assert sorted(row % 3 for row in rows[:3]) == [0, 1, 2]
    assert all(square > 0 for square in squares[1:3])
    assert rows[3:] == sorted(set(range(12)).difference(rows[:3]))
    assert squares[3:] == [0] * 9


def test_rows_that_limits_held_back_are_drawn_by_distance_once_they_are_loosened():
    others = products(3)
    same = Products(others.q[:1].repeat(3, 1), others.z[:1].repeat(3, 1))  # rows 0 to 2, each a group of its own
    vectors = Products(torch.cat([same.q, others.q[1:]]), torch.cat([same.z, others.z[1:]]))
    rows, squares = sample(vectors, 0, 5, group=torch.tensor([0, 1, 2, 3, 3]))
    assert {rows[1], rows[4]} == {3, 4}
    assert rows[2:4] == [1, 2]
    assert [square > 0 for square in squares] == [False, True, False, False, True]


def test_differences_below_the_precision_of_float32_are_none():
    vectors = products(1)
    z = vectors.z.repeat(20, 1)
    z[1:] *= 1 + 1e-7 * torch.randn(19, 1, generator=torch.Generator().manual_seed(0))
    assert sample(Products(vectors.q.repeat(20, 1), z), 0, 5) == ([0, 1, 2, 3, 4], [0.0] * 5)


def test_rows_are_drawn_within_the_limits():
    group = torch.arange(40) % 4
    rows, _ = sample(products(40), 0, 4, group=group)
    assert sorted(group[rows].tolist()) == [0, 1, 2, 3]
    assert not {1, 2, 3} & set(sample(products(9), 0, 6, labelled=(1, 2, 3))[0])
