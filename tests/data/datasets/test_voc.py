"""VOC with SBD on a tiny tree of the official layouts, with mistakes planted."""

import shutil

import numpy as np
import pytest

from al_lightning.config.experiment import configure
from al_lightning.data import VOC
from al_lightning.data.datamodule import PoolDataModule
from al_lightning.data.streams import PaddedBatches
from al_lightning.errors import DatasetError, MissingFile, SizesDiffer, UnknownLabel
from al_lightning.pool import Pool
from tests.support import trees_study as trees
from tests.support.errors import raises
from tests.support.image_files import write_mask
from tests.support.trees_study import part, paths_of


@pytest.fixture
def voc(tmp_path):
    return trees.write_voc(tmp_path / "data")


def test_vocs_ids_follow_the_rule(voc):
    data = part(VOC, voc)
    assert paths_of(data.train, voc) == [f"VOCdevkit/VOC2012/JPEGImages/{name}.jpg" for name in trees.POOL]
    assert paths_of(data.test, voc) == [f"VOCdevkit/VOC2012/JPEGImages/{name}.jpg" for name in trees.VOC_VAL]
    assert data.pool() == Pool(5)
    assert data.num_classes == 21
    assert (data.class_names[0], data.class_names[15], data.class_names[20]) == ("background", "person", "tvmonitor")


def test_vocs_labels_are_its_own_where_it_has_them_and_else_sbds(voc):
    data = part(VOC, voc)
    for images, names in ((data.train, trees.POOL), (data.test, trees.VOC_VAL)):
        for index, name in enumerate(names):
            own = name in (*trees.VOC_TRAIN, *trees.VOC_VAL)
            label = images.label(index)
            assert label.dtype == np.uint8
            assert np.array_equal(label, trees.voc_label(name, own)), name
            assert images.image(index).shape == (*trees.voc_size(name), 3)


def test_voc_takes_ready_pngs_instead_of_sbd(voc, tmp_path):
    converted = voc / "VOCdevkit" / "VOC2012" / "SegmentationClassAug"
    for name in {*trees.VOC_TRAIN, *trees.VOC_VAL, *trees.SBD_TRAIN, *trees.SBD_VAL}:
        write_mask(converted / f"{name}.png", trees.voc_label(name, False))
    expected = part(VOC, voc)
    shutil.rmtree(voc / "benchmark_RELEASE")
    found = part(VOC, voc)
    assert paths_of(found.train, voc) == paths_of(expected.train, voc)
    assert found.fingerprint() == expected.fingerprint()
    for index, name in enumerate(trees.POOL):
        assert np.array_equal(found.train.label(index), trees.voc_label(name, name in trees.VOC_TRAIN))
    # The layout of the study's own code: VOC2012 as root, all labels converted.
    shutil.rmtree(voc / "VOCdevkit" / "VOC2012" / "SegmentationClass")
    found = part(VOC, voc / "VOCdevkit" / "VOC2012")
    assert len(found.train) == 5
    assert all(np.array_equal(found.test.label(i), trees.voc_label(n, False)) for i, n in enumerate(trees.VOC_VAL))
    # Beside VOCdevkit it is found too.
    shutil.move(converted, voc / "SegmentationClassAug")
    assert len(part(VOC, voc).train) == 5


def test_voc_images_that_only_sbd_has_are_taken_from_there(voc):
    (voc / "VOCdevkit" / "VOC2012" / "JPEGImages" / "2008_000003.jpg").unlink()
    data = part(VOC, voc)
    assert paths_of(data.train, voc)[3] == "benchmark_RELEASE/dataset/img/2008_000003.jpg"


def test_voc_batches_are_crops_in_training_and_single_images_otherwise(voc, here):
    data = configure(["voc_random"], ["--data.root", str(voc), "--data.complete", "false"], run_dir="r").data
    assert (data.eval_batch_size, data.augmentation.crop) == (1, (321, 321))
    data.workers = 0
    loaders = PoolDataModule(data, data.pool().label([0, 1, 2]), (0, 0, 0), 2, 2, scoring=[3, 4])
    (batch,) = {shape for item in loaders.train_dataloader() for shape in [item[0]["labelled"].image.shape]}
    assert batch == (8, 3, 321, 321)
    shapes = [tuple(batch.image.shape) for batch in loaders.test_dataloader()]
    assert shapes == [(1, 3, *trees.voc_size(name)) for name in trees.VOC_VAL]
    assert [batch.index.tolist() for batch in loaders.predict_dataloader()] == [[3], [4]]
    with raises(DatasetError, *trees.VOC_VAL, "24 x 30", "30 x 22", "--data.size '[24, 30]'"):
        PaddedBatches(data.test, [0, 1], 2, True)[0]
    resized = part(VOC, voc, size=(16, 18))
    assert PaddedBatches(resized.train, [0, 2], 2, True)[0].label.shape == (2, 16, 18)
    assert set(np.unique(resized.train.label(2))) == {0, 20}


