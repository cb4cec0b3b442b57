"""The study's public datasets on tiny trees of their official layouts, with mistakes planted, and their configs."""

import functools
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from torchvision import datasets

from al_lightning.config.experiment import configure
from al_lightning.data import CIFAR, VOC, Cityscapes, PoolDataset
from al_lightning.data.datamodule import PoolDataModule
from al_lightning.data.streams import PaddedBatches
from al_lightning.errors import DatasetError, UsageError
from al_lightning.pool import Pool
from tests.support import trees_study as trees
from tests.support.runs import journal


@pytest.fixture
def voc(tmp_path):
    return trees.write_voc(tmp_path / "data")


@pytest.fixture
def cityscapes(tmp_path):
    return trees.write_cityscapes(tmp_path / "data")


@pytest.fixture(params=[10, 100])
def cifar(request, tmp_path, monkeypatch):
    """(root, torchvision's class, number of classes)."""
    kind = {10: datasets.CIFAR10, 100: datasets.CIFAR100}[request.param]
    return trees.write_cifar(tmp_path / "data", kind, monkeypatch), kind, request.param


def part(kind, root, **options):
    return kind(root=str(root), complete=False, **options)


def said(make):
    """Return the sentence of a DatasetError."""
    with pytest.raises(DatasetError) as caught:
        make()
    message = str(caught.value)
    assert "\n" not in message
    return message


def names_of(images, root):
    return [images.name(index).removeprefix(f"{root}/") for index in range(len(images))]


# CIFAR


def test_cifar_in_the_official_order_with_names_and_classes(cifar):
    root, kind, count = cifar
    data = part(CIFAR, root, classes=count)
    batches = 5 if count == 10 else 1
    assert (len(data.train), len(data.test)) == (2 * count * batches, count)
    assert data.num_classes == count
    assert list(data.classes()) == [label for _ in range(batches) for label in range(count) for _ in range(2)]
    assert [data.test.label(index) for index in range(count)] == list(range(count))
    assert (data.train.name(0), data.test.name(7)) == ("train 00000", "test 00007")
    assert data.names([13, 2]) == ["train 00013", "train 00002"]
    assert data.pool() == Pool(len(data.train))
    official = kind(str(root), train=False)
    assert all(np.array_equal(data.test.image(i), np.asarray(official[i][0])) for i in range(count))
    assert (data.train.image(0).shape, data.train.image(0).dtype) == ((32, 32, 3), np.uint8)


def test_cifar_knows_its_class_names_without_data(tmp_path):
    ten, hundred = (CIFAR(root=str(tmp_path), classes=count).class_names for count in (10, 100))
    assert (len(set(ten)), ten[0], ten[3], ten[9]) == (10, "airplane", "cat", "truck")
    assert (len(set(hundred)), hundred[0], hundred[99]) == (100, "apple", "worm")
    assert list(hundred) == sorted(hundred), "the fine classes are numbered by alphabet"
    with pytest.raises(UsageError, match=r"^data\.classes is 20; CIFAR has 10 or 100\.$"):
        CIFAR(classes=20)


def test_cifar_must_be_whole(cifar):
    root, kind, count = cifar
    message = said(CIFAR(root=str(root), classes=count).pool)
    assert message == (
        f"{root / kind.base_folder} holds {100 if count == 10 else 200} training images and {count} test images, "
        "where the whole dataset has 50,000 and 10,000; complete it, or accept a part of it with "
        "--data.complete false."
    )


def test_cifar_that_is_not_there_says_how_to_get_it(tmp_path):
    message = said(CIFAR(root=str(tmp_path / "no")).pool)
    assert message.startswith(
        f"There is no {tmp_path}/no/cifar-10-batches-py: the data were expected in {tmp_path}/no."
    )
    assert "--data.download true" in message


def test_cifar_with_a_missing_or_an_altered_file_names_it(cifar):
    root, kind, count = cifar
    path = root / kind.base_folder / kind.test_list[0][0]
    path.write_bytes(path.read_bytes()[:-1] + b" ")
    assert said(part(CIFAR, root, classes=count).pool) == (
        f"{path} is not the official file (its checksum differs); delete {path.parent} and fetch it anew with "
        "--data.download true."
    )
    path.unlink()
    assert said(part(CIFAR, root, classes=count).pool).startswith(f"There is no {path}: ")


def test_cifar_named_a_level_too_deep_or_too_high(cifar):
    root, kind, count = cifar
    name = kind.base_folder
    for given in (root / name, root.parent):
        assert said(part(CIFAR, given, classes=count).pool) == (
            f"There is no {given / name}, but {root / name} is there: give --data.root {root}."
        )


