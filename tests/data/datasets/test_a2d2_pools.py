"""Pools of A2D2: drawn frames, copies, and lists in the published format."""

import logging
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from al_lightning.data import A2D2, Images
from al_lightning.data.datasets.a2d2_pools import CopiedImages, draw_frames
from al_lightning.errors import DatasetError, UsageError
from tests.support.errors import lacking, raises, refused
from tests.support.runs import journal
from tests.support.trees_a2d2 import TEST_SCENE, names, part, rgb, write_a2d2


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=5),
    st.integers(0, 6),
    st.integers(1, 20),
    st.integers(0, 3),
)
def test_drawn_clusters_do_not_overlap_nor_leave_their_sequence(lengths, follow, count, seed):
    sequence = [number for number, length in enumerate(lengths) for _ in range(length)]
    drawn = draw_frames(sequence, count, follow, seed)
    frames = [place for start in drawn for place in range(start, start + follow + 1)]
    assert len(set(frames)) == len(frames) <= count * (follow + 1)
    assert all(sequence[start] == sequence[start + follow] for start in drawn)
    assert drawn == draw_frames(sequence, count, follow, seed)
    if len(drawn) < count:  # then there is no room for another
        free = [place not in frames for place in range(len(sequence))]
        for start in range(len(sequence) - follow):
            assert not (all(free[start : start + follow + 1]) and sequence[start] == sequence[start + follow])


def test_kinds_of_pools_share_their_draws_and_seeds_do_not():
    sequence = [0] * 500
    single, triple = draw_frames(sequence, 20, 0, 0), draw_frames(sequence, 20, 2, 0)
    assert len(set(single) & set(triple)) >= 15
    assert single != draw_frames(sequence, 20, 0, 1)


def test_a_pool_has_drawn_frames_and_those_that_follow_in_the_recording(written):
    data, recorded = part(written, pool="2f", pool_size=12), names(part(written))
    chosen, pool = names(data), data.pool()
    assert len(set(chosen)) == pool.size == len(data.train) == 12
    places = [recorded.index(name) for name in chosen]
    assert places == sorted(places)
    starts = places[::3]
    assert places == [start + step for start in starts for step in range(3)]
    for start in range(0, 12, 3):
        assert len(set(pool.sequence[start : start + 3])) == 1
        assert [b - a for a, b in zip(pool.frame[start:], pool.frame[start + 1 : start + 3], strict=False)] == [44, 44]
    assert names(part(written, pool="2f", pool_size=12)) == chosen
    assert any(names(part(written, pool="2f", pool_size=12, pool_seed=seed)) != chosen for seed in (1, 2))
    assert len(set(names(part(written, pool="0f", pool_size=31)))) == 31


def test_the_studys_sizes_fit():
    for kind, drawn in (("0f", 2640), ("5f", 440), ("11f", 220), ("21f", 120), ("aug", 440)):
        assert A2D2(pool=kind).drawn == drawn


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"pool": "f"}, "data.pool is 'f'; all, 0f, 5f, 11f, 21f"),
        (
            {"pool": "5f", "pool_size": 13},
            ["data.pool_size is 13", "6 images", "data.pool 5f", 12],
        ),
        ({"pool": "aug", "copies": 3, "pool_size": 2}, ["data.pool_size is 2", "4 images"]),
        ({"pool": "aug", "copies": 0}, ["data.copies is 0", "at least 1"]),
        ({"pool_seed": -1}, ["data.pool_seed is -1"]),
        ({"duplicates": "maybe"}, ["data.duplicates is 'maybe'", "drop", "keep"]),
        ({"pool": "aug", "pool_list": "l"}, ["data.pool_list", "data.pool aug"]),
        ({"mapping": "cityscapes"}, ["data.mapping is 'cityscapes'"]),
        ({"size": (0, 5)}, ["data.size[0] is 0"]),
    ],
)
def test_a_wrong_argument_is_named(options, facts):
    with raises(UsageError, *facts):
        part("nowhere", **options)


