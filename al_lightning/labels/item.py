"""A batch of images for people to label. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from al_lightning.labels.store import Kind


@dataclass(frozen=True)
class Item:
    """An image to label.

    Attributes:
        name: path relative to the data root, with forward slashes: the key in the label store.
        path: the file.
        rank: place in the order of selection, from 1.
        score: the strategy's score of the image, where it has one.
        sequence: video, drive or patient of the image, where the data has one.
        frame: time within the sequence.
        width: of the file, in pixels.
        height: of the file, in pixels.
        prediction: class, or (height, width) uint8 label ids with 255 = none; None without a model.
        confidence: of the prediction, 0 to 1.
    """

    name: str
    path: Path
    rank: int
    score: float | None
    sequence: str | None
    frame: int | None
    width: int
    height: int
    prediction: int | npt.NDArray[np.uint8] | None
    confidence: float | None


@dataclass(frozen=True)
class LabelBatch:
    """A batch of images to label.

    Attributes:
        folder: the batch's final folder, RUN_DIR/batches/NAME; files may be written elsewhere first.
        items: the images, by rank.
        classes: names of the classes, in the order of their numbers.
        kind: what a label is.
        colours: (classes, 3) uint8, RGB.
    """

    folder: Path
    items: Sequence[Item]
    classes: Sequence[str]
    kind: Kind
    colours: npt.NDArray[np.uint8]
