"""Core-set: what it covers, and what it reads of a network."""

import json
import math

import pytest
import torch

from al_lightning.acquisition import Coreset
from al_lightning.errors import ALError
from al_lightning.seeding import generator
from al_lightning.types import Selection
from tests.support.errors import raises
from tests.support.scored import Watched, batch_of, embedded


def test_coreset_covers_the_space_from_the_labelled_images():
    index = torch.tensor([10, 11, 13, 17, 20])
    rows = embedded(index, index == 10, [[0.0], [1.0], [3.0], [7.0], [10.0]])
    selection = Coreset().select(rows, 3, generator("select", 0, 0))
    assert selection.indices == [20, 13, 17]
    assert selection.scores == [10.0, 3.0, 3.0]
    assert Coreset.reads_labelled


def test_coreset_of_an_unlabelled_pool_can_be_written_as_json():
    rows = embedded(range(3), [False] * 3, [[0.0], [1.0], [5.0]])
    selection = Coreset().select(rows, 2, generator("select", 0, 0))
    assert selection == Selection([0, 2], [0.0, 5.0])
    json.dumps(selection, allow_nan=False)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_coreset_names_the_image_whose_embedding_is_not_finite(bad):
    rows = embedded([3, 8], [False, True], [[0.0, 1.0], [bad, 1.0]])
    with raises(ALError, "embedding of image 8"):
        Coreset().select(rows, 1, generator("select", 0, 0))


def test_coreset_reads_the_embedding_without_running_the_decoder():
    network, image = Watched(), torch.rand(2, 3, 4, 4)
    value = Coreset().score(network, batch_of(image))["embedding"]
    assert torch.equal(value, image.mean(dim=(2, 3)))
    assert (len(network.shown), network.decoded) == (1, 0)
