"""The first network of another run, copied where the two runs differ in nothing but the strategy.

At equal seeds all strategies train the same first network on the same images. A comparison of many strategies trains it
once. The origins of the two runs' files tell whether they belong to the same network. The journals tell whether the
modules of the user's own classes, but for the strategy's, are the same.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from al_lightning.config.experiment import Experiment, versions
from al_lightning.config.own_code import own_modules
from al_lightning.errors import ALError, from_home
from al_lightning.runs.journal import Run, read_run
from al_lightning.runs.origins import training_settings, weights_path
from al_lightning.runs.seals import seal_of
from al_lightning.runs.store import RunStore


def take_first_cycle(experiment: Experiment, store: RunStore, processes: int) -> tuple[str, float]:
    """Copy the first network of the run that `share` names, with its metrics, into a run that has only its journal yet.

    Returns:
        A note for the user, or "", and the seconds that the copied fit took, 0 where none was copied.
    """
    if experiment.options.share is None or store.trained() or store.metrics_path(0).exists():
        return "", 0.0
    share = from_home("share", experiment.options.share)
    if share.resolve() == store.directory.resolve():
        return "", 0.0
    try:
        donor = read_run(share)
    except ALError:
        return f"{share} has no first cycle to share yet; this run trains its own", 0.0
    if reason := _differs(store.read(), donor, processes, experiment.oracle.asks_people):
        return f"the first network of {share} cannot be used ({reason}); this run trains its own", 0.0
    seal = store.fit_seal(0, 0)
    source = RunStore(donor.directory, writes=False)
    weights, metrics = weights_path(donor.directory, 0, 0), source.metrics_path(0)
    if gone := [path for path in (weights, metrics) if not seal.fits(path)]:
        return f"{gone[0]} is gone or damaged; this run trains its own first network", 0.0
    store.begin_fit(0, 0)
    pictures = source.cycle_dir(0) / "test_images"
    (store.cycle_dir(0) / pictures.name).mkdir(exist_ok=True)
    last = [metrics, weights]
    others = [path for folder in (pictures, weights.parent) if folder.is_dir() for path in sorted(folder.iterdir())]
    _copy([path for path in others if path.name not in (weights.name, seal_of(weights).name)], source, store)
    _copy([file for path in last for file in (path, seal_of(path))], source, store)
    return (
        f"cycle 0: the network is that of {share}, since the two runs differ in the strategy alone",
        donor.cycles[0].cost.get("fit", 0.0) + donor.cycles[0].cost.get("shared", 0.0),
    )


def _differs(own: Run, donor: Run, processes: int, people: bool) -> str:
    """Return a difference between the first fits of two runs, or ""."""
    if not donor.cycles:
        return "its first cycle is not finished"
    if people or donor.record.oracle != own.record.oracle:
        return "labels of people, or of another oracle"
    same = {
        "seed": (own.record.seed, donor.record.seed),
        "first labels": (own.initial, donor.initial),
        "data": (own.record.data_sha256, donor.record.data_sha256),
        "images": (own.record.images_sha256, donor.record.images_sha256),
        "files of vectors or weights": (own.record.files, donor.record.files),
        "versions": (versions(), donor.record.versions),
        "processes": (processes, donor.cycles[0].cost.get("processes", processes)),
    }
    if others := [name for name, (value, donated) in same.items() if value != donated]:
        return f"other {others[0]}"
    settings, donated = (training_settings(run.record.settings) for run in (own, donor))
    changed = sorted(key for key in settings.keys() | donated.keys() if settings.get(key) != donated.get(key))
    if changed:
        return f"other {changed[0].replace('init_args.', '')}"
    code = {module.name: module.digest for module in own_modules(settings)}
    others = [name for name, digest in code.items() if not digest or donor.code_at(0).get(name) != digest]
    return f"other code of {others[0]}" if others else ""


def _copy(files: Iterable[Path], source: RunStore, target: RunStore) -> None:
    """Link or copy files of one run to their places in another, each completely or not at all."""
    for path in files:
        if not path.is_file() or path.name.startswith((".", "step_")):
            continue
        place = target.directory / path.relative_to(source.directory)
        part = place.with_name(f".{place.name}.tmp")
        part.unlink(missing_ok=True)
        try:
            os.link(path, part)
        except OSError:
            shutil.copyfile(path, part)
        os.replace(part, place)
