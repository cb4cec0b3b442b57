"""Tiny trees in the exact layouts of the study's official downloads."""

import hashlib
import io
import pickle
import tarfile

import numpy as np
from scipy.io import savemat
from scipy.sparse import csc_matrix

from tests.support.image_files import write_image, write_mask

VOC_TRAIN = ("2007_000032", "2007_000063", "2008_000008")
VOC_VAL = ("2007_000033", "2008_000001")
SBD_TRAIN = ("2008_000002", "2008_000008", "2008_000001")  # the second is in VOC's train, the third in its val
SBD_VAL = ("2008_000003", "2007_000033")
POOL = ["2007_000032", "2007_000063", "2008_000002", "2008_000003", "2008_000008"]  # by the rule, worked out by hand
SIZES = {"2007_000032": (20, 30), "2007_000033": (24, 30), "2008_000001": (30, 22), "2008_000002": (26, 30)}
CITIES = {
    "train": {
        "aachen": ("000000_000019", "000001_000019", "000002_000019"),
        "hamburg": ("000000_000042", "000000_000629", "000000_104857"),
    },
    "val": {"frankfurt": ("000000_000294", "000001_001464"), "lindau": ("000000_000019",)},
}


def write_mat(path, ids):
    """Write one of SBD's label files: GTcls.Segmentation beside what else is in them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    boundaries = np.empty((20, 1), dtype=object)
    boundaries[:, 0] = [csc_matrix(ids.shape) for _ in range(20)]
    categories = np.unique(ids[ids > 0]).reshape(-1, 1)
    content = {"Boundaries": boundaries, "Segmentation": ids, "CategoriesPresent": categories}
    savemat(path, {"GTcls": content}, do_compression=True)


def voc_size(identifier):
    return SIZES.get(identifier, (20, 24))


def voc_label(identifier, own):
    """What the trees write: VOC's own labels have a void border and class 1, SBD's have class 20."""
    ids = np.zeros(voc_size(identifier), dtype=np.uint8)
    ids[4:12, 4:12] = 1 if own else 20
    if own:
        ids[3, 4:12] = 255
    return ids


def write_voc(root):
    """VOCtrainval_11-May-2012.tar and benchmark.tgz, unpacked side by side."""
    voc, sbd = root / "VOCdevkit" / "VOC2012", root / "benchmark_RELEASE" / "dataset"
    for number, name in enumerate(sorted({*VOC_TRAIN, *VOC_VAL, *SBD_TRAIN, *SBD_VAL})):
        write_image(voc / "JPEGImages" / f"{name}.jpg", voc_size(name), number)
    for name in (*VOC_TRAIN, *VOC_VAL):
        write_mask(voc / "SegmentationClass" / f"{name}.png", voc_label(name, True), palette=True)
    for number, name in enumerate((*SBD_TRAIN, *SBD_VAL)):
        write_image(sbd / "img" / f"{name}.jpg", voc_size(name), number)
        write_mat(sbd / "cls" / f"{name}.mat", voc_label(name, False))
    lists = voc / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    for folder, split, names in (
        (lists, "train", VOC_TRAIN),
        (lists, "val", VOC_VAL),
        (sbd, "train", SBD_TRAIN),
        (sbd, "val", SBD_VAL),
    ):
        (folder / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))
    return root


def write_cityscapes(root, size=(32, 64)):
    """leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip, unpacked side by side; every id occurs in a label."""
    for split, cities in CITIES.items():
        for city, names in cities.items():
            for number, name in enumerate(names):
                write_image(root / "leftImg8bit" / split / city / f"{city}_{name}_leftImg8bit.png", size, number)
                ids = np.arange(size[0] * size[1]).reshape(size) % 34
                folder = root / "gtFine" / split / city
                write_mask(folder / f"{city}_{name}_gtFine_labelIds.png", ids)
                write_mask(folder / f"{city}_{name}_gtFine_instanceIds.png", ids)
                (folder / f"{city}_{name}_gtFine_polygons.json").write_text("{}")
    return root


def cifar_batches(fine, each=2):
    """The files of the Python version of CIFAR-10 or -100, `each` images a class, as {name: pickled bytes}."""
    count = 100 if fine else 10
    draw = np.random.default_rng(count)

    def batch(number):
        classes = [label for label in range(count) for _ in range(number)]
        rows = draw.integers(0, 255, (len(classes), 3072), dtype=np.uint8)
        return {"data": rows, "fine_labels" if fine else "labels": classes}

    names = [f"class_{number:03d}" for number in range(count)]
    if fine:
        content = {"train": batch(each), "test": batch(1), "meta": {"fine_label_names": names}}
    else:
        content = {f"data_batch_{number}": batch(each) for number in range(1, 6)}
        content |= {"test_batch": batch(1), "batches.meta": {"label_names": names}}
    return {name: pickle.dumps(value) for name, value in content.items()}


def write_cifar(root, kind, monkeypatch, each=2):
    """Write a tiny CIFAR; torchvision's checksums become those of its files, so that they are still looked at.

    Args:
        root: its folder.
        kind: torchvision's class.
        monkeypatch: pytest's.
        each: images of a class, per batch.
    """
    files = cifar_batches(kind.__name__ == "CIFAR100", each)
    (root / kind.base_folder).mkdir(parents=True)
    for name, content in files.items():
        (root / kind.base_folder / name).write_bytes(content)
    sums = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    for attribute in ("train_list", "test_list"):
        monkeypatch.setattr(kind, attribute, [[name, sums[name]] for name, _ in getattr(kind, attribute)])
    monkeypatch.setattr(kind, "meta", kind.meta | {"md5": sums[kind.meta["filename"]]})
    return root


def pack_cifar(root, kind, monkeypatch, archive):
    """Move a tiny CIFAR into an archive, whose checksum becomes that of what torchvision downloads."""
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted((root / kind.base_folder).iterdir()):
            info = tarfile.TarInfo(f"{kind.base_folder}/{path.name}")
            info.size = path.stat().st_size
            tar.addfile(info, io.BytesIO(path.read_bytes()))
            path.unlink()
    (root / kind.base_folder).rmdir()
    monkeypatch.setattr(kind, "tgz_md5", hashlib.md5(archive.read_bytes()).hexdigest())


def part(kind, root, **options):
    """A dataset that need not be whole."""
    return kind(root=str(root), complete=False, **options)


def paths_of(images, root):
    """The names of a set's images, below the root."""
    return [images.name(index).removeprefix(f"{root}/") for index in range(len(images))]
