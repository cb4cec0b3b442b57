"""The problems that an audit found, in sentences, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from al_lightning.audits.result import SIDES, ClassFacts, Finding, Group, Leak, Opinion, Problem, Side, Span
from al_lightning.labels.content import WORDS, absent_text, count_of, some

_WORDS = {**WORDS, "set cannot be set up": ("reason why nothing can be set up", "sets that cannot be set up")}


def problems(
    leaks: Sequence[Leak],
    spans: Sequence[Span],
    groups: Sequence[Group],
    findings: Sequence[Finding],
    classes: Sequence[ClassFacts],
    test_images: int,
    unlabelled: Mapping[Side, bool],
    doubts: Sequence[str],
    opinion: Opinion | None = None,
) -> tuple[Problem, ...]:
    """Return the problems.

    `unlabelled` says whether a set has images that people have not labelled yet; `doubts` are sentences on labels from
    which no network can learn.

    `--strict` does not fail because of near-duplicates within one sequence, which every video has and which the
    redundancy score measures, nor because of absent classes, nor because of what vectors alone call alike, which may
    be another picture of the same thing.
    """
    return (
        *_leakage(leaks),
        *_both_sides(spans, test_images),
        *(
            problem
            for side, name in SIDES.items()
            for problem in _repeats([group for group in groups if group.side == side], f"the {name}")
        ),
        *_mixed([*(group.classes for group in groups), *(leak.classes for leak in leaks)]),
        *_by_vectors(opinion),
        *_files(findings),
        *(Problem("labels", text) for text in doubts),
        *_absent("pool", unlabelled["pool"], [facts.name for facts in classes if not facts.pool_images]),
        *_absent(
            "test set",
            unlabelled["test"],
            [facts.name for facts in classes if test_images and not facts.test_images],
        ),
    )


def _leakage(leaks: Sequence[Leak]) -> Iterable[Problem]:
    exact = sum(leak.test.exact for leak in leaks)
    if exact:
        verb = "is" if exact == 1 else "are"
        yield Problem("leakage", f"{count_of(exact, 'test image')} {verb} in the pool too, pixel for pixel.")
    if near := len(leaks) - exact:
        text = f"{count_of(near, 'test image')} {_near(near)} of {'a pool image' if near == 1 else 'pool images'}."
        yield Problem("leakage", text)


def _both_sides(spans: Sequence[Span], test_images: int) -> Iterable[Problem]:
    if spans:
        lie = f"{count_of(len(spans), 'sequence')} {'lies' if len(spans) == 1 else 'lie'} on both sides"
        names, count = some([span.name for span in spans]), sum(span.test_images for span in spans)
        yield Problem("sequences", f"{lie} ({names}): {count:,} of {test_images:,} test images.")


def _repeats(groups: Sequence[Group], where: str) -> Iterable[Problem]:
    exact = sum(member.exact for group in groups for member in group.members)
    if exact:
        files = sum(member.same_file for group in groups for member in group.members)
        bytewise = f" ({'all' if files == exact else f'{files:,} of them'} byte for byte)" if files else ""
        what = "repeat another image" if exact > 1 else "repeats another image"
        yield Problem("duplicates", f"{count_of(exact, 'image')} of {where} {what} exactly{bytewise}.")
    for one_sequence, which in ((False, "another one"), (True, "another one of the same sequence")):
        members = [group.members[1:] for group in groups if group.one_sequence is one_sequence]
        near = sum(not member.exact for part in members for member in part)
        if near:
            text = f"{count_of(near, 'image')} of {where} {_near(near)} of {which}."
            yield Problem("near-duplicates", text, strict=not one_sequence)


def _mixed(classes: Sequence[Sequence[str]]) -> Iterable[Problem]:
    if count := sum(map(bool, classes)):
        yield Problem("labels", f"{count:,} times the same picture has different classes.")


def _by_vectors(opinion: Opinion | None) -> Iterable[Problem]:
    if opinion is None:
        return
    for count, what, where, kind in (
        (opinion.leaks.vectors, "test image", "one of the pool", "leakage"),
        (opinion.pool.vectors, "image of the pool", "another one", "near-duplicates"),
        (opinion.test.vectors, "image of the test set", "another one", "near-duplicates"),
    ):
        if count:
            images = count_of(count, what, what.replace("image", "images"))
            alike = f"{images} {'is' if count == 1 else 'are'} like {where} by vectors alone"
            yield Problem(kind, f"{alike} (cosine {opinion.threshold:g} or more); look at them.", strict=False)


def _files(findings: Sequence[Finding]) -> Iterable[Problem]:
    for side, name in SIDES.items():
        kinds = Counter(finding.kind for finding in findings if finding.side == side)
        if kinds:
            counts = ", ".join(count_of(count, *_WORDS.get(kind, (kind,))) for kind, count in sorted(kinds.items()))
            yield Problem("files", f"Files of the {name}: {counts}.")


def _absent(where: str, unlabelled: bool, names: Sequence[str]) -> Iterable[Problem]:
    if text := absent_text(f"the labelled images of the {where}" if unlabelled else f"the {where}", names):
        yield Problem("classes", text, strict=False)


def _near(count: int) -> str:
    return "is a near-duplicate" if count == 1 else "are near-duplicates"
