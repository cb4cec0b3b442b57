"""The first cycle's network of another run, where nothing but the strategy tells the two runs apart.

At equal seeds all strategies train their first network on the same images, step by step the same. Where a comparison
has many of them, that is done once.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

from al_lightning.bearing import bearing
from al_lightning.checkpoint import is_whole
from al_lightning.errors import ALError
from al_lightning.experiment import Experiment, versions
from al_lightning.results.journal import Run, read_run
from al_lightning.results.store import RunStore

CHOOSES = ("acquisition", "budget")
"""Sections that say what is chosen and when; of them the first cycle knows but the images it begins with."""


def take_first_cycle(experiment: Experiment, store: RunStore, processes: int) -> tuple[str, float]:
    """Copy the first network of the run that `share` names, with its metrics, into a run that has none yet.

    Args:
        experiment: of this run; its journal is begun.
        store: of this run.
        processes: of this run.

    Returns:
        What the user should know, or "", and the seconds that the copied fit took, 0 where none was copied.
    """
    if experiment.share is None or store.trained() or store.metrics(0) is not None:
        return "", 0.0
    if experiment.share.resolve() == store.directory.resolve():
        return "", 0.0
    try:
        donor = read_run(experiment.share)
    except ALError:
        return f"{experiment.share} has no first cycle to share yet; this run trains its own", 0.0
    if reason := _differs(experiment, store.read(), donor, processes):
        return f"the first network of {experiment.share} does not serve here ({reason}); this run trains its own", 0.0
    source, target = store.cycle_dir(0).name, store.cycle_dir(0)
    weights = donor.directory / source / "member_0" / "weights.pt"
    if not is_whole(weights):
        return f"{weights} is gone or damaged; this run trains its own first network", 0.0
    for folder in ("test_images", "member_0"):
        _copy(donor.directory / source / folder, target / folder)
    store.save_metrics(0, donor.cycles[0].metrics)
    return (
        f"cycle 0: the network is that of {experiment.share}, for nothing but the strategy tells the two runs apart",
        donor.cycles[0].cost.get("fit", 0.0) + donor.cycles[0].cost.get("shared", 0.0),
    )


def _differs(experiment: Experiment, mine: Run, donor: Run, processes: int) -> str:
    """Return what tells the first fits of two runs apart, or ""."""
    if not donor.cycles:
        return "its first cycle is not finished"
    same = {
        "seed": (mine.record.seed, donor.record.seed),
        "first labels": (mine.record.initial, donor.record.initial),
        "data": (mine.record.data_sha256, donor.record.data_sha256),
        "versions": (versions(), donor.record.versions),
        "processes": (processes, donor.cycles[0].cost.get("processes", processes)),
    }
    if others := [name for name, (one, other) in same.items() if one != other]:
        return f"other {others[0]}"
    with contextlib.suppress(OSError, ValueError):
        import yaml

        theirs = yaml.safe_load((donor.directory / "config.yaml").read_text())
        changed = sorted(key for key, _ in _trains(experiment.plain).items() ^ _trains(theirs).items())
        return f"other {changed[0].replace('init_args.', '')}" if changed else ""
    return "its config.yaml is gone"


def _trains(plain: dict[str, Any]) -> dict[str, str]:
    """Return what of a configuration bears on the first network, by dotted key."""
    return {key: repr(value) for key, value in bearing(plain).items() if key.split(".")[0] not in CHOOSES}


def _copy(source: Path, target: Path) -> None:
    """Copy a folder's files, `weights.pt` last, each whole or not at all; links where the file system has them."""
    if not source.is_dir():
        return
    target.mkdir(parents=True, exist_ok=True)
    files = [path for path in source.iterdir() if path.is_file() and not path.name.startswith((".", "step_"))]
    for path in sorted(files, key=lambda path: path.name == "weights.pt"):
        part = target / f".{path.name}.tmp"
        part.unlink(missing_ok=True)
        try:
            os.link(path, part)
        except OSError:
            shutil.copyfile(path, part)
        os.replace(part, target / path.name)
