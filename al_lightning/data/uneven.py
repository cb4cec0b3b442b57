"""Images of several sizes: whether batches of them can be made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from al_lightning.data.augmentation import Augmentation, Sample
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import Images
from al_lightning.data.streams import collate
from al_lightning.errors import DatasetError


def check_batches(data: PoolDataset, pool: Sequence[int], test: Sequence[int], scores: bool) -> None:
    """Check that images of different sizes fit into the batches of a run: augmented in training, as they are otherwise.

    Args:
        data: the dataset.
        pool: positions of pool images, one of each size.
        test: positions of test images, one of each size.
        scores: whether the pool is scored.

    Raises:
        DatasetError: some do not.
    """
    if data.eval_batch_size > 1:
        _collate(data, data.test, test)
        _collate(data, data.train, pool if scores else ())
    if data.batch_size > 1:
        for augmentation in _augmentations(data):
            _collate(data, data.train, pool, augmentation)


def _augmentations(data: PoolDataset) -> Iterable[Augmentation]:
    """Return the augmentations of labelled images and of views."""
    views = (data.unlabelled.views or {}).values() if data.unlabelled is not None else ()
    return [data.augmentation, *(view for view in views if view is not None)]


def _collate(
    data: PoolDataset, images: Images, indices: Sequence[int], augmentation: Augmentation | None = None
) -> None:
    """Make a batch of the first two images, with labels that are all of one class."""
    pair = indices[:2]
    if len(pair) < 2:
        return
    samples: list[Sample] = []
    for image in (images.image(index) for index in pair):
        sample: Sample = image, (np.zeros(image.shape[:2], np.uint8) if data.labels == "pixel" else 0)
        samples.append(augmentation(*sample, seed=0) if augmentation is not None else sample)
    try:
        collate(samples, pair, [images.name(index) for index in pair])
    except DatasetError as error:
        raise DatasetError(
            f"{error} The images of the {'test set' if images is data.test else 'pool'} have {len(indices)} sizes. "
            "Nothing was trained yet."
        ) from error
