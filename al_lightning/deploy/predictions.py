"""What a network says of image files, written for people: a table, and for segmentation masks and overlays."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from al_lightning.data.images import list_images, read_image
from al_lightning.deploy.predictor import Prediction, Predictor
from al_lightning.drawing import palette
from al_lightning.errors import ALError, DatasetError, UsageError
from al_lightning.inspect.overlays import overlay, palette_image
from al_lightning.runs.files import write_atomic

TABLE = "predictions.csv"


def find_images(given: Sequence[Path], out: Path) -> dict[Path, str]:
    """Return image files and the name of each among them, its path below the folder that was given.

    Files that were named, and those below folders that were. Where two would have one name, all are named by their
    paths below the folder that holds everything.

    Args:
        given: files and folders.
        out: a folder that is left out when it lies below one of them: what was made of images is none of them.

    Raises:
        UsageError: a path does not exist, or there is no image.
    """
    found: dict[Path, str] = {}
    for path in given:
        if path.is_dir():
            below = (one for one in list_images(path) if not one.absolute().is_relative_to(out.absolute()))
            found.update({one: one.relative_to(path).as_posix() for one in below if one not in found})
        elif path.is_file():
            found.setdefault(path, path.name)
        else:
            raise UsageError(f"There is no file or folder {path}.")
    # One file may be named in several ways: `images` and `images/a.png`.
    files = {os.path.abspath(path): path for path in reversed(found)}
    found = {path: name for path, name in found.items() if files[os.path.abspath(path)] is path}
    if not found:
        raise UsageError(f"There are no images in {', '.join(map(str, given))}.")
    if len(set(found.values())) < len(found):
        whole = {path: Path(os.path.abspath(path)) for path in found}
        common = Path(os.path.commonpath([path.parent for path in whole.values()]))
        found = {path: whole[path].relative_to(common).as_posix() for path in found}
    return found


def without_endings(names: Sequence[str]) -> list[str]:
    """Return names without their files' endings, except where that would make two of them one."""
    short = [name[: len(name) - len(Path(name).suffix)] for name in names]
    counts = Counter(short)
    kept = [name if counts[stem] > 1 else stem for name, stem in zip(names, short, strict=True)]
    return kept if len(set(kept)) == len(kept) else list(names)


def write_predictions(
    predictor: Predictor,
    images: dict[Path, str],
    out: Path,
    broken: Callable[[str], object],
    say: Callable[[str], object] = lambda text: None,
    progress: Callable[[str, int, int], object] = lambda what, done, total: None,
) -> Path:
    """Write what a network says of images, one after the other, and return the table.

    The table is there once all images have been gone through; masks and overlays are before.

    Args:
        predictor: it.
        images: files and their names, from `find_images`.
        out: the folder.
        broken: told a sentence for each image that cannot be read.
        say: told what the user should know.
        progress: told (what, done, total).

    Raises:
        ALError: files cannot be written.
    """
    table = out / TABLE
    stems = dict(zip(images, without_endings(list(images.values())), strict=True))
    classes = list(predictor.data.class_names)
    usual, unusual = usual_size(predictor), 0

    def rows() -> Iterator[list[object]]:
        nonlocal unusual
        done = 0

        def skip(path: Path, error: DatasetError) -> None:
            nonlocal done
            done += 1
            broken(str(error))

        for said in predictor.predict(list(images), skip):
            done += 1
            unusual += usual is not None and said.size != usual
            progress("predict", done, len(images))
            yield _row(said, stems[said.path], out, classes)

    def write(file: BinaryIO) -> None:
        # A file's name need not be text: what is none comes back as the bytes that it is.
        text = io.TextIOWrapper(file, "utf-8", errors="surrogateescape", newline="", write_through=True)
        writer = csv.writer(text, lineterminator="\n")
        per_pixel = predictor.network.predicts == "pixel"
        head = ["image", "mask", "confidence"] if per_pixel else ["image", "class", "confidence"]
        writer.writerow([*head, *classes])
        writer.writerows(rows())
        text.detach()

    write_atomic(table, write)
    if usual is not None and unusual:
        say(
            f"note: {unusual:,} images were given to the network as they are, though their size is not the "
            f"{usual[0]} x {usual[1]} (height x width) of the run's images; resize them for answers worth having"
        )
    return table


def usual_size(predictor: Predictor) -> tuple[int, int] | None:
    """Return (height, width) of the run's images, where a class per image is told of images that are not resized.

    None where they are, where there is a class per pixel, and where the run's images are gone.
    """
    if predictor.size is not None or predictor.network.predicts == "pixel":
        return None
    try:
        images = predictor.data.test if len(predictor.data.test) else predictor.data.train
        first = images.image(0)
    except DatasetError:
        return None
    return first.shape[0], first.shape[1]


def _row(said: Prediction, stem: str, out: Path, classes: Sequence[str]) -> list[object]:
    """Return a line of the table; a mask, and its overlay, are written."""
    if isinstance(said.classes, int):
        probabilities = [] if said.probabilities is None else [f"{value:.6f}" for value in said.probabilities]
        return [said.path, classes[said.classes], f"{said.confidence:.6f}", *probabilities]
    mask, picture = f"masks/{stem}.png", out / "overlays" / f"{stem}.jpg"
    colours = palette(len(classes))
    _save(palette_image(said.classes, colours), out / mask, "PNG")
    _save(Image.fromarray(overlay(read_image(said.path), said.classes, colours, classes)), picture, "JPEG")
    shares = np.bincount(said.classes.ravel(), minlength=len(classes)) / said.classes.size
    return [said.path, mask, f"{said.confidence:.6f}", *(f"{share:.6f}" for share in shares)]


def _save(picture: Image.Image, path: Path, form: str) -> None:
    if form == "JPEG" and max(picture.size) > 65500:
        raise ALError(f"{path} would be {picture.width} x {picture.height} pixels, more than a JPEG can have.")
    write_atomic(path, lambda file: picture.save(file, form, **({"quality": 90} if form == "JPEG" else {})))
