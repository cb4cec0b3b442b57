"""Duplicates, near-duplicates and leakage among the images of a dataset."""

from __future__ import annotations

import filecmp
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from al_lightning.audits.result import Group, Leak, Member, Side
from al_lightning.data.read import Contents
from al_lightning.duplicates.descriptor import Descriptors
from al_lightning.duplicates.groups import Groups, group
from al_lightning.duplicates.relation import Advance, Reals, nearest


@dataclass(frozen=True)
class AuditedSet:
    """The pool or the test set, as it was read. A `place` counts the readable images; a position counts all.

    Attributes:
        side: which set.
        names: names of all images, as the audit shows them.
        paths: names of all images, as the dataset gives them.
        contents: what was read.
        sequence: each image's sequence; None if unknown.
        classes: names of the classes.
    """

    side: Side
    names: Sequence[str]
    paths: Sequence[str]
    contents: Contents
    sequence: Sequence[str | int | None]
    classes: Sequence[str]

    @cached_property
    def descriptors(self) -> Descriptors:
        """Descriptors of the readable images."""
        return Descriptors.of(self.contents.descriptors)

    @cached_property
    def repeated(self) -> list[bool]:
        """For each readable image, whether an earlier image has equal pixels."""
        return [first < place for place, first in enumerate(self.descriptors.first.tolist())]

    @cached_property
    def place_of(self) -> dict[int, int]:
        """The place of each readable image's position."""
        return {index: place for place, index in enumerate(self.contents.positions)}

    def path(self, place: int) -> str:
        """Return the dataset's name of an image, usually its file."""
        return self.paths[self.contents.positions[place]]

    def member(self, place: int, exact: bool, same_file: bool, similarity: float) -> Member:
        """Return an image as a member of a group or leak."""
        index = self.contents.positions[place]
        return Member(index, self.names[index], exact, same_file, round(float(similarity), 3))

    def class_names(self, *places: int) -> set[str]:
        """Return the classes of some images; none for images without a class."""
        numbers = {self.contents.classes[place] for place in places}
        return {self.classes[number] for number in numbers if number >= 0}


def compare(images: AuditedSet, advance: Advance) -> tuple[list[Group], Groups]:
    """Group a set's images by the leader rule.

    Returns:
        Groups of two or more images, in the order of their first images; the grouping of all images.
    """
    groups = group(images.descriptors, advance)
    return [as_group(images, places, groups.similarity) for places in gathered(groups)], groups


def gathered(groups: Groups) -> list[list[int]]:
    """Return the images of each group of two or more, in the order of their first images."""
    members = defaultdict(list)
    for place, leader in enumerate(groups.leader.tolist()):
        members[leader].append(place)
    return [places for _, places in sorted(members.items()) if len(places) > 1]


def as_group(images: AuditedSet, places: Sequence[int], similarity: Mapping[int, float] | Reals) -> Group:
    """Return images as a group; `similarity` has that of each image to the first of them."""
    members = []
    for place in places:
        exact = images.repeated[place]
        same = exact and _same_file(images.path(int(images.descriptors.first[place])), images.path(place))
        members.append(images.member(place, exact, same, similarity[place]))
    sequences = {images.sequence[member.index] for member in members}
    one_sequence = len(sequences) == 1 and None not in sequences
    return Group(images.side, tuple(members), one_sequence, _several(images.class_names(*places)))


def leakage(test: AuditedSet, pool: AuditedSet, advance: Advance) -> list[Leak]:
    """Return the test images with duplicates or near-duplicates in the pool, each with the most similar pool image."""
    pool_places, similarities = nearest(test.descriptors, pool.descriptors, advance)
    leaks = []
    for place, pool_place in enumerate(pool_places.tolist()):
        if pool_place < 0:
            continue
        leaks.append(as_leak(test, place, pool, pool_place, similarities[place]))
    return leaks


def as_leak(test: AuditedSet, place: int, pool: AuditedSet, pool_place: int, similarity: float) -> Leak:
    """Return a test image and a pool image as a leak."""
    exact = bool(test.descriptors.pixels[place] == pool.descriptors.pixels[pool_place])
    same = exact and _same_file(test.path(place), pool.path(pool_place))
    return Leak(
        test.member(place, exact, same, similarity),
        pool.member(pool_place, exact, same, similarity),
        _several(test.class_names(place) | pool.class_names(pool_place)),
    )


def _several(classes: set[str]) -> tuple[str, ...]:
    """Return the names of classes if there are two or more."""
    return tuple(sorted(classes)) if len(classes) > 1 else ()


def _same_file(first: str, second: str) -> bool:
    """Return whether two names are files that are equal byte for byte."""
    try:
        return Path(first).is_file() and Path(second).is_file() and filecmp.cmp(first, second, shallow=False)
    except (OSError, ValueError):
        return False
