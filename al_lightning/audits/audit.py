"""The audit: what is wrong with a pool and its test set, before anything is trained on them.

Every image and label is read once; images are compared by a hash of their pixels and by a small descriptor; nothing
depends on a network, on the number of processes, or on chance.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from al_lightning.audits.figures import shown
from al_lightning.audits.folder import AuditFolder, FolderImages
from al_lightning.audits.groups import Seen, compare, leakage
from al_lightning.audits.page import page
from al_lightning.audits.pictures import pictures
from al_lightning.audits.problems import problems, side_name
from al_lightning.audits.read import VOID, VOID_MASK, Contents, read
from al_lightning.audits.result import Audit, ClassFacts, Finding, Group, SetFacts, Side
from al_lightning.audits.sequences import Place, places, spans
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import Images
from al_lightning.duplicates.groups import Groups
from al_lightning.duplicates.relation import Advance
from al_lightning.errors import ALError, DatasetError
from al_lightning.runs.files import write_text

Progress = Callable[[str, int, int], None]
"""Is told (what, done, total) now and then."""
SIDES: tuple[Side, Side] = ("pool", "test")
_SIZES = 5


def audit(
    data: PoolDataset,
    title: str = "",
    *,
    sequence_pattern: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Look a dataset over.

    Images are seen as the dataset gives them: at its size, without augmentation. Memory grows by about 2 KB an image.

    Args:
        data: the dataset, or `AuditFolder` for mere folders.
        title: what it is called; by default its folder.
        sequence_pattern: regular expression over files' names without ending, with groups `sequence` and `frame`; by
            default the dataset's own, where it has one.
        workers: processes that read; by default one per core, at most eight. The result does not depend on it.
        progress: is told what is done.

    Raises:
        DatasetError: neither pool nor test set can be set up.
        UsageError: the pattern is none.
    """
    workers = min(8, os.cpu_count() or 1) if workers is None else workers
    sets, findings = _sets(data)
    classes = list(data.class_names)
    labelled = not (isinstance(data, AuditFolder) and data.masks is None)
    names = {side: [images.name(index) for index in range(len(images))] for side, images in sets.items()}
    pattern = sequence_pattern or getattr(data, "sequence_pattern", None)
    times = {side: places(names[side], pattern) for side in SIDES}
    notes = _time_notes(data, sets, times, pattern)

    seen: dict[Side, Seen] = {}
    compared: dict[Side, tuple[list[Group], Groups]] = {}
    for side, images in sets.items():
        contents = read(images, len(classes), labelled, workers, _advance(progress, f"reading the {side_name(side)}"))
        order = _sequences(data, side, times[side])
        seen[side] = Seen(side, _short(data, names[side]), names[side], contents, order, classes)
        compared[side] = compare(seen[side], _advance(progress, f"comparing the {side_name(side)}"))
        findings += [
            Finding(side, trouble.index, seen[side].names[trouble.index], trouble.kind, trouble.text)
            for trouble in contents.troubles
        ]
    leaks = leakage(seen["test"], seen["pool"], _advance(progress, "comparing test set and pool"))
    crossing = spans(times["pool"], times["test"], (seen["pool"].names, seen["test"].names))
    groups = [group for side in SIDES for group in compared[side][0]]
    counts = _classes(data, seen) if labelled else ()
    mass = compared["pool"][1].mass
    distinct = float((1 / mass).sum())
    found = Audit(
        title or str(data.root),
        _facts(seen["pool"], *compared["pool"], labelled),
        _facts(seen["test"], *compared["test"], labelled),
        any(one.contents.per_pixel for one in seen.values()),
        round(1 - distinct / len(mass), 4) if len(mass) else 0.0,
        round(distinct, 1),
        counts,
        (_ignored(seen["pool"].contents), _ignored(seen["test"].contents)),
        tuple(groups),
        tuple(leaks),
        crossing,
        tuple(findings),
        tuple(notes),
        problems(leaks, crossing, groups, findings, counts, len(sets["test"])),
    )
    return replace(found, pictures=pictures(sets, shown(found)))


