"""The audit: problems of a pool and its test set, found before training.

Every image and label is read once. Images are compared by a hash of their pixels and by a small descriptor. The result
depends neither on a network, nor on the number of processes, nor on chance.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath

from al_lightning.audits.folder import AuditFolder
from al_lightning.audits.groups import AuditedSet, compare, leakage
from al_lightning.audits.opinion import leak_with_cosine, opinion, with_cosines
from al_lightning.audits.page import page, pictures
from al_lightning.audits.problems import problems
from al_lightning.audits.result import SIDES, Audit, ClassFacts, Finding, Group, Leak, Opinion, SetFacts, Side
from al_lightning.audits.sequences import spans
from al_lightning.audits.vectors import Make
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import Images
from al_lightning.data.labelled_files import ClassFiles
from al_lightning.data.name_order import Place, places
from al_lightning.data.pool_split import Progress, Reading
from al_lightning.data.read import Contents, read
from al_lightning.duplicates.groups import Groups
from al_lightning.errors import ALError, DatasetError, UsageError
from al_lightning.labels.content import VOID, doubts
from al_lightning.runs.files import write_text

_SIZES = 5
"""Image sizes that audit.json lists."""


def audit(
    data: PoolDataset,
    title: str = "",
    *,
    sequence_pattern: str | None = None,
    workers: int | None = None,
    progress: Progress = lambda what, done, total: None,
    vectors: Make | None = None,
) -> Audit:
    """Audit a dataset.

    Images have the size that the dataset gives them, without augmentation. Memory grows by about 2 KB per image.

    Args:
        data: the dataset; `AuditFolder` for folders of images.
        title: name of the dataset; its folder by default.
        sequence_pattern: regular expression over the stems of file names, with groups `sequence` and `frame`; the
            dataset's own by default.
        workers: processes that read; by default one per core, at most eight. The result does not depend on it.
        progress: called with (what, done, total) to show progress.
        vectors: returns the images' vectors, for a second opinion; see `vectors.maker`.

    Raises:
        DatasetError: neither pool nor test set can be set up.
        UsageError: the pattern is not such an expression, or matches no name.
    """
    workers = min(8, os.cpu_count() or 1) if workers is None else workers
    with contextlib.suppress(DatasetError):  # `_sets` makes a finding of it
        data.find_split(Reading(progress=progress, workers=workers))
    sets, findings = _sets(data)
    classes = list(data.class_names)
    labelled = not (isinstance(data, AuditFolder) and data.masks is None)
    paths = {side: [images.name(index) for index in range(len(images))] for side, images in sets.items()}
    pattern = sequence_pattern or getattr(data, "sequence_pattern", None)
    times = {side: _times(paths[side], pattern) for side in SIDES}
    _check_pattern(pattern, paths, times)
    sequences = {side: _sequences(data, side, times[side]) for side in SIDES}
    notes = [remark.text for remark in data.remarks()] if not findings else []
    notes += _notes(len(sets["test"]), sequences["pool"], times, pattern)

    audited: dict[Side, AuditedSet] = {}
    compared: dict[Side, tuple[list[Group], Groups]] = {}
    for side, images in sets.items():
        contents = read(images, len(classes), labelled, workers, partial(progress, f"reading the {SIDES[side]}"))
        names = [path.removeprefix(f"{data.root}{os.sep}") for path in paths[side]]
        audited[side] = AuditedSet(side, names, paths[side], contents, sequences[side], classes)
        compared[side] = compare(audited[side], partial(progress, f"comparing the {SIDES[side]}"))
        findings += [Finding(side, index, names[index], kind, text) for index, kind, text in contents.troubles]
    pool, test = audited["pool"], audited["test"]
    leaks = leakage(test, pool, partial(progress, "comparing test set and pool"))
    both_sides = spans(times["pool"], times["test"], (pool.names, test.names))
    groups = [group for side in SIDES for group in compared[side][0]]
    second, groups, leaks = _second(vectors, audited, compared, groups, leaks, notes, progress)
    unlabelled = {side: audited[side].contents.unlabelled > 0 for side in SIDES}
    facts = _classes(data, pool.contents, test.contents) if labelled else ()
    grouped = compared["pool"][1]
    doubtful = [text for side in SIDES for text in doubts(audited[side].contents.labels, classes, f"the {SIDES[side]}")]
    result = Audit(
        title=title or str(data.root),
        pool=_facts(pool, compared["pool"][0], labelled),
        test=_facts(test, compared["test"][0], labelled),
        per_pixel=pool.contents.labels.per_pixel or test.contents.labels.per_pixel,
        redundancy=grouped.redundancy,
        distinct=round(grouped.distinct, 1),
        classes=facts,
        ignored=(round(pool.contents.labels.ignored, 6), round(test.contents.labels.ignored, 6)),
        groups=tuple(groups),
        leaks=tuple(leaks),
        spans=both_sides,
        findings=tuple(findings),
        notes=tuple(notes),
        problems=problems(leaks, both_sides, groups, findings, facts, len(sets["test"]), unlabelled, doubtful, second),
        opinion=second,
        sequences=len(set(sequences["pool"]) - {None}) or None,
    )
    return replace(result, pictures=pictures(result, sets))


def write(result: Audit, folder: Path) -> tuple[Path, Path]:
    """Write an audit as `audit.json` and `audit.html` into a folder, and return both paths.

    Raises:
        ALError: a file cannot be written.
    """
    paths = folder / "audit.json", folder / "audit.html"
    write_text(paths[0], json.dumps(result.values(), indent=1, ensure_ascii=False) + "\n")
    write_text(paths[1], page(result))
    return paths


def _second(
    make: Make | None,
    sets: dict[Side, AuditedSet],
    compared: dict[Side, tuple[list[Group], Groups]],
    groups: list[Group],
    leaks: list[Leak],
    notes: list[str],
    progress: Progress,
) -> tuple[Opinion | None, list[Group], list[Leak]]:
    """Return the second opinion, and groups and leaks with cosines; where there are no vectors, a note says why."""
    if make is None:
        return None, groups, leaks
    try:
        vectors = make({side: sets[side].contents.positions for side in SIDES})
    except DatasetError as error:  # what pixels tell is there already
        notes.append(f"There is no second opinion by vectors: {error}")
        return None, groups, leaks
    groups = [with_cosines(group, sets[group.side], vectors.of[group.side]) for group in groups]
    leaks = [leak_with_cosine(leak, sets, vectors) for leak in leaks]
    return opinion(sets, vectors, {side: compared[side][1] for side in SIDES}, leaks, progress), groups, leaks


def _sets(data: PoolDataset) -> tuple[dict[Side, Images], list[Finding]]:
    """Return pool and test set. If one cannot be set up, it is empty, and a finding gives the reason."""
    sets: dict[Side, Images] = {}
    findings: list[Finding] = []
    for side in SIDES:
        try:
            sets[side] = data.train if side == "pool" else data.test
        except DatasetError as error:
            if findings:
                raise
            findings.append(Finding(side, -1, str(data.root), "set cannot be set up", str(error)))
            sets[side] = ClassFiles([], [], None)
    return sets, findings


def _times(paths: Sequence[str], pattern: str | None) -> list[Place | None]:
    """Return the sequence and the frame in each image's name; None without a pattern, or where it does not match."""
    stems = [PurePath(path).stem for path in paths]
    return places(stems, pattern) if pattern is not None else [None] * len(stems)


