"""Duplicates, near-duplicates and leakage, from what was read of a set."""

from __future__ import annotations

import filecmp
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from al_lightning.audits.read import Contents
from al_lightning.audits.result import Group, Leak, Member, Side
from al_lightning.duplicates.descriptor import Descriptors
from al_lightning.duplicates.groups import Groups, group
from al_lightning.duplicates.relation import Advance, nearest


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
    def descriptors(self) -> Descriptors:
        """Of the images that were read."""
        return Descriptors.of(self.contents.descriptors)

    @cached_property
    def repeated(self) -> list[bool]:
        """Whether each image's pixels occurred before it."""
        return [first < place for place, first in enumerate(self.descriptors.first.tolist())]

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


def compare(seen: Seen, advance: Advance | None = None) -> tuple[list[Group], Groups]:
    """Group a set's images by the leader rule.

    Returns:
        Groups of two or more, in the order of their first images; and what they were made from.
    """
    found = group(seen.descriptors, advance)
    members = defaultdict(list)
    for place, leader in enumerate(found.leader.tolist()):
        members[leader].append(place)
    groups = [_group(seen, members[leader], found) for leader in sorted(members) if len(members[leader]) > 1]
    return groups, found


def _group(seen: Seen, places: Sequence[int], found: Groups) -> Group:
    members = []
    for place in places:
        exact = seen.repeated[place]
        same = exact and same_file(seen.path(int(seen.descriptors.first[place])), seen.path(place))
        similarity = round(float(found.similarity[place]), 3)
        members.append(Member(seen.contents.positions[place], seen.name(place), exact, same, similarity))
    sequences = {seen.sequence[member.index] for member in members}
    classes = sorted(seen.class_names(*places))
    return Group(
        seen.side, tuple(members), len(sequences) == 1 and None not in sequences, tuple(classes if classes[1:] else ())
    )


def leakage(test: Seen, pool: Seen, advance: Advance | None = None) -> list[Leak]:
    """Return the test images that are in the pool, pixel by pixel or nearly, each with the pool's most similar one."""
    others, similarity = nearest(test.descriptors, pool.descriptors, advance)
    leaks = []
    for place, other in enumerate(others.tolist()):
        if other < 0:
            continue
        exact = bool(test.descriptors.pixels[place] == pool.descriptors.pixels[other])
        same = exact and same_file(test.path(place), pool.path(other))
        near = round(float(similarity[place]), 3)
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
