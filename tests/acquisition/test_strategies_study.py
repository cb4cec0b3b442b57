"""The study's strategies: what each looks at, what it refuses, and numbers worked out by hand."""

import inspect
import math

import pytest
import torch
from torch import nn

from al_lightning import networks
from al_lightning.acquisition import (
    BALD,
    Coreset,
    EquAL,
    Full,
    LearningLoss,
    Uniform,
    UniformEntropy,
    VariationRatio,
)
from al_lightning.acquisition.testing import TinyClassifier, TinySegmenter
from al_lightning.config.names import resolve
from al_lightning.errors import ALError, UsageError
from al_lightning.networks.base import LossPredictor, Network
from al_lightning.networks.dropout import MCDropout
from al_lightning.pool import Pool
from al_lightning.seeding import generator
from al_lightning.types import Batch, Features, NetworkOutput, SelectionInputs

LN2 = math.log(2)


def batch_of(image, index=None):
    index = torch.arange(len(image)) if index is None else index
    return Batch(image, torch.full((len(image),), 255), index)


class Watched(Network):
    """The image's first two channels as logits; keeps what it was shown, and counts each half."""

    predicts = "pixel"

    def __init__(self):
        super().__init__()
        self.shown = []
        self.decoded = 0

    def encode(self, image):
        self.shown.append(image)
        return Features((image,), image.mean(dim=(2, 3)), (image,), tuple(image.shape[-2:]))

    def decode(self, features):
        self.decoded += 1
        return NetworkOutput(features.maps[0][:, :2], self.predicted_loss(features))


# EquAL


class LeftEye(Watched):
    """Sure of class 0 where the image's leftmost column says so; unsure of the rest."""

    def decode(self, features):
        logits = torch.zeros(len(features.maps[0]), 2, 2, 2)
        logits[:, 0] = features.maps[0][:, 0, :, :1]
        return NetworkOutput(logits)


def test_equal_adds_the_entropies_of_image_and_mirror_image():
    image = torch.zeros(3, 3, 2, 2)
    image[1, 0, :, 0] = 500.0  # sure as it is, unsure when mirrored
    image[2] = 500.0
    network = LeftEye()
    value = EquAL().score(network, batch_of(image))
    assert value.shape == (3, 1)
    assert value[:, 0].tolist() == pytest.approx([2 * LN2, LN2, 0], abs=1e-6)
    assert len(network.shown) == 2
    assert torch.equal(torch.cat(network.shown), torch.cat([image, image.flip(3)]))


def test_equal_of_class_logits_adds_two_entropies():
    network, image = TinyClassifier().eval(), torch.randn(2, 3, 8, 8)
    expected = sum(
        torch.distributions.Categorical(logits=network(view).logits).entropy() for view in (image, image.flip(3))
    )
    assert EquAL().score(network, batch_of(image))[:, 0].tolist() == pytest.approx(expected.tolist(), rel=1e-5)


# BALD


class Decoder(Watched):
    """Logits that dropout cuts: BALD's own layers, a dropout of another kind and BatchNorm."""

    def __init__(self, p=0.5):
        super().__init__()
        self.batch_norm = nn.BatchNorm2d(3)
        self.other = nn.Dropout(0.9)
        self.drop = nn.ModuleList([MCDropout(p), MCDropout(p)])

    def encode(self, image):
        return super().encode(self.other(self.batch_norm(image)))

    def decode(self, features):
        self.decoded += 1
        return NetworkOutput(self.drop[1](self.drop[0](features.maps[0])))


def prepared(strategy, network, seed=0):
    strategy.prepare(network, generator("prepare", seed, 0))
    return strategy


@pytest.mark.parametrize("passes", [2, 10])
def test_bald_encodes_once_and_decodes_each_pass(passes):
    network = Decoder().eval()
    value = prepared(BALD(passes), network).score(network, batch_of(torch.randn(4, 3, 5, 6)))
    assert value.shape == (4, 1)
    assert (len(network.shown), network.decoded) == (1, passes)


def test_bald_takes_ten_passes_unless_told_otherwise():
    strategy = prepared(BALD(), Decoder())
    assert len(strategy.keys) == len(set(strategy.keys)) == 10


