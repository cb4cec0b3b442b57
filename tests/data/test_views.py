"""Streams of unlabelled images: the same images in every view, labels unread, a pure function of key and step."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from al_lightning.data import ImageAugmentation, NoAugmentation, SegmentationAugmentation
from al_lightning.data.datamodule import PoolDataModule
from al_lightning.data.views import Unlabelled
from al_lightning.errors import UsageError
from al_lightning.pool import Pool
from tests.support.datasets import Coordinates, Dataset
from tests.support.errors import raises

KEY = (0, 1, 0)
SHIFT = ImageAugmentation(auto_augment=False, cutout=0, flip=True, crop_padding=3)


class Classes(Dataset):
    labels = "image"


class Pixels(Dataset):
    labels = "pixel"


def items(data, first=0):
    """What the training loader gives, on one level of names as on the device."""
    loader = data.train_dataloader()
    data.seek(first)
    return [{"labelled": item["labelled"], **item["unlabelled"]} for item, _, _ in iter(loader)]


def at(dataset, labelled=(5, 1), steps=3, rank=0, world_size=1):
    data = PoolDataModule(dataset, Pool(6).label(labelled), KEY, steps=steps, chunk=steps)
    data.trainer = SimpleNamespace(global_rank=rank, world_size=world_size)
    return data


def two_views(**options):
    return Unlabelled(views={"original": NoAugmentation(), "augmented": SHIFT}, **options)


def test_views_show_the_same_images_each_in_its_own_way():
    images = Coordinates(masks=False)
    data = Classes(images, batch_size=2, workers=0, unlabelled=two_views(batch_size=4))
    for item in items(at(data)):
        assert list(item) == ["labelled", "original", "augmented"]
        assert torch.equal(item["original"].index, item["augmented"].index)
        assert len(item["original"].index) == 4
        numbers = item["original"].image[:, 2, 0, 0].tolist()
        assert numbers == item["original"].index.tolist() == item["augmented"].image[:, 2, 5, 5].tolist()
        assert not torch.equal(item["original"].image, item["augmented"].image)
        assert set(item["augmented"].label.tolist()) == {255}


@pytest.mark.parametrize(("images", "drawn"), [("unlabelled", {0, 2, 3, 4}), ("pool", set(range(6)))])
def test_what_is_drawn(images, drawn):
    data = Classes(Coordinates(masks=False), batch_size=4, workers=0, unlabelled=Unlabelled(images=images))
    seen = {int(index) for item in items(at(data)) for index in item["unlabelled"].index}
    assert seen == drawn


def test_labels_of_unlabelled_images_are_never_read():
    images = Coordinates()
    data = Pixels(images, batch_size=2, workers=0, unlabelled=Unlabelled())
    count = len(items(at(data)))
    assert images.labels_read == 2 * count  # the labelled ones alone


def test_a_map_tells_padding_from_the_image():
    crop = SegmentationAugmentation(crop=(30, 40), flip=False)
    data = Pixels(Coordinates(), batch_size=2, workers=0, augmentation=crop, unlabelled=Unlabelled())
    label = items(at(data))[0]["unlabelled"].label
    assert (label.shape, label.dtype) == ((2, 30, 40), torch.uint8)
    assert set(label.unique().tolist()) == {0, 255}
    assert (label == 0).sum() == 2 * 24 * 32


def test_a_stream_goes_on_where_the_fit_stands_and_is_shared_out():
    data = Classes(Coordinates(masks=False), batch_size=4, workers=0, unlabelled=two_views())
    whole = items(at(data, steps=4))
    rest = items(at(data, steps=4), first=2)
    assert [item["augmented"].image.tolist() for item in rest] == [i["augmented"].image.tolist() for i in whole[2:]]
    shares = [items(at(data, steps=4, rank=rank, world_size=2)) for rank in (0, 1)]
    for step, item in enumerate(whole):
        for view in ("labelled", "original", "augmented"):
            joined = torch.cat([share[step][view].image for share in shares])
            assert torch.equal(joined, item[view].image)


def test_the_batch_size_is_global_and_must_divide():
    data = Classes(Coordinates(masks=False), batch_size=4, workers=0, unlabelled=Unlabelled(batch_size=3))
    with raises(UsageError, "data.unlabelled.batch_size", 3, "multiple", 2):
        at(data, world_size=2).train_dataloader()


def test_what_arrives_on_the_device_is_one_level_of_names_normalised():
    data = at(Classes(Coordinates(masks=False), batch_size=2, workers=0, unlabelled=two_views()))
    item = next(iter(data.train_dataloader()))[0]
    arrived = data.on_after_batch_transfer(item, 0)
    assert list(arrived) == ["labelled", "original", "augmented"]
    assert all(batch.image.dtype == torch.float32 for batch in arrived.values())
    expected = (np.asarray([5 / 255, 1 / 255]) - 0.406) / 0.225
    values = sorted(arrived["labelled"].image[:, 2, 0, 0].tolist(), reverse=True)
    assert values == pytest.approx(expected.tolist(), rel=1e-5)


def test_wrong_options_get_a_sentence():
    with raises(UsageError, "data.unlabelled.batch_size is 0"):
        Unlabelled(batch_size=0)
    with raises(UsageError, "view", "'labelled'"):
        Unlabelled(views={"labelled": None})
    with raises(UsageError, 6, "--data.unlabelled.images pool"):
        Unlabelled().check(6, 6)
    Unlabelled().check(6, 5)
    Unlabelled(images="pool").check(6, 6)
