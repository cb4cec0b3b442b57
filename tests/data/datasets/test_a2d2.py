"""A2D2's recording and its mapping files, on trees of the official layout made here."""

import shutil

import numpy as np
import pytest
from PIL import Image

from al_lightning.data import A2D2
from al_lightning.data.datasets import a2d2
from al_lightning.data.mappings import find_mapping, load_mapping
from al_lightning.errors import DatasetError, SizesDiffer, UnknownLabel
from tests.support.errors import raises
from tests.support.trees_a2d2 import A2D2_CLASSES, SCENES, TEST_SCENE, names, part, write_a2d2

CITYSCAPES = (
    *("road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation"),
    *("terrain", "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle"),
)
GROUPS = {  # this project's grouping: the first word or words of A2D2's names
    "road": "RD, Drivable, Slow, Speed, Zebra, Solid, Dashed, Painted, Parking",
    "sidewalk": "Sidewalk, Curbstone, Non-drivable",
    "building": "Buildings",
    "fence": "Road blocks, Grid",
    "pole": "Poles, Sidebars, Signal corpus",
    "traffic light": "Traffic signal",
    "traffic sign": "Traffic sign, Electronic, Traffic guide",
    "vegetation": "Nature",
    "sky": "Sky",
    "person": "Pedestrian",
    "car": "Car",
    "truck": "Truck, Utility, Tractor",
    "motorcycle": "Small vehicles",
    "bicycle": "Bicycle",
    "ignored": "Ego, Blurred, Rain, Animals, Obstacles, Irrelevant",
}


def grouped(name: str) -> int:
    """The class of an A2D2 name by the longest beginning in GROUPS."""
    found = [(len(start), g) for g, starts in GROUPS.items() for start in starts.split(", ") if name.startswith(start)]
    group = max(found)[1]
    return 255 if group == "ignored" else CITYSCAPES.index(group)


@pytest.fixture
def tree(written, tmp_path):
    """A copy to break."""
    return shutil.copytree(written, tmp_path / "tree")


# Mapping files


def test_there_are_55_colours_in_19_classes():
    assert len({colour for colour, _ in A2D2_CLASSES.values()}) == len(A2D2_CLASSES) == 55
    assert {number for _, number in A2D2_CLASSES.values()} == set(range(19))


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [("a2d2_19", [number for _, number in A2D2_CLASSES.values()]), ("cityscapes_19", list(map(grouped, A2D2_CLASSES)))],
)
def test_each_of_the_55_colours_has_its_class(written, mapping, expected):
    data = part(written, mapping=mapping)
    assert data.num_classes == 19
    assert data.test.label(0).tolist() == [expected] * 24
    assert len(data.mapping.values) == 55


def test_the_classes_have_the_names_and_order_of_their_origin():
    assert list(load_mapping(find_mapping("cityscapes_19", "a2d2")).classes) == list(CITYSCAPES)
    own = load_mapping(find_mapping("a2d2_19", "a2d2")).classes
    assert (own[0], own[1], own[8], own[17], own[18]) == ("road", "car", "nature", "curbstone", "other")


# The recording


def test_all_frames_lie_in_the_order_of_time(written):
    data = part(written)
    pool = data.pool()
    assert (len(data.train), len(data.test), pool.size) == (31, 3, 31)
    assert names(data)[0] == "20180807_145028/camera/cam_front_center/20180807145028_camera_frontcenter_000000091.png"
    assert pool.sequence == (0,) * 14 + (1,) * 9 + (2,) * 8
    assert pool.frame[:3] == (91, 135, 179)
    assert pool.frame[14:] == tuple(91 + 44 * place for count in (9, 8) for place in range(count))
    assert all(TEST_SCENE in data.test.name(index) for index in range(3))


@pytest.mark.parametrize("layout", ["part", "split"])
def test_other_folders_mean_the_same(tmp_path, written, layout):
    root = tmp_path / "other"
    if layout == "part":
        shutil.copytree(written, root / "camera_lidar_semantic")
    else:
        write_a2d2(root, split=True)
    data = part(root)
    assert len(data.test) == 3
    assert [name.removeprefix("camera_lidar_semantic/").removeprefix("train/") for name in names(data)] == names(
        part(written)
    )


