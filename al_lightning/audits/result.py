"""The result of an audit as values: all that the summary, the page and audit.json show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Side = Literal["pool", "test"]
SIDES: Mapping[Side, str] = {"pool": "pool", "test": "test set"}
"""The two sets and their names in texts."""


@dataclass(frozen=True)
class SetFacts:
    """A set in numbers.

    Attributes:
        images: number of images.
        readable: number of images that could be read.
        labels: whether labels were read.
        unlabelled: number of readable images that people have not labelled yet.
        void_masks: masks that are 255 (ignore) at every pixel.
        exact_repeats: images whose pixels are equal to those of an earlier image.
        near_repeats: other images that are near-duplicates of the first image of their group.
        sizes: (height, width, images) of the commonest sizes, as the dataset returns them.
        all_sizes: number of different sizes.
    """

    images: int
    readable: int
    labels: bool
    unlabelled: int
    void_masks: int
    exact_repeats: int
    near_repeats: int
    sizes: tuple[tuple[int, int, int], ...]
    all_sizes: int


@dataclass(frozen=True)
class Member:
    """An image of a group or a leak: position, name, and similarity to the first image, or to the leak's other image.

    `exact`: whether their pixels are equal (in a group, to those of an earlier image). `same_file`: the files, too.
    """

    index: int
    name: str
    exact: bool
    same_file: bool
    similarity: float


@dataclass(frozen=True)
class Group:
    """Images of one set that are duplicates or near-duplicates of the first of them.

    Attributes:
        side: the set.
        members: two or more; `exact` and `similarity` of the first have no meaning.
        one_sequence: whether all come from one sequence, like neighbouring frames of a video.
        classes: names of their classes if these differ; otherwise empty.
    """

    side: Side
    members: tuple[Member, ...]
    one_sequence: bool
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Leak:
    """A test image with a duplicate or near-duplicate in the pool.

    Attributes:
        test: the test image.
        pool: the most similar pool image.
        classes: names of the two classes if they differ; otherwise empty.
    """

    test: Member
    pool: Member
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Span:
    """A sequence with images in the pool and in the test set.

    Attributes:
        name: name of the sequence.
        pool_images: number of images in the pool.
        test_images: number of images in the test set.
        gap: difference of frame numbers of the closest two images.
        closest: their positions, (pool, test).
        closest_names: their names.
    """

    name: str
    pool_images: int
    test_images: int
    gap: int
    closest: tuple[int, int]
    closest_names: tuple[str, str]


@dataclass(frozen=True)
class ClassFacts:
    """A class: its pixels (images if labels are per image) and its images, in the pool and in the test set."""

    name: str
    pool_pixels: int
    pool_images: int
    test_pixels: int
    test_images: int


@dataclass(frozen=True)
class Finding:
    """A damaged or inconsistent file: set, position (-1 for the whole set), name, kind of problem, and a sentence."""

    side: Side
    index: int
    name: str
    kind: str
    text: str


@dataclass(frozen=True)
class Problem:
    """A problem of the dataset, in a sentence.

    Attributes:
        kind: `leakage`, `sequences`, `duplicates`, `near-duplicates`, `labels`, `files` or `classes`.
        text: the sentence.
        strict: whether `--strict` fails because of it.
    """

    kind: str
    text: str
    strict: bool = True


@dataclass(frozen=True)
class Audit:
    """The result of an audit.

    Attributes:
        title: name of the dataset.
        pool: the pool in numbers.
        test: the test set in numbers.
        per_pixel: whether labels are per pixel.
        redundancy: the pool's redundancy score, 0 to 1.
        distinct: effective number of distinct images in the pool.
        classes: in the order of their labels.
        ignored: shares of ignored pixels in the pool and in the test set.
        groups: duplicates and near-duplicates, in the order of their first images.
        leaks: in the order of the test images.
        spans: sequences in both sets.
        findings: damaged or inconsistent files.
        notes: checks that were not possible.
        problems: the worst first.
        sequences: number of sequences that the pool's images come from; None where unknown. Not for JSON.
        pictures: (side, position) to a small JPEG, for the images on the page. Not for JSON.
    """

    title: str
    pool: SetFacts
    test: SetFacts
    per_pixel: bool
    redundancy: float
    distinct: float
    classes: tuple[ClassFacts, ...]
    ignored: tuple[float, float]
    groups: tuple[Group, ...]
    leaks: tuple[Leak, ...]
    spans: tuple[Span, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]
    sequences: int | None = None
    pictures: Mapping[tuple[Side, int], bytes] = field(default_factory=dict, repr=False)

    @property
    def fails(self) -> bool:
        """Whether `--strict` exits with 1."""
        return any(problem.strict for problem in self.problems)

    def values(self) -> dict[str, Any]:
        """Return what audit.json has."""
        values = asdict(self)
        del values["pictures"], values["sequences"]
        return {**values, "fails": self.fails}