def test_bald_is_the_mutual_information_of_its_passes():
    network, image = Decoder().eval(), 3 * torch.randn(2, 3, 4, 4)
    strategy = prepared(BALD(3), network)
    mean_probability, mean_entropy = 0, 0
    for key in strategy.keys:
        for number, layer in enumerate(network.drop):
            layer.key = 2 * key + number
        probability = network(image).logits.double().softmax(dim=1)
        mean_probability = mean_probability + probability / 3
        mean_entropy = mean_entropy - (probability * probability.log()).sum(dim=1) / 3
    for layer in network.drop:
        layer.key = None
    expected = (-(mean_probability * mean_probability.log()).sum(dim=1) - mean_entropy).mean(dim=(1, 2))
    value = strategy.score(network, batch_of(image))[:, 0]
    assert value.tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    assert value.min() > 0.01


@pytest.mark.parametrize("kind", [TinyClassifier, TinySegmenter])
@pytest.mark.parametrize("size", [1, 3, 8])
def test_bald_scores_an_image_alike_in_any_batch_and_any_order(kind, size):
    network, images = kind().eval(), torch.randn(8, 3, 16, 16)
    expected = prepared(BALD(), network).score(network, batch_of(images))
    order = torch.randperm(8)
    strategy = prepared(BALD(), network)  # as another process would have it
    found = torch.cat([strategy.score(network, batch_of(images[part])) for part in order.split(size)])
    assert found[:, 0].tolist() == pytest.approx(expected[order, 0].tolist(), abs=2e-6)
    assert len(set(expected[:, 0].tolist())) == 8


def test_bald_draws_other_masks_for_another_cycle_only():
    network, batch = Decoder().eval(), batch_of(torch.randn(2, 3, 4, 4))
    first, again, other = (prepared(BALD(), network, seed).score(network, batch) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_bald_leaves_all_of_the_network_in_eval_mode_and_dropout_as_it_was():
    network, image = Decoder().eval(), torch.randn(4, 3, 5, 6)
    before, buffers = network(image).logits, [buffer.clone() for buffer in network.buffers()]
    prepared(BALD(), network).score(network, batch_of(image))
    assert not any(module.training for module in network.modules())
    assert all(torch.equal(old, new) for old, new in zip(buffers, network.buffers(), strict=True))
    assert torch.equal(network(image).logits, before)


def test_bald_refuses_a_network_without_dropout():
    for network in (Watched(), Decoder(p=0.0)):
        with pytest.raises(UsageError, match=rf"{type(network).__name__} .* --network\.dropout 0\.1"):
            BALD().check(network)
    BALD().check(Decoder())


# Variation ratio


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
    assert value.shape == (4, 2)
    assert value.dtype == torch.float32
    assert value[:, 0].tolist() == logits.argmax(dim=1).tolist()
    expected = torch.distributions.Categorical(logits=logits).entropy()
    assert value[:, 1].tolist() == pytest.approx(expected.tolist(), rel=1e-5)


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
    with pytest.raises(ALError, match="The score of image 4 is NaN"):
        VariationRatio().select(rows, 1, generator("select", 0, 0))


def test_variation_ratio_refuses_a_class_per_pixel():
    with pytest.raises(UsageError, match=r"TinySegmenter .*another strategy"):
        VariationRatio().check(TinySegmenter())
    VariationRatio().check(TinyClassifier())


# Learning loss


def test_learning_loss_reads_the_predicted_loss():
    network, image = TinySegmenter().eval(), torch.randn(3, 3, 8, 8)
    value = LearningLoss().score(network, batch_of(image))
    assert value.shape == (3, 1)
    assert torch.equal(value[:, 0], network(image).predicted_loss)


def test_learning_loss_runs_no_decoder():
    network = Watched()
    network.loss_predictor = LossPredictor((3,), 4)
    LearningLoss().score(network, batch_of(torch.randn(2, 3, 4, 4)))
    assert (len(network.shown), network.decoded) == (1, 0)


def test_learning_loss_refuses_a_network_that_predicts_none():
    with pytest.raises(UsageError, match=r"Watched .* --network\.loss_predictor true"):
        LearningLoss().check(Watched())
    LearningLoss().check(TinyClassifier())


def test_learning_loss_scores_a_random_part_of_the_unlabelled():
    pool, strategy = Pool(50).label(range(10)), LearningLoss(subset=8)
    drawn = [strategy.candidates(pool, generator("candidates", seed, 0)) for seed in range(40)]
    assert drawn[0] == strategy.candidates(pool, generator("candidates", 0, 0))
    assert all(len(set(part)) == len(part) == 8 for part in drawn)
    assert set().union(*drawn) == set(range(10, 50))
    assert all(type(index) is int for index in drawn[0])


@pytest.mark.parametrize("subset", [40, 41, 10000])
def test_learning_loss_scores_all_where_they_are_few(subset):
    pool = Pool(50).label(range(10))
    assert LearningLoss(subset).candidates(pool, generator("candidates", 0, 0)) == list(range(10, 50))
    assert LearningLoss().subset == 10000


# Uniform


# Two sequences of 6 and 4 frames; in time: 9 7 5 3 1 0, then 2 4 6 8.
POOL = Pool(10, (), sequence=(0, 0, 1, 0, 1, 0, 1, 0, 1, 0), frame=(60, 50, 1, 40, 2, 30, 3, 20, 4, 10))
IN_TIME = [9, 7, 5, 3, 1, 0, 2, 4, 6, 8]


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, [9]), (2, [9, 0]), (3, [9, 3, 2]), (4, [9, 5, 0, 4]), (5, [9, 5, 1, 2, 6]), (10, IN_TIME)],
)
def test_uniform_takes_images_at_equal_distances_in_time(count, expected):
    # Places floor(i x 10 / count): 3 -> 0 3 6; 4 -> 0 2 5 7.
    assert Uniform().initial(POOL, count, generator("initial", 0)) == expected
    assert Uniform().initial(POOL, count, generator("initial", 1)) == expected


