"""The origins of a run's files: what each file is a function of, from the journal alone. Devices are no part.

Weights, checkpoints and metrics follow from the settings of training, seed, cycle, member, data and labelled images,
and with a warm start from the weights of the cycle before. Scores and choices also follow from the strategy's
settings, the number of images to choose, and the weights that scored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from al_lightning.runs.journal import Run
from al_lightning.runs.seals import origin_of, sealed_digest

WEIGHTS = "weights.pt"
CHOOSES = ("acquisition", "constraints", "budget")
"""Sections that say what is chosen and when: no network follows from them, but by the images that it is trained on."""


def training_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings, by dotted key, that a trained network depends on: all but what is chosen, and when."""
    return {key: value for key, value in settings.items() if key.split(".")[0] not in CHOOSES}


def cycle_dir(directory: Path, cycle: int) -> Path:
    """Return the folder of a cycle."""
    return directory / f"cycle_{cycle:02d}"


def weights_path(directory: Path, cycle: int, member: int) -> Path:
    """Return the path of a trained network."""
    return cycle_dir(directory, cycle) / f"member_{member}" / WEIGHTS


def fit_origin(run: Run, cycle: int, member: int) -> str:
    """Return the origin of a network's checkpoints, weights and metrics; finished cycles give its labelled images."""
    record = run.record
    warm = cycle and record.settings.get("warm_start", "none") != "none"
    return origin_of(
        settings=training_settings(record.settings),
        seed=record.seed,
        cycle=cycle,
        member=member,
        data=[record.data_sha256, record.images_sha256],
        labelled=run.labelled_at(cycle),
        before=sealed_digest(weights_path(run.directory, cycle - 1, member)) if warm else None,
    )


def choice_origin(run: Run, cycle: int | None, count: int) -> str:
    """Return the origin of a cycle's rows and choice of `count` images, or, for None, of the initial set."""
    record = run.record
    if cycle is None:
        data = [record.data_sha256, record.images_sha256]
        return origin_of(settings=record.settings, seed=record.seed, data=data, count=count)
    strategy = {key: value for key, value in record.settings.items() if key.split(".")[0] in CHOOSES[:2]}
    networks = sorted(cycle_dir(run.directory, cycle).glob(f"member_*/{WEIGHTS}.seal"))
    return origin_of(
        fit=fit_origin(run, cycle, 0),
        strategy=strategy,
        count=count,
        weights=[sealed_digest(path.with_suffix("")) for path in networks],
    )
