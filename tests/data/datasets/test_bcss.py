"""BCSS, on a tree of the official layout made here."""

import logging
import shutil

import numpy as np
import pytest
import yaml
from PIL import Image

from al_lightning.data import BCSS
from al_lightning.data.datasets import bcss as module
from al_lightning.data.mappings import find_mapping, load_mapping
from al_lightning.errors import DatasetError, SizesDiffer, UnknownLabel, UsageError
from tests.support.errors import lacking, raises
from tests.support.runs import journal
from tests.support.trees_a2d2 import write_bcss

CODES = {  # meta/gtruth_codes.tsv: (name, class)
    0: ("outside_roi", 255),
    1: ("tumor", 0),
    2: ("stroma", 1),
    3: ("lymphocytic_infiltrate", 2),
    4: ("necrosis_or_debris", 3),
    5: ("glandular_secretions", 4),
    6: ("blood", 4),
    7: ("exclude", 255),
    8: ("metaplasia_NOS", 4),
    9: ("fat", 4),
    10: ("plasma_cells", 2),
    11: ("other_immune_infiltrate", 2),
    12: ("mucoid_material", 4),
    13: ("normal_acinus_or_duct", 4),
    14: ("lymphatics", 4),
    15: ("undetermined", 4),
    16: ("nerve", 4),
    17: ("skin_adnexa", 4),
    18: ("blood_vessel", 4),
    19: ("angioinvasion", 0),
    20: ("dcis", 0),
    21: ("other", 4),
}
IMAGES = "rgbs_colorNormalized"


@pytest.fixture
def tree(tmp_path):
    """Six regions of 40 x 56: with tiles of 16, two rows of three begin at (4, 4), and the first column is outside."""
    return write_bcss(tmp_path / "bcss")


def part(root, **options):
    return BCSS(**{"root": str(root), "tile": 16, "complete": False, "workers": 0, **options})


def patients(images):
    return {images.name(index).rpartition("/")[2][:12] for index in range(len(images))}


def test_each_of_the_22_codes_has_its_class():
    mapping = load_mapping(find_mapping("bcss_5", "bcss"))
    assert mapping.classes == ("tumor", "stroma", "inflammatory", "necrosis", "other")
    assert [int(mapping.table[code]) for code in range(22)] == [number for _, number in CODES.values()]
    assert (mapping.table[22:255] == 254).all()


def test_regions_are_cut_in_their_middle_and_empty_tiles_left_out(tree):
    data = part(tree)
    assert (len(data.train), len(data.test)) == (16, 8)  # 4 of 6 tiles, of 4 and 2 patients
    path = data.train.name(0).partition(",")[0]
    image, mask = np.asarray(Image.open(path)), np.asarray(Image.open(path.replace(IMAGES, "masks")))
    for index, (top, left) in enumerate([(4, 20), (4, 36), (20, 20), (20, 36)]):
        assert data.train.name(index) == f"{path}, row {top}, column {left}"
        assert (data.train.image(index) == image[top : top + 16, left : left + 16]).all()
        expected = [[CODES[code][1] for code in row] for row in mask[top : top + 16, left : left + 16].tolist()]
        assert data.train.label(index).tolist() == expected
    pool = data.pool()
    assert pool.sequence == tuple(region for region in range(4) for _ in range(4))
    assert pool.frame == (1, 2, 4, 5) * 4
    assert data.train.label(5).dtype == data.train.image(5).dtype == np.uint8


def test_no_patient_is_in_pool_and_test(tree):
    for number in range(3):  # more regions of a patient
        for folder in (IMAGES, "masks"):
            first = min((tree / folder).glob("*.png"))
            shutil.copy(first, first.with_name(first.name.replace("xmin", f"xmin{number}")))
    splits = []
    for seed in range(4):
        data = part(tree, split_seed=seed)
        train, test = patients(data.train), patients(data.test)
        assert (len(train), len(test), train & test) == (4, 2, set())
        assert len(data.train) + len(data.test) == 36
        assert patients(part(tree, split_seed=seed).test) == test
        splits.append(test)
    assert len({tuple(sorted(split)) for split in splits}) > 1
    assert len(patients(part(tree, test_share=0.5).test)) == 3
    assert len(patients(part(tree, test_share=0.01).test)) == 1
    assert len(patients(part(tree, test_share=0.99).train)) == 1


def test_counts_are_told(tree, caplog):
    small = next(iter((tree / IMAGES).glob("*")))
    for folder in (IMAGES, "masks"):
        with Image.open(tree / folder / small.name) as whole:
            whole.crop((0, 0, 12, 40)).save(tree / folder / small.name)
    with caplog.at_level(logging.INFO):
        data = part(tree)
        data.pool()
    assert (
        f"BCSS: 6 regions of 6 patients. {len(data.train)} tiles of 4 patients are the pool, {len(data.test)} of 2 the "
        "test set; 10 tiles without an annotated pixel are left out, and 1 regions are smaller than a tile."
    ) in caplog.text
    assert len(data.train) + len(data.test) == 20