def test_uniform_spends_its_budget_in_one_fit_without_a_network():
    assert Uniform.one_fit
    assert not Uniform.needs_network


@pytest.mark.parametrize("count", [0, 11])
def test_uniform_refuses_a_budget_that_the_pool_cannot_serve(count):
    with pytest.raises(UsageError, match=rf"Uniform for {count} of 10 images; .*--budget\.initial"):
        Uniform().initial(POOL, count, generator("initial", 0))


@pytest.mark.parametrize("strategy", [Uniform(), UniformEntropy()], ids=lambda strategy: type(strategy).__name__)
def test_strategies_in_time_refuse_a_pool_without_time_order(strategy):
    with pytest.raises(UsageError, match=r"--data\.sequence_pattern"):
        strategy.initial(Pool(10), 2, generator("initial", 0))


# Uniform, then entropy


@pytest.mark.parametrize(
    ("step", "expected"),
    [(1, list(range(10))), (2, [1, 2, 5, 6, 9]), (3, [2, 3, 8, 9]), (5, [0, 2, 9]), (6, [2, 9])],
)
def test_uniform_entropy_offers_every_nth_frame_of_each_sequence(step, expected):
    # Step 2: 9 5 1 of the first sequence and 2 6 of the second; step 5: 9 0 and 2.
    assert UniformEntropy(step).candidates(POOL, generator("candidates", 0, 0)) == expected


def test_uniform_entropy_does_not_move_its_grid_when_images_are_labelled():
    strategy = UniformEntropy(step=2)
    assert strategy.candidates(POOL.label([9, 7, 6]), generator("candidates", 0, 0)) == [1, 2, 5]
    assert UniformEntropy().step == 5


def test_uniform_entropy_draws_its_initial_set_from_the_candidates():
    strategy = UniformEntropy(step=2)
    drawn = [strategy.initial(POOL, 2, generator("initial", seed)) for seed in range(40)]
    assert drawn[3] == strategy.initial(POOL, 2, generator("initial", 3))
    assert all(len(set(own)) == 2 for own in drawn)
    assert set().union(*drawn) == {1, 2, 5, 6, 9}
    assert sorted(strategy.initial(POOL, 5, generator("initial", 0))) == [1, 2, 5, 6, 9]


