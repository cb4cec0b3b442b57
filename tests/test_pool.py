"""Pool, budget and initial set."""

from collections import Counter
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from al_lightning.errors import UsageError
from al_lightning.pool import Budget, Pool, draw_initial
from al_lightning.seeding import generator
from tests.support.errors import raises
from tests.support.quick import quick


def test_labelling_returns_a_new_pool_and_keeps_the_order_of_labelling():
    empty = Pool(6)
    first = empty.label([4, 1])
    second = first.label([np.int64(0)])
    assert empty.labelled == ()
    assert first.labelled == (4, 1)
    assert second.labelled == (4, 1, 0)
    assert all(type(index) is int for index in second.labelled)


def test_unlabelled_is_ascending_int64_and_the_complement_of_labelled():
    pool = Pool(6).label([4, 1])
    assert pool.unlabelled.tolist() == [0, 2, 3, 5]
    assert pool.unlabelled.dtype == np.int64
    assert Pool(3).unlabelled.tolist() == [0, 1, 2]
    assert Pool(2).label([1, 0]).unlabelled.tolist() == []


@pytest.mark.parametrize(
    ("chosen", "facts"),
    [
        ([2, 3, 2], ["twice"]),
        ([2, 6], ["image 6", "pool of 6"]),
        ([-1], ["image -1", "pool of 6"]),
        ([5, 4, 1], ["image 1", "labelled"]),
    ],
)
def test_labelling_refuses_repeats_unknown_and_labelled_images(chosen, facts):
    with raises(ValueError, *facts):
        Pool(6).label([4, 1]).label(chosen)


@given(st.permutations(range(8)), st.integers(0, 8))
@quick
def test_labelled_and_unlabelled_always_partition_the_pool(order, count):
    pool = Pool(8).label(order[: count // 2]).label(order[count // 2 : count])
    assert sorted([*pool.labelled, *pool.unlabelled.tolist()]) == list(range(8))
    assert pool.labelled == tuple(order[:count])


def test_pool_is_frozen():
    pool = Pool(3)
    with pytest.raises(FrozenInstanceError):
        pool.labelled = (1,)


@pytest.mark.parametrize("name", ["sequence", "frame"])
def test_time_order_must_have_one_entry_per_image(name):
    assert getattr(Pool(2, **{name: (0, 1)}).label([1]), name) == (0, 1)
    with raises(ValueError, f"Pool.{name}", 3, 2):
        Pool(2, **{name: (0, 1, 2)})


@pytest.mark.parametrize(
    ("percent", "size", "images"), [(10, 2975, 297), (5, 2975, 148), (2, 2975, 59), (1, 2975, 29), (10, 1464, 146)]
)
def test_percent_is_integer_arithmetic(percent, size, images):
    budget = Budget(percent, percent, 4)
    assert budget.initial_count(size) == images
    assert budget.query_count(size) == images
    assert budget.total_count(size) == 5 * images


def test_budget_in_images_is_taken_as_it_is():
    budget = Budget(500, 250, 3, "images")
    assert (budget.initial_count(50_000), budget.query_count(50_000), budget.total_count(50_000)) == (500, 250, 1250)


def test_nominal_budgets_are_round_fractions_where_the_counts_are_not():
    budget = Budget(10, 10, 4)
    assert [budget.nominal(cycle, 2975) for cycle in range(5)] == [0.1, 0.2, 0.3, 0.4, 0.5]
    images = Budget(5000, 2500, 2, "images")
    assert [images.nominal(cycle, 50_000) for cycle in range(3)] == [0.1, 0.15, 0.2]


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"initial": 0, "query": 1, "cycles": 1}, ["budget.initial is 0", "at least 1"]),
        ({"initial": 1, "query": 1, "cycles": -1}, ["budget.cycles is -1", "at least 0"]),
        ({"initial": 1, "query": 0, "cycles": 2}, ["budget.query is 0", "at least 1", "budget.cycles 0"]),
    ],
)
def test_impossible_budgets_are_refused_when_made(options, facts):
    with raises(UsageError, *facts):
        Budget(**options)