def test_cifar_is_downloaded_once_and_only_when_asked(cifar, monkeypatch, tmp_path):
    root, kind, count = cifar
    trees.pack_cifar(root, kind, monkeypatch, tmp_path / kind.filename)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/{kind.filename}"
        monkeypatch.setattr(kind, "url", url)
        assert "--data.download true" in said(part(CIFAR, root, classes=count).pool)
        assert len(part(CIFAR, root, classes=count, download=True).test) == count
        server.shutdown()
        thread.join()
    assert len(part(CIFAR, root, classes=count, download=True).test) == count
    message = said(part(CIFAR, tmp_path / "other", classes=count, download=True).pool)
    assert message.startswith(f"{url} could not be fetched into {tmp_path}/other (")
    assert f"put the archive {kind.filename} there yourself" in message
    (tmp_path / "other" / kind.filename).write_bytes((tmp_path / kind.filename).read_bytes())
    assert len(part(CIFAR, tmp_path / "other", classes=count, download=True).test) == count


def test_cifars_real_checksums_stand(monkeypatch, tmp_path):
    with monkeypatch.context() as patched:
        trees.write_cifar(tmp_path, datasets.CIFAR10, patched)
        assert len(part(CIFAR, tmp_path).test) == 10
    assert "its checksum differs" in said(part(CIFAR, tmp_path).pool)


# VOC


def test_vocs_ids_follow_the_rule(voc):
    data = part(VOC, voc)
    assert names_of(data.train, voc) == [f"VOCdevkit/VOC2012/JPEGImages/{name}.jpg" for name in trees.POOL]
    assert names_of(data.test, voc) == [f"VOCdevkit/VOC2012/JPEGImages/{name}.jpg" for name in trees.VOC_VAL]
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
        trees.write_ids(converted / f"{name}.png", trees.voc_label(name, False))
    expected = part(VOC, voc)
    shutil.rmtree(voc / "benchmark_RELEASE")
    found = part(VOC, voc)
    assert names_of(found.train, voc) == names_of(expected.train, voc)
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
    assert names_of(data.train, voc)[3] == "benchmark_RELEASE/dataset/img/2008_000003.jpg"


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
    with pytest.raises(DatasetError, match=r"must have one size.*--data\.size '\[24, 30\]'"):
        PaddedBatches(data.test, [0, 1], 2, True)[0]
    resized = part(VOC, voc, size=(16, 18))
    assert PaddedBatches(resized.train, [0, 2], 2, True)[0].label.shape == (2, 16, 18)
    assert set(np.unique(resized.train.label(2))) == {0, 20}


def test_voc_must_be_whole(voc):
    assert said(VOC(root=str(voc)).pool) == (
        f"{voc} holds 5 training images and 2 test images, where the whole dataset has 10,582 and 1,449; complete it, "
        "or accept a part of it with --data.complete false."
    )


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
    message = said(part(VOC, voc).pool)
    assert message.startswith(f"There is no {path}")
    assert "VOCtrainval_11-May-2012.tar" in message
    assert "benchmark.tgz" in message


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
    assert said(part(VOC, root).pool) == (
        f"There is no {root / needed}, but {voc / needed} is there: give --data.root {voc}."
    )


def test_a_list_of_voc_that_names_what_is_not_there(voc):
    lists = voc / "VOCdevkit/VOC2012/ImageSets/Segmentation"
    with (lists / "val.txt").open("a") as file:
        file.write("2011_003276\n")
    assert said(part(VOC, voc).pool) == (
        f"{lists}/val.txt, line 3, names 2011_003276, but its image {voc}/VOCdevkit/VOC2012/JPEGImages/2011_003276.jpg "
        "does not exist; unpack the archive anew, or take the name out."
    )
    (lists / "val.txt").write_text("2007_000033\n")
    label = voc / "benchmark_RELEASE/dataset/cls/2008_000003.mat"
    label.unlink()
    assert said(part(VOC, voc).pool) == (
        f"{voc}/benchmark_RELEASE/dataset/val.txt, line 1, names 2008_000003, but its label {label} does not exist; "
        "unpack the archive anew, or take the name out."
    )


