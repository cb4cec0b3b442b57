"""Reads labels from files in any of the formats; each file's format is recognised by its content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

from al_lightning.errors import UsageError, nearest
from al_lightning.labels.archive import Archive
from al_lightning.labels.filenames import Ranked
from al_lightning.labels.formats import formats
from al_lightning.labels.import_result import MOST_PROBLEMS, Annotations, Imported, OnDisagreement, TooManyProblems
from al_lightning.labels.source import HEAD, Source, source_of
from al_lightning.labels.store import Kind, LabelStore
from al_lightning.labels.untrusted import Malformed, shown


def read_labels(
    files: Sequence[Path],
    known: Mapping[str, tuple[int, int]],
    classes: Sequence[str],
    kind: Kind,
    *,
    ranks: Sequence[Ranked] = (),
    store: LabelStore | None = None,
    on_disagreement: OnDisagreement = "stop",
    background: str | None = None,
) -> Imported:
    """Read labels from files and check every value; nothing is written.

    Args:
        files: files and folders in any of `formats`.
        known: (width, height) in pixels of every image that may be labelled, by name.
        classes: names of the classes, in the order of their numbers.
        kind: "image" for a class per image, "pixel" for masks.
        ranks: (name, rank) of the images in the batches that people got; tools' names are compared with these, too.
        store: the labels that the run has so far.
        on_disagreement: where annotations of one image differ, "stop" makes that a problem, "first" takes the first
            annotation, and "ignore-pixels" ignores the pixels that differ.
        background: class of pixels that nobody labelled; without it they are ignored.

    Raises:
        UsageError: an option does not fit the classes or the kind.
    """
    if kind == "image" and (background is not None or on_disagreement == "ignore-pixels"):
        raise UsageError("--background and --on-disagreement ignore-pixels are for masks; here an image has a class.")
    if background is not None and background not in classes:
        raise UsageError(
            f"--background is {background!r}, which is no class.{nearest(background, classes)} Classes: "
            f"{', '.join(classes)}."
        )
    ground = None if background is None else list(classes).index(background)
    annotations = Annotations(known, classes, kind, ground, ranks, store)
    try:
        for path in files:
            _read_path(path, annotations)
        annotations.settle_ids()
    except TooManyProblems:
        annotations.notes.append(f"The import stopped after the first {MOST_PROBLEMS:,} problems.")
    return annotations.settle(on_disagreement)


def _read_path(path: Path, annotations: Annotations) -> None:
    """Read a file or a folder; a mistake that concerns all of it is added as a problem."""
    try:
        source = source_of(path, annotations.kind, annotations.limits)
        (_read_archive if source.head.startswith(b"PK") else _read)(source, annotations)
    except Malformed as error:
        annotations.problem(str(path), error)
    except MemoryError:
        annotations.problem(str(path), "it does not fit into the memory; export it in parts")


def _read(source: Source, annotations: Annotations) -> None:
    """Read a source in the format that recognises it."""
    form = next((form for form in formats() if form.recognises(source)), None)
    if form is None:
        known = "; ".join(form.form for form in formats())
        raise Malformed(f"it has none of the formats that are read: {known}{_first_line(source)}")
    if source.kind not in form.kinds:
        wanted = "a class per image" if source.kind == "image" else "masks"
        raise Malformed(f"its format ({form.form}) does not fit: this run's labels are {wanted}")
    try:
        form.read(source, annotations)
    finally:
        annotations.note_inferred(source.where)


def _first_line(source: Source) -> str:
    """Return how a table begins, whose first line is often what is wrong: other names, or semicolons."""
    first = source.text.partition(b"\n")[0].decode("utf-8", errors="replace").strip()
    return f"; this table begins with {first[:60]!r}" if first and source.path.suffix.lower() == ".csv" else ""


def _read_archive(source: Source, annotations: Annotations) -> None:
    """Read a zip file: as a whole where a format recognises it, else each file in it that holds annotations."""
    patterns = [pattern for form in formats() for pattern in form.members]
    with closing(Archive(source.path)) as archive:
        names = archive.names
        members = [name for name in names if any(fnmatch(name.rpartition("/")[2], pattern) for pattern in patterns)]
        whole = replace(source, form="zip", names=names, read=archive.read, members=members, head=b"")
        if not members or any(form.recognises(whole) for form in formats()):
            _read(whole, annotations)
            return
        source.limits.check_size(sum(map(archive.size, members)))
        for name in members:
            content, where = archive.read(name, source.limits.size), f"{source.where}/{shown(name)}"
            member = replace(source, where=where, names=[name], read=lambda *_: content, head=content[:HEAD])  # noqa: B023
            _read(member, annotations)