def test_images_are_resized_to_a_third(tmp_path):
    scenes = {scene: {"cam_rear_center": 1} for scene in SCENES}
    data = A2D2(root=str(write_a2d2(tmp_path / "t", scenes, size=(1208, 1920))), complete=False)
    assert data.train.image(0).shape == (402, 640, 3)
    label = data.train.label(0)
    assert (label.shape, label.dtype, set(np.unique(label).tolist())) == ((402, 640), np.uint8, set(range(19)))


def test_the_whole_recording_is_counted(written, monkeypatch):
    with raises(DatasetError, written, 31, 3, 40_135, 1_142, "--data.complete false"):
        A2D2(root=str(written)).pool()
    monkeypatch.setattr(a2d2, "COUNTS", (31, 3))
    assert A2D2(root=str(written)).pool().size == 31


def camera(root, scene="20181108_084007", half="camera", place=0):
    return sorted((root / scene / half / "cam_front_center").glob("*.png"))[place]


def plant(tree, mistake):
    """Make a mistake; return the root to use, and the facts that the error must have."""
    if mistake == "no labels":
        shutil.rmtree(tree / "20181108_084007/label")
        return tree, ["20181108_084007", "no folder 'label'"]
    if mistake == "a label is missing":
        (path := camera(tree, half="label")).unlink()
        return tree, [f"label {path}", "1 missing", "unpack 20181108_084007"]
    if mistake == "an image is missing":
        (path := camera(tree)).unlink()
        return tree, [f"image {path}", "1 missing", "unpack 20181108_084007"]
    if mistake == "a camera without labels":
        shutil.rmtree(tree / "20181108_084007/label/cam_side_left")
        return tree, ["label ", "label/cam_side_left", "8 missing"]
    if mistake == "an empty scene":
        shutil.rmtree(tree / "20180807_145028/camera/cam_front_center")
        shutil.rmtree(tree / "20180807_145028/label/cam_front_center")
        return tree, ["scene", "20180807_145028", "no images"]
    if mistake == "no test scene":
        shutil.rmtree(tree / TEST_SCENE)
        return tree, [tree / TEST_SCENE, "--data.root DIR"]
    if mistake == "a level too high":
        return tree.parent, ["no scenes", tree.parent, f"--data.root {tree}"]
    if mistake == "a level too low":
        return tree / TEST_SCENE, [tree / TEST_SCENE, "single scene", f"--data.root {tree}"]
    if mistake == "nothing":
        return tree / "lidar", [f"{tree / 'lidar'}/", "camera_lidar_semantic of a2d2.audi"]
    if mistake == "a name of another form":
        (path := camera(tree)).rename(path.with_name("1.png"))
        return tree, [path.with_name("1.png"), "take the file out"]
    if mistake == "no val":
        (tree / "train").mkdir()
        for scene in SCENES:
            if scene != TEST_SCENE:
                (tree / scene).rename(tree / "train" / scene)
        return tree, [tree / "val" / TEST_SCENE, "--data.root DIR"]
    (tree / "val").mkdir()
    (tree / "20180807_145028").rename(tree / "val/20180807_145028")
    return tree, [tree / "val/20180807_145028", f"only {TEST_SCENE}"]


@pytest.mark.parametrize(
    "mistake",
    [
        "no labels",
        "a label is missing",
        "an image is missing",
        "a camera without labels",
        "an empty scene",
        "no test scene",
        "a level too high",
        "a level too low",
        "nothing",
        "a name of another form",
        "no val",
        "a scene in val",
    ],
)
def test_a_mistake_in_the_tree_is_named_with_its_remedy(tree, mistake):
    root, facts = plant(tree, mistake)
    with raises(DatasetError, *facts):
        part(root).pool()


def test_a_broken_file_is_named(tree):
    path = camera(tree)
    path.write_bytes(path.read_bytes()[:200])
    label = camera(tree, half="label", place=1)
    Image.new("RGB", (7, 5)).save(label)
    other = camera(tree, half="label", place=2)
    Image.new("RGB", (55, 24), (1, 2, 3)).save(other)
    data = part(tree)
    with raises(DatasetError, f"image {path}", "read"):
        data.train.image(14)
    with raises(SizesDiffer, f"label {label}", "5 x 7", "24 x 55"):
        data.train.label(15)
    with raises(UnknownLabel, f"label {other}", "#010203 (1320 pixels)"):
        data.train.label(16)
