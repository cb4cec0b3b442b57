"""The commands `show` and `configs`. No torch."""

from __future__ import annotations

from pathlib import Path

from al_lightning.cli.arguments import Arguments, run_directories
from al_lightning.config.fit_options import price
from al_lightning.errors import printable


def show(given: list[str]) -> int:
    """Print the curves of runs, and what they show about the methods."""
    parser = Arguments(
        "show",
        "Prints the curves of runs; several side by side, with each method's verdict against its baseline. Needs no "
        "data.",
    )
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUNS", help="run directories, or folders of them")
    parser.add_argument("--chosen", action="store_true", help="list the chosen images, in order, with scores and names")
    parser.add_argument("--no-plot", dest="plot", action="store_false", help="print tables only")
    parser.add_argument(
        "--price-per-label",
        type=price,
        metavar="X",
        help="print what each run's last labels bought, and what the next labels cost",
    )
    ours = parser.read(given)

    from al_lightning.reports.fairness import fairness
    from al_lightning.results.claims import claims_of
    from al_lightning.results.comparison import sentences
    from al_lightning.results.conditions import State
    from al_lightning.results.health import problems_of
    from al_lightning.results.label_value import advice_of, step_of
    from al_lightning.results.series import by_setting, series_of_runs
    from al_lightning.results.series_text import repeats
    from al_lightning.results.text_table import chosen_table, comparison_table, curve_table, text_plot
    from al_lightning.runs.journal import read_run
    from al_lightning.runs.weights import with_tested

    runs = [read_run(directory) for directory in run_directories(ours.runs)]
    # The advice on a price counts a cycle that is trained and tested but not finished; so does the table beside it.
    priced_alone = len(runs) == 1 and ours.price_per_label is not None
    shown = [with_tested(runs[0])] if priced_alone else runs
    series = series_of_runs(shown)
    print(printable(curve_table(series[0].curves[0]) if len(runs) == 1 else comparison_table(series)))
    health = [problem.line for problem in problems_of(shown[0])] if len(runs) == 1 else []
    not_asked = ("health", "baseline", "protocol") if len(runs) == 1 else ()  # a single run is compared with nothing
    missed = [each.line for each in fairness(runs) if each.state is State.WARN and each.topic not in not_asked]
    for sentence in (*health, *missed, *repeats(series)):
        print(printable(sentence))
    if ours.plot and (plot := text_plot(series)):
        print(f"\n{printable(plot)}")
    priced = [run.directory for run in runs] if ours.price_per_label is not None else []
    steps = {directory: step for directory in priced if (step := step_of(directory)) is not None}
    settings = by_setting(series)
    claims = claims_of(settings, steps)
    for setting, compared in claims.by_setting.items():
        metric = settings[setting][0].metric.title
        for line in ["", setting, *(f"  {each}" for each in sentences(compared, metric))] if compared else ():
            print(printable(line))
    for run in runs if ours.chosen else ():
        print(f"\n{chosen_table(run)}")
    for run in runs if priced else ():
        advice = advice_of(run.directory, ours.price_per_label, gain=claims.by_run.get(run.directory))
        if not priced_alone and len(with_tested(run).cycles) > len(run.cycles):
            advice.insert(0, f"Cycle {len(run.cycles)} is tested but not finished: the table above ends before it.")
        print(printable("\n".join([f"\n{run.record.name}, seed {run.record.seed}", *advice])))
    if claims.counted:
        print(f"\n{claims.counted}")
    return 0


def configs(given: list[str]) -> int:
    """List the parts that a run's name can have."""
    Arguments("configs", "Lists the parts that a run's name can have, a line each.").read(given)

    from al_lightning.config.names import head, parts
    from al_lightning.runs.parts import AXES

    print("<dataset>[_<network>][_<budget>][_<augmentation>]_<acquisition>[_<training>]")
    for axis in AXES:
        print(f"\n{axis}")
        files = parts(axis)
        width = max(map(len, files), default=0)
        for name in sorted(files):
            print(f"  {name:<{width}}  {head(files[name])}")
    return 0