def test_uniform_entropy_says_when_its_candidates_are_too_few():
    with pytest.raises(UsageError) as caught:
        UniformEntropy().initial(POOL, 4, generator("initial", 0))
    assert str(caught.value) == (
        "acquisition.step 5 leaves 3 candidates of 10 images, and budget.initial asks for 4; "
        "lower --acquisition.step or --budget.initial."
    )
    with pytest.raises(UsageError, match=r"step 5 leaves 3 candidates of 10 images, and all of them are labelled; low"):
        UniformEntropy().candidates(POOL.label([2, 9, 0]), generator("candidates", 0, 0))


def test_uniform_entropy_scores_by_the_mean_entropy():
    image = torch.zeros(2, 3, 4, 4)
    image[1, 0, :2] = 500.0
    value = UniformEntropy().score(Watched(), batch_of(image))
    assert value[:, 0].tolist() == pytest.approx([LN2, LN2 / 2], rel=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BALD(1), r"acquisition\.passes is 1; it must be at least 2"),
        (lambda: BALD(0), r"acquisition\.passes is 0"),
        (lambda: LearningLoss(0), r"acquisition\.subset is 0; it must be at least 1"),
        (lambda: UniformEntropy(0), r"acquisition\.step is 0; it must be at least 1"),
        (lambda: UniformEntropy(-5), r"acquisition\.step is -5"),
    ],
)
def test_options_out_of_range_are_a_sentence(make, message):
    with pytest.raises(UsageError, match=message):
        make()


# Names


@pytest.mark.parametrize(
    ("name", "strategy", "dropout", "loss_predictor"),
    [
        ("equal", EquAL, 0.0, False),
        ("bald", BALD, 0.1, False),
        ("coreset", Coreset, 0.0, False),
        ("coreset_mcd", Coreset, 0.1, False),
        ("full", Full, 0.0, False),
        ("full_mcd", Full, 0.1, False),
        ("variation_ratio", VariationRatio, 0.0, False),
        ("learning_loss", LearningLoss, 0.0, True),
        ("uniform", Uniform, 0.0, False),
        ("uniform5_entropy", UniformEntropy, 0.0, False),
    ],
)
@pytest.mark.parametrize("training", ["", "_supervised"])
def test_a_name_sets_the_strategy_and_what_it_needs_of_the_network(name, strategy, dropout, loss_predictor, training):
    for dataset in ("digits_wrn28", "demo_11f_5-5", "camvid"):
        values = resolve([f"{dataset}_{name}{training}"]).values
        assert values["acquisition"]["class_path"] == f"al_lightning.acquisition.{strategy.__name__}"
        strategy(**values["acquisition"].get("init_args", {}))  # its options are ones that it has
        options = values["network"].get("init_args", {})
        assert options.get("dropout", 0.0) == dropout
        assert options.get("loss_predictor", False) is loss_predictor
        assert "width" in options or dataset == "camvid"  # what the network's own part said stays


@pytest.mark.parametrize("network", ["WideResNet", "UNet", "DeepLabV3Plus"])
def test_the_networks_have_the_options_that_names_set(network):
    options = inspect.signature(getattr(networks, network)).parameters
    assert {"dropout", "loss_predictor"} <= options.keys()


def test_an_option_out_of_range_costs_one_sentence_on_the_command_line(al, here):
    answer = al("fit", "--config", "digits_learning_loss", "--acquisition.subset", "0", "--run_dir", "r")
    assert answer.code == 2
    assert answer.err.splitlines()[-1] == "al-lightning: acquisition.subset is 0; it must be at least 1."


def test_a_strategy_that_the_network_cannot_serve_is_refused_before_anything_is_trained(al, here):
    options = ["--acquisition", "al_lightning.acquisition.BALD", "--steps", "1", "--run_dir", "r"]
    answer = al("fit", "--config", "digits_random", *options)
    assert answer.code == 2
    assert "WideResNet" in answer.err
    assert "--network.dropout 0.1" in answer.err
    assert not list((here / "r").rglob("weights.pt"))