def _sequences(data: PoolDataset, side: Side, times: Sequence[Place | None]) -> Sequence[str | int | None]:
    """Return each image's sequence, from the pattern or else from the pool."""
    if side == "pool" and not any(times):
        try:
            known = data.pool().sequence
        except ALError:
            known = None
        if known is not None and len(known) == len(times):
            return known
    return [place[0] if place else None for place in times]


def _check_pattern(pattern: str | None, paths: dict[Side, list[str]], times: dict[Side, list[Place | None]]) -> None:
    """Raise UsageError where a pattern matches no name."""
    names = [name for side in SIDES for name in paths[side]]
    if pattern is not None and names and not any(map(any, times.values())):
        raise UsageError(
            f"The sequence pattern {pattern!r} finds a sequence and a frame number in none of the {len(names):,} "
            f"images' names, for example {PurePath(names[0]).stem!r}."
        )


def _notes(
    test_images: int, sequences: Sequence[object], times: dict[Side, list[Place | None]], pattern: str | None
) -> list[str]:
    """Return which checks of sequences were not possible."""
    notes = []
    places = [place for side in SIDES for place in times[side]]
    if pattern is not None and (lost := places.count(None)):
        notes.append(
            f"In {lost:,} of {len(places):,} names the pattern finds no sequence and frame; no sequence is known of "
            "these images."
        )
    if not test_images:
        notes.insert(0, "There is no test set, so leakage was not looked for.")
        if pattern is None and not any(sequence is not None for sequence in sequences):
            notes.append(
                "Images of one video or one stack are alike: `--sequence-pattern` names sequences, within which "
                "near-duplicates are expected."
            )
        return notes
    if pattern is None:
        known = any(sequence is not None for sequence in sequences)
        unknown = "Sequences of the test images are" if known else "Sequences are"
        return [f"{unknown} not known, so none were searched for on both sides (`--sequence-pattern` names them)."]
    return notes


def _facts(audited: AuditedSet, groups: Sequence[Group], labelled: bool) -> SetFacts:
    contents = audited.contents
    sizes = sorted(contents.sizes.items(), key=lambda item: (-item[1], item[0]))
    return SetFacts(
        images=len(audited.names),
        readable=len(contents.positions),
        labels=labelled,
        unlabelled=contents.unlabelled,
        void_masks=sum(kind == VOID for _, kind, _ in contents.troubles),
        exact_repeats=sum(audited.repeated),
        near_repeats=sum(not member.exact for group in groups for member in group.members[1:]),
        sizes=tuple((*size, count) for size, count in sizes[:_SIZES]),
        all_sizes=len(sizes),
    )


def _classes(data: PoolDataset, pool: Contents, test: Contents) -> tuple[ClassFacts, ...]:
    """Return the counts of each class; for a folder without a mapping, of the label ids that occur."""
    columns = (pool.labels.pixels, pool.labels.images, test.labels.pixels, test.labels.images)
    counts = zip(*(column.tolist() for column in columns), strict=True)
    classes = [ClassFacts(name, *numbers) for name, numbers in zip(data.class_names, counts, strict=False)]
    every = not isinstance(data, AuditFolder)
    return tuple(facts for facts in classes if every or facts.pool_images or facts.test_images)
