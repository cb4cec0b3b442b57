"""What a dataset is: images to choose from, images to test on, classes, and an order in time where there is one."""

from __future__ import annotations

import hashlib
import os
from abc import ABCMeta, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch

from al_lightning.data.augmentation import Augmentation, NoAugmentation
from al_lightning.data.cache.files import find_cache
from al_lightning.data.cache.recipe import arguments_of, recipe_of
from al_lightning.data.images import Images
from al_lightning.data.sources import Sources
from al_lightning.data.views import Unlabelled
from al_lightning.errors import MOST, DatasetError, UsageError, from_home, require, require_folder
from al_lightning.labels.store import LabelStore
from al_lightning.pool import Pool


class _KeepsArguments(ABCMeta):
    """Makes datasets that know their own arguments, since the pixels may follow from any of them."""

    def __call__(cls, *args: Any, **options: Any) -> Any:
        made = super().__call__(*args, **options)
        made.arguments = arguments_of(cls, PoolDataset, args, options)
        return made


class PoolDataset(metaclass=_KeepsArguments):
    """A training set, images of which are chosen to be labelled, and a test set.

    A dataset is a small subclass with `folder`, `class_names`, `build_train` and `build_test`; its `labels` say whether
    there is a class per image or per pixel. Where the images have an order in time, `pool` says so.

    Args:
        root: folder of the data; by default $AL_DATA/<folder>, else data/<folder>.
        batch_size: images of a training step, over all processes.
        eval_batch_size: images of a test or scoring step, per process.
        workers: processes that load data, per training process; results do not depend on it.
        augmentation: of training images; none by default.
        mean: of each channel, on a scale of 0 to 1; ImageNet's by default.
        std: of each channel, likewise; above 0.
        unlabelled: a stream of images without labels, for training methods that want one.
        cache: whether images come from the cache that `al-lightning prepare` made, where there is one, or the folder
            to look for it; by default $AL_CACHE/<folder>, else .al_cache below root. Results do not depend on it.
        timeout: seconds, at least 0.1, after which a run ends whose workers gave no batch, since they hang or their
            disk does; 0 waits for ever. Results do not depend on it.
    """

    folder: ClassVar[str]
    """The dataset's folder below $AL_DATA."""
    labels: ClassVar[Literal["image", "pixel", "any"]] = "any"
    """Whether there is a class per image or per pixel."""
    pixels: ClassVar[int] = 1
    """Version of the code that makes the images and labels: raise it by hand when the same files and arguments give
    other pixels, so that caches of the version before are not used."""
    may_ask: ClassVar[bool] = False
    """Whether its images are files whose labels people may give (see `ask`)."""
    where: ClassVar[str] = ""
    """Where the data can be had, and what their folder looks like: for the message when they are missing."""

    arguments: Mapping[str, object]
    """The arguments that the dataset was made with, without those that every dataset has."""

    def __init__(
        self,
        root: str | None = None,
        batch_size: int = 8,
        eval_batch_size: int = 8,
        workers: int = 2,
        augmentation: Augmentation | None = None,
        mean: tuple[float, float, float] = (0.485, 0.456, 0.406),
        std: tuple[float, float, float] = (0.229, 0.224, 0.225),
        unlabelled: Unlabelled | None = None,
        cache: bool | str = True,
        timeout: float = 600,
    ) -> None:
        require("data.batch_size", batch_size, least=1, most=MOST)
        require("data.eval_batch_size", eval_batch_size, least=1, most=MOST)
        require("data.workers", workers, least=0, most=1024)
        require("data.mean", mean, least=0, most=1)
        require("data.std", std, above=0)
        if timeout:
            require("data.timeout", timeout, least=0.1)
        if not isinstance(cache, bool):
            require_folder("data.cache", cache, "true, false or a folder")
        self.root = from_home("data.root", root) if root else Path(os.environ.get("AL_DATA", "data")) / self.folder
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.workers = workers
        self.augmentation = augmentation or NoAugmentation()
        self.mean = torch.tensor(mean).view(3, 1, 1)
        self.std = torch.tensor(std).view(3, 1, 1)
        self.unlabelled = unlabelled
        self.cache = cache
        self.timeout = timeout
        self.answers: Path | None = None

    @abstractmethod
    def build_train(self) -> Images:
        """Return the full training set."""

    @abstractmethod
    def build_test(self) -> Images:
        """Return the test set."""

    @property
    @abstractmethod
    def class_names(self) -> Sequence[str]:
        """Names of the classes, in the order of their labels."""

    def pool(self) -> Pool:
        """Return the pool with nothing labelled; subclasses with a time order say so here."""
        return Pool(len(self.train))

    def classes(self) -> Sequence[int] | None:
        """Return the class of each training image, for a balanced initial set.

        None where images have many, or where that of some is not known yet.
        """
        return None

    def details(self) -> str:
        """Return what pixels and labels mean beyond the names of images and classes: part of the `fingerprint`."""
        return ""

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @cached_property
    def _sources(self) -> Sources:
        return Sources(self.root, (self.build_train, self.build_test), self._find_cache, self._label_store)

    @property
    def train(self) -> Images:
        """The full training set; positions in it are what indices mean everywhere."""
        return self._sources.images(0)

    @property
    def test(self) -> Images:
        """The test set."""
        return self._sources.images(1)

    @property
    def file_sets(self) -> tuple[Images, Images]:
        """Training and test set as they lie in their files, whether there is a cache or not."""
        return self._sources.files(0), self._sources.files(1)

    def ask(self, answers: Path) -> None:
        """Let people label: their labels go before those that the dataset has, and the dataset's may be missing.

        Called before anything is looked at.

        Args:
            answers: folder of a label store; it may be filled at any time.

        Raises:
            UsageError: the dataset's images are no files that people could label.
        """
        if not self.may_ask:
            raise UsageError(
                f"{type(self).__name__} comes with its labels; --oracle files is for images of your own, of the "
                "datasets image_folder and mask_folder."
            )
        self.answers = answers

    def _label_store(self) -> LabelStore | None:
        if self.answers is None:
            return None
        return LabelStore(self.answers, self.class_names, "pixel" if self.labels == "pixel" else "image")

    @property
    def cache_folder(self) -> Path | None:
        """The folder of the dataset's caches; None where the dataset does without."""
        if isinstance(self.cache, str):
            return from_home("data.cache", self.cache)
        if not self.cache:
            return None
        return Path(os.environ["AL_CACHE"]) / self.folder if "AL_CACHE" in os.environ else self.root / ".al_cache"

    def _find_cache(self) -> tuple[Images, Images] | None:
        folder = self.cache_folder
        if folder is None or not folder.is_dir():
            return None
        return find_cache(folder, self.recipe(), self.root, self.file_sets)

    def recipe(self) -> dict[str, str]:
        """Return what the pixels and labels of both sets follow from, part by part; another recipe, another cache.

        Arguments count by their `repr`. A subclass whose pixels follow from more than its version, arguments and files
        adds a part: `{**super().recipe(), "mine": text}`.
        """
        return recipe_of(type(self), self.pixels, self.arguments, self.fingerprint(), self.root, self.file_sets)

    def image_files(self) -> Iterator[Path]:
        """Yield the files that the pixels of the pool and the test set come from; some may come more than once.

        A run notices when they change. A dataset that keeps many images in a file of another name says so here.
        """
        for images in self.file_sets:
            for index in range(len(images)):
                yield from images.sources(index)[:1]

    def fingerprint(self) -> str:
        """Return the SHA-256 of class names, of the images' names below root, and of `details`: what positions mean."""
        digest = hashlib.sha256("\n".join(self.class_names).encode())
        for images in self.file_sets:
            digest.update(f"\n\n{len(images)}\n".encode())
            for index in range(len(images)):
                digest.update(images.name(index).removeprefix(str(self.root)).encode() + b"\n")
        details = self.details()
        return (
            hashlib.sha256(f"{digest.hexdigest()}\n{details}".encode()).hexdigest() if details else digest.hexdigest()
        )

    def names(self, indices: Sequence[int]) -> list[str]:
        """Return what a person calls some training images: their files below root, or whatever the dataset says."""
        return [self.train.name(index).removeprefix(f"{self.root}{os.sep}") for index in indices]

    def missing(self, what: Path) -> DatasetError:
        """Return the error for data that are not there."""
        return DatasetError(
            f"There is no {what}: the data were looked for in {self.root}. Put them there, name their folder with "
            f"--data.root DIR, or set $AL_DATA to the folder that holds {self.folder!r}. {self.where}".rstrip()
        )
