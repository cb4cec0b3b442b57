"""Duplicates, near-duplicates and leakage, from what was read of a set."""

from __future__ import annotations

import filecmp
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from al_lightning.audits.neighbours import Advance, Indices, Within, across, within
from al_lightning.audits.read import Contents
from al_lightning.audits.result import Group, Leak, Member, Side


@dataclass(frozen=True)
class Seen:
    """What was seen of a set.

    Attributes:
        side: which set it is.
        names: of all its images, as shown.
        paths: of all its images, as the set names them.
        contents: what was read of them.
        sequence: the sequence of each image, None where it is not known.
        classes: names of the classes.
    """

    side: Side
    names: Sequence[str]
    paths: Sequence[str]
    contents: Contents
    sequence: Sequence[str | int | None]
    classes: Sequence[str]

    @cached_property
    def first(self) -> Indices:
        """For each image that was read, the place of the first with the same pixels, (N,) int64."""
        places: dict[bytes, int] = {}
        hashes = self.contents.hashes
        return np.array([places.setdefault(key, place) for place, key in enumerate(hashes)], dtype=np.int64)

    @cached_property
    def repeated(self) -> list[bool]:
        """Whether each image's pixels occurred before it."""
        return [bool(first < place) for place, first in enumerate(self.first)]

    def name(self, place: int) -> str:
        """Return the name of an image that was read."""
        return self.names[self.contents.positions[place]]

    def path(self, place: int) -> str:
        """Return the file of an image that was read, or what the set calls it."""
        return self.paths[self.contents.positions[place]]

    def class_names(self, *places: int) -> set[str]:
        """Return the classes of some images that have one each."""
        found = {self.contents.classes[place] for place in places}
        return {self.classes[number] for number in found if number >= 0}


def compare(seen: Seen, advance: Advance | None = None) -> tuple[list[Group], Within]:
    """Group a set's images: duplicates and near-duplicates of the first of their group (see `within`).

    Returns:
        Groups of two or more, in the order of their first images; and the comparison, in which the groups of equal
        images and their `mass` are right even where the images are flat and their descriptors empty.
    """
    found = within(seen.contents.descriptors(), advance)
    if not len(seen.first):
        return [], found
    first = seen.first
    leader = found.leader[first]
    mass = np.maximum(found.mass, np.bincount(first, minlength=len(first))[first])
    members = defaultdict(list)
    for place, head in enumerate(leader.tolist()):
        members[head].append(place)
    groups = [_group(seen, members[head], found) for head in sorted(members) if len(members[head]) > 1]
    return groups, Within(mass, leader, found.similarity)


def _group(seen: Seen, places: Sequence[int], found: Within) -> Group:
    members = []
    for place in places:
        exact, first = seen.repeated[place], int(seen.first[place])
        same = exact and same_file(seen.path(first), seen.path(place))
        # Of equal images, the first one's similarity counts: it may be that of a flat image to itself.
        similarity = round(float(found.similarity[first]), 3)
        members.append(Member(seen.contents.positions[place], seen.name(place), exact, same, similarity))
    sequences = {seen.sequence[member.index] for member in members}
    classes = sorted(seen.class_names(*places))
    return Group(
        seen.side, tuple(members), len(sequences) == 1 and None not in sequences, tuple(classes if classes[1:] else ())
    )


def leakage(test: Seen, pool: Seen, advance: Advance | None = None) -> list[Leak]:
    """Return the test images that are in the pool, pixel by pixel or nearly, each with the pool's most similar one."""
    nearest, similarity = across(test.contents.descriptors(), pool.contents.descriptors(), advance)
    equal: dict[bytes, int] = {}
    for place, key in enumerate(pool.contents.hashes):
        equal.setdefault(key, place)
    leaks = []
    for place, key in enumerate(test.contents.hashes):
        exact = key in equal
        other = equal.get(key, int(nearest[place]))
        if other < 0:
            continue
        same = exact and same_file(test.path(place), pool.path(other))
        near = 1.0 if exact else round(float(similarity[place]), 3)
        classes = test.class_names(place) | pool.class_names(other)
        leaks.append(
            Leak(
                Member(test.contents.positions[place], test.name(place), exact, same, near),
                Member(pool.contents.positions[other], pool.name(other), exact, same, near),
                tuple(sorted(classes)) if len(classes) > 1 else (),
            )
        )
    return leaks


def same_file(one: str, other: str) -> bool:
    """Return whether two images are files that are equal byte for byte; False where they are no files."""
    try:
        return Path(one).is_file() and Path(other).is_file() and filecmp.cmp(one, other, shallow=False)
    except (OSError, ValueError):
        return False
