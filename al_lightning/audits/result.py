"""What an audit found, as values: all that the summary, the page and audit.json say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Side = Literal["pool", "test"]


@dataclass(frozen=True)
class SetFacts:
    """A set in numbers.

    Attributes:
        images: in the set.
        readable: of these.
        labels: whether labels were looked at.
        void_masks: masks that say ignore everywhere.
        exact_repeats: images whose pixels are equal to those of an image before them.
        near_repeats: further images that are near-duplicates of the first of their group.
        sizes: [height, width, images] of the commonest sizes, as the dataset gives them.
        all_sizes: how many sizes there are.
    """

    images: int
    readable: int
    labels: bool
    void_masks: int
    exact_repeats: int
    near_repeats: int
    sizes: tuple[tuple[int, int, int], ...]
    all_sizes: int


@dataclass(frozen=True)
class Member:
    """An image of a group: position, name, whether its pixels occurred before, and its similarity to the first."""

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
        members: two or more; of the first, `exact` and `similarity` mean nothing.
        one_sequence: whether all come from one sequence, as neighbours in a video do.
        classes: names of their classes, where these differ; empty otherwise.
    """

    side: Side
    members: tuple[Member, ...]
    one_sequence: bool
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Leak:
    """A test image that is in the pool too, or nearly.

    Attributes:
        test: position and name of the test image; `exact` where the pixels are equal.
        pool: of the pool image that is most like it.
        classes: names of the two classes, where they differ; empty otherwise.
    """

    test: Member
    pool: Member
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Span:
    """A sequence that has images in the pool and in the test set.

    Attributes:
        name: of the sequence.
        pool_images: how many are in the pool.
        test_images: how many are in the test set.
        gap: frame numbers between the two that are closest.
        closest: positions of these two, (pool, test).
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
    """A class: its pixels (images where there is a class per image) and images in the pool and in the test set."""

    name: str
    pool_pixels: int
    pool_images: int
    test_pixels: int
    test_images: int


@dataclass(frozen=True)
class Finding:
    """A file with something wrong: which set, position (-1 for the set as a whole), name, kind, and a sentence."""

    side: Side
    index: int
    name: str
    kind: str
    text: str


@dataclass(frozen=True)
class Problem:
    """What the audit holds against the data, in a sentence.

    Attributes:
        kind: `leakage`, `sequences`, `duplicates`, `near-duplicates`, `labels`, `files` or `classes`.
        text: the sentence.
        strict: whether `--strict` fails for it.
    """

    kind: str
    text: str
    strict: bool = True


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        title: what was audited.
        pool: the pool in numbers.
        test: the test set in numbers.
        per_pixel: whether there is a class per pixel.
        redundancy: the pool's redundancy score, 0 to 1.
        distinct: the effective number of distinct images that it follows from.
        classes: in the order of their labels.
        ignored: shares of pixels to be ignored, in pool and test set.
        groups: of duplicates and near-duplicates, in the order of their first images.
        leaks: in the order of the test images.
        spans: sequences on both sides.
        findings: what is wrong with which file.
        notes: what the audit could not look at.
        problems: what it holds against the data, the worst first.
        pictures: (side, position) to a small JPEG, for the images that the page shows.
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
    pictures: Mapping[tuple[Side, int], bytes] = field(default_factory=dict, repr=False)

    @property
    def fails(self) -> bool:
        """Whether `--strict` exits with 1."""
        return any(problem.strict for problem in self.problems)

    def values(self) -> dict[str, Any]:
        """Return everything but the pictures, ready for JSON."""
        found = asdict(self)
        del found["pictures"]
        return {**found, "fails": self.fails}
