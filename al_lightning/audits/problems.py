"""What an audit holds against the data, in sentences, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from al_lightning.audits.result import ClassFacts, Finding, Group, Leak, Problem, Side, Span


def problems(
    leaks: Sequence[Leak],
    spans: Sequence[Span],
    groups: Sequence[Group],
    findings: Sequence[Finding],
    classes: Sequence[ClassFacts],
    test_images: int,
) -> tuple[Problem, ...]:
    """Return the problems.

    Near-duplicates that are neighbours in one sequence are no ground for `--strict` to fail: a video has them, and the
    redundancy score measures them. Nor are classes that a set lacks.
    """
    found = []
    exact, near = (sum(leak.test.exact is wanted for leak in leaks) for wanted in (True, False))
    if exact:
        found.append(
            Problem("leakage", f"{_images(exact, 'test image')} {_is(exact)} in the pool too, pixel for pixel.")
        )
    if near:
        text = f"{_images(near, 'test image')} {_near(near)} of {'a pool image' if near == 1 else 'pool images'}."
        found.append(Problem("leakage", text))
    if spans:
        count = sum(span.test_images for span in spans)
        lie = f"{_images(len(spans), 'sequence')} lie{'s' if len(spans) == 1 else ''} on both sides"
        text = f"{lie} ({_some([span.name for span in spans])}): {count:,} of {test_images:,} test images."
        found.append(Problem("sequences", text))
    for side, what in (("pool", "the pool"), ("test", "the test set")):
        found += _repeats([group for group in groups if group.side == side], what)
    mixed = sum(bool(group.classes) for group in groups) + sum(bool(leak.classes) for leak in leaks)
    if mixed:
        found.append(Problem("labels", f"{mixed:,} times the same picture has different classes."))
    for side, what in (("pool", "the pool"), ("test", "the test set")):
        kinds = Counter(finding.kind for finding in findings if finding.side == side)
        if kinds:
            said = ", ".join(_kind(kind, count) for kind, count in sorted(kinds.items()))
            found.append(Problem("files", f"Files of {what}: {said}."))
    return (*found, *_absent(classes, test_images))


def _repeats(groups: Sequence[Group], where: str) -> list[Problem]:
    found = []
    exact = sum(member.exact for group in groups for member in group.members)
    if exact:
        files = sum(member.same_file for group in groups for member in group.members)
        bytewise = f" ({'all' if files == exact else f'{files:,} of them'} byte for byte)" if files else ""
        what = "repeat another image" if exact > 1 else "repeats another image"
        found.append(Problem("duplicates", f"{_images(exact, 'image')} of {where} {what} exactly{bytewise}."))
    for one_sequence in (False, True):
        chosen = [group for group in groups if group.one_sequence is one_sequence]
        near = sum(not member.exact for group in chosen for member in group.members[1:])
        if near:
            text = f"{_images(near, 'image')} of {where} {_near(near)} of another one"
            text += " of the same sequence" if one_sequence else ""
            found.append(Problem("near-duplicates", f"{text}.", strict=not one_sequence))
    return found


def _absent(classes: Sequence[ClassFacts], test_images: int) -> list[Problem]:
    found = []
    for what, names in (
        ("the pool", [one.name for one in classes if not one.pool_images]),
        ("the test set", [one.name for one in classes if not one.test_images] if test_images else []),
    ):
        if names:
            classes_ = "class is" if len(names) == 1 else "classes are"
            found.append(
                Problem("classes", f"{len(names)} {classes_} absent from {what}: {_some(names)}.", strict=False)
            )
    return found


def side_name(side: Side) -> str:
    """Return what a person calls a set."""
    return "pool" if side == "pool" else "test set"


def _kind(kind: str, count: int) -> str:
    """Return how many there are of a kind of trouble."""
    plural = {
        "sizes differ": "images and labels of different sizes",
        "label id outside the mapping": "labels with ids outside the mapping",
        "mask all void": "masks that are all void",
        "set cannot be set up": "sets that cannot be set up",
    }
    single = {
        "sizes differ": "image and label of different sizes",
        "label id outside the mapping": "label with ids outside the mapping",
        "mask all void": "mask that is all void",
        "set cannot be set up": "reason why nothing can be set up",
    }
    return f"{count:,} {plural.get(kind, f'{kind}s') if count > 1 else single.get(kind, kind)}"


def _images(count: int, what: str) -> str:
    return f"{count:,} {what}{_s(count)}"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _near(count: int) -> str:
    return "is a near-duplicate" if count == 1 else "are near-duplicates"


def _s(count: int) -> str:
    return "s" if count != 1 else ""


def _some(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
