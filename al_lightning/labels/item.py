"""A batch that goes out to people, and the images in it. No torch."""

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
        name: its path relative to the data root, with forward slashes: the key in the label store.
        path: the file.
        rank: its place in the batch, from 1; the first was chosen first.
        score: what it was chosen by, where the strategy says so.
        sequence: the video, drive or patient it comes from, where the data has one.
        frame: its time within the sequence.
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
        folder: where the batch will lie, RUN_DIR/batches/NAME; files may be written elsewhere first.
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
