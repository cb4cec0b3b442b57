"""Images that people label while a run waits: their labels go before those of the dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from al_lightning.data.images import Array, ImageFiles, Images, check_label_size, resize_label
from al_lightning.errors import DatasetError
from al_lightning.labels.store import LabelStore


class AnnotatedImages(ImageFiles):
    """A set of image files with the labels of a store and, where that has none, with their own.

    Labels are looked up on disk each time, so that new labels count in every process, data workers included.

    Args:
        images: the set whose pixels are shown, for example that of a cache, whose labels may be old.
        own: the set as it lies in its files.
        root: folder that the store's names are relative to.
        store: the labels of people.
    """

    def __init__(self, images: Images, own: Images, root: Path, store: LabelStore) -> None:
        if not isinstance(own, ImageFiles):
            raise TypeError("only images that are files can be labelled by people")
        self.images = images
        self.own = own
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
        check_label_size(self.store.mask_path(key), (mask.shape[0], mask.shape[1]), self.own.file(index))
        return resize_label(mask, self.own.size)
