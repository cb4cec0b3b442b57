"""Options and names of strategies: what they set, and what is refused."""

import inspect

import pytest

from al_lightning import networks
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
    Full,
    LearningLoss,
    LeastConfidence,
    Margin,
    MaxHerding,
    Power,
    ProbCover,
    TypiClust,
    UHerding,
    Uniform,
    UniformEntropy,
    VariationRatio,
)
from al_lightning.config.names import resolve
from al_lightning.errors import UsageError
from al_lightning.pool import Pool
from al_lightning.seeding import generator
from tests.support.errors import raises, refused


@pytest.mark.parametrize("strategy", [Uniform(), UniformEntropy()], ids=lambda strategy: type(strategy).__name__)
def test_strategies_in_time_refuse_a_pool_without_time_order(strategy):
    with raises(UsageError, "--data.sequence_pattern"):
        strategy.initial(Pool(10), 2, generator("initial", 0))


@pytest.mark.parametrize(
    ("make", "facts"),
    [
        (lambda: BALD(1), ["acquisition.passes is 1", 2]),
        (lambda: BALD(0), ["acquisition.passes is 0", 2]),
        (lambda: LearningLoss(0), ["acquisition.subset is 0", 1]),
        (lambda: UniformEntropy(0), ["acquisition.step is 0", 1]),
        (lambda: UniformEntropy(-5), ["acquisition.step is -5", 1]),
        (lambda: Power(Entropy(), beta=-1), ["acquisition.beta is -1", 0]),
        (lambda: FALCUN(gamma=-1), ["acquisition.gamma is -1", 0]),
        (lambda: ALFAMix(epsilon=0), ["acquisition.epsilon is 0", 0]),
        (lambda: BAIT(penalty=0), ["acquisition.penalty is 0", 0]),
        (lambda: ClaSP(share=1.5), ["acquisition.share is 1.5", 1]),
        (lambda: ClaSP(last_beta=0), ["acquisition.last_beta is 0", 0]),
    ],
)
def test_options_out_of_range_are_a_sentence(make, facts):
    with raises(UsageError, *facts):
        make()


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
        ("least_confidence", LeastConfidence, 0.0, False),
        ("badge", BADGE, 0.0, False),
        ("typiclust", TypiClust, 0.0, False),
        ("probcover", ProbCover, 0.0, False),
        ("maxherding", MaxHerding, 0.0, False),
        ("uherding", UHerding, 0.0, False),
        ("dcom", DCoM, 0.0, False),
        ("entropy_coreset", EntropyCoreset, 0.0, False),
        ("dropquery", DropQuery, 0.0, False),
        ("falcun", FALCUN, 0.0, False),
        ("alfamix", ALFAMix, 0.0, False),
        ("bait", BAIT, 0.0, False),
        ("clasp", ClaSP, 0.0, False),
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


@pytest.mark.parametrize(
    ("score", "strategy", "dropout"), [("bald", BALD, 0.1), ("entropy", Entropy, 0.0), ("margin", Margin, 0.0)]
)
def test_a_name_sets_what_power_draws_by(score, strategy, dropout):
    for dataset in ("digits_wrn28", "demo_11f_5-5", "camvid"):
        values = resolve([f"{dataset}_power_{score}"]).values
        assert values["acquisition"]["class_path"] == "al_lightning.acquisition.Power"
        inner = values["acquisition"]["init_args"]["strategy"]
        assert inner == {"class_path": f"al_lightning.acquisition.{strategy.__name__}"}
        assert values["network"].get("init_args", {}).get("dropout", 0.0) == dropout


def test_the_options_of_what_power_draws_by_are_set_on_the_command_line(al, here):
    options = ["--acquisition.beta", 2, "--acquisition.strategy.passes", 3, "--print_config"]
    printed = al("fit", "--config", "digits_power_bald", *options).out
    assert "passes: 3" in printed
    assert "beta: 2" in printed
    answer = al("fit", "--config", "digits_random", "--acquisition", "al_lightning.acquisition.Power", "--run_dir", "r")
    assert refused(answer, UsageError, "strategy")


@pytest.mark.parametrize("network", ["WideResNet", "UNet", "DeepLabV3Plus"])
def test_the_networks_have_the_options_that_names_set(network):
    options = inspect.signature(getattr(networks, network)).parameters
    assert {"dropout", "loss_predictor"} <= options.keys()


def test_an_option_out_of_range_costs_one_sentence_on_the_command_line(al, here):
    answer = al("fit", "--config", "digits_learning_loss", "--acquisition.subset", "0", "--run_dir", "r")
    assert refused(answer, UsageError, "acquisition.subset is 0", 1)


def test_a_strategy_that_the_network_cannot_serve_is_refused_before_anything_is_trained(al, here):
    options = ["--acquisition", "al_lightning.acquisition.BALD", "--steps", "1", "--run_dir", "r"]
    answer = al("fit", "--config", "digits_random", *options)
    assert refused(answer, UsageError, "WideResNet", "--network.dropout 0.1")
    assert not list((here / "r").rglob("weights.pt"))
