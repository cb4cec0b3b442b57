"""Images whose labels people give, while a run waits: what they said goes before what the dataset says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from al_lightning.data.images import Array, ImageFiles, Images
from al_lightning.errors import DatasetError, SizesDiffer
from al_lightning.labels.store import LabelStore


class Answered(ImageFiles):
    """A set of image files with the labels of a store and, where that has none, with their own.

    Labels are looked up on disk each time, so that those that come in count in every process, a data worker too.

    Args:
        images: the set whose pixels are shown, for example that of a cache, whose labels may be old.
        own: the set as it lies in its files.
        root: folder that the store's names are relative to.
        answers: folder of the store.
        classes: names of the classes.
        per_pixel: whether there is a class per pixel.
    """

    def __init__(
        self, images: Images, own: Images, root: Path, answers: Path | None, classes: Sequence[str], per_pixel: bool
    ) -> None:
        if answers is None or not isinstance(own, ImageFiles):
            raise TypeError("only images that are files can be labelled by people")
        self.images = images
        self.own = own
        self.root = root
        self.store = LabelStore(answers, classes, "pixel" if per_pixel else "image")

    def __len__(self) -> int:
        return len(self.own)

    def image(self, index: int) -> Array:
        """Return the pixels."""
        return self.images.image(index)

    def name(self, index: int) -> str:
        """Return the dataset's name of the image."""
        return self.own.name(index)

    def file(self, index: int) -> Path:
        """Return the image's file."""
        return self.own.file(index)

    def key(self, index: int) -> str | None:
        """Return the image's name in the store, its path below the root; None where it lies elsewhere."""
        path = self.own.file(index)
        if not path.is_relative_to(self.root):
            return None
        below = path.relative_to(self.root)
        return None if ".." in below.parts else below.as_posix()

    def has_label(self, index: int) -> bool:
        """Whether the store or the dataset has a label of the image by now."""
        key = self.key(index)
        return (key is not None and self.store.has(key)) or self.own.has_label(index)

    def label(self, index: int) -> int | Array:
        """Return the store's label, a mask at the size of the dataset's images; else the dataset's own.

        Raises:
            DatasetError: there is none yet, or the mask is not of its image's size.
        """
        if (key := self.key(index)) is not None:
            if self.store.kind == "image":
                if (said := self.store.image_class(key)) is not None:
                    return said
            elif (mask := self.store.mask(key)) is not None:
                return self._fitted(mask, index, key)
        if not self.own.has_label(index):
            raise DatasetError(
                f"The image {self.own.name(index)} has no label, neither in {self.store.folder} nor of its own; "
                "bring it in with `al-lightning labels import RUN_DIR FILE...`."
            )
        return self.own.label(index)

    def _fitted(self, mask: Array, index: int, key: str) -> Array:
        """Resize a mask of the image's own size as the dataset resizes its own: by nearest neighbour."""
        with Image.open(self.own.file(index)) as whole:  # reads the header alone
            size = whole.size
        if mask.shape != (size[1], size[0]):
            raise SizesDiffer(
                f"The label {self.store.mask_path(key)} is {mask.shape[0]} x {mask.shape[1]}, its image {size[1]} x "
                f"{size[0]} (height x width); they must be of one size."
            )
        wanted = self.own.size
        if wanted is None or mask.shape == wanted:
            return mask
        return np.asarray(Image.fromarray(mask).resize((wanted[1], wanted[0]), Image.Resampling.NEAREST))