def test_a_single_fit_needs_no_query():
    Budget(1, 0, 0).check(100)


@pytest.mark.parametrize(
    ("budget", "size", "facts"),
    [
        (Budget(10, 10, 1), 0, ["pool", "empty"]),
        (Budget(1, 10, 1), 99, ["budget.initial", "1 percent", 99]),
        (Budget(10, 1, 1), 99, ["budget.query", "1 percent", 99]),
        (Budget(10, 10, 10), 200, [220, "10 x 10 percent", 200, "budget.cycles"]),
        (Budget(3, 4, 2, "images"), 10, [11, "2 x 4 images", 10, "budget.cycles"]),
    ],
)
def test_check_says_why_the_pool_cannot_serve_the_budget(budget, size, facts):
    with raises(UsageError, *facts):
        budget.check(size)


def test_check_accepts_a_budget_that_takes_the_whole_pool():
    Budget(10, 10, 9).check(200)
    Budget(2, 4, 2, "images").check(10)


def test_random_initial_set_is_a_pure_function_of_the_generators_key():
    pool = Pool(50)
    first = draw_initial(pool, 10, "random", None, generator("initial", 3))
    assert first == draw_initial(pool, 10, "random", None, generator("initial", 3))
    assert first != draw_initial(pool, 10, "random", None, generator("initial", 4))
    assert len(set(first)) == 10
    assert set(first) <= set(range(50))


def test_random_initial_set_is_nested_in_a_larger_one():
    small, large = (draw_initial(Pool(50), count, "random", None, generator("initial", 0)) for count in (5, 20))
    assert large[:5] == small


@pytest.mark.parametrize("draw", ["random", "balanced"])
def test_initial_set_takes_only_unlabelled_images(draw):
    pool = Pool(12).label(range(0, 12, 2))
    drawn = draw_initial(pool, 6, draw, [index % 3 for index in range(12)], generator("initial", 0))
    assert sorted(drawn) == [1, 3, 5, 7, 9, 11]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.data())
@quick
def test_balanced_initial_set_keeps_classes_level_while_their_images_last(classes, data):
    count = data.draw(st.integers(1, len(classes)))
    seed = data.draw(st.integers(0, 9))
    drawn = draw_initial(Pool(len(classes)), count, "balanced", classes, generator("initial", seed))
    assert len(drawn) == len(set(drawn)) == count
    taken, there = Counter(classes[index] for index in drawn), Counter(classes)
    most = max(taken.values())
    for value in there:
        assert taken[value] >= min(there[value], most - 1)


def test_balanced_initial_set_is_exact_where_a_class_runs_out():
    classes = [0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]
    drawn = draw_initial(Pool(11), 7, "balanced", classes, generator("initial", 0))
    assert Counter(classes[index] for index in drawn) == {0: 1, 1: 3, 2: 3}


def test_balanced_initial_set_is_a_pure_function_of_the_generators_key():
    classes = [index % 4 for index in range(40)]
    first = draw_initial(Pool(40), 10, "balanced", classes, generator("initial", 1))
    assert first == draw_initial(Pool(40), 10, "balanced", classes, generator("initial", 1))
    assert first != draw_initial(Pool(40), 10, "balanced", classes, generator("initial", 2))


def test_a_count_that_does_not_divide_favours_no_class():
    classes = [index % 4 for index in range(40)]
    extra = Counter()
    for seed in range(60):
        extra[classes[draw_initial(Pool(40), 1, "balanced", classes, generator("initial", seed))[0]]] += 1
    assert set(extra) == {0, 1, 2, 3}


def test_balanced_needs_classes():
    with raises(UsageError, "initial: random"):
        draw_initial(Pool(3), 1, "balanced", None, generator("initial", 0))
