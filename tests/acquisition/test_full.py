"""Full: the whole pool in one fit."""

from al_lightning.acquisition import Full
from al_lightning.pool import Pool
from al_lightning.seeding import generator


def test_full_takes_the_whole_pool_in_one_fit():
    assert list(Full().initial(Pool(4), 2, generator("initial", 0))) == [0, 1, 2, 3]
    assert Full.one_fit
    assert not Full.needs_network