def test_the_downloads_own_folder_and_another_set_of_images_will_do(tree, tmp_path):
    tree.rename(tmp_path / module.PART)
    assert len(part(tmp_path).train) == 16
    (tmp_path / module.PART / IMAGES).rename(tmp_path / module.PART / "rgbs")
    assert len(part(tmp_path, images="rgbs").train) == 16


def test_tiles_in_order_decode_a_region_once(tree, monkeypatch):
    data = part(tree)
    read = []
    original = module.read_image
    monkeypatch.setattr(module, "read_image", lambda path: read.append(path) or original(path))
    module._whole_image.cache_clear()
    for index in range(len(data.train)):
        data.train.image(index)
    assert len(read) == len(set(read)) == 4


def plant(tree, mistake):
    """Make a mistake; return the facts that the error must have."""
    first = min((tree / IMAGES).glob("*.png"))
    mask = tree / "masks" / first.name
    if mistake == "a mask is missing":
        mask.unlink()
        return [f"mask {mask}", "1 missing"]
    if mistake == "an image is missing":
        first.unlink()
        return [f"image {first}", "1 missing"]
    if mistake == "no masks":
        shutil.rmtree(tree / "masks")
        return [tree / "masks", "ROOT/masks", "--data.root DIR"]
    if mistake == "another name":
        for path in (first, mask):
            path.rename(path.with_name("one.png"))
        return [first.with_name("one.png"), "take the file out"]
    if mistake == "another size":
        Image.new("L", (40, 40), 1).save(mask)
        return [f"label {mask}", "40 x 40", "40 x 56"]
    if mistake == "an unknown code":
        Image.new("L", (56, 40), 22).save(mask)
        return [f"label {mask}", "ids 22"]
    if mistake == "a truncated mask":
        mask.write_bytes(mask.read_bytes()[: mask.stat().st_size // 2])
        return [f"label {mask}", "read", "intact"]
    for path in sorted((tree / IMAGES).glob("*.png"))[1:]:
        path.unlink()
        (tree / "masks" / path.name).unlink()
    return [tree, "1 regions", "1 patients", "two patients"]


@pytest.mark.parametrize(
    "mistake",
    [
        "a mask is missing",
        "an image is missing",
        "no masks",
        "another name",
        "another size",
        "an unknown code",
        "a truncated mask",
        "one patient",
    ],
)
def test_a_mistake_in_the_tree_is_named_with_its_remedy(tree, mistake):
    kinds = {"another size": SizesDiffer, "an unknown code": UnknownLabel}
    with raises(kinds.get(mistake, DatasetError), *plant(tree, mistake)):
        part(tree).pool()


def test_a_truncated_image_is_named(tree):
    data = part(tree)
    path = data.train.regions[data.train.tiles[0].region].image
    path.write_bytes(path.read_bytes()[:300])
    with raises(DatasetError, f"image {path}", "read"):
        data.train.image(0)


def test_a_wrong_folder_is_named(tree):
    for root in (tree / "masks", tree.parent):
        with raises(DatasetError, root / IMAGES, tree / IMAGES, f"--data.root {tree}"):
            part(root).pool()
    with raises(DatasetError, tree.parent / "elsewhere" / IMAGES, "PathologyDataScience/BCSS"):
        part(tree.parent / "elsewhere").pool()


def test_all_regions_must_be_there_unless_told_otherwise(tree, monkeypatch):
    with raises(DatasetError, tree, 6, 151, "--data.complete false"):
        part(tree, complete=True).pool()
    monkeypatch.setattr(module, "REGIONS", 6)
    assert part(tree, complete=True).pool().size == 16


def test_tiles_too_large_for_all_regions_are_refused(tree):
    with raises(DatasetError, "64 x 64", "pool"):
        part(tree, tile=64).pool()


@pytest.mark.parametrize(
    ("options", "fact"),
    [({"tile": 0}, "data.tile is 0"), ({"test_share": 1}, "data.test_share is 1"), ({"split_seed": -1}, "split_seed")],
)
def test_a_wrong_argument_is_named(options, fact):
    with raises(UsageError, fact):
        part("nowhere", **options)


def test_a_mapping_of_ones_own_is_another_dataset(tree, tmp_path):
    entries = {"classes": ["tumor", "rest"], "ids": {1: "tumor", 2: "rest"}, "unknown": "ignore"}
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(entries))
    data = part(tree, mapping=str(tmp_path / "two.yaml"))
    assert data.num_classes == 2
    assert data.fingerprint() != part(tree).fingerprint() == part(tree).fingerprint()


def test_it_runs_from_the_command_line(al, here, tree, caplog):
    options = ["--training.head_lr_factor", 1, "--steps", 2, "--data.batch_size", 2, "--data.eval_batch_size", 2]
    options += ["--data.workers", 0, "--network.width", 4, "--data.root", tree, "--data.complete", "false"]
    options += ["--data.tile", 16, "--budget.initial", 25, "--budget.query", 25, "--budget.cycles", 1, "--run_dir", "r"]
    answer = al("fit", "--config", "bcss_unet_coreset", *options, "--trainer.accelerator", "cpu")
    assert answer.code == 0, answer.err
    assert not lacking(answer.err + caplog.text, [16, 4, "pool", 8, 2, "test set"])
    assert len([record for record in journal(here / "r") if "cycle" in record]) == 2
