"""Options are declared once: help, documentation, spelling, suggestions, identity and one parse follow from that."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml
from jsonargparse import ArgumentParser

import al_lightning
from al_lightning.cli.fit import fit_help
from al_lightning.config.command_line import put, spelled
from al_lightning.config.configuration import parse
from al_lightning.config.experiment import merged
from al_lightning.config.fit_options import DECLARED, DEFAULTS, IN_FILES, NAMES, SECTIONS, result_settings
from al_lightning.config.names import resolve
from al_lightning.errors import UsageError

DOCS = Path(al_lightning.__file__).parents[1] / "docs" / "options.md"
QUICK = ["--steps", 2, "--data.workers", 0, "--network.depth", 10, "--network.width", 1]


def rows():
    """The table of docs/options.md, from the declarations."""
    yield "| option | default | config files | identity | what it does |"
    yield "| --- | --- | --- | --- | --- |"
    for name, one in DECLARED.items():
        default = "" if DEFAULTS[name] in (None, ()) else str(DEFAULTS[name]).lower()
        in_files, identity = ("yes" if name in IN_FILES else "no", "yes" if one.identity else "no")
        if name not in (*IN_FILES, "seed"):
            identity = ""
        flag = f"--{name} {one.metavar}".strip()
        yield f"| `{flag}` | {default} | {in_files} | {identity} | {one.help} |"
    for name, section in SECTIONS.items():
        identity = "no" if not section.identity else "yes"
        if section.ignored:
            identity += f", but for {', '.join(f'`{key}`' for key in section.ignored)}"
        shown = "; ".join(f"`--{option}`: {text}" for option, text in section.shown.items())
        yield f"| `--{name}` | | yes | {identity} | {shown} |"


def test_the_documentation_lists_the_options_as_they_are_declared():
    assert "\n".join(row.replace(" |  |", " | |") for row in rows()) in DOCS.read_text()


def test_the_help_names_every_option_with_its_default():
    text = fit_help()
    for name, one in DECLARED.items():
        assert f"  --{name} {one.metavar}".rstrip() in text
        assert " ".join(one.help.split()[:6]) in text
    assert "checkpoints of a fit (500)" in text
    assert "--oracle files" in text


def test_every_option_of_a_config_file_is_printed(here):
    assert set(merged(["digits_random"])) == set(NAMES)


def test_hyphens_and_underscores_are_one(al, here):
    assert spelled(["--run-dir", "a-b", "--data.sequence-pattern=x-y", "-1"]) == [
        "--run_dir", "a-b", "--data.sequence_pattern=x-y", "-1",
    ]  # fmt: skip
    one = al("fit", "--config", "digits_random", "--data.batch-size", 8, "--channels-last=false", "--print-config")
    other = al("fit", "--config", "digits_random", "--data.batch_size", 8, "--channels_last=false", "--print_config")
    assert (one.code, one.out) == (0, other.out)
    assert yaml.safe_load(one.out)["data"]["init_args"]["batch_size"] == 8
    answer = al("fit", "--config", "digits_random", *QUICK, "--budget.cycles", 0, "--run-dir", "there")
    assert (answer.code, (here / "there/cycles.jsonl").is_file()) == (0, True), answer.err
    assert al("show", "there", "--no_plot").out == al("show", "there", "--no-plot").out
    for flag in ("--sequence-pattern", "--sequence_pattern"):
        assert "--images" in al("recommend", "there", flag, "x").err
    assert "at least 1" in al("reproduce", "table3", "--slots_per_gpu", 0).err


@pytest.mark.parametrize(
    ("command", "typed", "meant"),
    [
        *(("fit", f"--{name[:-1]}", f"--{name}") for name in (*DECLARED, *SECTIONS) if name not in ("task", "data")),
        ("fit", "--orcale", "--oracle"),
        ("fit", "--price-per-lable", "--price_per_label"),
        ("fit", "--verbos", "--verbose"),
        ("fit", "--dta.root", "--data.root"),
        ("fit", "--budget.cylces", "cycles"),
        ("fit", "--data.batch_sise", "batch_size"),
        ("show", "--chosn", "--chosen"),
        ("query", "--imprt", "--import"),
        ("audit", "--procesess", "--processes"),
        ("predict", "--data.rot", "--data.root"),
    ],
)
def test_a_typing_error_is_answered_with_the_option_that_exists(al, here, command, typed, meant):
    needed = {"fit": ["--config", "digits_random"], "show": ["x"], "query": ["x", "--cycle", 0], "predict": ["x", "y"]}
    answer = al(command, *needed.get(command, ["--config", "digits"]), typed, 1)
    assert answer.code == 2
    assert re.search(rf"Did you mean .*'{re.escape(meant)}'", answer.err), answer.err


@pytest.mark.parametrize(
    ("command", "typed", "hidden"),
    [
        (["query", "x", "--cycle", 0], "--stepss", "steps"),  # a query fits nothing
        (["audit", "--config", "digits"], "--seeed", "seed"),
        (["fit", "--config", "digits_random"], "--network.num_clases", "num_classes"),  # the data set it
        (["fit", "--config", "digits_random"], "--training.stepss", "steps"),
        (["fit", "--config", "digits_random"], "--trainer.max_step", "max_steps"),
        (["fit", "--config", "digits_random"], "--oracle.accept_partia", "accept_partial"),  # only `files` has it
    ],
)
def test_nothing_that_cannot_be_set_is_suggested(al, here, command, typed, hidden):
    answer = al(*command, typed, 1)
    assert answer.code == 2
    assert "has no option" in answer.err or "There is no option" in answer.err
    assert not re.search(rf"'(--)?{hidden}'", answer.err), answer.err


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


@pytest.mark.parametrize("options", [["--steps"], ["--steps", "--epochs"], ["3"], ["--", "3"]])
def test_options_without_values_and_values_without_options(options):
    with pytest.raises(UsageError, match=r"has no value|is no option"):
        put({}, options)


def test_identity_ignores_what_is_declared_so():
    plain = merged(["image_folder_random"], ["--data.root", "x"])
    settings = result_settings(plain)
    for key in ("keep", "share", "chunk", "oracle.class_path", "budget.cycles", "trainer.devices",
                "data.init_args.root", "data.init_args.workers"):  # fmt: skip
        assert key not in settings
    for key in ("steps", "initial", "compile", "budget.query", "trainer.precision", "data.init_args.batch_size"):
        assert key in settings


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        (["--steps", "120"], []),  # as digits.yaml says
        (["--warm_start", "none", "--network.loss_predictor", "false"], []),  # as they are by default
        (["--network", "al_lightning.networks.WideResNet"], []),
        (["--data.workers", "3", "--keep", "last", "--budget.cycles", "9"], []),
        (["--steps", "3"], ["steps: 120 -> 3"]),
        (["--network.width=9", "--chunk", "2"], ["network.width: 1 -> 9"]),
        (["--epochs", "3"], ["epochs: None -> 3"]),
        (["--training.schedule", "null"], ["training.schedule.class_path: al_lightning.training.Cosine -> None"]),
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
