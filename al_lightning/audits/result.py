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
    `cosine`: of the vectors of the same two images; None where there are no vectors.
    """

    index: int
    name: str
    exact: bool
    same_file: bool
    similarity: float
    cosine: float | None = None


@dataclass(frozen=True)
class Group:
    """Images of one set that are duplicates or near-duplicates of the first of them.

    Attributes:
        side: the set.
        members: two or more; `exact`, `similarity` and `cosine` of the first have no meaning.
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
class Agreement:
    """How many images pixels and vectors both call alike to another one, pixels alone, and vectors alone."""

    both: int
    pixels: int
    vectors: int


@dataclass(frozen=True)
class Opinion:
    """What the vectors of an encoder say about the images, beside their pixels.

    Attributes:
        encoder: its name, or the file of the vectors.
        numbers: numbers of a vector.
        threshold: least cosine of two images that are alike by their vectors.
        usual: median cosine of two images of the pool, and that which 1 pair in 1,000 exceeds; None for fewer than two.
        pool: images that repeat an earlier one of the pool.
        test: images that repeat an earlier one of the test set.
        leaks: test images that are like an image of the pool.
        groups: images that are alike by their vectors, where at least one repeats another by its vectors alone.
        alone: test images that are like an image of the pool by their vectors alone, each with the most similar one.
    """

    encoder: str
    numbers: int
    threshold: float
    usual: tuple[float, float] | None
    pool: Agreement
    test: Agreement
    leaks: Agreement
    groups: tuple[Group, ...]
    alone: tuple[Leak, ...]


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
        opinion: that of vectors; None where it was not asked for, and then not in JSON.
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
    opinion: Opinion | None = None
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
        if self.opinion is None:
            del values["opinion"]
            members = [member for group in values["groups"] for member in group["members"]]
            for member in [*members, *(leak[side] for leak in values["leaks"] for side in SIDES)]:
                del member["cosine"]
        return {**values, "fails": self.fails}
