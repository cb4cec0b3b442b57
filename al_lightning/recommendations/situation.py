"""What a recommendation rests on: how redundant a pool is, and how many labels there are for a class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from al_lightning.audits.folder import AuditFolder
from al_lightning.audits.result import Audit
from al_lightning.audits.sequences import places
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import list_images
from al_lightning.errors import ALError, UsageError
from al_lightning.recommendations.rules import TASKS


@dataclass(frozen=True)
class Situation:
    """What was measured.

    Attributes:
        title: what was looked at.
        task: "classification" or "segmentation".
        images: in the pool, of those that can be read.
        distinct: the effective number of distinct ones.
        redundancy: the audit's score, 0 to 1.
        labels: the budget.
        classes: how many; None where nothing tells.
        sequences: that the images come from; None where nothing tells.
        problems: what the audit holds against the data, as `--strict` does.
    """

    title: str
    task: str
    images: int
    distinct: float
    redundancy: float
    labels: int
    classes: int | None
    sequences: int | None
    problems: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """The budget as a share of the pool."""
        return self.labels / self.images

    @property
    def labels_per_class(self) -> float | None:
        """The budget over the number of classes."""
        return self.labels / self.classes if self.classes else None


def situation_of(
    found: Audit, data: PoolDataset, labels: int, task: str | None, classes: int | None, pattern: str | None
) -> Situation:
    """Return what was measured, out of an audit.

    Args:
        found: the audit of the data.
        data: they.
        labels: the budget.
        task: as the user says; by default as the labels are.
        classes: as the user says; by default as the labels are.
        pattern: regular expression over files' names, with groups `sequence` and `frame`.

    Raises:
        UsageError: budget or task do not go with the data, or the task is not told.
    """
    images = found.pool.readable
    if images < 2:
        raise UsageError(f"{found.title} has {images} readable images in its pool; there is nothing to choose from.")
    if not 2 <= labels < images:
        raise UsageError(
            f"--labels is {labels:,}; it must be at least 2 and below the pool's {images:,} images, "
            "or there is nothing to choose."
        )
    seen = (TASKS[1] if found.per_pixel else TASKS[0]) if found.pool.labels else None
    if seen and task and seen != task:
        raise UsageError(f"--task is {task}, but the labels of {found.title} are those of {seen}; leave --task out.")
    if (task := task or seen) is None:
        raise UsageError(
            "Say what is to be learned: --task classification or --task segmentation (or --masks DIR, the labels)."
        )
    return Situation(
        found.title,
        task,
        images,
        found.distinct,
        found.redundancy,
        labels,
        classes or _classes(found, data, task),
        _sequences(data, pattern),
        tuple(problem.text for problem in found.problems if problem.strict),
    )


def _classes(found: Audit, data: PoolDataset, task: str) -> int | None:
    """Return the number of classes: the dataset's, the label ids in the masks, or the folders with images in them."""
    if not isinstance(data, AuditFolder):
        return len(data.class_names)
    if found.pool.labels:
        return sum(one.pool_images > 0 for one in found.classes) or None
    folders = class_folders(data.root) if task == TASKS[0] else []
    return len(folders) if len(folders) > 1 else None


def class_folders(root: Path) -> list[str]:
    """Return the folders with images below a folder, or below its `train`, which may each be a class."""
    top = root / "train" if (root / "train").is_dir() and (root / "test").is_dir() else root
    return sorted({path.relative_to(top).parts[0] for path in list_images(top) if path.parent != top})


def _sequences(data: PoolDataset, pattern: str | None) -> int | None:
    """Return how many sequences the pool's images come from: by the pattern, else as the pool knows it."""
    pattern = pattern or getattr(data, "sequence_pattern", None)
    if pattern is not None:
        known = {place[0] for place in places([data.train.name(i) for i in range(len(data.train))], pattern) if place}
        return len(known) or None
    if isinstance(data, AuditFolder):
        return None
    try:
        sequence = data.pool().sequence
    except ALError:
        return None
    return len(set(sequence)) if sequence is not None else None
