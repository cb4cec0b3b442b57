"""The pixels of each dataset that can be prepared, held to the version that its class gives them."""

import hashlib
import importlib
import inspect
import pkgutil

import cv2
import numpy as np
import pytest
from PIL import Image

from al_lightning.data import A2D2, BCSS, VOC, CamVid, Cityscapes, ImageFolder, MaskFolder, PoolDataset, datasets
from tests.support.image_files import write_image, write_mask
from tests.support.odd_images import noise, photograph
from tests.support.trees_a2d2 import write_a2d2, write_bcss
from tests.support.trees_study import write_cityscapes, write_voc

HOME = datasets.__name__
IN_MEMORY = {"CIFAR", "Digits", "DrivingVideo"}
"""Datasets that `al-lightning prepare` has nothing to do for."""
KNOWN = {
    "A2D2": (1, "8fe178f0e7a9425b"),
    "BCSS": (1, "4ebec1427c13dc17"),
    "VOC": (1, "e1f60b7be7fa0a3c"),
    "CamVid": (2, "47aaec385b8ee391"),
    "Cityscapes": (1, "e2c40f9aaf70a97b"),
    "ImageFolder": (2, "25ef1b50e1419ce6"),
    "MaskFolder": (2, "26dc92a69b43bd1c"),
}
"""By dataset: its `pixels`, and the checksum of its images and labels (of a few, if there are many) at that version."""
FEW = 20
"""Images of a set up to which all of them are read."""
COPY = (
    1,
    [46, 43, 32, 34, 40, 55, 40, 53, 40, 31, 41, 48, 40, 43, 47, 43, 48, 44, 50, 51, 47, 36, 47, 36, 48, 53, 53],
    [0, 6, 16, 0, 6, 16, 0, 6, 16],
)
"""A2D2's `pixels`, and every 5th row and 12th column of the second copy of its first frame, image and classes."""


def camvid(root):
    for split in ("train", "test"):
        write_image(root / split / "0001TP_006690.png", (24, 32), 1)
        write_mask(root / f"{split}annot" / "0001TP_006690.png", np.arange(24 * 32).reshape(24, 32) % 12)
        (root / f"{split}.txt").write_text(f"/X/{split}/0001TP_006690.png /X/{split}annot/0001TP_006690.png\n")
    return CamVid(root=str(root), size=(12, 16))


def voc(root):
    write_voc(root)
    for number, path in enumerate(sorted(root.rglob("*.jpg"))):  # decoders of JPEG differ in their last bits
        size = Image.open(path).size
        pixels = np.random.default_rng(number).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path, format="PNG")
    return VOC(root=str(root), size=(16, 18), complete=False)


