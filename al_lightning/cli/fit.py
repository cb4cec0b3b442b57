"""The commands `fit` and `query`. No torch until they need it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from al_lightning.cli.arguments import Arguments, add_imports, option_lines, say
from al_lightning.config.fit_options import DECLARED, DEFAULTS, OF_QUERY, SECTIONS, FitOptions
from al_lightning.console import quiet
from al_lightning.distributed.shutdown import shutdown
from al_lightning.errors import LabelsAwaited, UsageError, nearest
from al_lightning.runs.identity import as_json

FIT = """\
Runs a whole experiment: initial set, then per cycle fit, test, score, select, label.
The same command continues a stopped run, and prints the table of a finished run.

options:
{options}

options of the objects that a configuration names; --print_config shows all of them:
{sections}

examples:
  al-lightning fit --config digits_entropy
  al-lightning fit --config camvid_coreset --data.root /data/camvid --seed 1
"""
QUERY = """\
Scores a finished cycle's network again, with the same or another strategy.
Standard error lists what it chooses, in order: position and name of each image. The last line of standard output is
the JSON list of the positions.
"""


def fit_help() -> str:
    """Return the text of `fit --help`, from the declarations of the options."""
    options = []
    for name, option in DECLARED.items():
        default = f" ({str(DEFAULTS[name]).lower()})" if DEFAULTS[name] not in (None, ()) and option.metavar else ""
        options.append((f"{name} {option.metavar}".strip(), option.help + default))
    options.append(("verbose", "show warnings, and the traceback of an error"))
    sections = [shown for section in SECTIONS.values() for shown in section.shown.items()]
    return FIT.format(options=option_lines(options), sections=option_lines(sections))


def _read(given: list[str]) -> tuple[FitOptions, list[str], bool]:
    """Return the options that only the command line sets, the other options as typed, and whether `--verbose` is."""
    parser = Arguments("fit", "", "--config NAME [options]")
    for name, option in DECLARED.items():
        if option.read is bool:
            parser.add_argument(f"--{name}", action="store_true")
        elif option.read is not None:
            action = "append" if DEFAULTS[name] == () else "store"
            parser.add_argument(f"--{name}", type=option.read, action=action, default=None)
    ours, options = parser.read_with_options(given)
    values = {name: value for name, value in vars(ours).items() if value is not None}
    verbose = values.pop("verbose")
    return FitOptions(**values), options, verbose


def _config_text(ours: FitOptions, plain: dict[str, Any]) -> str:
    """Return a configuration as a config file; what only the command line sets stands in comments."""
    import yaml

    alone = {
        name: as_json(str(value) if isinstance(value := getattr(ours, name), Path) else value)
        for name, option in DECLARED.items()
        if option.read is not None and name != "print_config"
    }
    lines = ["Of the command line alone:", *yaml.safe_dump(alone, sort_keys=False).splitlines()]
    return "".join(f"# {line}\n" for line in lines) + str(yaml.safe_dump(plain, sort_keys=False))


def fit(given: list[str]) -> int:
    """Run an experiment, or continue it."""
    if {"-h", "--help"} & set(given):
        print(fit_help())
        return 0
    ours, options, verbose = _read(given)
    shutdown.listen(ours.stop_on)

    from al_lightning.config.data_root import check_data_root
    from al_lightning.config.names import resolve

    if not ours.config and options:
        typo = nearest(options[0].split("=")[0], ["--config"])
        raise UsageError(f"No --config is given, and {options[0]} is no option without it.{typo}")
    values = resolve(ours.config).values  # finds a wrong name before torch is imported
    if not ours.print_config:
        check_data_root(values, options)
    quiet(verbose)
    from al_lightning.config.experiment import configure, merged

    if ours.print_config:
        plain, directory = merged(ours.config, options, ours.seed)
        print(_config_text(replace(ours, run_dir=ours.run_dir or directory), plain), end="")
        return 0
    experiment = configure(ours.config, options, ours.seed, ours.run_dir, ours.accept_code_change)
    from al_lightning import api
    from al_lightning.results.curves import curve_of
    from al_lightning.results.text_table import curve_table

    if first := shutdown.rank == 0:
        here = Path.cwd()
        files = [path.relative_to(here) if path.is_relative_to(here) else path for path in experiment.files]
        say(f"{experiment.name}, seed {experiment.seed}, in {experiment.run_dir}")
        say(f"configured by {', '.join(map(str, files))}", *(f"note: {note}" for note in experiment.notes))

    def advise() -> None:
        from al_lightning.results.label_value import advice_of

        if first:
            say(*advice_of(experiment.run_dir, ours.price_per_label, experiment.budget.query_count))

    try:
        done = api.run(experiment, ["fit", *given], show=True)
    except LabelsAwaited:
        from al_lightning.results.health import while_awaiting

        if first:  # before anybody labels what a network that did not learn has chosen
            say(*while_awaiting(experiment.run_dir))
        advise()
        raise
    if first:
        print(curve_table(curve_of(done)), flush=True)
    advise()
    return 0


def query(given: list[str]) -> int:
    """Select again with a finished cycle's network."""
    parser = Arguments(
        "query",
        QUERY,
        "RUN_DIR --cycle K [--acquisition NAME_OR_CLASS] [--import MODULE] [--trainer.devices N] ...",
    )
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="a run's directory")
    parser.add_argument("--cycle", type=int, required=True, help="number of a finished cycle")
    parser.add_argument("--acquisition", metavar="NAME_OR_CLASS", help="another strategy; the run's own by default")
    add_imports(parser)
    ours, options = parser.read_with_options(given, OF_QUERY)
    shutdown.listen()

    from al_lightning.runs.journal import read_run

    read_run(ours.run_dir)  # finds a wrong directory before torch is imported
    quiet(ours.verbose)
    from al_lightning import api

    chosen = api.query(
        ours.run_dir, ours.cycle, acquisition=ours.acquisition, options=options, show=True, imports=ours.imports
    )
    if shutdown.rank == 0:
        print(json.dumps(chosen))
    return 0
