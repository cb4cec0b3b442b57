"""Strategies: what every selection promises, and what each one looks at."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from al_lightning.acquisition import (
    BALD,
    Coreset,
    Entropy,
    EquAL,
    Full,
    LearningLoss,
    Random,
    UniformEntropy,
    VariationRatio,
)
from al_lightning.acquisition.base import Acquisition, check_selection
from al_lightning.acquisition.scoring import join_members, score_pool, select
from al_lightning.errors import ALError, UsageError
from al_lightning.networks.base import Network
from al_lightning.pool import Pool
from al_lightning.seeding import generator
from al_lightning.types import Batch, Features, NetworkOutput, Selection, SelectionInputs

quick = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
STRATEGIES = [Random(), Entropy(), Coreset(), EquAL(), BALD(), LearningLoss(), UniformEntropy(), VariationRatio()]
NUMBERS = {"Random": 0, "Coreset": 3, "VariationRatio": 2}
"""What a row holds for each strategy: nothing, an embedding, a class and an entropy; one score for the others."""


def name_of(strategy):
    return type(strategy).__name__


@st.composite
def rows_and_count(draw, strategy, constant=False, everything=False):
    numbers, members = NUMBERS.get(name_of(strategy), 1), strategy.members
    index = sorted(draw(st.sets(st.integers(0, 99), min_size=1, max_size=14)))
    labelled = draw(st.lists(st.booleans(), min_size=len(index), max_size=len(index)))
    labelled[draw(st.integers(0, len(index) - 1))] = False
    cell = st.just(0.5) if constant else st.floats(-8, 8, width=32)
    size = members * len(index) * numbers
    value = torch.tensor(draw(st.lists(cell, min_size=size, max_size=size)), dtype=torch.float32)
    candidates = labelled.count(False)
    count = candidates if everything else draw(st.integers(1, candidates))
    rows = SelectionInputs(torch.tensor(index), torch.tensor(labelled), value.reshape(members, len(index), numbers))
    return rows, count


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


@pytest.mark.parametrize("strategy", STRATEGIES, ids=name_of)
@given(data=st.data())
@quick
def test_constant_scores_are_no_obstacle(strategy, data):
    rows, count = data.draw(rows_and_count(strategy, constant=True))
    chosen = assert_promise_is_kept(strategy, rows, count)
    if not isinstance(strategy, Random):
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
    rows = SelectionInputs(torch.arange(5), torch.tensor([True, False, False, False, True]), torch.rand(5, 5, 2))
    before = [tensor.clone() for tensor in rows]
    strategy.select(rows, 2, generator("select", 0, 0))
    assert all(torch.equal(old, new) for old, new in zip(before, rows, strict=True))


def test_random_depends_on_its_generator_and_gives_every_candidate_a_chance():
    rows = SelectionInputs.without_scores(torch.tensor([2, 3, 5, 7]))
    first = {Random().select(rows, 1, generator("select", seed, 0)).indices[0] for seed in range(60)}
    assert first == {2, 3, 5, 7}
    assert not Random.needs_network


def test_entropy_takes_the_most_uncertain_and_needs_no_draw():
    rows = SelectionInputs(
        torch.tensor([1, 4, 6]), torch.zeros(3, dtype=torch.bool), torch.tensor([[[0.2], [0.9], [0.5]]])
    )
    selection = Entropy().select(rows, 2, generator("select", 0, 0))
    assert selection.indices == [4, 6]
    assert selection.scores == pytest.approx([0.9, 0.5])
    assert Entropy().select(rows, 2, generator("select", 7, 7)) == selection


def test_coreset_covers_the_space_from_the_labelled_images():
    index = torch.tensor([10, 11, 13, 17, 20])
    rows = SelectionInputs(index, index == 10, torch.tensor([[[0.0], [1.0], [3.0], [7.0], [10.0]]]))
    selection = Coreset().select(rows, 3, generator("select", 0, 0))
    assert selection.indices == [20, 13, 17]
    assert selection.scores == [10.0, 3.0, 3.0]
    assert Coreset.reads_labelled


def test_coreset_of_an_unlabelled_pool_can_be_written_as_json():
    rows = SelectionInputs(torch.arange(3), torch.zeros(3, dtype=torch.bool), torch.tensor([[[0.0], [1.0], [5.0]]]))
    selection = Coreset().select(rows, 2, generator("select", 0, 0))
    assert selection == Selection([0, 2], [0.0, 5.0])
    json.dumps(selection, allow_nan=False)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_coreset_names_the_image_whose_embedding_is_not_finite(bad):
    rows = SelectionInputs(torch.tensor([3, 8]), torch.tensor([False, True]), torch.tensor([[[0.0, 1.0], [bad, 1.0]]]))
    with pytest.raises(ALError, match="The embedding of image 8 is not finite"):
        Coreset().select(rows, 1, generator("select", 0, 0))


def test_full_takes_the_whole_pool_in_one_fit():
    assert list(Full().initial(Pool(4), 2, generator("initial", 0))) == [0, 1, 2, 3]
    assert Full.one_fit
    assert not Full.needs_network


class Halves(Network):
    """Channel means as logits; counts how often each half runs."""

    predicts = "pixel"

    def __init__(self):
        super().__init__()
        self.encoded = self.decoded = 0

    def encode(self, image):
        self.encoded += 1
        return Features((image,), image.mean(dim=(2, 3)), (), tuple(image.shape[-2:]))

    def decode(self, features):
        self.decoded += 1
        return NetworkOutput(features.maps[0])


def batch_of(image):
    return Batch(image, torch.zeros(len(image), dtype=torch.int64), torch.arange(len(image)))


def test_entropy_scores_an_image_by_the_mean_over_its_pixels():
    image = torch.zeros(2, 3, 4, 4)
    image[1, 0, :2] = 500.0
    value = Entropy().score(Halves(), batch_of(image))
    assert value.shape == (2, 1)
    assert value[:, 0].tolist() == pytest.approx([math.log(3), math.log(3) / 2], rel=1e-6)


def test_coreset_reads_the_embedding_without_running_the_decoder():
    network, image = Halves(), torch.rand(2, 3, 4, 4)
    value = Coreset().score(network, batch_of(image))
    assert torch.equal(value, image.mean(dim=(2, 3)))
    assert (network.encoded, network.decoded) == (1, 0)


CANDIDATES = SelectionInputs(
    torch.tensor([2, 4, 6, 8]), torch.tensor([False, True, False, False]), torch.zeros(1, 4, 1)
)


@pytest.mark.parametrize(
    ("indices", "scores", "message"),
    [
        ([2], [0.0], "chose 1 images where 2 were asked for"),
        ([2, 6, 8], [0.0] * 3, "chose 3 images where 2 were asked for"),
        ([], [], "chose 0 images where 2 were asked for"),
        ([6, 6], [0.0, 0.0], "chose an image twice"),
        ([2, 4], [0.0, 0.0], "chose image 4, which is no candidate"),
        ([2, 3], [0.0, 0.0], "chose image 3, which is no candidate"),
        ([-1, 2], [0.0, 0.0], "chose image -1, which is no candidate"),
        ([2, 6], [0.0], "gave 1 scores for 2 images"),
    ],
)
def test_check_selection_names_each_kind_of_broken_strategy(indices, scores, message):
    with pytest.raises(UsageError) as caught:
        check_selection(Selection(indices, scores), CANDIDATES, 2, "Mine")
    assert str(caught.value) == f"The strategy Mine {message}."


def test_check_selection_accepts_a_sound_one():
    check_selection(Selection([8, 2], [1.0, 0.5]), CANDIDATES, 2, "Mine")


class Fixed(Acquisition):
    """Chooses what it is told to, as NumPy numbers, as a user's strategy may."""

    def __init__(self, indices):
        self.indices = indices

    def select(self, rows, count, generator):
        return Selection(np.asarray(self.indices), np.zeros(len(self.indices), dtype=np.float32))


