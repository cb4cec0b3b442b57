"""Options as typed, put into a configuration."""

import pytest

from al_lightning.config.command_line import put
from al_lightning.errors import UsageError
from tests.support.errors import raises


def test_an_option_of_a_class_may_stand_before_the_class():
    values = {"oracle": {"class_path": "al_lightning.oracle.Simulated"}}
    put(values, ["--oracle.labels", "there", "--oracle", "files"])
    assert values["oracle"] == {"class_path": "al_lightning.oracle.Files", "init_args": {"labels": "there"}}


def test_of_another_class_the_options_that_both_have_stay():
    path = "al_lightning.networks."
    values = {"network": {"class_path": f"{path}WideResNet", "init_args": {"depth": 10, "dropout": 0.5}}}
    put(values, ["--network", f"{path}DeepLabV3Plus"])
    assert values["network"] == {"class_path": f"{path}DeepLabV3Plus", "init_args": {"dropout": 0.5}}


def test_a_list_can_be_appended_to():
    values = {"trainer": {"callbacks": ["a.B"]}}
    put(values, ["--trainer.callbacks+", "c.D", "--trainer.callbacks+=[e.F, g.H]"])
    assert values["trainer"]["callbacks"] == ["a.B", "c.D", "e.F", "g.H"]


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        (["--steps"], ["--steps", "no value"]),
        (["--steps", "--epochs"], ["--steps", "no value"]),
        (["3"], ["'3'", "no option"]),
        (["--", "3"], ["'--'", "no option"]),
    ],
)
def test_options_without_values_and_values_without_options(options, facts):
    with raises(UsageError, *facts):
        put({}, options)
