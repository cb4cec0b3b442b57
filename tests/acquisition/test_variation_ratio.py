"""Variation ratio: votes of an ensemble."""

import math

import pytest
import torch

from al_lightning.acquisition import VariationRatio
from al_lightning.acquisition.testing import TinyClassifier, TinySegmenter
from al_lightning.errors import ALError, UsageError
from al_lightning.seeding import generator
from al_lightning.types import SelectionInputs
from tests.support.errors import raises
from tests.support.scored import batch_of


def ensemble(classes, entropies):
    """Inputs of members x images, at positions 3, 4, 5 ..."""
    value = torch.stack([torch.tensor(classes, dtype=torch.float32), torch.tensor(entropies)], dim=2)
    index = torch.arange(3, 3 + value.shape[1])
    return SelectionInputs(index, torch.zeros(len(index), dtype=torch.bool), value)


def test_variation_ratio_trains_five_members_and_scores_class_and_entropy():
    assert VariationRatio.members == 5
    network = TinyClassifier().eval()
    image = torch.randn(4, 3, 8, 8)
    value = VariationRatio().score(network, batch_of(image))
    logits = network(image).logits
    assert list(value) == ["class", "uncertainty"]
    assert value["class"][:, 0].tolist() == logits.argmax(dim=1).tolist()
    expected = torch.distributions.Categorical(logits=logits).entropy()
    assert value["uncertainty"][:, 0].tolist() == pytest.approx(expected.tolist(), rel=1e-5)


def test_variation_ratio_breaks_ties_by_mean_entropy_then_by_position():
    # Images 3 to 7. Ratios: 0.4, 0.4, 0.4, 0, 0.6. Mean entropies: 0.3, 0.5, 0.3, 9, 0.1.
    classes = [[0, 1, 2, 5, 0], [0, 1, 2, 5, 1], [0, 1, 2, 5, 2], [1, 2, 3, 5, 0], [1, 3, 4, 5, 1]]
    classes[4][1] = 2  # image 4: 1, 1, 1, 2, 2
    classes[4][2] = 3  # image 5: 2, 2, 2, 3, 3
    entropies = [[0.5, 0.1, 0.3, 9.0, 0.1], [0.1, 0.9, 0.3, 9.0, 0.1]] + [[0.3, 0.5, 0.3, 9.0, 0.1]] * 3
    selection = VariationRatio().select(ensemble(classes, entropies), 5, generator("select", 0, 0))
    assert selection.indices == [7, 4, 3, 5, 6]
    assert selection.scores == pytest.approx([0.6, 0.4, 0.4, 0.4, 0.0], abs=1e-6)


@pytest.mark.parametrize("member", [0, 4])
def test_variation_ratio_names_the_image_that_any_member_is_nan_on(member):
    rows = ensemble([[0, 1]] * 5, [[0.5, 0.5]] * 5)
    rows.value[member, 1, 1] = math.nan
    with raises(ALError, "image 4", "NaN"):
        VariationRatio().select(rows, 1, generator("select", 0, 0))


def test_variation_ratio_refuses_a_class_per_pixel():
    with raises(UsageError, "VariationRatio", "TinySegmenter"):
        VariationRatio().check(TinySegmenter())
    VariationRatio().check(TinyClassifier())
