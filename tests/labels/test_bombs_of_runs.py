"""Files nested deeply, and run directories that somebody sent: read within bounds."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest

from al_lightning.errors import ALError, DatasetError, UsageError
from al_lightning.labels.project import project_file
from tests.support.errors import lacking, raises, refused
from tests.support.label_exports import Call, make_run, png, store, zipped
from tests.support.measured import measured

DEEP = 20_000
DEEPER = 200_000  # Python 3.14 reads JSON of 20,000 levels
NESTED = "[" * DEEPER + "]" * DEEPER
OBJECTS = '{"a":' * DEEPER + "1" + "}" * DEEPER


@pytest.mark.parametrize("kind", ["image", "pixel"])
@pytest.mark.parametrize("deep", [NESTED, OBJECTS])
@pytest.mark.parametrize(
    "text",
    [
        "{deep}",
        '[{{"data": {{"image": "two.png"}}, "annotations": [{{"result": {deep}}}]}}]',
        '[{{"data": {deep}, "annotations": []}}]',
        '{{"images": [], "categories": {deep}, "annotations": []}}',
        '{{"images": [], "categories": [], "annotations": [{{"image_id": 1, "segmentation": {deep}}}]}}',
    ],
)
def test_json_nested_deeply_is_a_sentence(al: Call, here: Path, kind: str, deep: str, text: str) -> None:
    run = make_run(here, kind)
    (here / "x.json").write_text(text.format(deep=deep))
    archive = zipped(here / "x.zip", {"x.json": text.format(deep=deep)})
    for path in (here / "x.json", archive):
        answer = al("labels", "import", run, path)
        assert refused(answer, DatasetError, path.name, "nested")


def test_xml_nested_deeply_is_read(al: Call, pixel_run: Path, here: Path) -> None:
    (here / "x.xml").write_text("<annotations>" + "<image>" * DEEP + "</image>" * DEEP + "</annotations>")
    answer = al("labels", "import", pixel_run, here / "x.xml")
    assert (answer.code, "x.xml: 1 image " in answer.err) == (0, True)


# A run directory that somebody sent.


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (f'{{"kind": "pixel", "classes": {NESTED}}}', ["nested"]),
        ('{"kind": "pixel", "images": [' + "[]," * 1_200_000 + "0]}", ["lists and objects", 1_100_000]),
        ('{"kind": "pixel", "classes": [' + '"",' * 1_200_000 + "0]}", ["texts and keys", 1_100_000]),
        (b"[" + b"1," * (65 << 20), [134_217_728]),
    ],
)
def test_a_project_of_a_stranger_is_bounded(pixel_run: Path, text: str | bytes, facts: list[object]) -> None:
    project_file(pixel_run).write_bytes(text if isinstance(text, bytes) else text.encode())
    code, said = measured("status", pixel_run)
    assert (code, lacking(said, ["project.json", *facts])) == (UsageError.exit_code, []), said


@pytest.mark.slow
def test_tables_of_a_stranger_are_bounded(image_run: Path) -> None:
    table = image_run / "labels/labels.csv"
    for text, fact in (
        (b"image,class\n" + b"x" * 100_000_000 + b"\n", "field larger than"),
        (b"image,class\n" + b'"a","car"\n' * 3_000_000, 2_000_000),
        (b"image,class\n" + b"," * 9_000_000, "['', '', '', '', '', '', '', ''"),
        (b"image,class\na.jpg," + b"c" * 120_000 + b"\n", "ccc...'"),
    ):
        table.write_bytes(text)
        code, said = measured("status", image_run)
        assert (code, lacking(said, [table, fact])) == (DatasetError.exit_code, []), said[:2000]
        assert len(said) < 2000
    table.unlink()
    (image_run / "batches/initial/to_label.csv").write_bytes(b"path\n" + b"x\n" * 3_000_000)
    code, said = measured("status", image_run)
    assert (code, lacking(said, ["to_label.csv", 2_000_000])) == (ALError.exit_code, []), said


def test_a_mask_of_a_stranger_is_no_other_picture_and_no_bomb(al: Call, pixel_run: Path) -> None:
    folder = pixel_run / "labels/masks"
    folder.mkdir(parents=True)
    made = bytearray(png(np.zeros((6, 8), np.uint8)))
    made[16:24] = (60_000).to_bytes(4, "big") * 2
    made[29:33] = zlib.crc32(made[12:29]).to_bytes(4, "big")
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 6\n%%EndComments\nshowpage\n%%EOF\n"
    (pixel_run.parent / "good").mkdir()
    (pixel_run.parent / "good/two.png").write_bytes(png(np.zeros((6, 8), np.uint8)))
    for data in (bytes(made), postscript):
        (folder / "two.png.png").write_bytes(data)
        with raises(DatasetError, folder / "two.png.png"):
            store(pixel_run).mask("two.png")
        answer = al("labels", "import", pixel_run, pixel_run.parent / "good")  # what is damaged is replaced
        assert (answer.code, "1 changed" in answer.out) == (0, True)
