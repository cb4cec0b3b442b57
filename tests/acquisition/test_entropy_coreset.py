"""Entropy core-set: a shortlist by entropy, then k-center."""

import numpy as np
import pytest
import torch

from al_lightning.acquisition import Constraints, Coreset, Entropy, EntropyCoreset, scoring
from al_lightning.errors import UsageError
from al_lightning.pool import Pool
from al_lightning.seeding import generator
from tests.support.errors import raises
from tests.support.selections import inputs


def example(size=30, labelled=(2, 9)):
    draws = torch.Generator().manual_seed(0)
    entropy, embedding = torch.rand(size, generator=draws), torch.randn(size, 3, generator=draws)
    return inputs(labelled, uncertainty=entropy, embedding=embedding)


def select(strategy, rows, count):
    return strategy.select(rows, count, generator("select", 0))


def test_a_shortlist_of_the_batch_is_entropy_and_one_of_the_pool_is_core_set():
    rows = example()
    assert sorted(select(EntropyCoreset(1), rows, 5).indices) == sorted(select(Entropy(), rows, 5).indices)
    assert select(EntropyCoreset(30), rows, 5) == select(Coreset(), rows, 5)


def test_between_them_it_is_k_center_on_the_most_uncertain():
    rows = example()
    entropy, embedding = rows.part("uncertainty")[:, 0], rows.part("embedding").double()
    candidates = [row for row in entropy.argsort(descending=True).tolist() if not rows.labelled[row]][:8]
    centres, expected = [2, 9], []
    for _ in range(4):
        distance = torch.cdist(embedding[candidates], embedding[centres]).amin(dim=1)
        row = candidates[int(distance.argmax())]
        centres.append(row)
        expected.append((row, pytest.approx(float(distance.max()))))
    chosen = select(EntropyCoreset(2), rows, 4)
    assert list(zip(chosen.indices, chosen.scores, strict=True)) == expected


@pytest.mark.parametrize("sequences", [6, 4])
def test_within_limits_it_is_k_center_on_the_same_shortlist_masked_and_then_on_the_next(sequences):
    rows, sequence = example(), torch.arange(30) % sequences
    pool = Pool(30, (2, 9), tuple(sequence.tolist()), tuple(range(30)))
    limits = Constraints(per_sequence=2).limits(pool, rows.index.numpy(), [""] * 30, lambda: np.arange(30))
    entropy, embedding = rows.part("uncertainty")[:, 0], rows.part("embedding").double()
    left = [row for row in entropy.argsort(descending=True).tolist() if not rows.labelled[row]]
    shortlist, expected = left[:16], []
    for _ in range(8):
        taken = sequence[expected].tolist()
        free = [row for row in left if row not in expected and taken.count(int(sequence[row])) < 2]
        shortlist = [row for row in shortlist if row in free] or free[:16]
        distance = torch.cdist(embedding[shortlist], embedding[[2, 9, *expected]]).amin(dim=1)
        expected.append(shortlist[int(distance.argmax())])
    chosen = scoring.select(EntropyCoreset(2), rows._replace(limits=limits), 8, generator("select", 0))
    assert chosen.indices == expected


def test_vectors_of_another_encoder_take_the_embeddings_place():
    rows = example()
    vectors = torch.randn(30, 5, generator=torch.Generator().manual_seed(1))
    swapped = select(EntropyCoreset(30, features="efficientnet"), rows._replace(features=vectors), 5)
    assert swapped.indices == select(Coreset(), rows._replace(features=vectors), 5).indices


def test_a_shortlist_shorter_than_the_batch_is_refused():
    with raises(UsageError, "acquisition.shortlist is 0", 1):
        EntropyCoreset(0)
