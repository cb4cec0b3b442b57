"""The synthetic streets: what a position means never changes, and the pools are what they claim to be."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from al_lightning.config import names
from al_lightning.data.datasets.driving_video import DrivingVideo, _drawn
from al_lightning.data.streets import CLASSES
from al_lightning.errors import UsageError
from tests.support.errors import raises
from tests.support.runs import journal

SMALL = {"size": (32, 64), "pool_size": 24, "test_size": 6}


def images_of(images):
    return np.stack([images.image(index) for index in range(len(images))])


def labels_of(images):
    return np.stack([images.label(index) for index in range(len(images))])


def difference(one, other):
    """Mean absolute difference in grey levels."""
    return np.abs(one.astype(int) - other.astype(int)).mean()


@pytest.fixture(scope="module")
def clips():
    """Twelve scenes of twelve frames at full size."""
    return DrivingVideo(pool_size=144, follow=11)


def test_images_and_labels_have_the_promised_shapes_and_types(clips):
    assert (len(clips.train), len(clips.test)) == (144, 200)
    for images in (clips.train, clips.test):
        assert (images.image(3).shape, images.image(3).dtype) == ((64, 128, 3), np.uint8)
        assert (images.label(3).shape, images.label(3).dtype) == ((64, 128), np.uint8)
    assert images_of(clips.train).std() > 20
    assert list(clips.class_names) == list(CLASSES)
    assert clips.num_classes == 10
    assert clips.labels == "pixel"


def test_every_class_occurs_rare_ones_rarely_and_nothing_else_does():
    labels = labels_of(DrivingVideo(pool_size=132, test_size=1).train)
    assert set(np.unique(labels)) == {*range(10), 255}
    share = np.bincount(labels.ravel(), minlength=256) / labels.size
    assert share[255] < 0.15
    for name in ("car", "pedestrian", "pole", "sign"):
        pictures = (labels == CLASSES.index(name)).any(axis=(1, 2)).mean()
        assert 0.2 < pictures < 0.9, f"{name} is in {pictures:.0%} of the images"
        assert share[CLASSES.index(name)] < 0.05


def test_scenes_differ_in_how_crowded_they_are():
    labels = labels_of(DrivingVideo(pool_size=132, test_size=1).train)
    actors = np.isin(labels, [CLASSES.index(name) for name in ("car", "pedestrian")]).mean(axis=(1, 2))
    assert (actors == 0).mean() > 0.05
    assert np.quantile(actors, 0.9) > 2 * np.median(actors[actors > 0])


def test_an_image_is_a_function_of_seed_scene_and_frame():
    one = DrivingVideo(**SMALL, follow=3)
    kept, labels = images_of(one.train), labels_of(one.train)
    _drawn.cache_clear()
    # The test set first, then a pool of another kind: neither moves the draws.
    two = DrivingVideo(**SMALL, follow=3)
    images_of(two.test)
    images_of(DrivingVideo(**SMALL).train)
    assert two.train.images is not one.train.images
    for index in (23, 0, 7):
        assert np.array_equal(two.train.image(index), kept[index])
        assert np.array_equal(two.train.label(index), labels[index])
    assert not np.array_equal(images_of(DrivingVideo(**SMALL, follow=3, seed=1).train), kept)


def test_pools_of_all_kinds_draw_the_same_scenes_and_share_the_test_set():
    single, clips, copies = DrivingVideo(**SMALL), DrivingVideo(**SMALL, follow=3), DrivingVideo(**SMALL, copies=3)
    for scene in range(6):
        for redundant in (clips, copies):
            assert np.array_equal(redundant.train.image(4 * scene), single.train.image(scene))
            assert np.array_equal(redundant.train.label(4 * scene), single.train.label(scene))
    assert np.array_equal(images_of(single.test), images_of(clips.test))
    assert np.array_equal(images_of(single.test), images_of(copies.test))


def test_test_scenes_are_not_in_the_pool():
    data = DrivingVideo(**SMALL)
    pool, test = images_of(data.train), images_of(data.test)
    assert min(difference(one, other) for one in pool for other in test) > 5
    names = [images.name(index) for images in (data.train, data.test) for index in range(len(images))]
    assert len(set(names)) == len(names)


def test_consecutive_frames_are_near_copies_but_no_copies(clips):
    frames = images_of(clips.train).reshape(12, 12, 64, 128, 3)
    for clip in frames:
        steps = [difference(one, other) for one, other in pairwise(clip)]
        others = [difference(clip[0], other[0]) for other in frames if other is not clip]
        assert min(steps) > 0
        assert max(steps) < 0.5 * np.mean(others)
        assert difference(clip[0], clip[11]) > np.mean(steps), "the camera drives on"


def test_augmented_copies_are_crops_of_their_frame():
    data = DrivingVideo(**SMALL, copies=5)
    pictures, labels = images_of(data.train).reshape(4, 6, 32, 64, 3), labels_of(data.train).reshape(4, 6, 32, 64)
    for number, clip in enumerate(pictures):
        assert len({picture.tobytes() for picture in clip}) == 6
        assert all(set(np.unique(label)) <= set(np.unique(labels[number, 0])) for label in labels[number])


@pytest.mark.parametrize(
    ("config", "images"), [("demo_0f", 1), ("demo_5f", 6), ("demo_11f", 12), ("demo_21f", 22), ("demo_aug", 6)]
)
def test_the_pools_are_of_one_size_and_know_scene_and_frame(config, images):
    options = names.resolve([f"{config}_random"]).values["data"]["init_args"]
    kind = {name: options[name] for name in ("size", "pool_size", "follow", "copies") if name in options}
    pool = DrivingVideo(**kind).pool()
    assert pool.size == 528
    assert len(set(pool.sequence)) == 528 // images
    assert list(pool.sequence) == sorted(pool.sequence)
    assert list(pool.frame) == [*range(images)] * (528 // images)
    small = DrivingVideo(**{**kind, **SMALL, "pool_size": 2 * images})
    assert len(small.train) == small.pool().size == 2 * images
    last = "copy" if "copies" in options else "frame"
    assert small.train.name(2 * images - 1) == f"scene 001, {last} {images - 1:02d}"
    assert small.train.name(0) == "scene 000, frame 00"


def test_the_other_kind_of_difference_leaves_the_labels_alone():
    mild, strong = DrivingVideo(**SMALL), DrivingVideo(**SMALL, nuisance="strong")
    assert np.array_equal(labels_of(mild.train), labels_of(strong.train))
    changes = [difference(mild.train.image(i), strong.train.image(i)) for i in range(24)]
    assert sum(change > 10 for change in changes) > 8
    brightness = {name: images_of(data.train).mean(axis=(1, 2, 3)).std() for name, data in
                  (("mild", mild), ("strong", strong))}  # fmt: skip
    assert brightness["strong"] > 1.5 * brightness["mild"]


def test_the_fingerprint_knows_what_changes_the_pixels():
    kinds = (
        {},
        {"seed": 1},
        {"size": (32, 32)},
        {"nuisance": "strong"},
        {"follow": 3},
        {"copies": 3},
        {"test_size": 5},
    )
    prints = [DrivingVideo(**{**SMALL, **kind}).fingerprint() for kind in kinds]
    assert len(set(prints)) == len(kinds)
    assert DrivingVideo(**SMALL, batch_size=3).fingerprint() == prints[0]


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"pool_size": 500, "follow": 11}, ["data.pool_size is 500", "12 images", 492]),
        ({"pool_size": 5, "copies": 5}, ["data.pool_size is 5", "6 images"]),
        ({"follow": 5, "copies": 5}, ["data.follow is 5", "data.copies is 5", "0"]),
        ({"follow": -1}, ["data.follow is -1", "at least 0"]),
        ({"repeated": 0.5}, ["data.repeated is 0.5", "below 0.5"]),
        ({"copies": -1}, ["data.copies is -1", "at least 0"]),
        ({"pool_size": 0}, ["data.pool_size is 0", "at least 1"]),
        ({"test_size": 0}, ["data.test_size is 0", "at least 1"]),
        ({"seed": -1}, ["data.seed is -1", "at least 0"]),
        ({"size": (4, 128)}, ["data.size[0] is 4", "at least 16"]),
        ({"nuisance": "some"}, ["data.nuisance is 'some'", "mild or strong"]),
        ({"batch_size": 0}, ["data.batch_size is 0", "at least 1"]),
    ],
)
def test_bad_arguments_are_answered_with_a_sentence(options, facts):
    with raises(UsageError, *facts):
        DrivingVideo(**options)


def test_a_run(al, here: Path) -> None:
    options = ["--data.size", "[32, 64]", "--data.pool_size", 24, "--data.test_size", 4, "--data.batch_size", 4]
    options += ["--data.eval_batch_size", 8, "--data.workers", 0, "--network.width", 8, "--budget.initial", 25]
    options += ["--budget.query", 25, "--budget.cycles", 1, "--steps", 2, "--run_dir", "r"]
    answer = al("fit", "--config", "demo_11f_random", *options)
    assert answer.code == 0, answer.err
    assert [cycle["labelled"] for cycle in journal(here / "r")[1:]] == [6, 12]


def test_a_share_of_the_pool_can_be_there_twice() -> None:
    plain, again = DrivingVideo(pool_size=96, follow=11), DrivingVideo(pool_size=96, follow=11, repeated=0.125)
    images, pool = again.train, again.pool()
    repeats = [index for index in range(96) if images.name(index).endswith("(again)")]
    assert len(repeats) == 12
    places = list(zip(pool.sequence or (), pool.frame or (), strict=True))
    assert len(set(places)) == 84
    for index in range(96):
        sequence, frame = places[index]
        source = 12 * sequence + frame
        assert (source == index) == (index not in repeats)
        assert np.array_equal(images.image(index), plain.train.image(source))
        assert np.array_equal(images.label(index), plain.train.label(source))
    assert again.fingerprint() != plain.fingerprint()
    assert DrivingVideo(pool_size=96, follow=11, repeated=0.125).fingerprint() == again.fingerprint()
    assert [again.test.name(index) for index in range(3)] == [plain.test.name(index) for index in range(3)]
