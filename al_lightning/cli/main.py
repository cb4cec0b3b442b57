"""The command line: arguments, names, dispatch. No science, and no torch until a command needs it."""

from __future__ import annotations

import argparse
import errno
import json
import math
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from al_lightning import __version__
from al_lightning.cli.arguments import Arguments, add_imports
from al_lightning.cli.data import audit, prepare
from al_lightning.cli.help_text import FIT_HELP, QUERY_HELP
from al_lightning.cli.labels import labels
from al_lightning.cli.model import export, predict
from al_lightning.cli.recommend import recommend
from al_lightning.cli.tables import report, reproduce
from al_lightning.console import quiet
from al_lightning.distributed.shutdown import GUARD
from al_lightning.errors import EXIT_CODES, ALError, Interrupted, LabelsAwaited, UsageError, nearest, printable

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
MEMORY = (
    "There is not enough memory for this: take smaller images (--data.size), fewer at a time (--data.batch_size, "
    "--data.eval_batch_size) or a smaller network; what was finished is kept."
)
Command = Callable[[list[str], bool], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code, one of `EXIT_CODES`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    verbose = "--verbose" in given
    given = [argument for argument in given if argument != "--verbose"]
    try:
        return _dispatch(given, verbose)
    except ALError as error:
        hint = error.__cause__ is not None and isinstance(error, UsageError)
        return _end(error.exit_code, str(error), verbose, hint=hint)
    except KeyboardInterrupt:
        return _end(Interrupted.exit_code, "Interrupted; run the same command to go on.", verbose)
    except BrokenPipeError:
        # The reader of our output left, as `head` does; Python would complain again when flushing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            return _end(1, f"{type(error).__name__}: {error}", verbose, hint=True)
        from al_lightning.runs.files import unwritable

        return _end(1, unwritable(error.filename or "the run directory", error), verbose)
    except Exception as error:
        # torch raises a plain RuntimeError where the CPU's memory is full; its words are all that there is.
        if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
            return _end(1, MEMORY, verbose, hint=True)
        if "lightning.pytorch" not in sys.modules:
            return _end(1, f"{type(error).__name__}: {error}", verbose, hint=True)
        from al_lightning.distributed.processes import is_consequence

        return _end(1, f"{type(error).__name__}: {error}", verbose, hint=True, cause=not is_consequence(error))


def run() -> NoReturn:
    """Entry point of the console script."""
    GUARD.owns_process = True
    sys.exit(main())


def _end(code: int, text: str, verbose: bool, hint: bool = False, cause: bool = True) -> int:
    if verbose:
        traceback.print_exc()
    suffix = " (--verbose shows more)" if hint and not verbose else ""
    return GUARD.end(code, text + suffix, cause)


def _dispatch(given: list[str], verbose: bool) -> int:
    parser = Arguments(
        prog="al-lightning",
        description="Does active learning help on my data, and which method?",
        epilog="commands:\n"
        + "\n".join(f"  {name:<11}{text}" for name, (_, text) in COMMANDS.items())
        + "\n\nexit codes:\n"
        + "\n".join(f"  {code:<11}{text}" for code, text in EXIT_CODES.items())
        + "\n\n`al-lightning COMMAND --help` says more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="al-lightning COMMAND [options]",
    )
    parser.add_argument("--version", action="version", version=f"al-lightning {__version__}")
    parser.add_argument("--verbose", action="store_true", help="show warnings, and the long text behind an error")
    if not given or given[0].startswith("-"):
        if not given:
            parser.print_help()
            return UsageError.exit_code
        parser.parse_args(given[:1])  # exits for --help and --version
    name = given[0]
    if name not in COMMANDS:
        raise UsageError(f"There is no command {name!r}.{nearest(name, COMMANDS)} Commands: {', '.join(COMMANDS)}.")
    if GUARD.owns_process and name not in ("fit", "reproduce", "demo") and not {"", str(Path.cwd())} & set(sys.path):
        os.environ["PYTHONSAFEPATH"] = "1"  # nor is it an import path of processes that these start
    return COMMANDS[name][0](given[1:], verbose)


def _fit(given: list[str], verbose: bool) -> int:
    parser = Arguments(
        prog="al-lightning fit",
        usage="al-lightning fit --config NAME [options]",
        description=FIT_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument("--config", action="append", default=[], help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--run_dir", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--print_config", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--stop_on", action="append", default=[], help=argparse.SUPPRESS)
    parser.add_argument("--price-per-label", "--price_per_label", type=_price, dest="price", help=argparse.SUPPRESS)
    if {"-h", "--help"} & set(given):
        parser.print_help()
        return 0
    ours, options = parser.parse_known_args(given)
    GUARD.listen(ours.stop_on)
    if not 0 <= ours.seed < 2**63:
        raise UsageError(f"--seed is {ours.seed}; seeds are 0 or larger, and below 2**63.")

    from al_lightning.config.names import resolve

    if not ours.config and options:
        typo = nearest(options[0].split("=")[0], ["--config"])
        raise UsageError(f"No --config is given, and {options[0]} is no option without it.{typo}")
    resolve(ours.config)  # a wrong name is answered before torch is imported
    quiet(verbose)
    from al_lightning.config.experiment import configure, merged
    from al_lightning.config.parser import origin_text

    if ours.print_config:
        import yaml

        print(yaml.safe_dump(merged(ours.config, options), sort_keys=False), end="")
        return 0
    experiment = configure(ours.config, options, ours.seed, ours.run_dir)
    from al_lightning.api import run as run_experiment
    from al_lightning.results.curves import curve_of
    from al_lightning.results.text_table import curve_table

    if first := GUARD.rank == 0:
        print(f"{experiment.name}, seed {experiment.seed}, in {experiment.run_dir}", file=sys.stderr)
        print(f"configured by {origin_text(experiment.files)}", file=sys.stderr)
        for note in experiment.notes:
            print(f"note: {note}", file=sys.stderr)

    def advise() -> None:
        from al_lightning.results.label_value import advice_of

        if first:
            query, test_images = experiment.budget.query_count, len(experiment.data.test)
            for line in advice_of(experiment.run_dir, ours.price, query, test_images):
                print(line, file=sys.stderr)

    try:
        done = run_experiment(experiment, ["fit", *given, *(["--verbose"] if verbose else [])], show=True)
    except LabelsAwaited:
        advise()
        raise
    if first:
        print(curve_table(curve_of(done)), flush=True)
    advise()
    return 0


def _price(text: str) -> float:
    """Read a price per label."""
    try:
        price = float(text)
    except ValueError:
        price = math.nan
    if not 0 <= price < math.inf:
        raise argparse.ArgumentTypeError(f"a price per label of {text!r}; a number of at least 0 was expected")
    return price


def _query(given: list[str], verbose: bool) -> int:
    parser = Arguments(
        prog="al-lightning query",
        usage="al-lightning query RUN_DIR --cycle K [--acquisition NAME_OR_CLASS] [--import MODULE] "
        "[--trainer.devices N] ...",
        description=QUERY_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="a run's directory")
    parser.add_argument("--cycle", type=int, required=True, help="number of a finished cycle")
    parser.add_argument("--acquisition", metavar="NAME_OR_CLASS", help="another strategy; the run's own by default")
    add_imports(parser)
    ours, options = parser.parse_known_args(given)
    GUARD.listen()

    from al_lightning.runs.journal import read_run

    read_run(ours.run_dir)  # a wrong directory is answered before torch is imported
    quiet(verbose)
    from al_lightning.api import query

    chosen = query(
        ours.run_dir, ours.cycle, acquisition=ours.acquisition, options=options, show=True, imports=ours.imports
    )
    if GUARD.rank == 0:
        print(json.dumps(chosen))
    return 0


def _show(given: list[str], verbose: bool) -> int:
    parser = Arguments(
        prog="al-lightning show", description="Prints the curves of runs; several side by side. Needs no data."
    )
    parser.add_argument("run_dirs", type=Path, nargs="+", metavar="RUN_DIR", help="a run's directory")
    parser.add_argument("--chosen", action="store_true", help="list what was chosen, in order, with scores and names")
    parser.add_argument("--no-plot", dest="plot", action="store_false", help="tables alone")
    parser.add_argument(
        "--price-per-label",
        "--price_per_label",
        type=_price,
        dest="price",
        metavar="X",
        help="tell what each run's last labels bought, and what the next ones cost",
    )
    ours = parser.parse_args(given)

    from al_lightning.results.curves import curve_of
    from al_lightning.results.plot import text_plot
    from al_lightning.results.text_table import chosen_table, comparison_table, curve_table
    from al_lightning.runs.journal import read_run

    runs = [read_run(directory) for directory in dict.fromkeys(path.resolve() for path in ours.run_dirs)]
    curves = [curve_of(run) for run in runs]
    print(printable(curve_table(curves[0]) if len(curves) == 1 else comparison_table(curves)))
    if ours.plot and (plot := text_plot(curves)):
        print(f"\n{printable(plot)}")
    for run in runs if ours.chosen else ():
        print(f"\n{chosen_table(run)}")
    if ours.price is not None:
        from al_lightning.results.label_value import advice_of

        for run in runs:
            lines = [f"\n{run.record.name}, seed {run.record.seed}", *advice_of(run.directory, ours.price)]
            print(printable("\n".join(lines)))
    return 0


def _configs(given: list[str], verbose: bool) -> int:
    Arguments(
        prog="al-lightning configs", description="Lists the parts that a run's name can have, a line each."
    ).parse_args(given)

    from al_lightning.config.names import AXES, head, parts

    print("<dataset>[_<network>][_<budget>][_<augmentation>]_<acquisition>[_<training>]")
    for axis in AXES:
        print(f"\n{axis}")
        found = parts(axis)
        width = max(map(len, found), default=0)
        for name in sorted(found):
            print(f"  {name:<{width}}  {head(found[name])}")
    return 0


def _demo(given: list[str], verbose: bool) -> int:
    parser = Arguments(
        prog="al-lightning demo",
        usage="al-lightning demo [--seeds N] [--run_dir DIR]",
        description="Compares random, entropy and core-set on drawn streets, a diverse and a redundant pool of them, "
        "prints tables and writes a report. Within ten minutes on 2 cores; what was run before is read.",
    )
    parser.add_argument("--seeds", type=int, help="number of seeds; by default as many, up to 3, as 9 minutes allow")
    parser.add_argument("--run_dir", type=Path, default=Path("runs/demo"), help="for runs and report.html (runs/demo)")
    ours, options = parser.parse_known_args(given)
    if ours.seeds is not None and ours.seeds < 1:
        raise UsageError(f"--seeds is {ours.seeds}; it must be at least 1.")
    GUARD.listen()
    quiet(verbose)
    from al_lightning.cli.demo import demo

    demo(ours.run_dir, ours.seeds, tuple(options))
    return 0


COMMANDS: dict[str, tuple[Command, str]] = {
    "fit": (_fit, "run an experiment, or go on with it"),
    "query": (_query, "ask a finished cycle's network again, with the same strategy or another"),
    "show": (_show, "print the curves of runs"),
    "configs": (_configs, "list the parts that a run's name can have"),
    "report": (report, "compare runs: a page, text, markdown, LaTeX or CSV; or a table of the paper"),
    "reproduce": (reproduce, "run a table of the paper, or go on with it, and show how it stands"),
    "labels": (labels, "bring labels of people into a run, and tell how far they are"),
    "predict": (predict, "say what a run's network says of images: classes, or masks and overlays"),
    "export": (export, "write a run's network as TorchScript, ONNX or a state dict"),
    "prepare": (prepare, "decode a dataset once, into a cache that its runs read"),
    "audit": (audit, "look a dataset over: duplicates, leakage, redundancy, labels"),
    "recommend": (recommend, "which strategy the study's tables speak for, for a pool and a number of labels"),
    "demo": (_demo, "compare three strategies on drawn streets, within ten minutes"),
}
