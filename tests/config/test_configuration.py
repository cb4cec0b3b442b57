"""A configuration is parsed once, and says what the options change."""

from collections import Counter

import pytest
from jsonargparse import ArgumentParser

from al_lightning.config.configuration import parse
from al_lightning.config.names import resolve

QUICK = ["--steps", 2, "--data.workers", 0, "--network.depth", 10, "--network.width", 1]


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        (["--steps", "120"], {}),  # as digits.yaml says
        (["--warm_start", "none", "--network.loss_predictor", "false"], {}),  # as they are by default
        (["--network", "al_lightning.networks.WideResNet"], {}),
        (["--data.workers", "3", "--keep", "last", "--budget.cycles", "9"], {}),
        (["--steps", "3"], {"steps": 3}),
        (["--network.width=9", "--chunk", "2"], {"network.width": 9}),
        (["--epochs", "3"], {"epochs": 3}),
        (["--training.schedule", "null"], {"training.schedule.class_path": None}),
    ],
)
def test_what_options_change_is_told_without_a_second_parse(here, options, changed):
    assert parse(resolve(["digits_random"]).values, options).changes == changed


def test_a_configuration_is_parsed_and_serialised_once(al, here, monkeypatch):
    calls = Counter()

    def counted(name):
        real = getattr(ArgumentParser, name)

        def call(self, *given, **more):
            calls[name] += self.prog == "al-lightning fit"
            return real(self, *given, **more)

        return call

    for name in ("parse_object", "parse_args", "parse_string", "parse_path", "dump", "save"):
        monkeypatch.setattr(ArgumentParser, name, counted(name))
    for more in (["--run_dir", "r", *QUICK], ["--data.workers", 0], ["--print_config"]):
        calls.clear()
        answer = al("fit", "--config", "digits_random", "--budget.cycles", 0, *more)
        assert answer.code == 0, answer.err
        assert +calls == {"parse_object": 1, "dump": 1}
