"""Random: draws depend on the generator alone."""

import torch

from al_lightning.acquisition import Random
from al_lightning.seeding import generator
from al_lightning.types import SelectionInputs


def test_random_depends_on_its_generator_and_gives_every_candidate_a_chance():
    rows = SelectionInputs(torch.tensor([2, 3, 5, 7]), torch.zeros(4, dtype=torch.bool), torch.empty(1, 4, 0))
    first = {Random().select(rows, 1, generator("select", seed, 0)).indices[0] for seed in range(60)}
    assert first == {2, 3, 5, 7}
    assert not Random.needs_network
