"""BADGE: gradient embeddings by autograd, probabilities enumerated."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats

from al_lightning.acquisition import BADGE
from al_lightning.acquisition.badge import output_gradient
from al_lightning.errors import ALError
from al_lightning.seeding import generator
from tests.support.errors import raises
from tests.support.heads import head
from tests.support.selections import inputs


def gradients(embedding, classifier):
    """Gradients of the loss in the last layer's weights, with the predicted class for a label, (N, C D)."""
    found = []
    for z in embedding.double():
        weight = classifier.weight.clone().requires_grad_()
        logits = weight @ z + classifier.bias
        F.cross_entropy(logits[None], logits.argmax()[None]).backward()
        found.append(weight.grad.flatten())
    return torch.stack(found)


def example(size=6):
    embedding, classifier = torch.randn(size, 3, generator=torch.Generator().manual_seed(2)), head(4, 3)
    gradient = output_gradient(classifier(embedding))
    return inputs(gradient=gradient, embedding=embedding), gradients(embedding, classifier)


def test_gradient_embeddings_are_the_gradients_in_the_last_layers_weights():
    rows, expected = example()
    found = rows.part("gradient")[:, :, None] * rows.part("embedding")[:, None]
    torch.testing.assert_close(found.flatten(1).double(), expected, rtol=1e-4, atol=1e-6)


def test_of_pixels_it_is_the_doubt_where_a_class_is_predicted_and_does_not_cancel():
    # Two pixels (0.75, 0.25) and (0.25, 0.75): the pixels' mean gradient is 0, though every pixel is unsure.
    pixels = torch.tensor([[[[0.75, 0.25]], [[0.25, 0.75]]]]).log()
    assert output_gradient(pixels).tolist() == [pytest.approx([-0.125, -0.125])]
    one_class = torch.tensor([[[[0.75, 0.5, 1.0, 1.0]], [[0.25, 0.5, 0.0, 0.0]]]]).log()
    assert output_gradient(one_class).tolist() == [pytest.approx([-0.1875, 0.0])]


def test_the_first_choice_is_the_longest_gradient_and_scores_are_lengths_and_distances():
    rows, gradient = example()
    chosen = BADGE().select(rows, 6, generator("select", 0))
    length = gradient.norm(dim=1)
    assert chosen.indices[0] == int(length.argmax())
    assert chosen.scores[0] == pytest.approx(float(length.max()), rel=1e-5)
    for number in range(1, 6):
        distance = (gradient[chosen.indices[:number]] - gradient[chosen.indices[number]]).norm(dim=1).min()
        assert chosen.scores[number] == pytest.approx(float(distance), rel=1e-4)


def test_the_second_and_third_choice_have_their_enumerated_probabilities():
    rows, gradient = example(5)
    square = torch.cdist(gradient, gradient).square()
    first = int(gradient.norm(dim=1).argmax())
    pairs, expected = [], []
    for a in range(5):
        for b in range(5):
            third = torch.minimum(square[first], square[a])
            if len({first, a, b}) == 3:
                pairs.append((a, b))
                expected.append(float(square[first, a] / square[first].sum() * third[b] / third.sum()))
    seen = dict.fromkeys(pairs, 0)
    for seed in range(1500):
        seen[tuple(BADGE().select(rows, 3, generator("select", seed)).indices[1:])] += 1
    assert stats.chisquare(list(seen.values()), 1500 * np.array(expected)).pvalue > 0.01


def test_where_nothing_else_is_left_the_lowest_positions_follow():
    gradient, embedding = torch.tensor([[0.5, -0.5]]).repeat(5, 1), torch.ones(5, 2)
    gradient[3] *= 2
    chosen = BADGE().select(inputs(gradient=gradient, embedding=embedding), 4, generator("select", 0))
    assert chosen.indices[0] == 3
    assert chosen.indices[1] in (0, 1, 2, 4)
    assert chosen.indices[2:] == [row for row in (0, 1, 2, 4) if row != chosen.indices[1]][:2]
    assert chosen.scores == pytest.approx([2, 1, 0, 0])
    certain = BADGE().select(inputs(gradient=0 * gradient, embedding=embedding), 3, generator("select", 0))
    assert certain.indices == [0, 1, 2]
    assert certain.scores == [0, 0, 0]


def test_an_images_draw_does_not_depend_on_the_candidates():
    rows, _ = example(40)
    chosen = BADGE().select(rows, 5, generator("select", 0)).indices
    kept = torch.ones(40, dtype=torch.bool)
    kept[[row for row in range(40) if row not in chosen][::2]] = False
    again = BADGE().select(rows.only(kept), 5, generator("select", 0)).indices
    # Without rows that were not drawn the same ones win their races.
    assert again == chosen


def test_vectors_of_another_encoder_take_the_embeddings_place():
    rows, _ = example()
    vectors = torch.randn(6, 8, generator=torch.Generator().manual_seed(5))
    other = BADGE("efficientnet").select(rows._replace(features=vectors), 6, generator("select", 0))
    length = rows.part("gradient").norm(dim=1) * vectors.norm(dim=1)
    assert other.indices[0] == int(length.argmax())


@pytest.mark.parametrize("kind", ["gradient", "embedding"])
def test_an_image_that_is_not_finite_is_named(kind):
    rows, _ = example()
    rows.part(kind)[4, 0] = math.inf
    with raises(ALError, "image 4"):
        BADGE().select(rows, 2, generator("select", 0))
