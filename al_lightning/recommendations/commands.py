"""The commands that compare the candidates on the user's data, and existing runs on these data. No torch."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from al_lightning.audits.folder import AuditFolder
from al_lightning.audits.result import Audit
from al_lightning.config.commands import SHARE, Fit, compare_instead, compare_line, fit_of
from al_lightning.config.directory import RUNS, folder_name
from al_lightning.errors import ALError
from al_lightning.recommendations.situation import class_folders
from al_lightning.results.durations import HOUR, seconds_of
from al_lightning.results.health import caution
from al_lightning.results.series import BASELINE
from al_lightning.runs.journal import JOURNAL, Run, RunRecord, read_run
from al_lightning.runs.parts import DEFAULT_TRAINING as SUPERVISED
from al_lightning.runs.parts import SECTION_OF_AXIS, named_classes

APART = "runs/recommend"
SEEDS = "0 1 2"
BATCHES = 5
"""Number of fits, as in the paper's curves: an initial set, and four batches."""
NAMED = ("datasets", "networks", "augmentation")
PEOPLE = "Or run one strategy with `--oracle files`: people label its choices, batch by batch."


def commands(candidates: Sequence[Fit], labels: int, folder: str = "") -> tuple[tuple[str, ...], str]:
    """Return the lines that run and compare the candidates, and a sentence about them.

    Args:
        candidates: their commands, alike but for the name that --config gives, and options of a training method.
        labels: number of images in an initial set and equal batches.
        folder: of one's own images, as runs' directories name it. Without one, runs of these names may exist, whose
            other budgets do not compare, so that the new runs get a directory apart.
    """
    first, batch, budget = budget_of(labels)
    apart = "" if folder else f"{APART}/$name/seed_$seed"
    loops: dict[str, list[str]] = {}
    for one in candidates:
        line = replace(one, options=(*one.options, *budget)).line("$seed", apart, "$name")
        loops.setdefault(line, []).append(one.name)
    lines = []
    for line, names in loops.items():
        lines += [f"for name in {' '.join(names)}; do for seed in {SEEDS}; do", f"  {line}", "done; done"]
    homes = [shlex.quote(f"{RUNS}/{one.name}/{folder}") if folder else f"{APART}/{one.name}" for one in candidates]
    text = f"Compare with Random at the same seeds, on your data, {first} labels first and {batch} in each later batch:"
    return (*lines, f"al-lightning report {' '.join(homes)}"), text


def budget_of(labels: int) -> tuple[int, int, list[str]]:
    """Return the sizes of the initial set and of the equal batches that spend some labels, and the options."""
    fits = min(BATCHES, labels)
    batch = labels // fits
    first = labels - batch * (fits - 1)
    budget = f"--budget.unit images --budget.initial {first} --budget.query {batch} --budget.cycles {fits - 1}"
    return first, batch, budget.split()


def candidates_of(run: RunRecord, root: str, pairs: Sequence[tuple[str, str]]) -> tuple[list[Fit], str]:
    """Return the commands of (strategy, training) pairs on a run's data, and a remark, or "".

    Args:
        run: its journal's first line. Where that has a command, its options are kept, but for those of the budget.
        root: folder of the run's data; "" without one.
        pairs: to be compared.
    """
    if (own := fit_of(run)) is not None:
        parts = [{"acquisition": strategy, "training": training} for strategy, training in pairs]
        if found := [one for each in parts if (one := own.swapped(each, left_out=("budgets", SHARE))) is not None]:
            return found, ""
    prefix, options = prefix_of(run)
    options += ["--data.root", root] if root else []
    if prefix:
        remark = "Give the run's options again that its name does not contain: its journal has no command."
    else:
        prefix = "DATASET"
        remark = f"The name {run.name} has no known parts: write your dataset's name for DATASET."
    return candidates(prefix, options, pairs), remark


def candidates(prefix: str, options: Sequence[str], pairs: Sequence[tuple[str, str]]) -> list[Fit]:
    """Return the commands of (strategy, training) pairs whose names begin with a prefix."""
    names = [f"{prefix}_{strategy}" + f"_{training}" * (training != SUPERVISED) for strategy, training in pairs]
    return [Fit({}, (name,), tuple(options)) for name in names]


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
    remarks = ["The paper's networks begin with ImageNet weights: `--network.backbone.weights imagenet`."]
    if masks is None:
        remarks.append(
            f"The commands need labels: put a PNG of label ids per image into MASKS, and name the classes. {PEOPLE}"
        )
        given, names = "MASKS", f"[{', '.join(['CLASS'] * (classes or 2))}]"
    else:
        given, names = str(masks.resolve()), ""
        if data.mapping is None:
            remarks.append("Name the classes in the order of their ids; `--data.ignore ID` leaves one out.")
            names = f"[{', '.join(f'class_{value}' for value in _ids(audit))}]"
    root = images.resolve() if masks is None else Path(os.path.commonpath([images.resolve(), masks.resolve()]))
    options = ["--data.root", str(root)]
    splits = data.found.splits
    sides = [(splits.train, ""), (splits.test, "test_")] if splits.test is not None else [((), "")]
    for side, option in sides:
        below = [Path(folder).joinpath(*side) for folder in (images.resolve(), given)]
        given_images, given_masks = (os.path.relpath(path, root) if path.is_absolute() else str(path) for path in below)
        options += [f"--data.{option}images", given_images, f"--data.{option}masks", given_masks]
    options += ["--data.classes", names] if names else ["--data.mapping", str(data.mapping_file)]
    if audit.pool.all_sizes > 1:
        options += ["--data.size", f"[{audit.pool.sizes[0][0]}, {audit.pool.sizes[0][1]}]"]
    return "mask_folder", [*options, *sequences], remarks


def quick(prefix: str, options: Sequence[str], data: AuditFolder, unlabelled: int, labels: int) -> str:
    """Return the command that compares strategies on stored features; "" where images have no labels to choose among.

    Args:
        prefix: name of the dataset.
        options: of the dataset.
        data: the folders.
        unlabelled: images without a label.
        labels: of the whole budget.
    """
    labelled = data.masks is not None if prefix == "mask_folder" else class_folders(data)
    line = " ".join([compare_line(prefix, options), *budget_of(labels)[2]])
    return line if labelled and not unlabelled else ""


def sooner(run: Run, candidates: int) -> str:
    """Return the command that compares strategies on a run's data in minutes, where the candidates' runs take too long.

    That is over an hour, for as many seeds as are advised, each run as long as the given one; else "".
    """
    seconds = seconds_of(run)
    long = seconds is not None and candidates * len(SEEDS.split()) * seconds > HOUR
    return compare_instead(run.record) if long else ""


def home_of(options: Sequence[str]) -> str:
    """Return how directories of runs name the folder of the data in some options."""
    return folder_name(Path(options[options.index("--data.root") + 1]))


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
