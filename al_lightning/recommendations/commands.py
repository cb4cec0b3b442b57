"""The commands that compare the candidates on the user's data, and existing runs on these data. No torch."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from al_lightning.audits.folder import AuditFolder
from al_lightning.audits.result import Audit
from al_lightning.errors import ALError
from al_lightning.recommendations.situation import class_folders
from al_lightning.results.health import caution
from al_lightning.results.series import BASELINE
from al_lightning.runs.journal import JOURNAL, Run, RunRecord, read_run
from al_lightning.runs.parts import DEFAULT_TRAINING as SUPERVISED
from al_lightning.runs.parts import SECTION_OF_AXIS, named_classes

RUNS = "runs/recommend"
SEEDS = "0 1 2"
BATCHES = 5
"""Number of fits, as in the study's curves: an initial set, and four batches."""
NAMED = ("datasets", "networks", "augmentation")
PEOPLE = "Or run one strategy with `--oracle files`: people label its choices, batch by batch."


def commands(
    prefix: str, options: Sequence[str], labels: int, pairs: Sequence[tuple[str, str]]
) -> tuple[tuple[str, ...], str]:
    """Return the lines that run and compare the candidates, (strategy, training) pairs, and a sentence about them.

    The runs' names begin with `prefix`; `labels` images are an initial set and equal batches.
    """
    fits = min(BATCHES, labels)
    batch = labels // fits
    first = labels - batch * (fits - 1)
    budget = f"--budget.unit images --budget.initial {first} --budget.query {batch} --budget.cycles {fits - 1}"
    names = [f"{prefix}_{strategy}" + f"_{training}" * (training != SUPERVISED) for strategy, training in pairs]
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
    audit: Audit, data: AuditFolder, task: str, classes: int | None
) -> tuple[str, list[str], list[str]]:
    """Return the dataset's name, its options, and remarks on them, for folders of images and masks.

    `classes` is the number of classes, where it is known: a place for each name stands in the options.
    """
    images, masks, pattern = data.root, data.masks, data.sequence_pattern
    sequences = ["--data.sequence_pattern", pattern] if pattern else []
    if task == "classification":
        remarks = []
        if not class_folders(data):
            remarks.append(f"The commands need labels: put the images in a folder per class first. {PEOPLE}")
        if audit.pool.sizes and max(audit.pool.sizes[0][:2]) != 224:
            remarks.append("image_folder reads images at 224 x 224; `--data.size '[H, W]'` changes that.")
        return "image_folder", ["--data.root", str(images), *sequences], remarks
    remarks = ["The study's networks begin with ImageNet weights: `--network.backbone.weights imagenet`."]
    if masks is None:
        remarks.append(
            f"The commands need labels: put a PNG of label ids per image into MASKS, and name the classes. {PEOPLE}"
        )
        given, names = "MASKS", f"[{', '.join(['CLASS'] * (classes or 2))}]"
    else:
        remarks.append("Name the classes in the order of their ids; `--data.ignore ID` leaves one out.")
        given, names = str(masks.resolve()), f"[{', '.join(f'class_{value}' for value in _ids(audit))}]"
    root = images.resolve() if masks is None else Path(os.path.commonpath([images.resolve(), masks.resolve()]))
    options = ["--data.root", str(root)]
    splits = data.found.splits
    sides = [(splits.train, ""), (splits.test, "test_")] if splits.test is not None else [((), "")]
    for side, option in sides:
        below = [Path(folder).joinpath(*side) for folder in (images.resolve(), given)]
        given_images, given_masks = (os.path.relpath(path, root) if path.is_absolute() else str(path) for path in below)
        options += [f"--data.{option}images", given_images, f"--data.{option}masks", given_masks]
    options += ["--data.classes", names]
    if audit.pool.all_sizes > 1:
        options += ["--data.size", f"[{audit.pool.sizes[0][0]}, {audit.pool.sizes[0][1]}]"]
    return "mask_folder", [*options, *sequences], remarks


def _ids(audit: Audit) -> Sequence[int]:
    """Return the label ids up to the largest id that occurs; 0 and 255 where these two are all."""
    ids = [int(each.name.rpartition(" ")[2]) for each in audit.classes if each.pool_images or each.test_images]
    return ids if ids == [0, 255] else range(max(ids, default=0) + 1)


def prefix_of(record: RunRecord) -> tuple[str, list[str]]:
    """Return the first parts of a run's name, empty without a dataset, and the options that name classes among them.

    The budget is left out, since the commands set it.
    """
    classes = named_classes(record)
    named = [axis for axis in NAMED if axis in record.parts and SECTION_OF_AXIS.get(axis) not in classes]
    options = [part for name in ("data", "network") if name in classes for part in (f"--{name}", classes[name])]
    return "_".join(record.parts[axis] for axis in named) if "datasets" in named else "", options


def siblings(run: Run) -> list[Run]:
    """Return the finished runs on the same data in the same layout, the given run included.

    The layout is NAME[/FOLDER][/MARK]/seed_S; of a run in a folder of another name it is NAME/seed_S.
    """
    directory, runs = run.directory.resolve(), []
    folders = [parent for parent in directory.parents[:3] if parent.name == run.record.name]
    home = folders[0].parent if folders else directory.parents[1]
    deep = range(3 if folders else 1)
    for journal in sorted(path for more in deep for path in home.glob(f"{'*/' * (2 + more)}{JOURNAL}")):
        try:
            other = read_run(journal.parent)
        except ALError:
            continue  # a damaged run is no evidence
        same = other.record.data_sha256 == run.record.data_sha256 and other.record.pool_size == run.record.pool_size
        if same and run.record.data_sha256 and other.cycles and not other.cycles[-1].chosen:
            runs.append(other)
    return runs


def own_evidence(run: Run) -> str:
    """Return a sentence on the existing runs, or "" where they include no strategy beside Random."""
    runs = siblings(run)
    names = {other.record.name for other in runs}
    if len(names) < 2 or not any(other.record.parts.get("acquisition") == BASELINE for other in runs):
        return ""
    paths = " ".join(_patterns([Path(os.path.relpath(other.directory)) for other in runs]))
    return (
        f"There are {len(runs)} finished runs on these data ({', '.join(sorted(names))}). Measured evidence on "
        f"your own data counts more than all of the above: `al-lightning report {paths}`. {caution(runs)}"
    ).rstrip()


def _patterns(run_dirs: Sequence[Path]) -> list[str]:
    """Return run directories for a shell: FOLDER/seed_* where all of a folder are called so, else each by its name."""
    others = {path.parent for path in run_dirs if not path.name.startswith("seed_")}
    found = [
        shlex.quote(str(path)) if path.parent in others else f"{shlex.quote(str(path.parent))}/seed_*"
        for path in sorted(run_dirs)
    ]
    return list(dict.fromkeys(found))