def test_voc_must_be_whole(voc):
    with raises(DatasetError, voc, 5, 2, 10_582, 1_449, "--data.complete false"):
        VOC(root=str(voc)).pool()


@pytest.mark.parametrize(
    "lacking",
    [
        "benchmark_RELEASE",
        "benchmark_RELEASE/dataset/cls",
        "benchmark_RELEASE/dataset/val.txt",
        "VOCdevkit",
        "VOCdevkit/VOC2012/SegmentationClass",
        "VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt",
    ],
)
def test_a_missing_half_of_voc_is_named(voc, lacking):
    path = voc / lacking
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with raises(DatasetError, path, "VOCtrainval_11-May-2012.tar", "benchmark.tgz"):
        part(VOC, voc).pool()


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ("..", "VOCdevkit"),
        ("VOCdevkit/VOC2012/JPEGImages", "VOCdevkit"),
        ("benchmark_RELEASE", "VOCdevkit"),
        ("VOCdevkit/VOC2012", "benchmark_RELEASE"),
        ("VOCdevkit", "benchmark_RELEASE"),
    ],
)
def test_a_wrong_level_of_voc_is_named(voc, given, needed):
    root = voc.parent if given == ".." else voc / given
    with raises(DatasetError, root / needed, voc / needed, f"--data.root {voc}."):
        part(VOC, root).pool()


def test_a_list_of_voc_that_names_what_is_not_there(voc):
    lists = voc / "VOCdevkit/VOC2012/ImageSets/Segmentation"
    with (lists / "val.txt").open("a") as file:
        file.write("2011_003276\n")
    image = voc / "VOCdevkit/VOC2012/JPEGImages/2011_003276.jpg"
    with raises(MissingFile, lists / "val.txt", "line 3", "names 2011_003276", f"image {image}"):
        part(VOC, voc).pool()
    (lists / "val.txt").write_text("2007_000033\n")
    label = voc / "benchmark_RELEASE/dataset/cls/2008_000003.mat"
    label.unlink()
    listed = voc / "benchmark_RELEASE/dataset/val.txt"
    with raises(MissingFile, listed, "line 1", "names 2008_000003", f"label {label}"):
        part(VOC, voc).pool()


def test_an_image_listed_twice_and_an_empty_list_are_named(voc):
    path = voc / "benchmark_RELEASE/dataset/train.txt"
    path.write_text("2008_000002\n\n2008_000008\n2008_000002\n")
    with raises(DatasetError, path, "line 4", "2008_000002", "twice"):
        part(VOC, voc).pool()
    path.write_text("\n")
    with raises(DatasetError, path, "no images"):
        part(VOC, voc).pool()


def test_broken_labels_of_sbd_are_named(voc):
    path = voc / "benchmark_RELEASE/dataset/cls/2008_000002.mat"
    whole = path.read_bytes()

    for broken in (whole[: len(whole) // 2], whole[:100], b"", b"no mat file at all"):
        path.write_bytes(broken)
        with raises(DatasetError, f"label {path}", "read", "benchmark.tgz"):
            part(VOC, voc).train.label(2)
    for ids, kind, facts in (
        (np.zeros((26, 31), np.uint8), SizesDiffer, ["26 x 31", "26 x 30"]),
        (np.full((26, 30), 21, np.uint8), UnknownLabel, [21, "0 to 20", "benchmark.tgz"]),
        (np.zeros((26, 30), np.float64), DatasetError, ["float64", "(26, 30)", "uint8"]),
    ):
        trees.write_mat(path, ids)
        with raises(kind, f"label {path}", *facts):
            part(VOC, voc).train.label(2)


def test_broken_pngs_and_wrong_sizes_of_voc_are_named(voc):
    path = voc / "VOCdevkit/VOC2012/SegmentationClass/2007_000032.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    with raises(DatasetError, f"label {path}", "read"):
        part(VOC, voc).train.label(0)
    write_mask(path, np.zeros((20, 31)))
    with raises(SizesDiffer, f"label {path}", "20 x 31", "20 x 30"):
        part(VOC, voc).train.label(0)
