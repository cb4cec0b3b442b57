"""The measures that a recommendation depends on: a pool's redundancy, and the number of labels per class."""

from __future__ import annotations

from dataclasses import dataclass

from al_lightning.audits.folder import AuditFolder
from al_lightning.audits.result import Audit
from al_lightning.data.dataset import PoolDataset
from al_lightning.errors import DatasetError, UsageError
from al_lightning.results.regimes import TASKS


@dataclass(frozen=True)
class Situation:
    """The measures of a pool and a budget.

    Attributes:
        title: of the data.
        task: "classification" or "segmentation".
        images: number of readable images in the pool.
        distinct: effective number of distinct images.
        redundancy: the audit's score, 0 to 1.
        labels: the budget, in images.
        classes: number of classes; None where unknown.
        sequences: number of sequences that the images come from; None where unknown.
        problems: that the audit counts under `--strict`.
        unlabelled: number of images that people have not labelled yet.
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
    unlabelled: int = 0

    @property
    def share(self) -> float:
        """The budget as a share of the pool."""
        return self.labels / self.images

    @property
    def labels_per_class(self) -> float | None:
        """The budget over the number of classes."""
        return self.labels / self.classes if self.classes else None


def situation_of(audit: Audit, data: PoolDataset, labels: int, task: str | None, classes: int | None) -> Situation:
    """Return the measures of audited data and a budget, `labels` images; without task and classes the labels decide.

    Raises:
        UsageError: the budget or the task does not fit the data, or the task is unknown.
        DatasetError: none of the masks can be read.
    """
    images = audit.pool.readable
    if images < 2:
        raise UsageError(f"{audit.title} has {images} readable images in its pool; there is nothing to choose from.")
    if not 2 <= labels < images:
        raise UsageError(
            f"--labels is {labels:,}; it must be at least 2 and below the pool's {images:,} images, "
            "or there is nothing to choose."
        )
    seen = _seen(audit, data)
    if seen and task and seen != task:
        raise UsageError(f"--task is {task}, but the labels of {audit.title} are for {seen}; leave --task out.")
    if (task := task or seen) is None:
        raise UsageError(
            "Say what is to be learned: --task classification or --task segmentation (or --masks DIR, the labels)."
        )
    return Situation(
        audit.title,
        task,
        images,
        audit.distinct,
        audit.redundancy,
        labels,
        classes or _classes(audit, data, task),
        audit.sequences,
        tuple(problem.text for problem in audit.problems if problem.strict),
        audit.pool.unlabelled,
    )


def _seen(audit: Audit, data: PoolDataset) -> str | None:
    """Return the task that the labels are for; None without labels."""
    if not audit.pool.labels:
        return None
    if not isinstance(data, AuditFolder) and data.labels != "any":
        return TASKS[1] if data.labels == "pixel" else TASKS[0]
    if isinstance(data, AuditFolder) and not audit.per_pixel:
        first = next((finding.text for finding in audit.findings if finding.index >= 0), "")
        raise DatasetError(
            f"None of the masks in {data.masks} can be read. {first} Mend them, or leave --masks out and say "
            f"--task {TASKS[1]} --classes C."
        )
    return TASKS[1] if audit.per_pixel else TASKS[0]


def _classes(audit: Audit, data: PoolDataset, task: str) -> int | None:
    """Return the number of classes: the dataset's, the label ids in the masks, or the folders with images in them."""
    if not isinstance(data, AuditFolder):
        return len(data.class_names)
    if audit.pool.labels:
        return sum(each.pool_images > 0 for each in audit.classes) or None
    folders = class_folders(data) if task == TASKS[0] else []
    return len(folders) if len(folders) > 1 else None


def class_folders(data: AuditFolder) -> list[str]:
    """Return the folders with images in the pool's folder; each may be a class."""
    level = len(data.found.splits.train)
    parts = (data.found.inventory.below(image) for image, _ in data.found.train)
    return sorted({part[level] for part in parts if len(part) > level + 1})
