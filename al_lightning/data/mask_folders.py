"""Images in one folder and their masks, under the same names, in another: pairs, splits, and what is left out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from al_lightning.data.inventory import Inventory, inventory_of, not_used
from al_lightning.data.splits import ONE_SET, Splits, sides_of, splits_of
from al_lightning.errors import SharedLabel
from al_lightning.labels.spelling import canonical, spellings

Pair = tuple[Path, Path]
"""An image file and its label file."""
MASK = ".png"
"""The ending of a mask."""


@dataclass(frozen=True)
class MaskFolders:
    """Images and masks of two folders.

    Attributes:
        inventory: what the folder of the images holds.
        masks: the folder of the masks.
        splits: the folders of training and test set.
        train: images and masks of the training set, by the images' paths; a mask may be missing.
        test: images and masks of the test set, likewise; None without folders of a test set.
        unused: number of files of the folder of the images that are left out, by reason.
        spare: number of masks without an image.
    """

    inventory: Inventory
    masks: Path
    splits: Splits
    train: list[Pair]
    test: list[Pair] | None
    unused: Mapping[str, int]
    spare: int

    def sentences(self) -> list[str]:
        """Return what was taken for what, and what of both folders is not used."""
        root = self.inventory.root
        return [
            *self.splits.sentences(root),
            *not_used(root, self.unused),
            *not_used(self.masks, {"masks without an image": self.spare}),
        ]


class Masks:
    """A folder of masks, in which the mask of an image has the image's name and ends in .png.

    The ending may have capital letters, and names may be in another Unicode form, as macOS writes accents. Each folder
    is listed once.

    Args:
        folder: the folder; it may be missing where people label.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: dict[Path, dict[str, str]] = {}

    def of(self, below: Path) -> Path:
        """Return the mask of an image, whose path is `below` the folder of the images; it may be missing."""
        home = self._home(below.parent)
        if home not in self._names:
            self._names[home] = _masks_in(home)
        names, mask = self._names[home], below.with_suffix(MASK).name
        return home / (mask if names.get(mask) == mask else names.get(canonical(mask), mask))

    def _home(self, below: Path) -> Path:
        """Return the folder of masks for a folder of images."""
        return spelled(self.folder, str(below))


def spelled(folder: Path, below: str) -> Path:
    """Return a path below a folder in the Unicode form in which it exists; as it is where it exists in none."""
    if below.isascii():
        return folder / below
    return next((path for path in map(folder.joinpath, spellings(below)) if path.exists()), folder / below)


def _masks_in(folder: Path) -> dict[str, str]:
    """Return the names of the masks in a folder: under the name as it is, and in one form with a small ending."""
    try:
        found = sorted(os.listdir(folder), reverse=True)
    except OSError:
        return {}
    masks = [name for name in found if name.lower().endswith(MASK)]
    one_form = {canonical(f"{name[: -len(MASK)]}{MASK}"): name for name in masks}
    return {**one_form, **{name: name for name in masks if name.endswith(MASK)}}


def mask_folders(images: Path, masks: Path, one_set: bool = False) -> MaskFolders:
    """Return the images of a folder with their masks.

    Args:
        images: existing folder of the images.
        masks: folder of the masks; where it lies in the folder of the images, it holds none of these.
        one_set: whether all images are one set, also where their folders are called as a training set and a test set.

    Raises:
        DatasetError: the folders may be read in several ways.
    """
    inventory = inventory_of(images)
    if masks != images:
        inventory = replace(inventory, images=tuple(one for one in inventory.images if not one.is_relative_to(masks)))
    splits = ONE_SET if one_set else splits_of(inventory)
    train, test, unused = sides_of(inventory, splits)
    found = Masks(masks)
    mask = {path: found.of(Path(*inventory.below(path))) for path in inventory.images}
    known = set(mask.values())
    return MaskFolders(
        inventory,
        masks,
        splits,
        [(path, mask[path]) for path in train],
        [(path, mask[path]) for path in test] if splits.test is not None else None,
        unused,
        sum(path not in known for path in inventory_of(masks).images) if masks.is_dir() and masks != images else 0,
    )


def first_shared(pairs: Iterable[Pair]) -> tuple[Path, Path, Path] | None:
    """Return the first two images that have one mask, and the mask; None where each has its own."""
    first: dict[Path, Path] = {}
    for image, mask in pairs:
        if first.setdefault(mask, image) != image:
            return first[mask], image, mask
    return None


def shared_label(first: Path, second: Path, mask: Path) -> SharedLabel:
    """Return the error for two images that have one mask."""
    return SharedLabel(
        f"The images {first} and {second} share the label {mask}; give one of them another name, and its own label."
    )
