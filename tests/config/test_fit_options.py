"""Options are declared once: help, documentation, spelling, suggestions, identity and one parse follow from that."""

import re
from pathlib import Path

import pytest
import yaml

import al_lightning
from al_lightning.cli.fit import fit_help
from al_lightning.config.command_line import spelled
from al_lightning.config.experiment import merged
from al_lightning.config.fit_options import DECLARED, DEFAULTS, IN_FILES, NAMES, SECTIONS, result_settings
from al_lightning.errors import UsageError
from al_lightning.runs import identity
from tests.support.errors import refused

DOCS = Path(al_lightning.__file__).parents[1] / "docs" / "options.md"
QUICK = ["--steps", 2, "--data.workers", 0, "--network.depth", 10, "--network.width", 1]


def rows():
    """The table of docs/options.md, from the declarations."""
    yield "| option | default | config files | identity | what it does |"
    yield "| --- | --- | --- | --- | --- |"
    for name, one in DECLARED.items():
        default = "" if DEFAULTS[name] in (None, ()) else str(DEFAULTS[name]).lower()
        in_files, identity = ("yes" if name in IN_FILES else "no", "yes" if one.identity else "no")
        if name == "config":
            identity = "its settings"
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
    assert set(merged(["digits_random"])[0]) == set(NAMES)


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
        assert refused(al("recommend", "there", flag, "x"), UsageError, "--sequence", "--images")
    assert refused(al("reproduce", "table3", "--slots_per_gpu", 0), UsageError, "slots", "at least 1")


@pytest.mark.parametrize(
    ("command", "typed", "meant"),
    [
        *(("fit", f"--{name[:-1]}", f"--{name}") for name in (*DECLARED, *SECTIONS) if name not in ("task", "data")),
        ("fit", "--orcale", "--oracle"),
        ("fit", "--price-per-lable", "--price_per_label"),
        ("fit", "--verbos", "--verbose"),
        ("fit", "--dta.root", "--data.root"),
        ("fit", "--optimizer.lr", "--training.optimizer.lr"),  # the beginning of the name lacks, or is another one
        ("fit", "--lr", "--training.optimizer.lr"),
        ("fit", "--batch_size", "--data.batch_size"),
        ("fit", "--model.width", "--network.width"),
        ("audit", "--timeout", "--data.timeout"),
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
    assert refused(answer, UsageError, f"'{meant}'")


@pytest.mark.parametrize(
    ("command", "typed", "hidden"),
    [
        (["query", "x", "--cycle", 0], "--stepss", "steps"),  # a query fits nothing
        (["audit", "--config", "digits"], "--seeed", "seed"),
        (["fit", "--config", "digits_random"], "--network.num_clases", "num_classes"),  # the data set it
        (["fit", "--config", "digits_random"], "--training.stepss", "steps"),
        (["fit", "--config", "digits_random"], "--optimizer.lr", "trainer.lr"),
        (["fit", "--config", "digits_random"], "--augmentation.flip", "acquisition.flip"),
        (["fit", "--config", "digits_random"], "--trainer.max_step", "max_steps"),
        (["fit", "--config", "digits_random"], "--oracle.accept_partia", "accept_partial"),  # only `files` has it
    ],
)
def test_nothing_that_cannot_be_set_is_suggested(al, here, command, typed, hidden):
    answer = al(*command, typed, 1)
    assert refused(answer, UsageError, "no option", typed.rpartition(".")[2].removeprefix("--"))
    assert not re.search(rf"'(--)?{hidden}'", answer.err), answer.err


def test_identity_ignores_what_is_declared_so():
    plain = merged(["image_folder_random"], ["--data.root", "x"])[0]
    settings = result_settings(plain)
    for key in ("keep", "share", "chunk", "oracle.class_path", "budget.cycles", "trainer.devices",
                "data.init_args.root", "data.init_args.workers"):  # fmt: skip
        assert key not in settings
    for key in ("steps", "initial", "compile", "budget.query", "trainer.precision", "data.init_args.batch_size"):
        assert key in settings


def test_what_has_no_bearing_does_not_change_the_fingerprint() -> None:
    one = {"data": {"init_args": {"root": "/a", "workers": 2, "size": 1}}, "budget": {"cycles": 4, "query": 1}}
    two = {"data": {"init_args": {"root": "/b", "workers": 0, "size": 1}}, "budget": {"cycles": 9, "query": 1}}
    assert result_settings(one) == result_settings(two)
    two["budget"]["query"] = 2
    mine, theirs = result_settings(one), result_settings(two)
    assert identity.fingerprint(mine) != identity.fingerprint(theirs)
    assert identity.differences(mine, theirs) == ["budget.query: 1 -> 2"]


def test_a_class_path_that_is_no_text_has_no_short_name() -> None:
    assert result_settings({"initial": {"class_path": []}}) == {"initial.class_path": []}
