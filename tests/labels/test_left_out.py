"""`al-lightning labels import`: what labels no pixel is left out with a line, whichever tool wrote it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_lightning.errors import DatasetError
from al_lightning.labels.shapes.brush import encode_brush
from tests.support.errors import lacking, refused
from tests.support.label_exports import HEIGHT, WIDTH, Call, content, png, store

IMAGES = ("a/one.jpg", "two.png")
BOX = [1, 1, 4, 1, 4, 4, 1, 4]
EXPECTED = np.full((HEIGHT, WIDTH), 255, np.uint8)
EXPECTED[1:4, 1:4] = 1


def coco(folder: Path, regions: dict[str, list[Any]]) -> Path:
    images = [{"id": n, "file_name": name, "width": WIDTH, "height": HEIGHT} for n, name in enumerate(IMAGES)]
    annotations = [
        {"id": 7, "image_id": IMAGES.index(name), "category_id": 1, "segmentation": region}
        for name in regions
        for region in regions[name]
    ]
    text = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "car"}]}
    (folder / "export.json").write_text(json.dumps(text))
    return folder / "export.json"


def cvat(folder: Path, regions: dict[str, list[str]]) -> Path:
    shapes = {name: "".join(f"<{shape} label='car'/>" for shape in regions[name]) for name in regions}
    images = (f"<image name='{name}' width='{WIDTH}' height='{HEIGHT}'>{shapes[name]}</image>" for name in shapes)
    (folder / "export.xml").write_text(f"<annotations>{''.join(images)}</annotations>")
    return folder / "export.xml"


def label_studio(folder: Path, regions: dict[str, list[dict[str, Any]]]) -> Path:
    size = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
    tasks = []
    for name, values in regions.items():
        results = []
        for value in values:
            kind = "brushlabels" if "rle" in value else "polygonlabels"
            results.append({"type": kind, **size, "value": {kind: ["car"], **value}})
        tasks.append({"data": {"name": name, "image": name}, "annotations": [{"result": results}]})
    (folder / "export.json").write_text(json.dumps(tasks))
    return folder / "export.json"


def percent(*points: tuple[float, float]) -> dict[str, Any]:
    return {"points": [[100 * x / WIDTH, 100 * y / HEIGHT] for x, y in points]}


def brush(*rows: int) -> dict[str, Any]:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[list(rows), 1:4] = True
    return {"format": "rle", "rle": encode_brush(mask)}


OUTSIDE, TINY = [9, 7, 12, 7, 12, 9], [1.6, 1.6, 1.8, 1.6, 1.8, 1.8]
TOOLS: dict[str, tuple[Callable[[Path, Any], Path], Any, list[Any]]] = {
    "COCO": (
        coco,
        [BOX],
        [[[2, 2]], [[1, 1, 4, 4]], [[0, 0, 2, 2, 5, 5]], [[]], [OUTSIDE], [TINY], [[2, 2], []],
         {"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH]}],
    ),
    "CVAT": (
        cvat,
        "polygon points='1,1;4,1;4,4;1,4'",
        ["polygon points='2,2'", "polygon points='1,1;4,4'", "polygon points='0,0;2,2;5,5'",
         "polygon points='9,7;12,7;12,9'", "mask rle='4' left='1' top='1' width='2' height='2'"],
    ),
    "Label Studio": (
        label_studio,
        percent((1, 1), (4, 1), (4, 4), (1, 4)),
        [percent((2, 2)), percent((1, 1), (4, 4)), percent((1, 1), (3, 2), (5, 3)), percent(), brush()],
    ),
    "Label Studio's brush": (label_studio, brush(1, 2, 3), [brush(), percent((2, 2))]),
}  # fmt: skip


def left_out(*regions: Any) -> str:
    """What is said of regions; each of the polygons in COCO's lists is one."""
    count = sum(len(region) if isinstance(region, list) else 1 for region in regions)
    return f": {count} region{'' if count == 1 else 's'} left out"


