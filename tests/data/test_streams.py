"""Batches as functions of their key, and padded batches in order."""

from collections import Counter

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from al_lightning.data import ImageAugmentation, NoAugmentation, SegmentationAugmentation
from al_lightning.data.streams import PaddedBatches, StepSampler, Stream
from al_lightning.errors import DatasetError, UsageError
from al_lightning.types import Batch
from tests.support.datasets import Coordinates, chunks_of, same
from tests.support.errors import raises

KEY = (0, 1, 0)
"""(seed, cycle, member)."""


CROPS = SegmentationAugmentation(crop=(8, 8))


def stream(indices=(0, 1, 2, 3, 4), batch_size=4, augmentation=CROPS, key=KEY, images=None, **options):
    return Stream(images or Coordinates(), indices, batch_size, augmentation, key, "labelled", **options)


def test_a_batch_is_a_pure_function_of_key_and_step():
    used, fresh = stream(), stream()
    for step in (7, 0, 3):
        used[step]
    for step in (0, 3, 7):
        assert same(used[step], fresh[step])
    assert not same(fresh[0], fresh[1])


def test_a_batch_has_the_promised_shapes_and_types():
    batch = stream()[0]
    assert (batch.image.shape, batch.image.dtype) == ((4, 3, 8, 8), torch.uint8)
    assert (batch.label.shape, batch.label.dtype) == ((4, 8, 8), torch.uint8)
    assert (batch.index.shape, batch.index.dtype) == ((4,), torch.int64)
    assert batch.image[:, 2, 0, 0].tolist() == batch.index.tolist()
    classes = stream(augmentation=NoAugmentation(), images=Coordinates(masks=False))[0]
    assert (classes.label.dtype, classes.label.tolist()) == (torch.int64, [int(i) % 3 for i in classes.index])


@pytest.mark.parametrize("key", [(1, 1, 0), (0, 2, 0), (0, 1, 1)], ids=["seed", "cycle", "member"])
def test_another_seed_cycle_or_member_goes_another_way(key):
    here, there = stream(range(6)), stream(range(6), key=key)
    assert [here.draw(slot) for slot in range(18)] != [there.draw(slot) for slot in range(18)]


def test_streams_of_another_name_go_another_way():
    images = Coordinates()
    one, two = (Stream(images, range(6), 4, CROPS, KEY, name) for name in ("labelled", "unlabelled"))
    assert [one.draw(slot) for slot in range(18)] != [two.draw(slot) for slot in range(18)]


@pytest.mark.parametrize("batch_size", [3, 4, 12])
def test_each_lap_is_a_permutation_whatever_the_batch_size(batch_size):
    indices = (1, 2, 4, 5, 0)
    endless = stream(indices, batch_size)
    seen = [int(index) for step in range(15) for index in endless[step].index]
    laps = [seen[start : start + 5] for start in range(0, len(seen) - 4, 5)]
    assert len(laps) >= 9
    assert all(sorted(lap) == [0, 1, 2, 4, 5] for lap in laps)
    assert len({tuple(lap) for lap in laps}) > 1


def test_a_labelled_set_smaller_than_the_batch_repeats():
    batch = stream((3, 1), 8)[0]
    assert Counter(batch.index.tolist()) == {1: 4, 3: 4}
    crops = {tuple(image[:2, 0, 0].tolist()) for image in batch.image if image[2, 0, 0] == 1}
    assert len(crops) > 1, "a repeated image is augmented anew"


def test_the_order_of_labelling_does_not_matter():
    assert same(stream((4, 0, 3))[2], stream((0, 3, 4))[2])


