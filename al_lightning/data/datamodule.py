"""The loaders of one fit: training batches, test images, and images to score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities import CombinedLoader
from torch.utils.data import DataLoader, Dataset

from al_lightning.data.dataset import PoolDataset
from al_lightning.data.feature_batches import AllLabelled, PaddedFeatures, batch_size_of
from al_lightning.data.normalize import Normaliser
from al_lightning.data.streams import PaddedBatches, StepSampler, Stream
from al_lightning.data.views import LABELLED, Views
from al_lightning.data.workers import parcel, start_method, wake_stopped
from al_lightning.pool import Indices, Pool
from al_lightning.types import Batch


class PoolDataModule(LightningDataModule):
    """The loaders of one fit and of its scoring.

    Args:
        dataset: the images and their options; fits share it.
        pool: the labelled and unlabelled positions.
        key: (seed, cycle, member).
        steps: length of the fit.
        chunk: steps between checkpoints.
        scoring: positions for the predict loader.
        memory_format: of the images on the device.
    """

    def __init__(
        self,
        dataset: PoolDataset,
        pool: Pool,
        key: tuple[int, int, int],
        steps: int = 1,
        chunk: int = 1,
        scoring: Sequence[int] = (),
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        super().__init__()
        self.dataset = dataset
        self.pool = pool
        self.key = key
        self.scoring = scoring
        self.sampler = StepSampler(steps, chunk)
        self._normalised = Normaliser(dataset.mean, dataset.std, memory_format)

    def seek(self, step: int) -> None:
        """Set the step that the training streams continue with; called at the end of each chunk."""
        self.sampler.seek(step)

    def train_dataloader(self) -> CombinedLoader:
        """Return the training batches, one item per step, from the step set by `seek`.

        An item is {"labelled": Batch}, with an unlabelled stream also {"unlabelled": {view: Batch}}. On the device it
        becomes {name or view: Batch}.
        """
        data, unlabelled = self.dataset, self.dataset.unlabelled
        if data.features is not None:
            rows = AllLabelled(data.features[0], data.train, self.pool.labelled)
            return CombinedLoader({LABELLED: loader_of(self.dataset, rows, self.sampler)}, "min_size")
        streams: dict[str, Dataset[Any]] = {LABELLED: self._stream(self.pool.labelled, data.batch_size, LABELLED)}
        if unlabelled is not None:
            batch_size = unlabelled.batch_size or data.batch_size
            stream = self._stream(unlabelled.drawn_from(self.pool), batch_size, "unlabelled")
            views = {name: (unlabelled.views or {}).get(name) or data.augmentation for name in unlabelled.names}
            streams["unlabelled"] = Views(stream, views, data.labels == "pixel")
        return CombinedLoader(
            {name: loader_of(self.dataset, stream, self.sampler) for name, stream in streams.items()}, "min_size"
        )

    def test_dataloader(self) -> DataLoader[Batch]:
        """Return every test image once, in padded full batches."""
        return loader_of(self.dataset, self._padded(1, range(len(self.dataset.test)), True))

    def predict_dataloader(self) -> DataLoader[Batch]:
        """Return each image to score once, without augmentation, in padded full batches."""
        return loader_of(self.dataset, self._padded(0, self.scoring, False))

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Normalise images on the device, since workers send uint8; stored features stay as they are."""
        if isinstance(batch, Batch):
            return batch if self.dataset.features is not None else self._normalised(batch)
        flat: dict[str, Any] = {}
        for name, part in batch.items():
            normalised = self.on_after_batch_transfer(part, dataloader_idx)
            flat.update({name: normalised} if isinstance(part, Batch) else normalised)
        return flat

    def on_exception(self, exception: BaseException) -> None:
        """Wake stopped workers; Lightning calls this before it ends the workers."""
        wake_stopped(exception)

    @property
    def _ranks(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)

    def _padded(self, side: int, indices: Sequence[int], labels: bool) -> PaddedBatches:
        """Return the batches of images, or of their stored features, of the training set (0) or the test set (1)."""
        data = self.dataset
        images = (data.train, data.test)[side]
        if data.features is not None:
            stored = data.features[side]
            size = batch_size_of(stored, data.eval_batch_size)
            return PaddedFeatures(stored, images, indices, size, labels, *self._ranks)
        return PaddedBatches(images, indices, data.eval_batch_size, labels, *self._ranks)

    def _stream(self, indices: Sequence[int] | Indices, batch_size: int, name: str) -> Stream:
        data = self.dataset
        return Stream(data.train, indices, batch_size, data.augmentation, self.key, name, *self._ranks)


def loader_of(dataset: PoolDataset, batches: Dataset[Any], sampler: StepSampler | None = None) -> DataLoader[Any]:
    """Return a loader of whole batches, read by the workers that a dataset's options name."""
    # Stored features are mapped, not decoded, so that workers would only copy them.
    workers = 0 if dataset.features is not None else dataset.workers
    return DataLoader(
        batches,
        batch_size=None,
        sampler=sampler,
        num_workers=workers,
        multiprocessing_context=start_method(workers),
        timeout=dataset.timeout if workers else 0,
        collate_fn=parcel,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=workers > 0,  # so that Lightning ends them after an error; SIGTERM does not
    )
