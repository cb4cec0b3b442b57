"""The datamodule: which images are labelled, and the loaders that follow from it."""

from __future__ import annotations

import copy
import hashlib
import os
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities import CombinedLoader
from torch.utils.data import DataLoader, Dataset

from al_lightning.data.annotated import AnnotatedImages
from al_lightning.data.augmentation import Augmentation, NoAugmentation
from al_lightning.data.cache.files import cached
from al_lightning.data.cache.recipe import recipe_of
from al_lightning.data.images import Images
from al_lightning.data.normalize import Normaliser
from al_lightning.data.streams import PaddedBatches, StepSampler, Stream
from al_lightning.data.views import LABELLED, Unlabelled, Views
from al_lightning.data.worker_transfer import parcel
from al_lightning.data.workers import wake_stopped
from al_lightning.errors import MOST, DatasetError, UsageError, from_home, require, require_folder
from al_lightning.pool import Indices, Pool
from al_lightning.types import Batch


class PoolDataModule(LightningDataModule):
    """A training set, part of which is labelled, and a test set.

    The configured object is a prototype: `at` gives each fit a copy that knows the pool of its cycle. The copy reads
    the pool and never changes it. A dataset is a small subclass with `build_train`, `build_test` and `class_names`.

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
    may_ask: ClassVar[bool] = False
    """Whether its images are files whose labels people may give (see `ask`)."""
    where: ClassVar[str] = ""
    """Where the data can be had, and what their folder looks like: for the message when they are missing."""

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
        super().__init__()
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
        self._asked: dict[tuple[int, int], AnnotatedImages] = {}
        self._normalised = Normaliser(self.mean, self.std, torch.contiguous_format)
        self._pool = Pool(0)
        self._key = (0, 0, 0)
        self._steps = self._chunk = 1
        self._scoring: Sequence[int] = ()
        self._sampler: StepSampler | None = None

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

    @cached_property
    def source_train(self) -> Images:
        """The training set as it lies in its files, whether there is a cache or not."""
        return self.build_train()

    @cached_property
    def source_test(self) -> Images:
        """The test set as it lies in its files."""
        return self.build_test()

    @cached_property
    def _cached(self) -> tuple[Images, Images] | None:
        self.__dict__["_cached"] = None  # while it is looked for, a set that is built of the other has the files
        try:
            return cached(self)
        except BaseException:
            del self.__dict__["_cached"]  # a damaged cache is as damaged the next time
            raise

    def ask(self, answers: Path) -> None:
        """Let people label: what they said goes before the labels that the dataset has, and these may be missing.

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

    @property
    def train(self) -> Images:
        """The full training set; positions in it are what indices mean everywhere."""
        images = self._cached[0] if self._cached is not None else self.source_train
        return images if self.answers is None else self._answered(images, self.source_train)

    @property
    def test(self) -> Images:
        """The test set."""
        images = self._cached[1] if self._cached is not None else self.source_test
        return images if self.answers is None else self._answered(images, self.source_test)

    def _answered(self, images: Images, own: Images) -> AnnotatedImages:
        key = id(own), id(images)  # the sets are kept, and with them what was read of the answers
        if key not in self._asked:
            per_pixel = self.labels == "pixel"
            self._asked[key] = AnnotatedImages(images, own, self.root, self.answers, self.class_names, per_pixel)
        return self._asked[key]

    def image_files(self) -> Iterator[Path]:
        """Yield the files that the pixels of the pool and the test set come from; some may come more than once.

        A run notices when they change. Here those that the sets name; a dataset that keeps many images in a file of
        another name says so.
        """
        for images in (self.source_train, self.source_test):
            for index in range(len(images)):
                if (path := images.source(index)) is not None:
                    yield path

    def recipe(self) -> dict[str, str]:
        """Return what the pixels and labels of both sets follow from, part by part; another recipe, another cache.

        By default all that the sets hold, the files named in it with their sizes and times, and the code of their
        classes. A subclass whose pixels follow from more (a module of its own that decodes, files that its sets know
        by something else than paths) adds a part: `{**super().recipe(), "mine": text}`.
        """
        return recipe_of(self, self.root, (self.source_train, self.source_test))

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def pool(self) -> Pool:
        """Return the pool with nothing labelled; subclasses with a time order say so here."""
        return Pool(len(self.train))

    def classes(self) -> Sequence[int] | None:
        """Return the class of each training image, for a balanced initial set.

        None where images have many, or where that of some is not known yet.
        """
        return None

    def fingerprint(self) -> str:
        """Return the SHA-256 of class names and of the images' names below root: what positions mean."""
        digest = hashlib.sha256("\n".join(self.class_names).encode())
        for images in (self.train, self.test):
            digest.update(f"\n\n{len(images)}\n".encode())
            for index in range(len(images)):
                digest.update(images.name(index).removeprefix(str(self.root)).encode() + b"\n")
        return digest.hexdigest()

    def names(self, indices: Sequence[int]) -> list[str]:
        """Return what a person calls some training images: their files below root, or whatever the dataset says."""
        return [self.train.name(index).removeprefix(f"{self.root}{os.sep}") for index in indices]

    def missing(self, what: Path) -> DatasetError:
        """Return the error for data that are not there."""
        return DatasetError(
            f"There is no {what}: the data were looked for in {self.root}. Put them there, name their folder with "
            f"--data.root DIR, or set $AL_DATA to the folder that holds {self.folder!r}. {self.where}".rstrip()
        )

    def at(
        self,
        pool: Pool,
        key: tuple[int, int, int],
        steps: int,
        chunk: int,
        scoring: Sequence[int] = (),
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> PoolDataModule:
        """Return a copy for one fit and its scoring; the image sets are shared.

        Args:
            pool: what is labelled.
            key: (seed, cycle, member).
            steps: length of the fit.
            chunk: steps between checkpoints.
            scoring: positions for the predict loader.
            memory_format: of the images on the device.
        """
        fresh = copy.copy(self)
        fresh._pool, fresh._key, fresh._steps, fresh._chunk = pool, key, steps, chunk
        fresh._scoring, fresh._normalised = scoring, Normaliser(self.mean, self.std, memory_format)
        return fresh

    def _loader(self, batches: Dataset[Any], sampler: StepSampler | None = None) -> DataLoader[Any]:
        return DataLoader(
            batches,
            batch_size=None,
            sampler=sampler,
            num_workers=self.workers,
            timeout=self.timeout if self.workers else 0,
            collate_fn=parcel,
            pin_memory=torch.cuda.is_available(),
            persistent_workers=self.workers > 0 and sampler is not None,
        )

    def on_exception(self, exception: BaseException) -> None:
        """Lightning's hook, before it ends the workers."""
        wake_stopped(exception)

    @property
    def _ranks(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)

    def seek(self, step: int) -> None:
        """Let the training streams go on with a step; called at the end of each chunk."""
        if self._sampler is not None:
            self._sampler.seek(step)

    def train_dataloader(self) -> CombinedLoader:
        """Return the streams of training batches, one item a step, from where the fit stands.

        An item is {"labelled": Batch}, and where there is an unlabelled stream {"unlabelled": {view: Batch}} beside it;
        on the device it becomes one level of names.
        """
        done = getattr(self.trainer.lightning_module, "step", 0) if self.trainer is not None else 0
        self._sampler = StepSampler(self._steps, self._chunk, done)
        streams: dict[str, Dataset[Any]] = {
            LABELLED: self._stream(self._pool.labelled, self.batch_size, LABELLED),
        }
        if (more := self.unlabelled) is not None:
            stream = self._stream(more.drawn_from(self._pool), more.batch_size or self.batch_size, "unlabelled")
            views = {name: (more.views or {}).get(name) or self.augmentation for name in more.names}
            streams["unlabelled"] = Views(stream, views, self.labels == "pixel")
        return CombinedLoader(
            {name: self._loader(stream, self._sampler) for name, stream in streams.items()}, "min_size"
        )

    def _stream(self, indices: Sequence[int] | Indices, batch_size: int, name: str) -> Stream:
        return Stream(self.train, indices, batch_size, self.augmentation, self._key, name, *self._ranks)

    def test_dataloader(self) -> DataLoader[Batch]:
        """Return every test image once, in padded full batches."""
        return self._loader(PaddedBatches(self.test, range(len(self.test)), self.eval_batch_size, True, *self._ranks))

    def predict_dataloader(self) -> DataLoader[Batch]:
        """Return the images to score once, whole and without augmentation, in padded full batches."""
        return self._loader(PaddedBatches(self.train, self._scoring, self.eval_batch_size, False, *self._ranks))

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Normalise on the device; uint8 travels from the workers."""
        if isinstance(batch, Batch):
            return self._normalised(batch)
        flat: dict[str, Any] = {}
        for name, part in batch.items():
            done = self.on_after_batch_transfer(part, dataloader_idx)
            flat.update({name: done} if isinstance(part, Batch) else done)
        return flat