@pytest.mark.parametrize("world_size", [2, 4])
@pytest.mark.parametrize(
    ("augmentation", "masks"),
    [(CROPS, True), (ImageAugmentation(cutout=4), False)],
    ids=["segmentation", "classification"],
)
def test_the_shares_of_all_processes_are_the_batch_of_one_process(world_size, augmentation, masks):
    options = {"augmentation": augmentation, "images": Coordinates(masks=masks)}
    whole = stream(**options)
    shares = [stream(**options, rank=rank, world_size=world_size) for rank in range(world_size)]
    for step in range(3):
        parts = [share[step] for share in shares]
        assert {len(part.index) for part in parts} == {4 // world_size}
        assert same(Batch(*(torch.cat(tensors) for tensors in list(zip(*parts, strict=True))[:3])), whole[step])


def test_a_batch_size_that_does_not_divide_is_refused():
    with raises(UsageError, "data.batch_size", 4, "multiple", 3):
        stream(batch_size=4, rank=0, world_size=3)


def test_images_of_different_sizes_in_a_batch_are_named():
    images = Coordinates(2)
    images.planes[1] = np.zeros((10, 32, 3), dtype=np.uint8)
    facts = ["picture 0", "picture 1", "24 x 32", "10 x 32", "--data.size"]
    with raises(DatasetError, *facts):
        stream((0, 1), 2, NoAugmentation(), images=images)[0]
    with raises(DatasetError, *facts, "'[24, 32]'"):
        PaddedBatches(images, [0, 1], 2, labels=False)[0]


def test_chunks_cover_the_steps_once_in_any_order():
    sampler = StepSampler(steps=10, chunk=4)
    assert (len(sampler), list(sampler)) == (4, [0, 1, 2, 3])
    chunks = {}
    for step in (8, 0, 5, 10):
        sampler.seek(step)
        chunks[step] = list(sampler)
        assert len(sampler) == len(chunks[step])
    assert chunks == {0: [0, 1, 2, 3], 5: [5, 6, 7, 8], 8: [8, 9], 10: []}


def test_a_fit_shorter_than_a_chunk():
    sampler = StepSampler(steps=3, chunk=500)
    assert len(sampler) == 3
    assert list(sampler) == [0, 1, 2]


# Padded batches


@pytest.mark.parametrize("world_size", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 4, 5, 12, 13])
def test_each_image_comes_once_in_full_batches_of_which_each_process_has_the_same_number(world_size, count):
    indices = [2 * number for number in range(count)]
    images = Coordinates(26, size=(2, 3))
    shards = [PaddedBatches(images, indices, 2, True, rank, world_size) for rank in range(world_size)]
    assert len({len(shard) for shard in shards}) == 1
    assert len(shards[0]) == -(-count // (2 * world_size))
    seen = []
    for shard in shards:
        for number in range(len(shard)):
            batch = shard[number]
            assert batch.image.shape == (2, 3, 2, 3)
            shown, real = batch.image[:, 2, 0, 0], batch.index >= 0
            assert shown[real].tolist() == batch.index[real].tolist()
            seen.extend(batch.index.tolist())
    assert sorted(index for index in seen if index >= 0) == indices
    assert set(seen) - set(indices) <= {-1}


def test_a_process_without_an_image_gets_padding_alone():
    shard = PaddedBatches(Coordinates(), [3], 2, True, rank=2, world_size=3)
    assert len(shard) == 1
    assert shard[0].index.tolist() == [-1, -1]


def test_scoring_reads_no_labels():
    images = Coordinates()
    batch = PaddedBatches(images, [0, 4, 5], 2, labels=False)[0]
    assert images.labels_read == 0
    assert batch.label.tolist() == [255, 255]
    assert PaddedBatches(images, [0, 4, 5], 2, labels=True)[0].label.shape == (2, 24, 32)
    assert images.labels_read == 2


def test_albumentations_does_not_repeat_its_draws_between_workers_or_epochs():
    # Unless reseeded, all workers and all epochs draw the same (albumentations-team/AlbumentationsX#266).
    images = Coordinates(1, size=(120, 120))
    batches = stream((0,), 2, SegmentationAugmentation(crop=(8, 8)), images=images)
    sampler = StepSampler(16, 8)
    loader = DataLoader(batches, batch_size=None, sampler=sampler, num_workers=2, persistent_workers=True)
    epochs = chunks_of(loader, sampler.seek, 8)
    corners = [[tuple(image[:2, 0, 0].tolist()) for batch in epoch for image in batch.image] for epoch in epochs]
    assert len(corners[0]) == 16
    # Worker 0 makes the even batches, worker 1 the odd ones.
    by_worker = [[corner for n in range(w, 8, 2) for corner in corners[0][2 * n : 2 * n + 2]] for w in (0, 1)]
    assert by_worker[0] != by_worker[1]
    assert corners[0] != corners[1]
    # 32 draws of 113 x 113 places: more than a few coincidences are no coincidence.
    assert len(set(corners[0] + corners[1])) >= 28
