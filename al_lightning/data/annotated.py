"""Images that people label while a run waits: people's labels take precedence over the dataset's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from al_lightning.data.images import Array, ImageFiles, Images
from al_lightning.data.masks import in_view, resize_label
from al_lightning.errors import DatasetError
from al_lightning.labels.store import LabelStore


class AnnotatedImages(ImageFiles):
    """A set of image files with labels from a label store, and with the dataset's own labels where the store has none.

    Labels are read from disk at each access, so that new labels count in every process, data workers included.

    Args:
        images: the set that pixels are taken from, for example a cache, whose labels may be out of date.
        own: the set as built from its files.
        root: folder that the store's names are relative to.
        store: people's labels.
    """

    def __init__(self, images: Images, own: Images, root: Path, store: LabelStore) -> None:
        if not isinstance(own, ImageFiles):
            raise TypeError("only images that are files can be labelled by people")
        self.images = images
        self.own = own
        self.size = own.size
        self.root = root
        self.store = store

    def __len__(self) -> int:
        return len(self.own)

    def image(self, index: int) -> Array:
        """Return the pixels."""
        return self.images.image(index)

    def name(self, index: int) -> str:
        """Return the dataset's name of the image."""
        return self.own.name(index)

    def sources(self, index: int) -> Sequence[Path]:
        """Return the dataset's files of the image."""
        return self.own.sources(index)

    def key(self, index: int) -> str | None:
        """Return the image's name in the store, its path below the root; None for an image outside of the root."""
        path = self.own.file(index)
        if not path.is_relative_to(self.root):
            return None
        below = path.relative_to(self.root)
        return None if ".." in below.parts else below.as_posix()

    def is_stored(self, index: int) -> bool:
        """Return whether the store has a label of the image."""
        key = self.key(index)
        return key is not None and self.store.has(key)

    def has_label(self, index: int) -> bool:
        """Return whether the store or the dataset has a label of the image."""
        return self.is_stored(index) or self.own.has_label(index)

    def label(self, index: int) -> int | Array:
        """Return the store's label, a mask resized as the dataset's images are; else the dataset's own label.

        Raises:
            DatasetError: there is no label yet, or the mask has another size than its image.
        """
        if (key := self.key(index)) is not None:
            if self.store.kind == "image":
                if (number := self.store.image_class(key)) is not None:
                    return number
            elif (mask := self.store.mask(key)) is not None:
                shown = in_view(Image.fromarray(mask), self.store.mask_path(key), self.own.file(index))
                return resize_label(np.asarray(shown), self.own.size)
        if not self.own.has_label(index):
            raise DatasetError(
                f"The image {self.own.name(index)} has no label, neither in {self.store.folder} nor in the dataset; "
                "import it with `al-lightning labels import RUN_DIR FILE...`."
            )
        return self.own.label(index)