def test_a_users_selection_becomes_plain_numbers_and_is_checked():
    selection = select(Fixed([8, 2]), CANDIDATES, 2, generator("select", 0, 0))
    assert selection == Selection([8, 2], [0.0, 0.0])
    assert all(type(index) is int for index in selection.indices)
    assert all(type(score) is float for score in selection.scores)
    with pytest.raises(UsageError, match=r"The strategy Fixed chose image 4, which is no candidate\."):
        select(Fixed([8, 4]), CANDIDATES, 2, generator("select", 0, 0))


@pytest.mark.parametrize(
    ("strategy", "option"),
    [
        (Entropy(), ""),
        (LearningLoss(subset=3), "change --acquisition.subset, or "),
        (UniformEntropy(), "change --acquisition.step, or "),
    ],
    ids=name_of,
)
def test_too_few_candidates_are_one_sentence(strategy, option):
    with pytest.raises(UsageError) as caught:
        select(strategy, CANDIDATES, 4, generator("select", 0, 0))
    assert str(caught.value) == (
        f"{name_of(strategy)} has 3 candidates left, but 4 images are to be chosen; {option}"
        "lower --budget.query or --budget.cycles."
    )


def test_candidates_are_all_unlabelled_images_by_default():
    assert Entropy().candidates(Pool(5).label([3, 0]), generator("candidates", 0, 0)) == [1, 2, 4]


def test_a_strategy_without_score_says_so():
    with pytest.raises(NotImplementedError, match=r"Fixed needs a network but defines no score\(\)"):
        Fixed([]).score(Halves(), batch_of(torch.zeros(1, 3, 2, 2)))


def test_members_rows_are_stacked_and_know_what_is_labelled():
    pool = Pool(5, (4, 0))

    def member(number):
        return lambda images: (torch.tensor(images), torch.full((len(images), 2), number))

    draws = [generator("candidates", 0, 0) for _ in range(2)]
    rows = join_members([score_pool(Coreset(), pool, draw, member(number)) for number, draw in enumerate(draws)])
    assert rows.index.tolist() == [0, 1, 2, 3, 4]
    assert rows.labelled.tolist() == [True, False, False, False, True]
    assert rows.value.tolist() == [[[0, 0]] * 5, [[1, 1]] * 5]
    assert score_pool(Entropy(), pool, draws[0], member(0)).index.tolist() == [1, 2, 3]
    assert score_pool(Random(), pool, draws[0], None).index.tolist() == [1, 2, 3]
