"""The loaders of one fit."""

from types import SimpleNamespace

import pytest
import torch

from al_lightning.data import ImageAugmentation, SegmentationAugmentation
from al_lightning.data.datamodule import PoolDataModule
from al_lightning.pool import Pool
from al_lightning.types import Batch
from tests.support.datasets import Coordinates, Dataset, chunks_of, same

KEY = (0, 1, 0)
"""(seed, cycle, member)."""


@pytest.mark.parametrize(
    ("augmentation", "masks"),
    [(SegmentationAugmentation((8, 8), scale=(0.75, 1.5)), True), (ImageAugmentation(cutout=4), False)],
    ids=["segmentation", "classification"],
)
def test_batches_do_not_depend_on_the_number_of_workers(augmentation, masks):
    runs = []
    for workers in (0, 2):
        data = Dataset(Coordinates(masks=masks), batch_size=4, workers=workers, augmentation=augmentation)
        data = PoolDataModule(data, Pool(6).label([0, 2, 3]), KEY, steps=8, chunk=4)
        loader = data.train_dataloader().flattened[0]
        assert loader.num_workers == workers
        runs.append(chunks_of(loader, data.seek, 4))
    alone, parallel = runs
    assert [len(chunk) for chunk in alone] == [4, 4]
    for one, two in zip(alone, parallel, strict=True):
        assert all(same(a, b) for a, b in zip(one, two, strict=True))
    assert not any(same(a, b) for a, b in zip(alone[0], alone[1], strict=True))


def test_loaders_give_the_labelled_stream_the_whole_test_set_and_what_is_to_be_scored():
    dataset = Dataset(Coordinates(), batch_size=4, eval_batch_size=4, workers=0)
    data = PoolDataModule(dataset, Pool(6).label([5, 1]), KEY, steps=3, chunk=2, scoring=[0, 2, 3, 4, 5])
    items = [item for item, _, _ in iter(data.train_dataloader())]
    assert [list(item) for item in items] == [["labelled"], ["labelled"]]
    assert {int(index) for item in items for index in item["labelled"].index} == {1, 5}
    tested = [index for batch in data.test_dataloader() for index in batch.index.tolist()]
    assert tested == [0, 1, 2, 3, 4, 5, -1, -1]
    scored = [index for batch in data.predict_dataloader() for index in batch.index.tolist()]
    assert scored == [0, 2, 3, 4, 5, -1, -1, -1]


def test_fits_share_the_images_and_nothing_else():
    dataset = Dataset(Coordinates(), workers=0)
    images = dataset.train
    fits = [PoolDataModule(dataset, Pool(6).label([index]), (0, 0, index), 4, 2) for index in (1, 2)]
    seen = [{int(i) for item, _, _ in iter(data.train_dataloader()) for i in item["labelled"].index} for data in fits]
    assert seen == [{1}, {2}]
    assert dataset.train is images


def test_the_stream_of_a_fit_that_goes_on_begins_where_the_fit_stands():
    data = PoolDataModule(Dataset(Coordinates(), workers=0), Pool(6).label([0, 2, 3]), KEY, steps=10, chunk=4)
    whole = [batch for number in (0, 4, 8) for batch in list_from(data, number)]
    data.seek(4)
    rest = list(data.train_dataloader().flattened[0])
    assert len(rest) == 4
    assert all(same(one, two) for one, two in zip(rest, whole[4:8], strict=True))


def list_from(data, step):
    loader = data.train_dataloader().flattened[0]
    data.seek(step)
    return list(loader)


def test_loaders_take_the_share_of_their_process():
    dataset = Dataset(Coordinates(), batch_size=4, eval_batch_size=2, workers=0)
    data = PoolDataModule(dataset, Pool(6).label([0, 2, 3]), KEY, 2, 2)
    whole = next(iter(data.train_dataloader().flattened[0])).index.tolist()
    trained, tested = [], []
    for rank in (0, 1):
        data.trainer = SimpleNamespace(global_rank=rank, world_size=2)
        trained += next(iter(data.train_dataloader().flattened[0])).index.tolist()
        tested += [index for batch in data.test_dataloader() for index in batch.index.tolist()]
    assert trained == whole
    assert sorted(tested) == [-1, -1, 0, 1, 2, 3, 4, 5]


def test_images_are_normalised_once_on_arrival():
    data = PoolDataModule(Dataset(Coordinates(), mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 1.0)), Pool(6), KEY)
    image = torch.tensor([0, 255], dtype=torch.uint8).repeat(3, 1).view(1, 3, 1, 2)
    batch = Batch(image, torch.tensor([1]), torch.tensor([0]))
    for out in (
        data.on_after_batch_transfer(batch, 0),
        data.on_after_batch_transfer({"labelled": batch}, 0)["labelled"],
    ):
        assert out.image.dtype == torch.float32
        assert out.image[0, :, 0].tolist() == [[-1.0, 1.0], [-1.0, 3.0], [0.0, 1.0]]
        assert out.label is batch.label
    assert image.dtype == torch.uint8


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_what_is_scored_takes_the_place_of_the_batch_before(memory_format):
    data = PoolDataModule(Dataset(Coordinates()), Pool(6), KEY, memory_format=memory_format)
    draw = torch.Generator().manual_seed(0)
    shapes = [(2, 3, 4, 6), (2, 3, 4, 6), (1, 3, 8, 2)]
    images = [torch.randint(0, 256, shape, dtype=torch.uint8, generator=draw) for shape in shapes]
    batches = [Batch(image, torch.zeros(len(image)), torch.arange(len(image))) for image in images]
    plain = [data.on_after_batch_transfer(batch, 0).image for batch in batches]
    assert len({image.data_ptr() for image in plain}) == 3  # a step's images are its own
    with torch.inference_mode():
        places = []
        for batch, wanted in zip(batches, plain, strict=True):
            image = data.on_after_batch_transfer(batch, 0).image
            assert torch.equal(image, wanted)
            assert image.stride() == wanted.stride()
            places.append(image.data_ptr())
    assert places[0] == places[1]
    assert places[2] != places[0]
    with torch.inference_mode():  # another fit's images go elsewhere
        other = PoolDataModule(data.dataset, Pool(6), KEY, memory_format=memory_format)
        assert other.on_after_batch_transfer(batches[2], 0).image.data_ptr() != places[2]


def test_images_take_the_memory_format_of_the_fit():
    data = PoolDataModule(Dataset(Coordinates()), Pool(6), KEY, memory_format=torch.channels_last)
    batch = Batch(torch.zeros(2, 3, 4, 5, dtype=torch.uint8), torch.zeros(2), torch.zeros(2))
    assert data.on_after_batch_transfer(batch, 0).image.is_contiguous(memory_format=torch.channels_last)
