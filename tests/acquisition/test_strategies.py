"""What every strategy promises of its selection."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from al_lightning.acquisition import (
    BADGE,
    BAIT,
    BALD,
    FALCUN,
    ALFAMix,
    ClaSP,
    Coreset,
    DCoM,
    DropQuery,
    Entropy,
    EntropyCoreset,
    EquAL,
    LearningLoss,
    LeastConfidence,
    Margin,
    MaxHerding,
    Power,
    ProbCover,
    Random,
    TypiClust,
    UHerding,
    UniformEntropy,
    VariationRatio,
)
from al_lightning.acquisition.scoring import select
from al_lightning.seeding import generator
from al_lightning.types import Limits, SelectionInputs
from tests.support.heads import head
from tests.support.quick import quick

STRATEGIES = [
    Random(),
    Entropy(),
    Margin(),
    Coreset(),
    EquAL(),
    BALD(),
    LearningLoss(),
    UniformEntropy(),
    VariationRatio(),
    MaxHerding(),
    UHerding(),
    ProbCover(delta=0.5),
    DCoM(delta=0.5),
    TypiClust(),
    LeastConfidence(),
    BADGE(),
    Power(Entropy()),
    EntropyCoreset(2),
    DropQuery(),
    FALCUN(),
    ALFAMix(),
    BAIT(),
    ClaSP(),
]
COLUMNS = {
    "Random": {},
    "VariationRatio": {"class": 1, "uncertainty": 1},
    "BADGE": {"gradient": 2, "embedding": 3},
    "EntropyCoreset": {"uncertainty": 1, "embedding": 3},
    "FALCUN": {"uncertainty": 1, "probability": 2},
    "UHerding": {"uncertainty": 1, "embedding": 3},
    "DCoM": {"uncertainty": 1, "class": 1, "embedding": 3},
    "ClaSP": {"score": 1, "class_score": 2},
}
ON_EMBEDDINGS = ("Coreset", "MaxHerding", "ProbCover", "TypiClust", "DropQuery", "ALFAMix", "BAIT")
COLUMNS |= {name: {"embedding": 3} for name in ON_EMBEDDINGS}
"""What a row holds for each strategy; one score for the others."""
DRAWS = {"Random", "Power", "DropQuery", "FALCUN", "ClaSP", "ProbCover", "DCoM"}
"""Strategies that draw among equal images."""


def name_of(strategy):
    return type(strategy).__name__


def columns_of(strategy):
    return COLUMNS.get(name_of(strategy), {"score": 1})


@st.composite
def rows_and_count(draw, strategy, constant=False, everything=False):
    columns, members = columns_of(strategy), strategy.members
    numbers = sum(columns.values())
    index = sorted(draw(st.sets(st.integers(0, 99), min_size=1, max_size=14)))
    labelled = draw(st.lists(st.booleans(), min_size=len(index), max_size=len(index)))
    labelled[draw(st.integers(0, len(index) - 1))] = False
    cell = st.just(0.5) if constant else st.floats(-8, 8, width=32)
    size = members * len(index) * numbers
    value = torch.tensor(draw(st.lists(cell, min_size=size, max_size=size)), dtype=torch.float32)
    candidates = labelled.count(False)
    count = candidates if everything else draw(st.integers(1, candidates))
    value, labelled = value.reshape(members, len(index), numbers), torch.tensor(labelled)
    shares = torch.where(labelled[:, None], torch.tensor([1.0, 0.0]), torch.nan)
    return SelectionInputs(torch.tensor(index), labelled, value, columns, shares, head=head(2, 3)), count


def assert_promise_is_kept(strategy, rows, count):
    chosen = strategy.select(rows, count, generator("select", 0, 1))
    candidates = set(rows.index[~rows.labelled].tolist())
    assert len(chosen.indices) == len(chosen.scores) == count
    assert len(set(chosen.indices)) == count
    assert set(chosen.indices) <= candidates
    assert all(type(index) is int for index in chosen.indices)
    assert all(math.isfinite(score) for score in chosen.scores)
    again = strategy.select(rows, count, generator("select", 0, 1))
    assert again == chosen
    return chosen


@pytest.mark.parametrize("strategy", STRATEGIES, ids=name_of)
@given(data=st.data())
@quick
def test_selection_is_exact_without_repeats_unlabelled_and_deterministic(strategy, data):
    rows, count = data.draw(rows_and_count(strategy))
    assert_promise_is_kept(strategy, rows, count)


@pytest.mark.parametrize("strategy", [each for each in STRATEGIES if "score" in columns_of(each)], ids=name_of)
@given(data=st.data())
@quick
def test_a_column_of_scores_holds_what_the_chosen_images_scored(strategy, data):
    """A page draws the scores of the batch and of all candidates on one scale."""
    rows, count = data.draw(rows_and_count(strategy))
    chosen = strategy.select(rows, count, generator("select", 0, 1))
    places = [rows.index.tolist().index(index) for index in chosen.indices]
    assert chosen.scores == pytest.approx(rows.part("score")[places, 0].tolist(), rel=1e-5)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=name_of)
@given(data=st.data())
@quick
def test_constant_scores_are_no_obstacle(strategy, data):
    rows, count = data.draw(rows_and_count(strategy, constant=True))
    chosen = assert_promise_is_kept(strategy, rows, count)
    if name_of(strategy) not in DRAWS:
        assert chosen.indices == rows.index[~rows.labelled].tolist()[:count]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=name_of)
@given(data=st.data())
@quick
def test_all_candidates_can_be_chosen(strategy, data):
    rows, count = data.draw(rows_and_count(strategy, everything=True))
    chosen = assert_promise_is_kept(strategy, rows, count)
    assert sorted(chosen.indices) == rows.index[~rows.labelled].tolist()


@pytest.mark.parametrize("strategy", STRATEGIES, ids=name_of)
def test_selection_leaves_its_rows_alone(strategy):
    columns = columns_of(strategy)
    value = torch.rand(strategy.members, 5, sum(columns.values()), generator=torch.Generator().manual_seed(0))
    labelled = torch.tensor([True, False, False, False, True])
    shares = torch.tensor([[1.0, 0.0]]).repeat(5, 1)
    rows = SelectionInputs(torch.arange(5), labelled, value, columns, shares, head=head(2, 3))
    before = [tensor.clone() for tensor in (*rows[:3], shares, *rows.head)]
    strategy.select(rows, 2, generator("select", 0, 0))
    assert all(map(torch.equal, before, (*rows[:3], shares, *rows.head)))


@pytest.mark.parametrize("strategy", STRATEGIES, ids=name_of)
@given(data=st.data())
@quick
def test_limits_are_kept_and_loosened_only_where_no_image_is_left(strategy, data):
    rows, count = data.draw(rows_and_count(strategy))
    size, empty = len(rows.index), torch.empty(0, dtype=torch.int64)
    group = torch.tensor(data.draw(st.lists(st.integers(-1, 3), min_size=size, max_size=size)))
    limited = rows._replace(limits=Limits(group[None], (1,), 0, empty, empty, empty))
    chosen = select(strategy, limited, count, generator("select", 0, 1)).indices  # refuses a choice beyond the limits
    numbers = [int(group[rows.index == index]) for index in chosen]
    grouped = [number for number in numbers if number >= 0]
    free = group[~rows.labelled]
    if count <= int((free < 0).sum()) + len(set(free[free >= 0].tolist())):
        assert len(set(grouped)) == len(grouped)
