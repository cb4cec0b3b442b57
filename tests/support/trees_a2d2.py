"""Writers of tiny trees in the official layouts of A2D2 and BCSS, and readers of A2D2's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from al_lightning.data import A2D2

COLOURS = {
    0: "Speed bumper 6e6e00, Zebra crossing d23273, RD restricted area 960096, Drivable cobblestone b432b4, "
    "Slow drive area eee9bf, RD normal street ff00ff",
    1: "Car 1 ff0000, Car 2 c80000, Car 3 960000, Car 4 800000",
    2: "Bicycle 1 b65906, Bicycle 2 963204, Bicycle 3 5a1e01, Bicycle 4 5a1e1e",
    3: "Pedestrian 1 cc99ff, Pedestrian 2 bd499b, Pedestrian 3 ef59bf",
    4: "Truck 1 ff8000, Truck 2 c88000, Truck 3 968000",
    5: "Traffic signal 1 0080ff, Traffic signal 2 1e1c9e, Traffic signal 3 3c1c64",
    6: "Traffic sign 1 00ffff, Traffic sign 2 1edcdc, Traffic sign 3 3c9dc7",
    7: "Non-drivable street 8b636c, Sidewalk b496c8",
    8: "Nature object 93fdc2",
    9: "Sky 87ceff",
    10: "Buildings f1e6ff",
    11: "Small vehicles 1 00ff00, Small vehicles 2 00c800, Small vehicles 3 009600",
    12: "Road blocks b97a57, Grid structure eea2ad",
    13: "Utility vehicle 1 ffff00, Utility vehicle 2 ffffc8",
    14: "Sidebars e96400, Poles fff68f, Signal corpus 212cb1",
    15: "Solid line ffc125, Painted driv. instr. c87dd2, Dashed line 8000ff",
    16: "Traffic guide obj. 9f79ee",
    17: "Curbstone 808000",
    18: "Irrelevant signs 400040, Tractor 000064, Obstacles / trash ff0080, Animals ccff99, Electronic traffic ff46b9, "
    "Parking area 9696c8, Ego car 48d1cc, Blurred area 60458f, Rain dirt 352e52",
}
"""A2D2's class list, by its class in the grouping of the study's public code."""

A2D2_CLASSES = {
    name.rpartition(" ")[0]: (name.rpartition(" ")[2], number)
    for number, names in COLOURS.items()
    for name in names.split(", ")
}
"""Name in A2D2: (colour, class)."""

TEST_SCENE = "20180925_112730"
SCENES: dict[str, dict[str, int]] = {
    "20180807_145028": {"cam_front_center": 14},
    "20181108_084007": {"cam_front_center": 9, "cam_side_left": 8},
    TEST_SCENE: {"cam_front_center": 3},
}


def rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[:2], 16), int(colour[2:4], 16), int(colour[4:], 16)


def write_a2d2(
    root: Path,
    scenes: Mapping[str, Mapping[str, int]] = SCENES,
    split: bool = False,
    size: tuple[int, int] = (24, 55),
) -> Path:
    """Write scenes of so many frames by camera; a label's columns are the 55 colours, one after the other.

    With `split` they lie in train and val, as the study's lists have it, otherwise side by side as in the download.
    The frames of a camera are numbered 91, 135, 179, ...; an image's pixels are noise about its place.
    """
    root.mkdir(parents=True, exist_ok=True)
    colours = [rgb(colour) for colour, _ in A2D2_CLASSES.values()]
    (root / "class_list.json").write_text(json.dumps({f"#{c}": name for name, (c, _) in A2D2_CLASSES.items()}))
    (root / "cams_lidars.json").write_text("{}")
    label = np.asarray(colours, np.uint8)[np.arange(size[1]) % 55][None].repeat(size[0], axis=0)
    draw = np.random.default_rng(0)
    for scene, cameras in scenes.items():
        folder = root / ("val" if scene == TEST_SCENE else "train") / scene if split else root / scene
        for camera, count in cameras.items():
            for half in ("camera", "label", "lidar"):
                (folder / half / camera).mkdir(parents=True)
            for place in range(count):
                seen = camera.removeprefix("cam_").replace("_", "")
                stem = f"{scene.replace('_', '')}_{{}}_{seen}_{91 + 44 * place:09d}"
                pixels = draw.integers(0, 100, (*size, 3), dtype=np.uint8) + np.uint8(10 * place)
                Image.fromarray(pixels).save(folder / "camera" / camera / f"{stem.format('camera')}.png")
                (folder / "camera" / camera / f"{stem.format('camera')}.json").write_text("{}")
                Image.fromarray(label).save(folder / "label" / camera / f"{stem.format('label')}.png")
    return root


def part(root: Path, **options: Any) -> A2D2:
    """A dataset that need not be whole."""
    return A2D2(**{"root": str(root), "complete": False, "size": None, "workers": 0, **options})


def names(data: A2D2) -> list[str]:
    return data.names(range(len(data.train)))


def write_bcss(root: Path, patients: int = 6, size: tuple[int, int] = (40, 56)) -> Path:
    """Write a region of each of some patients, with masks of all codes in stripes below four rows of code 0.

    The left third of each region, whole tiles of 16 of it, has code 0 (outside_roi).
    """
    for folder in ("rgbs_colorNormalized", "masks"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(2)
    codes = (np.arange(size[1])[None] // 2 % 22).repeat(size[0], axis=0).astype(np.uint8)
    codes[:, : size[1] // 3 + 4] = 0
    codes[:4] = 0
    for number in range(patients):
        name = f"TCGA-A{number % 3}-A0S{chr(ord('A') + number)}-DX1_xmin{45749 + number}_ymin25055_MPP-0.2500.png"
        image = draw.integers(0, 256, (*size, 3), dtype=np.uint8)
        image[..., 2] = number
        Image.fromarray(image).save(root / "rgbs_colorNormalized" / name)
        Image.fromarray(codes).save(root / "masks" / name)
    return root
