"""The commands about tables: `reproduce` and `report`. No torch until they need it."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from al_lightning.cli.arguments import Arguments, add_imports, at_least_one, run_directories, say
from al_lightning.console import quiet
from al_lightning.distributed.shutdown import shutdown
from al_lightning.errors import UsageError, printable

if TYPE_CHECKING:
    from al_lightning.tables.plan import Plan

FORMATS = ("text", "markdown", "latex", "html", "csv")
Unit = Literal["percent", "fraction"]
SUFFIXES = {".md": "markdown", ".tex": "latex", ".csv": "csv", ".txt": "text"}


def reproduce(given: list[str]) -> int:
    """Run the missing runs of a table or figure, and print our numbers beside the published ones."""
    parser = Arguments(
        "reproduce",
        "Finds the runs behind the cells of a table of the paper, or behind the curves of a figure, runs those that "
        "are not finished, as many at a time as there are GPUs (or cores), and prints our numbers beside the published "
        "ones. A figure is drawn too, as SVG and PNG. The same command continues after an interruption. Further "
        "options go to every run.",
        "[TABLE] [--dry-run | --report-only] [--scale smoke] [options of fit]",
    )
    parser.add_argument(
        "table", nargs="?", metavar="TABLE", help="a table or figure, or a YAML file; without one, all are listed"
    )
    parser.add_argument("--scale", default="full", help="smoke: tiny networks on generated data, as a test")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="the directory of all runs (runs)")
    parser.add_argument("--seeds", type=int, help="number of seeds of each row (the table's: 3, 2 for ensembles)")
    parser.add_argument(
        "--only", action="append", default=[], metavar="PATTERN", help="these runs, rows or columns alone"
    )
    parser.add_argument("--available", action="store_true", help="leave out columns whose data are not here")
    parser.add_argument("--dry-run", action="store_true", help="print commands, states and hours; run nothing")
    parser.add_argument("--report-only", action="store_true", help="run nothing, print the table")
    parser.add_argument("--launcher", choices=("local", "slurm"), default="local", help="launcher of the runs (local)")
    parser.add_argument("--slots", type=int, help="local: runs at a time (GPUs times --slots-per-gpu, or cores)")
    parser.add_argument("--slots-per-gpu", type=int, default=1, help="local: runs that share a GPU (1)")
    parser.add_argument("--out", type=Path, help="directory of the page and the other formats (that of the runs)")
    parser.add_argument("--slurm-partition", help="slurm: partition")
    parser.add_argument("--slurm-time", help="slurm: time limit, for example 08:00:00")
    parser.add_argument("--slurm-gpus", type=int, default=1, help="slurm: GPUs of a node for each run (1)")
    parser.add_argument("--slurm-nodes", type=int, default=1, help="slurm: nodes for each run (1)")
    parser.add_argument("--slurm-at-once", type=int, default=32, help="slurm: runs at a time (32)")
    add_imports(parser)
    if {"-h", "--help"} & set(given):
        from al_lightning.tables.listing import listing

        print(f"{parser.format_help()}\ntables and figures:\n{listing(Path('runs'))}")
        return 0
    ours, options = parser.read_with_options(given)
    if ours.table is None:
        from al_lightning.tables.listing import listing

        print(listing(ours.runs, ours.scale))
        return 0
    at_least_one(ours, "seeds", "slots", "slots-per-gpu")
    if ours.dry_run and ours.report_only:
        raise UsageError("--dry-run prints the runs and --report-only prints the table; give one of them.")
    shutdown.listen()
    from al_lightning.tables import plan as tables
    from al_lightning.tables.plan_text import plan_text, sum_text, warnings

    table = tables.find_table(ours.table, ours.scale)
    made = tables.plan(
        table, ours.runs, reduced=ours.scale != "full", options=options, seeds=ours.seeds, only=ours.only
    )
    if ours.available:
        absent = tables.missing_data(made)
        made = tables.without(made, [column for columns in absent.values() for column in columns])
        for root, columns in absent.items():
            say(f"note: {', '.join(columns)} left out: there are no data in {root}")
    if ours.dry_run:
        print(plan_text(made))
        for note in warnings(made):
            print(f"note: {note}")
        return 0
    failed = 0
    if not ours.report_only:
        tables.check_data(made)
    if not ours.report_only and made.missing:
        for note in warnings(made):
            say(f"note: {note}")
        if ours.launcher == "local" and (way := _without_gpu(made, ours)):
            say(f"note: {way}")
        say(f"{table.title}: {len(made.missing)} of {len(made.runs)} runs to run{sum_text(made)}")
        failed = _launch(made, ours)
    quiet(ours.verbose)
    from al_lightning.recommendations.guide import study_guide
    from al_lightning.tables.report import TableReport

    statuses = tables.read_statuses(table, made.directory, ours.seeds)
    command = ["al-lightning", "reproduce", *given]
    print(TableReport(table, statuses, command, ours.imports, study_guide()).write(ours.out or made.directory))
    return 1 if failed else 0


def _without_gpu(made: Plan, ours: Namespace) -> str:
    """Return what takes under an hour, where a table whose runs are for GPUs would run on a machine without any."""
    from al_lightning.launcher.machine import visible_gpus
    from al_lightning.tables.plan import find_table

    if made.reduced or visible_gpus() or not any(run.status.column.images_per_second for run in made.missing):
        return ""
    try:
        find_table(ours.table, "smoke")
    except UsageError:  # it has no small stand-in
        return ""
    only = [word for pattern in ours.only for word in ("--only", pattern)]
    smoke = shlex.join(["al-lightning", "reproduce", ours.table, "--scale", "smoke", *only])
    return f"there is no GPU here, and cores take many times as long; under an hour, with tiny networks: {smoke}"


def _launch(made: Plan, ours: Namespace) -> int:
    """Run the missing runs; return the number of runs that failed."""
    from al_lightning.tables.plan import complete
    from al_lightning.tables.work import jobs_of

    launcher: LocalLauncher | SlurmLauncher
    if ours.launcher == "slurm":
        from al_lightning.launcher.slurm import SlurmLauncher

        options = {name: value for name, value in vars(ours).items() if name.startswith("slurm_")}
        launcher = SlurmLauncher(**{name.removeprefix("slurm_"): value for name, value in options.items()})
    else:
        from al_lightning.launcher.local import LocalLauncher

        launcher = LocalLauncher(slots=ours.slots, slots_per_gpu=ours.slots_per_gpu)
    outcomes = launcher.run(jobs_of(made), complete=complete(made))
    failed = sum(outcome.state == "failed" for outcome in outcomes)
    if failed:
        say(f"{failed} run{'s' if failed > 1 else ''} failed; the same command tries again.")
    return failed


def report(given: list[str]) -> int:
    """Compare runs, in one of several formats."""
    parser = Arguments(
        "report",
        "Compares runs: one HTML page (curves, what each strategy chose, what to try next), or text, "
        "markdown, LaTeX or CSV. With --table, our numbers beside the published ones.",
    )
    parser.add_argument(
        "runs", type=Path, nargs="+", metavar="RUNS", help="run directories, folders of them, or a CSV file of results"
    )
    parser.add_argument("--table", help="a table of the paper, or a YAML file of that form")
    parser.add_argument("--scale", default="full", help="scale of the table")
    parser.add_argument("--format", choices=FORMATS, help="html, unless --out ends in .md, .tex, .csv or .txt")
    parser.add_argument(
        "--unit", choices=("percent", "fraction"), help="unit of a CSV file's metric, where the numbers do not tell it"
    )
    parser.add_argument("--out", type=Path, help="the file (html: report.html, otherwise standard output)")
    parser.add_argument("--title", default="", help="title of the page (the names of what the runs were on)")
    add_imports(parser)
    ours = parser.read(given)
    form = ours.format or SUFFIXES.get(ours.out.suffix if ours.out else "", "html")
    tables = [path for path in ours.runs if path.is_file() and path.suffix == ".csv"]
    rest = [path for path in ours.runs if path not in tables]
    for path in rest:
        if path.suffix == ".csv" and not path.exists():
            raise UsageError(f"There is no file {path}; give a CSV file of numbers, or directories of runs.")
    directories = run_directories(rest)
    if tables and (directories or ours.table or form == "html"):
        raise UsageError(
            f"{tables[0]} holds numbers only: give it without runs, with --format text, markdown, latex or csv."
        )
    if ours.title and (form != "html" or ours.table):
        raise UsageError("--title is the title of a page of runs; leave it out with --table and other formats.")
    if form == "html" or ours.table:
        quiet(ours.verbose)
    if ours.table:
        content = _table(ours.table, ours.scale, directories, form, ours.imports)
    elif form == "html":
        from al_lightning import api

        print(api.report(directories, ours.out or Path("report.html"), ours.title, imports=ours.imports))
        return 0
    else:
        content = _summary(directories, tables, form, ours.unit)
    out = ours.out or (Path(f"{Path(ours.table).stem}.html") if form == "html" else None)
    if out is None:
        content = printable(content) if form == "text" else content  # other formats go into files and programs
        print(content, end="" if content.endswith("\n") else "\n")
    else:
        from al_lightning.runs.files import write_text

        write_text(out, content)
        print(out)
    return 0


def _table(name: str, scale: str, directories: Sequence[Path], form: str, imports: Sequence[str]) -> str:
    from al_lightning.recommendations.guide import study_guide
    from al_lightning.tables.plan import find_table
    from al_lightning.tables.report import TableReport
    from al_lightning.tables.status import statuses_of

    table = find_table(name, scale)
    return TableReport(table, statuses_of(table, directories), imports=imports, guide=study_guide()).text(form)


def _summary(directories: Sequence[Path], tables: Sequence[Path], form: str, unit: Unit | None) -> str:
    from al_lightning.reports.fairness import fairness
    from al_lightning.results.renderers import FORMS
    from al_lightning.results.series import BASELINE, by_setting, series_of_runs
    from al_lightning.results.series_csv import read_csv
    from al_lightning.results.series_text import repeats
    from al_lightning.results.summary import csv_text, summary
    from al_lightning.runs.journal import read_run

    if tables:
        series = [one for path in tables for one in read_csv(path, unit=unit)]
        warnings = [
            f"[!] On {name} no method is called {BASELINE}, so nothing says whether choosing helps."
            for name, methods in by_setting(series).items()
            if not any(f"{method.label}_".startswith(f"{BASELINE}_") for method in methods)
        ]
    else:
        runs = [read_run(directory) for directory in directories]
        series = series_of_runs(runs)
        warnings = [condition.line for condition in fairness(runs)]
    left_out = repeats(series)
    if form == "csv":
        say(*(f"note: {sentence}" for sentence in left_out))
        return csv_text(series)
    return FORMS[form](summary(series, [*warnings, *left_out]))
