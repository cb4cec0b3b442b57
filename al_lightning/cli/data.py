"""The commands about data: `prepare` and `audit`. No torch until they need it."""

from __future__ import annotations

import os
from pathlib import Path

from al_lightning.cli.arguments import Arguments, add_images, at_least_one, begin, say
from al_lightning.errors import UsageError


def prepare(given: list[str]) -> int:
    """Make the cache of a dataset."""
    parser = Arguments(
        "prepare",
        "Decodes and resizes a dataset's images once, into a cache that the dataset's runs then read. Cached pixels "
        "equal those of the files. The same command continues after an interruption, and checks a finished cache.",
        "NAME [--data.root DIR] [--processes N] [options of fit]",
    )
    parser.add_argument("name", metavar="NAME", nargs="+", help="a dataset (cityscapes), a run's name, or a YAML file")
    parser.add_argument(
        "--processes", type=int, default=os.cpu_count() or 1, help="processes that decode (one per core)"
    )
    ours, options = parser.read_with_options(given)
    begin(ours.verbose)
    from al_lightning.config.experiment import dataset
    from al_lightning.data.prepare import prepare as make

    make(dataset(ours.name, options), ours.processes, say)
    return 0


def audit(given: list[str]) -> int:
    """Check a dataset."""
    parser = Arguments(
        "audit",
        "Checks a dataset: duplicates and near-duplicates in the pool, leakage into the test set, how "
        "redundant the pool is, classes, broken files. Prints a summary, writes audit.json and audit.html.",
        "(--config NAME | --images DIR [--masks DIR [--mapping FILE]]) [--sequence-pattern RE] "
        "[--features [NETWORK|FILE]] [--out DIR] [options of fit]",
    )
    parser.add_argument("--config", action="append", default=[], help="a dataset, or a run's name; may be repeated")
    add_images(parser)
    parser.add_argument(
        "--features",
        nargs="?",
        const="",
        metavar="NETWORK|FILE",
        help="a second opinion on near-duplicates: vectors of a network (efficientnet), or of a file",
    )
    parser.add_argument("--out", type=Path, default=Path("audit"), help="for audit.json and audit.html (audit)")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where duplicates or leakage were found")
    ours, options = parser.read_with_options(given)
    if bool(ours.config) == bool(ours.images):
        raise UsageError("Say what to audit: either --config NAME or --images DIR.")
    if ours.masks and not ours.images:
        raise UsageError("--masks belongs to --images; with --config the labels are the dataset's.")
    if ours.mapping and not ours.masks:
        raise UsageError("--mapping belongs to --masks; with --config it is --data.mapping.")
    if ours.images and options:
        raise UsageError(
            f"{options[0]} is an option of a dataset, which --config names, as in `al-lightning audit --config "
            f"mask_folder --data.root DIR {options[0].partition('=')[0]} ...`; leave it out with --images."
        )
    at_least_one(ours, "processes")
    begin(ours.verbose)
    from al_lightning import api

    result = api.audit(
        ours.config or ours.images,
        options,
        ours.masks,
        ours.sequence_pattern,
        ours.out,
        ours.processes,
        mapping=ours.mapping,
        features=ours.features,
    )
    return 1 if ours.strict and result.fails else 0