def write(found: Audit, folder: Path) -> tuple[Path, Path]:
    """Write an audit as `audit.json` and `audit.html` into a folder, and return the two paths.

    Raises:
        ALError: they cannot be written.
    """
    paths = folder / "audit.json", folder / "audit.html"
    write_text(paths[0], json.dumps(found.values(), indent=1, ensure_ascii=False) + "\n")
    write_text(paths[1], page(found))
    return paths


def _advance(progress: Progress | None, what: str) -> Advance | None:
    if progress is None:
        return None
    return lambda done, total: progress(what, done, total)


def _sets(data: PoolDataset) -> tuple[dict[Side, Images], list[Finding]]:
    """Return pool and test set; one that cannot be set up is empty, and a finding says why."""
    sets: dict[Side, Images] = {}
    findings: list[Finding] = []
    for side in SIDES:
        try:
            sets[side] = data.train if side == "pool" else data.test
        except DatasetError as error:
            if findings:
                raise
            findings.append(Finding(side, -1, str(data.root), "set cannot be set up", str(error)))
            sets[side] = FolderImages([])
    return sets, findings


def _short(data: PoolDataset, names: Sequence[str]) -> list[str]:
    """Return names below the dataset's folder."""
    return [name.removeprefix(f"{data.root}{os.sep}") for name in names]


def _sequences(data: PoolDataset, side: Side, times: Sequence[Place | None]) -> Sequence[str | int | None]:
    """Return each image's sequence: by the pattern, else as the pool knows it."""
    if side == "pool" and not any(times):
        try:
            known = data.pool().sequence
        except ALError:
            known = None
        if known is not None and len(known) == len(times):
            return known
    return [place[0] if place else None for place in times]


def _time_notes(
    data: PoolDataset, sets: dict[Side, Images], times: dict[Side, list[Place | None]], pattern: str | None
) -> list[str]:
    """Return what could not be said about sequences."""
    if not len(sets["test"]):
        return ["There is no test set, so nothing was compared with one."]
    if pattern is None:
        known = any(place is not None for place in _sequences(data, "pool", times["pool"]))
        so = "The pool has sequences, but the test images' are not known" if known else "No sequences are known"
        return [f"{so}: whether a sequence lies on both sides was not looked at (`--sequence-pattern` names them)."]
    lost = sum(place is None for side in SIDES for place in times[side])
    return [f"In {lost:,} names the pattern finds no sequence and frame; they were left out there."] if lost else []


def _facts(seen: Seen, groups: Sequence[Group], compared: Groups, labelled: bool) -> SetFacts:
    sizes = sorted(seen.contents.sizes.items(), key=lambda item: (-item[1], item[0]))
    return SetFacts(
        len(seen.names),
        len(seen.contents.positions),
        labelled,
        sum(trouble.kind == VOID_MASK for trouble in seen.contents.troubles),
        sum(seen.repeated),
        sum(not member.exact for group in groups for member in group.members[1:]),
        tuple((*size, count) for size, count in sizes[:_SIZES]),
        len(sizes),
    )


def _classes(data: PoolDataset, seen: dict[Side, Seen]) -> tuple[ClassFacts, ...]:
    """Return the classes' counts; of folders without a mapping, the label ids that occur."""
    pool, test = seen["pool"].contents, seen["test"].contents
    found = [
        ClassFacts(
            name, int(pool.pixels[value]), int(pool.images[value]), int(test.pixels[value]), int(test.images[value])
        )
        for value, name in enumerate(data.class_names)
    ]
    return tuple(one for one in found if not isinstance(data, AuditFolder) or one.pool_images or one.test_images)


def _ignored(contents: Contents) -> float:
    """Return the share of pixels that say ignore."""
    if not contents.per_pixel:
        return 0.0
    return round(float(contents.pixels[VOID] / max(1, contents.pixels.sum())), 6)