def test_a_tree_too_small_for_the_pool_says_so(written):
    with raises(DatasetError, written, "data.pool 5f", 2_640, 31, "of 440", 5, "data.pool_size"):
        part(written, pool="5f").pool()


def test_copies_are_crops_with_other_colours_and_a_function_of_their_key(written):
    options = {"pool": "aug", "pool_size": 12, "copies": 3}
    data = part(written, **options)
    assert [name.partition(", ")[2] for name in names(data)] == ["", "copy 1", "copy 2", "copy 3"] * 3
    assert len(set(names(data))) == 12
    pool = data.pool()
    assert all(len(set(pool.frame[start : start + 4])) == 1 for start in (0, 4, 8))
    images = [data.train.image(index) for index in range(12)]
    assert {(image.shape, image.dtype.name) for image in images} == {((24, 55, 3), "uint8")}
    assert len({image.tobytes() for image in images}) == 12
    original = part(written).train
    assert (images[0] == original.image(names(part(written)).index(names(data)[0]))).all()
    again = part(written, **options)
    assert all((again.train.image(index) == images[index]).all() for index in (7, 1))
    other = part(written, **options, pool_seed=1)
    assert other.fingerprint() != data.fingerprint() == again.fingerprint()


class Coordinates(Images):
    """One image of 40 x 100 whose pixels are (column, row, 0), its columns as labels."""

    def __len__(self):
        return 1

    def image(self, index):
        rows, columns = np.indices((40, 100))
        return np.stack([columns, rows, 0 * rows], axis=-1).astype(np.uint8)

    def label(self, index):
        return self.image(index)[..., 0]

    def name(self, index):
        return "x"


def test_a_copy_shows_85_percent_of_the_area_at_the_size_of_the_whole():
    copies = CopiedImages(Coordinates(), 5, 0, ["x"])
    assert (copies.label(0) == Coordinates().label(0)).all()
    lefts = set()
    for number in range(1, 6):
        label = copies.label(number)
        assert label.shape == (40, 100)
        assert (label == label[0]).all()
        left = int(label[0, 0])
        # The side is 0.922 of 100; nearest neighbour shows each of its 92 columns, in their order.
        assert sorted(set(label[0].tolist())) == list(range(left, left + 92))
        assert label[0].tolist() == sorted(label[0].tolist())
        lefts.add(left)
    assert len(lefts) > 1
    assert copies.image(3).shape == (40, 100, 3)


def test_image_and_label_of_a_copy_are_cut_alike(tmp_path):
    """An image whose colours are its label's: after cutting, the brightest channel tells the class still."""
    root = write_a2d2(tmp_path / "t", {"20180807_145028": {"cam_front_left": 1}, TEST_SCENE: {"cam_front_left": 1}})
    image = np.zeros((24, 55, 3), np.uint8)
    image[:, :30, 0], image[:, 30:, 1] = 200, 200  # red to column 29, green from 30 on
    image[:9, :, 2] = 250
    label = np.zeros((24, 55, 3), np.uint8)
    label[:, :30], label[:, 30:], label[:9] = rgb("ff0000"), rgb("93fdc2"), rgb("87ceff")
    path = next((root / "20180807_145028/camera").rglob("*.png"))
    Image.fromarray(image).save(path)
    Image.fromarray(label).save(next((root / "20180807_145028/label").rglob("*.png")))
    data = part(root, pool="aug", pool_size=6)
    tops = Counter()
    for index in range(1, 6):
        pixels, classes = data.train.image(index).astype(int), data.train.label(index)
        blue = pixels[..., 2] > 100
        expected = np.where(blue, 9, np.where(pixels[..., 0] > pixels[..., 1], 1, 8))
        assert (expected == classes).mean() > 0.95  # all but the lines between them
        assert set(np.unique(classes).tolist()) <= {1, 8, 9}
        tops[int((classes[:, 0] == 9).sum())] += 1
    assert len(tops) > 1


# A list in the published format


