"""The commands that would settle it on one's own data, and what runs of it there are already. No torch."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from al_lightning.audits.result import Audit
from al_lightning.errors import ALError
from al_lightning.recommendations.recommendation import BASELINE
from al_lightning.recommendations.situation import class_folders
from al_lightning.runs.journal import JOURNAL, Run, read_run
from al_lightning.runs.parts import DEFAULT_TRAINING as SUPERVISED

RUNS = "runs/recommend"
SEEDS = "0 1 2"
BATCHES = 5
"""So many fits, as in the study's curves: a first set, and four batches bought."""
NAMED = ("datasets", "networks", "augmentation")
PEOPLE = "Or run one strategy with `--oracle files`: people label what it asks for, batch by batch."


def commands(
    prefix: str, options: Sequence[str], labels: int, pairs: Sequence[tuple[str, str]]
) -> tuple[tuple[str, ...], str]:
    """Return the lines that run what is to be compared, Random among it, and compare it.

    Args:
        prefix: the names' first parts.
        options: of the dataset.
        labels: the budget: a first set and equal batches.
        pairs: (strategy, training) of each.

    Returns:
        The lines, and a sentence on them.
    """
    fits = min(BATCHES, labels)
    batch = labels // fits
    first = labels - batch * (fits - 1)
    budget = f"--budget.unit images --budget.initial {first} --budget.query {batch} --budget.cycles {fits - 1}"
    names = ["_".join([prefix, s, *([t] if t != SUPERVISED else [])]) for s, t in pairs]
    parts = ["al-lightning fit --config $name --seed $seed", shlex.join(options), budget]
    run = f"{' '.join(filter(None, parts))} --run_dir {RUNS}/$name/seed_$seed"
    lines = (
        f"for name in {' '.join(names)}; do for seed in {SEEDS}; do",
        f"  {run}",
        "done; done",
        f"al-lightning report {RUNS}/{prefix}_*/seed_*",
    )
    text = f"Compare with Random at the same seeds, on your data, {first} labels first and {batch} in each later batch:"
    return lines, text


def options_of_folder(
    found: Audit, images: Path, masks: Path | None, pattern: str | None, task: str
) -> tuple[str, list[str], list[str]]:
    """Return the dataset's name, its options, and what is to be known about them, for mere folders."""
    sequences = ["--data.sequence_pattern", pattern] if pattern else []
    if task == "classification":
        remarks = []
        if not class_folders(images):
            remarks.append(f"The commands need labels: put the images in a folder per class first. {PEOPLE}")
        if found.pool.sizes and max(found.pool.sizes[0][:2]) > 32:
            remarks.append("image_folder reads images at 32 x 32; `--data.size '[H, W]'` changes that.")
        return "image_folder", ["--data.root", str(images), *sequences], remarks
    remarks = ["The study's networks begin with ImageNet weights: `--network.backbone.weights imagenet`."]
    if masks is None:
        remarks.append(
            f"The commands need labels: put a PNG of label ids per image into MASKS, and name the classes. {PEOPLE}"
        )
        given, names = "MASKS", "[CLASS, CLASS]"
    else:
        remarks.append("Name the classes in the order of their ids; `--data.ignore ID` leaves one out.")
        given, names = str(masks.resolve()), f"[{', '.join(f'class_{value}' for value in range(_ids(found)))}]"
    root = images.resolve() if masks is None else Path(os.path.commonpath([images.resolve(), masks.resolve()]))
    options = ["--data.root", str(root)]
    split = (images / "train").is_dir() and (images / "test").is_dir()
    for side, option in (("train", ""), ("test", "test_")) if split else (("", ""),):
        below = [Path(folder) / side for folder in (images.resolve(), given)]
        there = [os.path.relpath(path, root) if path.is_absolute() else str(path) for path in below]
        options += [f"--data.{option}images", there[0], f"--data.{option}masks", there[1]]
    options += ["--data.classes", names]
    if found.pool.all_sizes > 1:
        options += ["--data.size", f"[{found.pool.sizes[0][0]}, {found.pool.sizes[0][1]}]"]
    return "mask_folder", [*options, *sequences], remarks


def _ids(found: Audit) -> int:
    """Return the number of label ids up to the largest one that occurs."""
    return max((int(one.name.rpartition(" ")[2]) + 1 for one in found.classes if one.pool_images), default=1)


def prefix_of(parts: Mapping[str, str]) -> str:
    """Return the first parts of a run's name without its budget, which the commands give; empty without a dataset."""
    return "_".join(parts[axis] for axis in NAMED if axis in parts) if "datasets" in parts else ""


def siblings(run: Run) -> list[Run]:
    """Return the finished runs of the same data in the same layout (NAME/seed_S), this one included."""
    found = []
    for journal in sorted(run.directory.resolve().parent.parent.glob(f"*/*/{JOURNAL}")):
        try:
            other = read_run(journal.parent)
        except ALError:
            continue  # one that was damaged says nothing
        same = other.record.data_sha256 == run.record.data_sha256 and other.record.pool_size == run.record.pool_size
        if same and run.record.data_sha256 and other.cycles and not other.cycles[-1].chosen:
            found.append(other)
    return found


def own_evidence(run: Run) -> str:
    """Return a sentence on the runs that are there already, or an empty one where they compare nothing."""
    found = siblings(run)
    names = {other.record.name for other in found}
    if len(names) < 2 or not any(other.record.parts.get("acquisition") == BASELINE for other in found):
        return ""
    folders = sorted({os.path.relpath(other.directory.parent) for other in found})
    paths = " ".join(f"{shlex.quote(folder)}/seed_*" for folder in folders)
    return (
        f"{len(found)} finished runs of these very data are there ({', '.join(sorted(names))}). Measured evidence on "
        f"your own data counts more than all of the above: `al-lightning report {paths}`."
    )