def write_kinds(folder):
    """Write an image of each kind of PNG that becomes RGB; images in mode I;16 are refused (test_images.py)."""
    draw = np.random.default_rng(7)
    for mode, channels in (("L", 1), ("P", 1), ("LA", 2), ("RGBA", 4)):
        values = draw.integers(0, 256, (12, 14, channels), dtype=np.uint8)  # an alpha channel is partial, too
        image = Image.fromarray(values.squeeze())
        if mode == "P":
            image.putpalette(draw.integers(0, 256, 768, dtype=np.uint8).tobytes())
            image.info["transparency"] = 3
        assert image.mode == mode
        image.save(folder / f"{mode}.png")
    cv2.imwrite(str(folder / "16_bits.png"), draw.integers(0, 1 << 16, (12, 14, 3), dtype=np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees
    Image.fromarray(draw.integers(0, 256, (12, 14, 3), dtype=np.uint8)).save(folder / "turned.png", exif=exif)


def image_folder(root):
    for number, name in enumerate(("train/a/1", "train/b/1", "test/a/1", "test/b/1")):
        write_image(root / f"{name}.png", (12, 14), number)
    write_kinds(root / "train/b")
    return ImageFolder(root=str(root), size=(7, 9))


def mask_folder(root):
    for number in range(5):
        write_image(root / f"images/{number}.png", (12, 14), number)
        ids = np.arange(12 * 14).reshape(12, 14) % 3
        ids[number : number + 3, 4:9] = 255
        write_mask(root / f"masks/{number}.png", ids, palette=True)
    for name, size in (("upright", (12, 14)), ("stored", (14, 12))):  # masks of both views
        photograph(root / f"images/{name}.png", noise(9, 12, 14), 6)
        write_mask(root / f"masks/{name}.png", np.arange(12 * 14).reshape(size) % 2)
    return MaskFolder(["a", "b"], ignore=2, root=str(root), size=(7, 9))


MAKERS = {
    "A2D2": lambda root: A2D2(root=str(write_a2d2(root)), size=(12, 30), complete=False),
    "BCSS": lambda root: BCSS(root=str(write_bcss(root)), tile=16, complete=False),
    "VOC": voc,
    "CamVid": camvid,
    "Cityscapes": lambda root: Cityscapes(root=str(write_cityscapes(root)), size=(16, 32), complete=False),
    "ImageFolder": image_folder,
    "MaskFolder": mask_folder,
}


def checksum(data):
    digest = hashlib.sha256()
    for images in (data.train, data.test):
        some = {0, len(images) // 2, len(images) - 1}
        for index in range(len(images)) if len(images) <= FEW else sorted(some):
            for part in (images.image(index), np.asarray(images.label(index))):
                digest.update(f"{part.shape}".encode() + part.astype(np.uint8).tobytes())
    return digest.hexdigest()[:16]


def test_every_dataset_with_files_is_here():
    """Exported by `al_lightning.data` or not."""
    modules = [importlib.import_module(name) for _, name, _ in pkgutil.walk_packages(datasets.__path__, f"{HOME}.")]
    classes = {one for module in modules for _, one in inspect.getmembers(module, inspect.isclass)}
    made = {one for one in classes if issubclass(one, PoolDataset) and not inspect.isabstract(one)}
    there = {one.__name__ for one in made if one.__module__.startswith(f"{HOME}.")}
    new = there - KNOWN.keys() - IN_MEMORY
    assert not new, (
        f"{sorted(new)}: add a function to MAKERS that writes a few images and returns the "
        "dataset, and an entry of its `pixels` and any text to KNOWN; run this file, and copy the checksum from the "
        "failure. A dataset that `al-lightning prepare` has nothing to do for belongs in IN_MEMORY instead."
    )
    assert not (KNOWN.keys() | IN_MEMORY) - there, "KNOWN or IN_MEMORY names a dataset that does not exist; take it out"
    assert MAKERS.keys() == KNOWN.keys(), "MAKERS and KNOWN need the same datasets"


@pytest.mark.parametrize("name", KNOWN)
def test_pixels_change_with_their_version_alone(tmp_path, name):
    data = MAKERS[name](tmp_path)
    version, known = KNOWN[name]
    found = checksum(data)
    assert (data.pixels, found) == (version, known), (
        f"The pixels of {name} were version {version} with checksum {known}, and are version {data.pixels} with "
        f"checksum {found}: where they are meant to change, raise `pixels` of the class {name} and write both here, so "
        "that prepared caches are made anew; else mend what changed them."
    )


def test_copies_of_a2d2_change_with_their_version_alone(tmp_path):
    data = A2D2("aug", 6, copies=2, root=str(write_a2d2(tmp_path)), size=(12, 30), complete=False)
    assert data.train.name(2).endswith(", copy 2")
    image, label = (part[::5, ::12].reshape(-1).tolist() for part in (data.train.image(2), data.train.label(2)))
    version, pixels, classes = COPY
    told = f"{data.pixels}, {image}, {label}: raise `pixels` of A2D2 and write this to COPY, or mend what changed it."
    assert (data.pixels, label) == (version, classes), told
    assert np.allclose(image, pixels, atol=1), told  # colours are jittered in floating point
