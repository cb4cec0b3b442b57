"""The command `compare`. No torch until it needs it."""

from __future__ import annotations

import time
from pathlib import Path

from al_lightning.cli.arguments import Arguments, at_least_one, begin, require_page
from al_lightning.comparisons.plan import STRATEGIES
from al_lightning.errors import require, require_folder
from al_lightning.reports.origin import COMPARED_SEEDS

MINUTES = 10.0
TEXT = """\
Runs strategies over many seeds on stored features of a frozen encoder, with a linear head, and says which is ahead.
The pool's images must have labels: the strategies choose among them. Finished runs are read, not repeated.
It ends after --seeds seeds, after --minutes, or when every difference is known to a point; never by its sign.
"""


def compare(given: list[str]) -> int:
    """Compare strategies on stored features."""
    begun = time.monotonic()
    parser = Arguments("compare", TEXT, "DATASET [--strategies A,B] [--seeds N] [--minutes M] [options of fit]")
    parser.add_argument("name", metavar="DATASET", help="part of a run's name: image_folder, mask_folder, cifar10 ...")
    parser.add_argument(
        "--strategies",
        metavar="A,B",
        help=f"beside random ({','.join(STRATEGIES[1:])}); margin_from_typiclust: a cold start",
    )
    parser.add_argument("--seeds", type=int, default=COMPARED_SEEDS, metavar="N", help=f"most seeds ({COMPARED_SEEDS})")
    parser.add_argument("--minutes", type=float, default=MINUTES, metavar="M", help=f"most minutes ({MINUTES:g})")
    parser.add_argument("--encoder", metavar="NAME", help="of a run's name (efficientnet; hypercolumns)")
    parser.add_argument("--processes", type=int, metavar="N", help="runs at a time (one for each core)")
    parser.add_argument("--check", action="store_true", help="train a network on the same labels, to judge the probe")
    parser.add_argument("--dry-run", action="store_true", help="say what would be run, and run nothing")
    parser.add_argument("--run_dir", type=Path, metavar="DIR", help="folder of the runs, NAME/seed_S below it")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the page (compare_DATASET...html beside the runs)")
    parser.add_argument("--title", default="", help="title of the page")
    ours, options = parser.read_with_options(given)
    at_least_one(ours, "seeds", "processes")
    require("--minutes", ours.minutes, above=0)
    if ours.run_dir is not None:
        require_folder("--run_dir", ours.run_dir)
    if ours.out is not None:
        require_page("--out", ours.out)

    from al_lightning.config.data_root import check_data_root
    from al_lightning.config.names import resolve, with_strategy

    values = resolve(with_strategy([ours.name])).values  # finds a wrong name before torch is imported
    check_data_root(values, options)
    begin(ours.verbose)
    from al_lightning.comparisons.command import Asked, run

    asked = Asked(
        dataset=ours.name,
        values=values,
        strategies=tuple(filter(None, (ours.strategies or "").split(","))),
        options=tuple(options),
        seeds=ours.seeds,
        minutes=ours.minutes,
        encoder=ours.encoder,
        processes=ours.processes,
        check=ours.check,
        dry_run=ours.dry_run,
        run_dir=ours.run_dir,
        out=ours.out,
        title=ours.title,
        command=["compare", *given],
        begun=begun,
    )
    print(run(asked))
    return 0
