"""The base of datasets: a pool of images to choose from, a test set, classes, and possibly an order in time."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal

import torch

from al_lightning.data.augmentation import Augmentation, NoAugmentation
from al_lightning.data.cache.files import find_cache
from al_lightning.data.cache.recipe import FORMAT, KeepsArguments, decoders, hash_of_files, hash_of_names
from al_lightning.data.feature_batches import StoredFeatures
from al_lightning.data.images import Images
from al_lightning.data.known_files import KnownFiles, file_in
from al_lightning.data.pool_split import QUIET, Reading, Split
from al_lightning.data.remarks import Remark
from al_lightning.data.sources import Sources
from al_lightning.data.views import Unlabelled
from al_lightning.data_sources import Source, missing, root_of
from al_lightning.duplicates.descriptor import Indices
from al_lightning.duplicates.groups import group
from al_lightning.duplicates.image_set import DescribedImages
from al_lightning.errors import MOST, DatasetError, UsageError, from_home, require, require_folder
from al_lightning.labels.store import LabelStore
from al_lightning.pool import Pool


class PoolDataset(metaclass=KeepsArguments):
    """A training set, from which images are chosen to be labelled, and a test set.

    A dataset is a small subclass with `folder`, `class_names`, `build_train` and `build_test`. Its `labels` say whether
    there is a class per image or per pixel. Its `pool` adds the order in time where there is one.

    Args:
        root: folder of the data; by default $AL_DATA/<folder>, else data/<folder>.
        batch_size: images of a training step, over all processes.
        eval_batch_size: images of a test or scoring step, per process.
        workers: processes that load data, per training process; results do not depend on it.
        augmentation: of training images; none by default.
        mean: of each channel, on a scale of 0 to 1; ImageNet's by default.
        std: of each channel, on the same scale, above 0; ImageNet's by default.
        unlabelled: a stream of images without labels, for semi-supervised training methods.
        cache: whether to use the cache that `al-lightning prepare` writes, where there is one, or the folder of the
            caches; by default $AL_CACHE/<folder>, else .al_cache below root. Results do not depend on it.
        timeout: seconds, at least 0.1, to wait for a batch from the workers before the run ends with an error; 0 waits
            for ever. Results do not depend on it.
        accept_labels: begin a run although more than half of its labels' pixels are ignored, or fewer than two classes
            have a label.
    """

    folder: ClassVar[str]
    """The dataset's folder below $AL_DATA."""
    labels: ClassVar[Literal["image", "pixel", "any"]] = "any"
    """Whether there is a class per image or per pixel."""
    pixels: ClassVar[int] = 1
    """Version of the code that makes images and labels: raise it when the same files and arguments give other pixels,
    so that caches of earlier versions are not used."""
    people_may_label: ClassVar[bool] = False
    """Whether people may label the images, which must be files (see `use_label_store`)."""
    where: ClassVar[str] = ""
    """Source of the data and layout of their folder, for the message when data are missing."""

    arguments: Mapping[str, object]
    """The dataset's own arguments by name, without those of PoolDataset."""
    run_folder: Path | None = None
    """Directory of the run that reads the data; see `known_files`."""
    split_file: Path | None = None
    """File of a run that says which images are held out, where no test set is named. It need not be there yet."""
    label_folder: Path | None = None
    """Folder of the store of people's labels; see `use_label_store`."""
    features: tuple[StoredFeatures, StoredFeatures] | None = None
    """Stored features of the training and the test set, for a training method that reads these in place of images."""
    encoded: Mapping[str, StoredFeatures] = MappingProxyType({})
    """Stored features of the training set, by other encoders than the run's own network; see `Acquisition.features`."""
    _split: Split | None = None

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
        accept_labels: bool = False,
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
        self.root = root_of(root, self.folder)
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.workers = workers
        self.augmentation = augmentation or NoAugmentation()
        self.mean = torch.tensor(mean).view(3, 1, 1)
        self.std = torch.tensor(std).view(3, 1, 1)
        self.unlabelled = unlabelled
        self.cache = cache
        self.timeout = timeout
        self.accept_labels = accept_labels
        self._known: dict[str, KnownFiles] = {}

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
        """Return the pool with nothing labelled; subclasses with an order in time add it here."""
        return Pool(len(self.train))

    def classes(self) -> Sequence[int] | None:
        """Return the class of each training image, for a balanced initial set.

        None where an image has many classes, or where some classes are not known yet.
        """
        return None

    def remarks(self) -> Sequence[Remark]:
        """Return what was assumed, inferred or left out when the two sets were made, for the run's first lines."""
        return ()

    @property
    def is_binary(self) -> bool:
        """Whether two classes were recognised by masks of the ids 0 and 255; see `binary_masks`."""
        return False

    def label_advice(self) -> str:
        """Return a sentence on how to tell what the labels mean, for where they hold too little; "" without one."""
        return ""

    def details(self) -> str:
        """Return a text for the `fingerprint` that changes when the same names get other pixels or labels."""
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

    @cached_property
    def near_duplicates(self) -> Indices:
        """The first image of each training image's group of near-duplicates, (N,) int64; the first call reads all."""
        return group(DescribedImages(self.train.image).descriptors(range(len(self.train)))).leader

    @property
    def file_sets(self) -> tuple[Images, Images]:
        """Training and test set as built from their files, without a cache."""
        return self._sources.files(0), self._sources.files(1)

    def use_label_store(self, folder: Path) -> None:
        """Let people label, before the dataset is read: labels of a store precede the dataset's, which may be missing.

        Args:
            folder: folder of the label store; labels may be added to it at any time.

        Raises:
            UsageError: the dataset's images are no files that people could label.
        """
        if not self.people_may_label:
            raise UsageError(
                f"{type(self).__name__} comes with its labels; --oracle files is for images of your own, with the "
                "datasets image_folder and mask_folder."
            )
        self.label_folder = folder

    def find_split(self, reading: Reading = QUIET) -> Split | None:
        """Return how the images are split where no test set is named, or None; the first call may read all images.

        The split comes from the run's file, `split_file`, or from a cache where either has one that fits.

        Raises:
            DatasetError: nothing can be held out.
        """
        return None

    def take_split(self, split: Split | None) -> None:
        """Use the split that another process found. Call it before the dataset is read."""
        self._split = split

    def take_findings(self, other: PoolDataset) -> None:
        """Use the split, and what was found in files, of a dataset on the same files, which may read them otherwise."""
        self.take_split(other.find_split())
        self._known = other._known

    def cache_split(self) -> None:
        """Write the split, where there is one, beside the caches of decoded images."""

    def _label_store(self) -> LabelStore | None:
        kind: Literal["image", "pixel"] = "pixel" if self.labels == "pixel" else "image"
        return LabelStore(self.label_folder, self.class_names, kind) if self.label_folder is not None else None

    @property
    def cache_folder(self) -> Path | None:
        """The folder of the dataset's caches; None where `cache` is false."""
        if isinstance(self.cache, str):
            return from_home("data.cache", self.cache)
        if not self.cache:
            return None
        return Path(os.environ["AL_CACHE"]) / self.folder if "AL_CACHE" in os.environ else self.root / ".al_cache"

    def known_files(self, what: str) -> KnownFiles:
        """Return what was found in the data's files before, by this run or by others.

        It is kept beside the caches; in the directory of a run, `run_folder`, where no cache is used or the folder
        cannot be written to.

        Args:
            what: what was looked for, and how the files were read, as a part of a file's name.
        """
        if what not in self._known:
            self._known[what] = KnownFiles(file_in((self.cache_folder, self.run_folder), what), self.root)
        return self._known[what]

    def save_known_files(self) -> None:
        """Write what was found in files; only commands that the user gave for these data do so."""
        for known in self._known.values():
            known.save()

    def _find_cache(self) -> tuple[Images, Images] | None:
        folder = self.cache_folder
        if folder is None or not folder.is_dir():
            return None
        return find_cache(folder, self.recipe(), self.root, self.file_sets)

    def recipe(self) -> dict[str, str]:
        """Return all that the pixels and labels of both sets depend on, by part; each recipe has its own cache.

        A subclass whose pixels depend on more than its version, arguments and files adds a part:
        `{**super().recipe(), "mine": text}`.
        """
        files = hash_of_files(self.root, self.file_sets)
        return {"format": str(FORMAT), **self.maker(), "fingerprint": self.fingerprint(), "files": files}

    def maker(self) -> dict[str, str]:
        """Return the parts of a recipe that say how images and labels are made of files; arguments by their `repr`."""
        return {
            "class": f"{type(self).__module__}.{type(self).__qualname__}",
            "pixels": str(self.pixels),
            "decoders": decoders(),
            "arguments": repr(sorted(self.arguments.items())),
        }

    def image_files(self) -> Iterator[Path]:
        """Yield the files that hold the images of the pool and the test set; some may come more than once.

        A run notices when they change. Override it where an image's first source is not its file.
        """
        for images in self.file_sets:
            for index in range(len(images)):
                yield from images.sources(index)[:1]

    def fingerprint(self) -> str:
        """Return the SHA-256 of class names, image names below root, and `details`: the meaning of positions.

        Raises:
            DatasetError: a name is no text in UTF-8.
        """
        return hash_of_names(self.root, self.file_sets, self.class_names, self.details())

    def names(self, indices: Sequence[int]) -> list[str]:
        """Return the names of training images for people: paths below root, or the dataset's own names."""
        return [self.train.name(index).removeprefix(f"{self.root}{os.sep}") for index in indices]

    def missing(self, what: Path) -> DatasetError:
        """Return the error for a missing file or folder."""
        return missing(what, self.root, Source(self.folder, self.where))
