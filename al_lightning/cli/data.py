"""The commands about data: `prepare` and `audit`. No torch until they need it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from al_lightning.cli.arguments import Arguments
from al_lightning.console import quiet
from al_lightning.distributed.shutdown import GUARD
from al_lightning.errors import UsageError


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def prepare(given: list[str], verbose: bool) -> int:
    """Make the cache of a dataset."""
    parser = Arguments(
        prog="al-lightning prepare",
        usage="al-lightning prepare NAME [--data.root DIR] [--processes N] [options of fit]",
        description="Decodes and resizes a dataset's images once, into a cache that its runs then read, the same to "
        "the pixel. A killed one goes on where it was; called again it checks what is there.",
        allow_abbrev=False,
    )
    parser.add_argument("name", metavar="NAME", nargs="+", help="a dataset (cityscapes), a run's name, or a YAML file")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="that decode (one per core)")
    ours, options = parser.parse_known_args(given)
    GUARD.listen()
    quiet(verbose)
    from al_lightning.config.experiment import dataset
    from al_lightning.data.prepare import prepare as make

    make(dataset(ours.name, options), ours.processes, _say)
    return 0


def audit(given: list[str], verbose: bool) -> int:
    """Look a dataset over."""
    parser = Arguments(
        prog="al-lightning audit",
        usage="al-lightning audit (--config NAME | --images DIR [--masks DIR]) [--sequence-pattern RE] [--out DIR]",
        description="Looks a dataset over: duplicates and near-duplicates in the pool, leakage into the test set, how "
        "redundant the pool is, classes, broken files. Prints a summary, writes audit.json and audit.html.",
        allow_abbrev=False,
    )
    parser.add_argument("--config", action="append", default=[], help="a dataset, or a run's name; may be repeated")
    parser.add_argument("--images", type=Path, help="a folder of images; where it has `train` and `test`, these")
    parser.add_argument("--masks", type=Path, help="a folder of their masks, PNGs of label ids")
    parser.add_argument("--sequence-pattern", help="regular expression with the groups `sequence` and `frame`")
    parser.add_argument("--out", type=Path, default=Path("audit"), help="for audit.json and audit.html (audit)")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where duplicates or leakage were found")
    parser.add_argument("--processes", type=int, help="that read (one per core, at most eight)")
    ours, options = parser.parse_known_args(given)
    if bool(ours.config) == bool(ours.images):
        raise UsageError("Say what to audit: either --config NAME or --images DIR.")
    if ours.masks and not ours.images:
        raise UsageError("--masks belongs to --images; with --config the dataset knows its labels.")
    if ours.images and options:
        raise UsageError(f"{options[0]} is an option of a dataset; with --images there is none.")
    if ours.processes is not None and ours.processes < 1:
        raise UsageError(f"--processes is {ours.processes}; it must be at least 1.")
    GUARD.listen()
    quiet(verbose)
    from al_lightning.api import audit as look

    found = look(ours.config or ours.images, options, ours.masks, ours.sequence_pattern, ours.out, ours.processes)
    return 1 if ours.strict and found.fails else 0
