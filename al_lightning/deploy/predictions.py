"""Predictions for image files, written for people: a table, and for segmentation masks and overlays."""

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

from al_lightning.data.images import read_image
from al_lightning.data.inventory import check_name, inventory_of, not_used
from al_lightning.deploy.predictor import Prediction, Predictor
from al_lightning.drawing import palette
from al_lightning.errors import ALError, DatasetError
from al_lightning.inspect.overlays import overlay, palette_image
from al_lightning.runs.files import write_atomic

TABLE = "predictions.csv"


def find_images(
    given: Sequence[Path], out: Path, say: Callable[[str], object] = lambda sentence: None
) -> dict[Path, str]:
    """Return the given image files and those below given folders, each with a name: its path below the given folder.

    Where two files would have the same name, all names are paths below the folder that contains all files. Images in
    `out`, the folder of the predictions, are left out. `say` gets a note where something of a folder is not used.

    Raises:
        DatasetError: a path does not exist, or is no text in UTF-8, or there is no image.
    """
    names: dict[str, tuple[Path, str]] = {}  # by absolute path, since a file may be given in several ways
    for path in given:
        if path.is_dir():
            found = inventory_of(path)
            for sentence in not_used(path, found.unused):
                say(f"note: {sentence}")
            below = [image for image in found.images if not image.absolute().is_relative_to(out.absolute())]
        elif path.is_file():
            check_name(path)
            below = [path]
        else:
            raise DatasetError(f"There is no file or folder {path}.")
        for image in below:
            name = image.name if image == path else image.relative_to(path).as_posix()
            names.setdefault(os.path.abspath(image), (image, name))
    if not names:
        raise DatasetError(f"There are no images in {', '.join(map(str, given))}.")
    if len({name for _, name in names.values()}) < len(names):
        common = os.path.commonpath([os.path.dirname(path) for path in names])
        return {image: Path(path).relative_to(common).as_posix() for path, (image, _) in names.items()}
    return dict(names.values())


def without_endings(names: Sequence[str]) -> list[str]:
    """Return names without their suffixes, except where two of them would become equal."""
    short = [name[: len(name) - len(Path(name).suffix)] for name in names]
    counts = Counter(short)
    kept = [name if counts[stem] > 1 else stem for name, stem in zip(names, short, strict=True)]
    return kept if len(set(kept)) == len(kept) else list(names)


def write_predictions(
    predictor: Predictor,
    images: dict[Path, str],
    out: Path,
    broken: Callable[[str], object],
    say: Callable[[str], object],
    progress: Callable[[str, int, int], object],
) -> Path:
    """Write the predictions for images, and return the path of the table.

    Masks and overlays are written one by one, the table after the last image.

    Args:
        predictor: the predictor.
        images: files and their names, from `find_images`.
        out: folder of the table, the masks and the overlays.
        broken: called with a message for each image that cannot be read.
        say: called with notes for the user.
        progress: called with (activity, finished, total).

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

        for prediction in predictor.predict(list(images), skip):
            done += 1
            unusual += usual is not None and prediction.size != usual
            progress("predict", done, len(images))
            yield _row(prediction, stems[prediction.path], out, classes)

    def write(file: BinaryIO) -> None:
        text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        writer = csv.writer(text, lineterminator="\n")
        per_pixel = predictor.network.predicts == "pixel"
        head = ["image", "mask", "confidence"] if per_pixel else ["image", "class", "confidence"]
        writer.writerow([*head, *classes])
        writer.writerows(rows())
        text.detach()

    write_atomic(table, write)
    if usual is not None and unusual:
        say(
            f"note: the size of {unusual:,} images differs from the {usual[0]} x {usual[1]} (height x width) of the "
            "run's images, and they were not resized; resize them for useful predictions"
        )
    return table


def usual_size(predictor: Predictor) -> tuple[int, int] | None:
    """Return (height, width) of the run's images where predictions should have the same size.

    None where images are resized, where there is a class per pixel, and where the run's images are missing.
    """
    if predictor.size is not None or predictor.network.predicts == "pixel":
        return None
    try:
        images = predictor.data.test if len(predictor.data.test) else predictor.data.train
        first = images.image(0)
    except DatasetError:
        return None
    return first.shape[0], first.shape[1]


def _row(prediction: Prediction, stem: str, out: Path, classes: Sequence[str]) -> list[object]:
    """Return a line of the table, and write the mask and the overlay where there is a class per pixel."""
    path, labels, confidence = prediction.path, prediction.classes, f"{prediction.confidence:.6f}"
    if isinstance(labels, int):
        probabilities = [] if prediction.probabilities is None else prediction.probabilities.tolist()
        return [path, classes[labels], confidence, *(f"{value:.6f}" for value in probabilities)]
    mask, picture = f"masks/{stem}.png", out / "overlays" / f"{stem}.jpg"
    colours = palette(len(classes))
    _save(palette_image(labels, colours), out / mask, "PNG")
    _save(Image.fromarray(overlay(read_image(path), labels, colours, classes)), picture, "JPEG")
    shares = np.bincount(labels.ravel(), minlength=len(classes)) / labels.size
    return [path, mask, confidence, *(f"{share:.6f}" for share in shares)]


def _save(picture: Image.Image, path: Path, form: str) -> None:
    if form == "JPEG" and max(picture.size) > 65500:
        raise ALError(f"{path} would be {picture.width} x {picture.height} pixels, more than a JPEG can have.")
    write_atomic(path, lambda file: picture.save(file, form, quality=90))