@pytest.mark.parametrize("tool", TOOLS)
def test_a_region_without_area_is_left_out_with_a_line_and_the_rest_comes_in(
    al: Call, pixel_run: Path, here: Path, tool: str
) -> None:
    write, good, strays = TOOLS[tool]
    for stray in strays:
        path = write(here, {"two.png": [good, stray], "a/one.jpg": [good]})
        answer = al("labels", "import", pixel_run, path)
        assert answer.code == 0, (stray, answer.err)
        assert f"{path.name}{left_out(stray)}" in answer.err, stray
        assert "not labelled yet" not in answer.err
        assert all((store(pixel_run).mask(name) == EXPECTED).all() for name in IMAGES)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("options", [(), ("--background", "sky")])
def test_an_image_with_nothing_else_is_not_labelled_yet(
    al: Call, pixel_run: Path, here: Path, tool: str, options: tuple[str, ...]
) -> None:
    write, good, strays = TOOLS[tool]
    path = write(here, {"two.png": strays, "a/one.jpg": [good]})
    answer = al("labels", "import", pixel_run, path, *options)
    assert answer.code == 0, answer.err
    assert not lacking(answer.err, [left_out(*strays), "1 annotation without another region", "not labelled yet"])
    assert store(pixel_run).names() == {"a/one.jpg"}


def test_a_click_beside_a_polygon_of_the_same_region_is_left_out(al: Call, pixel_run: Path, here: Path) -> None:
    answer = al("labels", "import", pixel_run, coco(here, {"two.png": [[[6.0, 5.0], BOX, [1, 1, 3, 3]]]}))
    assert "export.json: 2 regions left out" in answer.err
    assert (store(pixel_run).mask("two.png") == EXPECTED).all()


def test_what_a_smaller_region_covers_has_an_area(al: Call, pixel_run: Path, here: Path) -> None:
    answer = al("labels", "import", pixel_run, coco(here, {"two.png": [[BOX], [BOX]]}))
    assert (answer.code, "left out" in answer.err) == (0, False)


@pytest.mark.parametrize(
    ("write", "good", "stray"),
    [
        (coco, [BOX], [[2, "2"]]),
        (coco, [BOX], [[2, None], BOX]),
        (coco, [BOX], [[2, 2, 3]]),
        (coco, [BOX], [[2, 900]]),
        (coco, [BOX], []),
        (coco, [BOX], {"size": [HEIGHT, WIDTH], "counts": [1]}),
        (cvat, TOOLS["CVAT"][1], "polygon points='nan,2'"),
        (cvat, TOOLS["CVAT"][1], "polygon points='2'"),
        (cvat, TOOLS["CVAT"][1], "polygon points=''"),
        (label_studio, brush(1), {"points": [[True, 2]]}),
        (label_studio, brush(1), {"points": [[2, 1e9]]}),
        (label_studio, brush(1), {"format": "rle", "rle": []}),
    ],
)
def test_a_damaged_number_is_a_mistake_however_small_its_region(
    al: Call, pixel_run: Path, here: Path, write: Callable[[Path, Any], Path], good: Any, stray: Any
) -> None:
    before = content(pixel_run)
    answer = al("labels", "import", pixel_run, write(here, {"two.png": [good, stray]}))
    assert refused(answer, DatasetError, "two.png", "Nothing was imported")
    assert content(pixel_run) == before


def test_files_that_are_no_masks_are_counted(al: Call, pixel_run: Path, here: Path) -> None:
    (here / "done").mkdir()
    for name, text in (("two.PNG", png(EXPECTED)), ("one.tif", b"x"), ("Thumbs.db", b"x"), (".DS_Store", b"x")):
        (here / "done" / name).write_bytes(text)
    answer = al("labels", "import", pixel_run, here / "done")
    assert (answer.code, store(pixel_run).names()) == (0, {"two.png"})
    assert "done: 1 file left out, being no PNG" in answer.err