def test_an_image_listed_twice_and_an_empty_list_are_named(voc):
    path = voc / "benchmark_RELEASE/dataset/train.txt"
    path.write_text("2008_000002\n\n2008_000008\n2008_000002\n")
    assert said(part(VOC, voc).pool) == f"{path}, line 4: 2008_000002 is listed twice; list every image once."
    path.write_text("\n")
    assert said(part(VOC, voc).pool) == f"{path} lists no images; unpack the archive anew."


def test_broken_labels_of_sbd_are_named(voc):
    path = voc / "benchmark_RELEASE/dataset/cls/2008_000002.mat"
    whole = path.read_bytes()

    def read():
        return part(VOC, voc).train.label(2)

    for broken in (whole[: len(whole) // 2], whole[:100], b"", b"no mat file at all"):
        path.write_bytes(broken)
        message = said(read)
        assert message.startswith(f"The label {path} cannot be read (")
        assert message.endswith("unpack benchmark.tgz anew.")
    trees.write_mat(path, np.zeros((26, 31), np.uint8))
    assert said(read).startswith(f"The label {path} is 26 x 31, its image 26 x 30 (height x width)")
    trees.write_mat(path, np.full((26, 30), 21, np.uint8))
    assert said(read).startswith(f"The label {path} has the label id 21, where SBD has 0 to 20;")
    trees.write_mat(path, np.zeros((26, 30), np.float64))
    assert "of type float64 and shape (26, 30), where SBD has a map of uint8" in said(read)


def test_broken_pngs_and_wrong_sizes_of_voc_are_named(voc):
    path = voc / "VOCdevkit/VOC2012/SegmentationClass/2007_000032.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    assert said(lambda: part(VOC, voc).train.label(0)).startswith(f"The label {path} cannot be read (")
    trees.write_ids(path, np.zeros((20, 31)))
    assert said(lambda: part(VOC, voc).train.label(0)).startswith(f"The label {path} is 20 x 31, its image 20 x 30")


# Cityscapes


def test_cityscapes_pairs_time_and_classes(cityscapes):
    data = part(Cityscapes, cityscapes, size=None)
    names = names_of(data.train, cityscapes)
    assert names[0] == "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png"
    assert [name.split("/")[2] for name in names] == ["aachen"] * 3 + ["hamburg"] * 3
    assert len(data.test) == 3
    assert data.pool() == Pool(6, (), sequence=(0, 1, 2, 3, 3, 3), frame=(19, 19, 19, 42, 629, 104857))
    assert data.num_classes == 19
    assert list(data.class_names)[::6] == ["road", "traffic light", "rider", "bicycle"]


def test_cityscapes_train_ids_are_the_official_ones(cityscapes):
    # Ids 0 to 33 in a row; by hand from the official table, v = void.
    v = 255
    official = [
        v,
        v,
        v,
        v,
        v,
        v,
        v,
        0,
        1,
        v,
        v,
        2,
        3,
        4,
        v,
        v,
        v,
        5,
        v,
        6,
        7,
        8,
        9,
        10,
        11,
        12,
        13,
        14,
        15,
        v,
        v,
        16,
        17,
        18,
    ]
    data = part(Cityscapes, cityscapes, size=None)
    assert data.train.label(0).reshape(-1)[:34].tolist() == official
    path = cityscapes / "gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png"
    trees.write_ids(path, np.full((32, 64), 255))
    assert (data.train.label(0) == 255).all()
    trees.write_ids(path, np.full((32, 64), 34))
    assert said(lambda: data.train.label(0)).startswith(f"The label {path} has unknown label ids 34;")


def test_cityscapes_is_halved_and_cropped(cityscapes, here):
    data = configure(["cityscapes_random"], ["--data.root", str(cityscapes)], run_dir="r").data
    assert (data.size, data.augmentation.crop, data.complete) == ((512, 1024), (256, 512), True)
    assert part(Cityscapes, cityscapes).train.image(0).shape == (512, 1024, 3)
    small = part(Cityscapes, cityscapes, size=(16, 32))
    assert small.train.label(0).shape == (16, 32)
    assert set(np.unique(small.train.label(0))) <= {*range(19), 255}


def test_cityscapes_in_the_folders_of_its_archives(cityscapes):
    expected = part(Cityscapes, cityscapes)
    (cityscapes / "gtFine_trainvaltest").mkdir()
    shutil.move(cityscapes / "gtFine", cityscapes / "gtFine_trainvaltest" / "gtFine")
    assert part(Cityscapes, cityscapes).fingerprint() == expected.fingerprint()


def test_cityscapes_leaves_hidden_and_other_files_alone(cityscapes):
    folder = cityscapes / "leftImg8bit/train/aachen"
    for name in ("._aachen_000000_000019_leftImg8bit.png", "Thumbs.db"):
        (folder / name).write_bytes(b"")
    (folder.parent / "index.txt").write_text("")
    assert len(part(Cityscapes, cityscapes).train) == 6


def test_cityscapes_must_be_whole(cityscapes):
    assert said(Cityscapes(root=str(cityscapes)).pool) == (
        f"{cityscapes} holds 6 training images and 3 test images, where the whole dataset has 2,975 and 500; "
        "complete it, or accept a part of it with --data.complete false."
    )


@pytest.mark.parametrize("lacking", ["gtFine", "gtFine/val", "leftImg8bit", "leftImg8bit/val"])
def test_a_missing_half_of_cityscapes_is_named(cityscapes, lacking):
    shutil.rmtree(cityscapes / lacking)
    message = said(part(Cityscapes, cityscapes).pool)
    assert message.startswith(f"There is no {cityscapes / lacking}: the data were expected in {cityscapes}.")
    assert "gtFine_trainvaltest.zip" in message


@pytest.mark.parametrize("given", ["..", "leftImg8bit", "gtFine", "leftImg8bit/train", "leftImg8bit/train/aachen"])
def test_a_wrong_level_of_cityscapes_is_named(cityscapes, given):
    root = cityscapes.parent if given == ".." else cityscapes / given
    assert said(part(Cityscapes, root).pool) == (
        f"There is no {root}/leftImg8bit, but {cityscapes}/leftImg8bit is there: give --data.root {cityscapes}."
    )


def test_cityscapes_without_images_or_at_all(cityscapes, tmp_path):
    for path in (cityscapes / "leftImg8bit/val").rglob("*.png"):
        path.unlink()
    assert said(part(Cityscapes, cityscapes).pool).startswith(
        f"There is no {cityscapes}/leftImg8bit/val/CITY/*_leftImg8bit.png: "
    )
    assert said(part(Cityscapes, tmp_path / "no").pool).startswith(f"There is no {tmp_path}/no/leftImg8bit: ")


def test_a_cityscapes_image_without_label_or_at_two_places_is_named(cityscapes):
    name = "hamburg_000000_000629"
    label = cityscapes / f"gtFine/train/hamburg/{name}_gtFine_labelIds.png"
    kept = label.read_bytes()
    label.unlink()
    image = cityscapes / f"leftImg8bit/train/hamburg/{name}_leftImg8bit.png"
    assert said(part(Cityscapes, cityscapes).pool) == (
        f"The image {image} has no label {label}; unpack gtFine_trainvaltest.zip anew."
    )
    label.write_bytes(kept)
    again = cityscapes / f"leftImg8bit/val/lindau/{image.name}"
    shutil.copy(image, again)
    shutil.copy(label, cityscapes / f"gtFine/val/lindau/{label.name}")
    assert said(part(Cityscapes, cityscapes).pool) == f"{image} and {again} are the same image; take one of them out."


def test_a_cityscapes_image_of_another_name_is_named(cityscapes):
    folder, name = cityscapes / "leftImg8bit/train/aachen", "street_leftImg8bit.png"
    trees.write_image(folder / name, (32, 64))
    trees.write_ids(cityscapes / "gtFine/train/aachen/street_gtFine_labelIds.png", np.zeros((32, 64)))
    with pytest.raises(UsageError, match="finds no sequence and frame number in 'street_leftImg8bit'"):
        part(Cityscapes, cityscapes).pool()


def test_truncated_pngs_and_wrong_sizes_of_cityscapes_are_named(cityscapes):
    data = part(Cityscapes, cityscapes)
    image, label = data.train.pairs[0]
    whole = image.read_bytes()
    image.write_bytes(whole[:-40])
    assert said(lambda: data.train.image(0)).startswith(f"The image {image} cannot be read (")
    image.write_bytes(whole)
    trees.write_ids(label, np.zeros((31, 64)))
    assert said(lambda: data.train.label(0)) == (
        f"The label {label} is 31 x 64, its image 32 x 64 (height x width); both must have one size."
    )


# All of them


def test_nothing_is_decoded_before_it_is_asked_for(voc, cityscapes, monkeypatch):
    monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("an image was opened"))
    for kind in (VOC, Cityscapes):
        data = part(kind, voc)
        assert data.pool().size == len(data.train) > 0
        assert len(data.fingerprint()) == 64


def test_the_official_counts_pass(voc, cityscapes, monkeypatch):
    for module, kind, counts in (("voc", VOC, (5, 2)), ("cityscapes", Cityscapes, (6, 3))):
        monkeypatch.setattr(f"al_lightning.data.datasets.{module}.COUNTS", counts)
        assert kind(root=str(voc)).pool().size == counts[0]


NETWORKS = {"cifar10": (10, 1_467_610), "cifar100": (100, 1_479_220), "voc": (21, None), "cityscapes": (19, None)}


@pytest.mark.parametrize("name", NETWORKS)
def test_configs_print_and_their_real_networks_have_the_right_classes(name, al, here):
    answer = al("fit", "--config", f"{name}_random", "--print_config")
    assert answer.code == 0, answer.err
    content = yaml.safe_load(answer.out)
    assert content["epochs"] == (150 if name.startswith("cifar") else 100)
    experiment = configure([f"{name}_random"], run_dir="r")
    assert isinstance(experiment.data, PoolDataset)
    classes, parameters = NETWORKS[name]
    assert experiment.data.num_classes == classes
    size = (32, 32) if parameters else experiment.data.augmentation.crop
    with torch.device("meta"):
        network = experiment.network(classes).eval()
        logits = network(torch.empty(2, 3, *size)).logits
    assert logits.shape == ((2, classes) if parameters else (2, classes, *size))
    assert sum(p.numel() for p in network.parameters()) == (parameters or {21: 137_104_448, 19: 137_103_936}[classes])


@pytest.mark.parametrize(
    ("name", "budget"),
    [
        ("cifar10_random", (5000, 2500, 6, "images")),
        ("cifar10_250-250_random", (250, 250, 7, "images")),
        ("cifar100_500-500_noaug_entropy_uda", (500, 500, 7, "images")),
        ("cifar10_resnet18_250-250_random", (250, 250, 7, "images")),
        ("voc_entropy", (10, 10, 4, "percent")),
        ("voc_5-5_coreset_s4gan", (5, 5, 4, "percent")),
        ("voc_2-2_equal", (2, 2, 4, "percent")),
        ("cityscapes_bald", (10, 10, 4, "percent")),
        ("cityscapes_2-2_coreset_s4gan", (2, 2, 4, "percent")),
    ],
)
def test_budgets_of_the_tables(name, budget, al, here):
    answer = al("fit", "--config", name, "--print_config")
    assert answer.code == 0, answer.err
    content = yaml.safe_load(answer.out)["budget"]
    assert tuple(content[key] for key in ("initial", "query", "cycles", "unit")) == budget


SMALL = ["--data.complete", "false", "--data.workers", 0, "--steps", 2, "--budget.cycles", 0, "--run_dir", "r"]


def test_cifar_by_the_command_line(al, here, monkeypatch):
    root = trees.write_cifar(here / "data", datasets.CIFAR10, monkeypatch)
    options = ["--data.root", root, "--data.batch_size", 8, "--network.depth", 10, "--network.width", 1]
    answer = al("fit", "--config", "cifar10_random", *options, *SMALL, "--budget.initial", 20)
    assert answer.code == 0, answer.err
    head, cycle = journal(here / "r")
    classes = part(CIFAR, root).classes()
    assert sorted(classes[index] for index in head["initial"]) == sorted([*range(10)] * 2), "balanced"
    assert (cycle["labelled"], "accuracy" in cycle["metrics"]) == (20, True)


@pytest.mark.parametrize(
    ("name", "write", "options", "labelled"),
    [
        ("voc_unet_random", trees.write_voc, ["--data.augmentation.crop", "[16, 16]"], 2),
        ("cityscapes_unet_random", trees.write_cityscapes, ["--data.size", "[32, 64]"], 3),
    ],
)
def test_segmentation_by_the_command_line(name, write, options, labelled, al, here):
    root = write(here / "data")
    options = [*options, "--data.root", root, "--data.batch_size", 2, "--training.head_lr_factor", 1, *SMALL]
    answer = al("fit", "--config", name, *options, "--budget.initial", 50)
    assert answer.code == 0, answer.err
    cycle = journal(here / "r")[1]
    assert cycle["labelled"] == labelled
    assert 0 <= cycle["metrics"]["miou"] <= 1


def test_missing_data_by_the_command_line(al, here):
    for name in NETWORKS:
        answer = al("fit", "--config", f"{name}_random", "--data.root", "nothing")
        assert (answer.code, "--data.root DIR" in answer.err, "Traceback" in answer.err) == (65, True, False), (
            answer.err
        )