def test_a_published_list_is_read_without_its_repeats(written, tmp_path, caplog):
    every = names(part(written))
    lines = [every[5], every[20], every[5], every[2], every[20]]
    (tmp_path / "lab_images_100.txt").write_text("\n".join(lines) + "\n\n")
    options = {"pool": "5f", "pool_list": str(tmp_path / "lab_images_100.txt")}
    with caplog.at_level(logging.INFO):
        data = part(written, **options)
        assert names(data) == [every[5], every[20], every[2]]
    assert not lacking(caplog.text, ["lab_images_100.txt", "5 lines", 2, "3 images"])
    assert data.pool().sequence == (0, 1, 0)
    kept = part(written, **options, duplicates="keep")
    assert names(kept) == [every[5], every[20], f"{every[5]}, repeat 2", every[2], f"{every[20]}, repeat 2"]
    assert (kept.train.image(0) == kept.train.image(2)).all()
    assert kept.fingerprint() != data.fingerprint()


@pytest.mark.parametrize("line", ["20181108_084007/camera/cam_front_center/x.png", "x.png"])
def test_a_list_that_names_no_frame_is_answered(written, tmp_path, line):
    (tmp_path / "l.txt").write_text(f"{names(part(written))[0]}\n{line}\n")
    with raises(DatasetError, tmp_path / "l.txt", "line 2", f"frame {line}", written):
        part(written, pool_list=str(tmp_path / "l.txt")).pool()


def test_a_list_may_not_name_the_test_scene(written, tmp_path):
    data = part(written)
    (tmp_path / "l.txt").write_text(data.test.name(0).removeprefix(f"{written}/"))
    with raises(DatasetError, tmp_path / "l.txt", "line 1", "the test scene"):
        part(written, pool_list=str(tmp_path / "l.txt")).pool()
    (tmp_path / "l.txt").write_text("\n")
    with raises(DatasetError, tmp_path / "l.txt", "no images"):
        part(written, pool_list=str(tmp_path / "l.txt")).pool()
    with raises(UsageError, "data.pool_list", "other.txt", written / "other.txt"):
        part(written, pool_list="other.txt").pool()


# The command line


SMALL = ["--training.head_lr_factor", 1, "--steps", 2, "--data.batch_size", 2, "--data.eval_batch_size", 2]
SMALL += ["--data.workers", 0, "--network.width", 4, "--data.size", "[32, 64]", "--data.augmentation.crop", "[32, 32]"]
SMALL += ["--data.complete", "false", "--budget.initial", 25, "--run_dir", "r", "--trainer.accelerator", "cpu"]


def test_a_pool_runs_from_the_command_line(al, here, written):
    options = ["--data.root", written, "--data.pool_size", 12, "--budget.cycles", 0, *SMALL]
    answer = al("fit", "--config", "a2d2_pool5f_unet_random", *options)
    assert answer.code == 0, answer.err
    records = [record for record in journal(here / "r") if "cycle" in record]
    assert len(records) == 1


def test_a_list_with_repeats_runs_when_told_to_keep_them(al, here, written, caplog):
    every = names(part(written))
    (here / "l.txt").write_text("\n".join([*every[:6], *every[:6]]))
    options = ["--data.root", written, "--data.pool_list", "l.txt", "--budget.cycles", 1, "--budget.query", 75, *SMALL]
    answer = al("fit", "--config", "a2d2_pool11f_unet_entropy", *options, "--data.duplicates", "keep")
    assert answer.code == 0, answer.err
    assert not lacking(answer.err + caplog.text, ["l.txt", "12 lines", 6, "kept"])


def test_a_whole_recording_has_time_order_for_uniform(al, here, written):
    options = ["--data.root", written, "--budget.query", 1, "--budget.cycles", 0, *SMALL]
    answer = al("fit", "--config", "a2d2_3k_unet_uniform", *options, "--budget.initial", 4)
    assert answer.code == 0, answer.err
    answer = al("fit", "--config", "a2d2_3k_unet_random", "--data.root", here, *SMALL)
    assert refused(answer, DatasetError, here, "camera_lidar_semantic of a2d2.audi")
