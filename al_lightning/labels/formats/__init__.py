"""Formats of label files: one module each, whose `FORMAT` recognises, reads and writes the format. No torch."""

from __future__ import annotations

import pkgutil
from abc import ABC, abstractmethod
from importlib import import_module
from pathlib import Path
from typing import ClassVar

from al_lightning.labels.import_result import Annotations
from al_lightning.labels.item import LabelBatch
from al_lightning.labels.source import Source
from al_lightning.labels.store import Kind


class Format(ABC):
    """One format of label files.

    Attributes:
        form: description of the format for help and messages.
        kinds: kinds of labels in the format: "image" for a class per image, "pixel" for masks.
        members: patterns of file names; in a zip file each such file is a source of its own.
        folder: name of the folder that `write` fills in a batch; empty for a format that is only read.
    """

    form: ClassVar[str]
    kinds: ClassVar[tuple[Kind, ...]] = ("image", "pixel")
    members: ClassVar[tuple[str, ...]] = ()
    folder: ClassVar[str] = ""

    @abstractmethod
    def recognises(self, source: Source) -> bool:
        """Return whether a source has this format; at most one format recognises a source."""

    @abstractmethod
    def read(self, source: Source, annotations: Annotations) -> None:
        """Add the labels of a source to the annotations, and each problem with a single image.

        Raises:
            Malformed: the source as a whole cannot be read.
        """

    def write(self, folder: Path, batch: LabelBatch) -> None:
        """Write the format's files of a batch into an empty folder."""
        raise NotImplementedError


def formats() -> list[Format]:
    """Return all formats, in the order of their modules' names."""
    return [import_module(f"{__name__}.{module.name}").FORMAT for module in pkgutil.iter_modules(__path__)]
