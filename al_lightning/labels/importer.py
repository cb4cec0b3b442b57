"""Reading what people said, in whatever format: found by looking into the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from al_lightning.errors import UsageError, nearest
from al_lightning.labels.archive import Archive
from al_lightning.labels.formats.class_files import read_class_folder, read_class_paths, read_csv
from al_lightning.labels.formats.coco import is_coco, read_coco
from al_lightning.labels.formats.cvat_xml import read_cvat_xml
from al_lightning.labels.formats.label_studio_read import is_label_studio, read_label_studio
from al_lightning.labels.formats.masks import (
    CLASS_MASKS,
    LABEL_MAP,
    LARGEST_LABEL_MAP,
    parse_label_map,
    read_mask_folder,
    read_masks,
)
from al_lightning.labels.import_result import MOST_PROBLEMS, Findings, Imported, OnDisagreement, TooManyProblems
from al_lightning.labels.limits import parse_json
from al_lightning.labels.store import Kind
from al_lightning.labels.untrusted import Malformed, read_bytes, shown


def read_labels(
    files: Sequence[Path],
    known: Mapping[str, tuple[int, int]],
    classes: Sequence[str],
    kind: Kind,
    *,
    on_disagreement: OnDisagreement = "stop",
    background: str | None = None,
) -> Imported:
    """Read labels out of files that others wrote; nothing is changed, and no file is believed.

    Args:
        files: Label Studio's JSON, COCO's JSON, CVAT's XML, a zip file of CVAT (masks, COCO, XML, ImageNet), a folder
            of class folders, a folder of PNG masks, one PNG mask, or CSV.
        known: (width, height) in pixels of every image that may be labelled, by its name.
        classes: names of the classes, in the order of their numbers.
        kind: "image" for a class per image, "pixel" for masks.
        on_disagreement: "stop" makes it a problem when annotations of one image differ, "first" takes the first, and
            "ignore-pixels" ignores the pixels that differ.
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
    findings = Findings(known, classes, kind, None if background is None else list(classes).index(background))
    try:
        for path in files:
            _read_file(path, str(path), findings)
    except TooManyProblems:
        findings.notes.append(f"The first {MOST_PROBLEMS:,} problems were looked for, and no more.")
    return findings.settle(on_disagreement)


def _read_file(path: Path, where: str, findings: Findings) -> None:
    try:
        _read(path, where, findings)
    except Malformed as error:
        findings.problem(where, error)
    except MemoryError:
        findings.problem(where, "it does not fit into the memory; export it in parts")


def _read(path: Path, where: str, findings: Findings) -> None:
    try:
        folder = path.is_dir()
    except (OSError, ValueError) as error:
        raise Malformed("its name is no file's name") from error
    if folder:
        read = read_class_folder if findings.kind == "image" else read_mask_folder
        read(path, where, findings)
        return
    head = _head(path)
    if head.startswith(b"PK"):
        _read_archive(path, where, findings)
    elif head.startswith(b"\x89PNG"):
        _only(findings, "pixel", "a mask")
        read_masks([(path.name, partial(read_bytes, path))], None, where, findings)
    elif (text := head.removeprefix(b"\xef\xbb\xbf").lstrip()).startswith(b"<"):
        read_cvat_xml(_content(path, findings), where, findings)
    elif text[:1] in (b"{", b"["):
        _read_json(_content(path, findings), where, findings)
    else:
        read_csv(path, where, findings)


def _head(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise Malformed("it is no file" if path.exists() else "it does not exist")
        with path.open("rb") as file:
            return file.read(4096)
    except OSError as error:
        raise Malformed(f"it cannot be read ({error.strerror})") from error


def _only(findings: Findings, kind: Kind, what: str) -> None:
    if findings.kind != kind:
        wanted = "a class per image" if findings.kind == "image" else "masks"
        raise Malformed(f"it is {what}; this run's labels are {wanted}")


def _content(path: Path, findings: Findings) -> bytes:
    findings.limits.check_size(path.stat().st_size)
    return read_bytes(path, findings.limits.size)


def _read_json(content: bytes, where: str, findings: Findings) -> None:
    values = parse_json(content, findings.limits)
    if is_coco(values):
        read_coco(values, where, findings)
    elif is_label_studio(values):
        read_label_studio(values, where, findings)
    else:
        raise Malformed(
            "it is JSON, but neither Label Studio's (a list of tasks with `data`; export JSON, not JSON-MIN) nor "
            "COCO's (`images` and `annotations`)"
        )


def _read_archive(path: Path, where: str, findings: Findings) -> None:
    with Archive(path) as archive:
        masks = [name for name in archive.names if CLASS_MASKS in PurePosixPath(name).parts[:-1]]
        xml = [name for name in archive.names if PurePosixPath(name).name == "annotations.xml"]
        jsons = [name for name in archive.names if name.endswith(".json")]
        if masks:
            _only(findings, "pixel", "CVAT's zip file of masks")
            _read_archived_masks(archive, masks, where, findings)
        elif xml or jsons:
            findings.limits.check_size(sum(archive.size(name) for name in xml + jsons))
            for names, read in ((xml, read_cvat_xml), (jsons, _read_json)):
                for name in names:
                    read(archive.read(name, findings.limits.size), f"{where}/{shown(name)}", findings)
        elif findings.kind == "image" and any("/" in name for name in archive.names):
            read_class_paths(archive.names, where, findings)
        else:
            raise Malformed(
                f"it holds neither {CLASS_MASKS} (CVAT's Segmentation mask 1.1) nor annotations (COCO 1.0, CVAT for "
                "images 1.1) nor folders of classes (ImageNet 1.0, with images)"
            )


def _read_archived_masks(archive: Archive, masks: Sequence[str], where: str, findings: Findings) -> None:
    roots = {name.split(f"{CLASS_MASKS}/", 1)[0] for name in masks}
    if len(roots) > 1:
        raise Malformed(f"it holds several folders {CLASS_MASKS}; export the tasks one by one")
    root = roots.pop()
    if f"{root}{LABEL_MAP}" not in archive.names:
        raise Malformed(f"it has no {LABEL_MAP}, which names the colours of its masks")
    labels = parse_label_map(archive.read(f"{root}{LABEL_MAP}", LARGEST_LABEL_MAP))
    prefix = f"{root}{CLASS_MASKS}/"
    entries = [(name.removeprefix(prefix), partial(archive.read, name)) for name in masks if name.endswith(".png")]
    read_masks(entries, labels, where, findings)
