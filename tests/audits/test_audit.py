"""The audit: planted mistakes are found and named, different images are not, and numbers agree with brute force."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from al_lightning.audits.audit import audit, write
from al_lightning.audits.folder import AuditFolder
from al_lightning.audits.result import Audit, Problem
from al_lightning.audits.sequences import places, spans
from al_lightning.audits.text import summary
from al_lightning.data import CamVid, DrivingVideo, ImageFolder, MaskFolder
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import Array, Images
from al_lightning.errors import DatasetError, UsageError
from tests.support.pictures import scene

DATA = Path(__file__).parents[3] / "shared/data"
CLASSES = ["road", "car", "tree"]


def mask(seed: int, height: int = 48, width: int = 64) -> Array:
    label = np.zeros((height, width), np.uint8)
    label[seed % 40 :, : width // 2] = 1
    label[0] = 255
    return label


def tree(root: Path, pool: int = 6, test: int = 4) -> Path:
    """Image and mask folders of different scenes, as pool and test set."""
    for side, first, count in (("train", 0, pool), ("test", 100, test)):
        for folder in ("images", "masks"):
            (root / folder / side).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(scene(first + number)).save(root / "images" / side / f"a_{number:03d}.png")
            Image.fromarray(mask(number)).save(root / "masks" / side / f"a_{number:03d}.png")
    return root


def look(root: Path, masks: bool = True, **options: object) -> Audit:
    folder = AuditFolder(root / "images", root / "masks" if masks else None)
    return audit(folder, "a tree", workers=0, **options)  # type: ignore[arg-type]


def kinds(found: Audit) -> list[str]:
    return [problem.kind for problem in found.problems]


# Nothing wrong


def test_clearly_different_images_are_not_flagged(tmp_path: Path) -> None:
    found = look(tree(tmp_path, 40, 20))
    assert found.problems == ()
    assert not found.fails
    assert found.groups == found.leaks == found.spans == found.findings == ()
    assert (found.pool.images, found.pool.readable, found.test.images) == (40, 40, 20)
    assert found.redundancy < 0.02
    assert "no leakage, no duplicates" in summary(found)
    assert found.pool.sizes == ((48, 64, 40),)


def test_a_folder_without_masks_and_without_test_set(tmp_path: Path) -> None:
    for number in range(3):
        Image.fromarray(scene(number)).save(tmp_path / f"{number}.jpg")
    found = audit(AuditFolder(tmp_path), workers=0)
    assert found.title == str(tmp_path)
    assert found.problems == ()
    assert found.classes == ()
    assert found.test.images == 0
    assert not found.pool.labels
    assert "no test set" in " ".join(found.notes)


# Duplicates and leakage


def test_exact_duplicates_and_files_equal_byte_for_byte(tmp_path: Path) -> None:
    images, masks = tree(tmp_path) / "images/train", tmp_path / "masks/train"
    shutil.copy(images / "a_001.png", images / "b_file.png")
    Image.open(images / "a_001.png").save(images / "b_other.bmp")  # the same pixels in another file
    for name in ("b_file.png", "b_other.png"):
        shutil.copy(masks / "a_001.png", masks / name)
    found = look(tmp_path)
    (group,) = found.groups
    assert [Path(member.name).name for member in group.members] == ["a_001.png", "b_file.png", "b_other.bmp"]
    assert [member.exact for member in group.members] == [False, True, True]
    assert [member.same_file for member in group.members] == [False, True, False]
    assert (found.pool.exact_repeats, found.pool.near_repeats) == (2, 0)
    assert found.problems == (
        Problem("duplicates", "2 images of the pool repeat another image exactly (1 of them byte for byte)."),
    )
    # Eight images of six kinds: 1 - 6 / 8; the scenes are not alike.
    assert found.redundancy == pytest.approx(0.25, abs=0.01)
    assert found.distinct == pytest.approx(6, abs=0.1)


CHANGES = {
    "resized": lambda image: image.resize((100, 75), Image.Resampling.BILINEAR),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.6),
    "flatter": lambda image: ImageEnhance.Contrast(image).enhance(0.5),
    "coloured": lambda image: ImageEnhance.Color(image).enhance(1.3),
}


@pytest.mark.parametrize("change", [*CHANGES, "jpeg"])
def test_near_duplicates_in_pool_and_across_are_found(tmp_path: Path, change: str) -> None:
    tree(tmp_path)
    for side, number in (("train", 2), ("test", 4)):
        image = CHANGES.get(change, lambda image: image)(Image.open(tmp_path / f"images/train/a_{number:03d}.png"))
        image.save(tmp_path / f"images/{side}/z.{'jpg' if change == 'jpeg' else 'png'}", quality=40)
    found = look(tmp_path, masks=False)
    (group,), (leak,) = found.groups, found.leaks
    assert [Path(member.name).stem for member in group.members] == ["a_002", "z"]
    assert group.members[1].similarity > 0.8
    assert (Path(leak.test.name).stem, Path(leak.pool.name).stem) == ("z", "a_004")
    assert not leak.test.exact
    assert kinds(found) == ["leakage", "near-duplicates"]
    assert found.fails


def test_leakage_pixel_for_pixel_and_other_classes(tmp_path: Path) -> None:
    for side, first in (("train", 0), ("test", 50)):
        for number, name in enumerate(("cat", "dog")):
            (tmp_path / side / name).mkdir(parents=True)
            for k in range(3):
                Image.fromarray(scene(first + 10 * number + k)).save(tmp_path / side / name / f"{k}.png")
    shutil.copy(tmp_path / "train/cat/0.png", tmp_path / "test/dog/9.png")
    shutil.copy(tmp_path / "train/dog/1.png", tmp_path / "train/dog/9.png")
    found = audit(ImageFolder(root=str(tmp_path), size=None), "pets", workers=0)
    (leak,) = found.leaks
    assert leak.test.exact
    assert leak.test.same_file
    assert leak.classes == ("cat", "dog")
    assert (leak.test.name, leak.pool.name) == ("test/dog/9.png", "train/cat/0.png")
    assert kinds(found) == ["leakage", "duplicates", "labels"]
    assert found.problems[0].text == "1 test image is in the pool too, pixel for pixel."
    assert [(one.name, one.pool_images, one.test_images) for one in found.classes] == [("cat", 3, 3), ("dog", 4, 4)]
    assert not found.per_pixel


def test_flat_images_are_compared_for_equality_alone(tmp_path: Path) -> None:
    for number, level in enumerate((10, 10, 11, 250)):
        Image.new("RGB", (32, 32), (level,) * 3).save(tmp_path / f"{number}.png")
    found = audit(AuditFolder(tmp_path), workers=0)
    assert [[member.index for member in group.members] for group in found.groups] == [[0, 1]]
    assert found.distinct == 3
    assert found.redundancy == 0.25


# Files that are wrong


def test_every_broken_file_is_listed_and_the_rest_goes_on(tmp_path: Path) -> None:
    images, masks = tree(tmp_path, 8) / "images/train", tmp_path / "masks/train"
    whole = (images / "a_000.png").read_bytes()
    (images / "a_000.png").write_bytes(whole[: len(whole) // 2])
    (masks / "a_001.png").unlink()
    Image.fromarray(np.full((48, 64), 255, np.uint8)).save(masks / "a_002.png")
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(masks / "a_003.png")
    Image.new("RGB", (64, 48)).save(masks / "a_004.png")
    (masks / "a_005.png").write_text("no picture")
    found = look(tmp_path)
    assert [(finding.index, finding.kind) for finding in found.findings] == [
        (0, "unreadable image"),
        (1, "missing label"),
        (2, "mask all void"),
        (3, "sizes differ"),
        (4, "unreadable label"),
        (5, "unreadable label"),
    ]
    for finding in found.findings:
        assert f"a_{finding.index:03d}.png" in finding.text
        assert finding.side == "pool"
    assert (found.pool.images, found.pool.readable, found.pool.void_masks) == (8, 7, 1)
    assert kinds(found) == ["files"]
    assert found.fails
    assert found.problems[0].text.startswith("Files of the pool: 1 mask that is all void, 1 missing label")
    ids = {one.name: one.pool_images for one in found.classes}  # of the two masks that are as they should be
    assert ids == {"label id 0": 2, "label id 1": 2}


def test_unknown_ids_and_absent_classes_of_a_dataset_with_a_mapping(tmp_path: Path) -> None:
    tree(tmp_path)
    unknown = mask(1)
    unknown[5, 5] = 77
    Image.fromarray(unknown).save(tmp_path / "masks/train/a_003.png")
    folders = {"images": "images/train", "masks": "masks/train", "test_images": "images/test"}
    data = MaskFolder(CLASSES, root=str(tmp_path), test_masks="masks/test", **folders)  # type: ignore[arg-type]
    found = audit(data, workers=0)
    assert [(finding.kind, finding.index) for finding in found.findings] == [("label id outside the mapping", 3)]
    assert "77" in found.findings[0].text
    assert "a_003.png" in found.findings[0].text
    absent = [problem for problem in found.problems if problem.kind == "classes"]
    assert [problem.text for problem in absent] == [
        "1 class is absent from the pool: tree.",
        "1 class is absent from the test set: tree.",
    ]
    assert not any(problem.strict for problem in absent)
    # Masks 0 to 5 but 3: 64 * 48 pixels, the first row void, class 1 in the left half from row k on.
    car = sum(32 * (48 - max(1, number)) for number in (0, 1, 2, 4, 5))
    assert [one.pool_pixels for one in found.classes] == [5 * 64 * 47 - car, car, 0]
    assert found.ignored[0] == pytest.approx(1 / 48, abs=1e-6)


class Odd(Images):
    """Labels that no reader checked, and an image whose decoder fails in its own way."""

    def __len__(self) -> int:
        return 5

    def image(self, index: int) -> Array:
        if index == 4:
            raise ZeroDivisionError("a decoder's own")
        return scene(index)

    def label(self, index: int) -> int | Array:
        return [np.zeros((3, 3), np.uint8), np.full((48, 64), 9, np.uint8), 7, 1][index]  # type: ignore[return-value]

    def name(self, index: int) -> str:
        return f"odd {index}"


class OddData(PoolDataset):
    folder = "odd"
    class_names = ("a", "b")

    def build_train(self) -> Images:
        return Odd()

    def build_test(self) -> Images:
        raise DatasetError("The list test.txt names a file that is not there.")


def test_what_no_reader_checks_is_checked_and_a_set_that_fails_is_a_finding() -> None:
    found = audit(OddData(), workers=0)
    assert [(finding.side, finding.index, finding.kind) for finding in found.findings] == [
        ("test", -1, "set cannot be set up"),
        ("pool", 0, "sizes differ"),
        ("pool", 1, "label id outside the mapping"),
        ("pool", 2, "label id outside the mapping"),
        ("pool", 4, "unreadable image"),
    ]
    assert "test.txt" in found.findings[0].text
    assert "ZeroDivisionError: a decoder's own" in found.findings[-1].text


def test_what_cannot_be_audited_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="--images DIR"):
        audit(AuditFolder(tmp_path / "none"), workers=0)
    with pytest.raises(DatasetError, match=f"{tmp_path}.* no images"):
        audit(AuditFolder(tmp_path), workers=0)
    Image.fromarray(scene(0)).save(tmp_path / "0.png")
    with pytest.raises(DatasetError, match="--masks DIR"):
        audit(AuditFolder(tmp_path, tmp_path / "none"), workers=0)
    with pytest.raises(UsageError, match="sequence"):
        audit(AuditFolder(tmp_path, sequence_pattern="(.+)"), workers=0)


# Sequences


def test_sequences_on_both_sides_and_the_closest_frames() -> None:
    pattern = r"(?P<sequence>[a-z]+)_(?P<frame>\d+)"
    pool = places(["x/a_1.png", "x/a_5.png", "x/b_1.png", "strange.png"], pattern)
    test = places(["y/a_9.png", "y/a_3.png", "y/c_1.png"], pattern)
    assert pool == [("a", 1), ("a", 5), ("b", 1), None]
    (span,) = spans(pool, test, (["p0", "p1", "p2", "p3"], ["t0", "t1", "t2"]))
    assert (span.name, span.pool_images, span.test_images, span.gap) == ("a", 2, 2, 2)
    assert span.closest_names == ("p0", "t1")


def test_a_sequence_on_both_sides_fails_and_neighbours_of_one_do_not(tmp_path: Path) -> None:
    tree(tmp_path)
    pattern = r"(?P<sequence>[a-z]+)_(?P<frame>\d+)"
    found = look(tmp_path, sequence_pattern=pattern)
    assert kinds(found) == ["sequences"]
    assert found.fails
    assert "(a): 4 of 4 test images" in found.problems[0].text
    shutil.rmtree(tmp_path / "images/test")
    Image.open(tmp_path / "images/train/a_001.png").save(tmp_path / "images/train/a_900.jpg", quality=60)
    shutil.copy(tmp_path / "masks/train/a_001.png", tmp_path / "masks/train/a_900.png")
    found = look(tmp_path, sequence_pattern=pattern)
    assert kinds(found) == ["near-duplicates"]
    assert not found.fails
    assert found.groups[0].one_sequence


# The score


def score(**pool: int) -> float:
    data = DrivingVideo(pool_size=132, test_size=4, size=(32, 64), **pool)
    return audit(data, workers=0).redundancy


def test_redundancy_grows_with_consecutive_frames_and_with_copies() -> None:
    none, five, eleven, twenty_one = (score(follow=frames) for frames in (0, 5, 11, 21))
    assert none < five < eleven < twenty_one < 1
    assert none < 0.05
    assert five > 0.5
    assert score(copies=5) > none


def test_redundancy_of_equal_clips_is_what_the_definition_says(tmp_path: Path) -> None:
    for number in range(5):
        for copy in range(4):
            Image.fromarray(scene(number)).save(tmp_path / f"{number}_{copy}.png")
    assert audit(AuditFolder(tmp_path), workers=0).redundancy == pytest.approx(1 - 1 / 4, abs=0.005)


@pytest.mark.skipif(not (DATA / "camvid").is_dir(), reason=f"no CamVid in {DATA}")
def test_camvid_fifteen_hertz_is_more_redundant_and_a_sequence_spans() -> None:
    train = CamVid(root=str(DATA / "camvid"), size=(90, 120))
    clip = CamVid(root=str(DATA / "camvid"), size=(90, 120))
    clip.train_list = "val.txt"
    found = audit(train, workers=0)
    assert [(span.name, span.pool_images, span.test_images, span.gap) for span in found.spans] == [
        ("0001TP", 62, 62, 30)
    ]
    assert all("0001TP" in leak.test.name and "0001TP" in leak.pool.name for leak in found.leaks)
    assert found.findings == ()
    assert audit(clip, workers=0).redundancy > 0.8 > 0.5 > found.redundancy > 0.2


# What is written


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in ("meta", "img", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_json_and_page_hold_what_was_found(tmp_path: Path) -> None:
    images = tree(tmp_path) / "images"
    shutil.copy(images / "train/a_001.png", images / "test/<b>&.png")
    shutil.copy(images / "train/a_002.png", images / "train/c.png")
    (images / "train/d.png").write_text("broken")
    found = look(tmp_path, masks=False)
    json_path, page_path = write(found, tmp_path / "out")
    values = json.loads(json_path.read_text())
    assert values["fails"] is True
    assert values["redundancy"] == found.redundancy
    assert values["leaks"][0]["test"]["name"] == "test/<b>&.png"
    assert "pictures" not in values
    assert [problem["kind"] for problem in values["problems"]] == ["leakage", "duplicates", "files"]
    html = page_path.read_text()
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert len(tags.images) == 4
    assert all((image["src"] or "").startswith("data:image/jpeg;base64,") for image in tags.images)
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", html)
    assert "<script" not in html
    assert "@import" not in html
    assert "<b>&.png" not in html
    assert "&lt;b&gt;&amp;.png" in html
    for problem in found.problems:
        assert problem.text in html
        assert problem.text in summary(found)
    assert "test/<b>&.png = train/a_001.png" in summary(found)


def test_the_same_data_give_the_same_bytes_whatever_the_processes(tmp_path: Path) -> None:
    tree(tmp_path / "data", 20)
    shutil.copy(tmp_path / "data/images/train/a_001.png", tmp_path / "data/images/test/z.png")
    told: list[tuple[str, int, int]] = []
    folder = AuditFolder(tmp_path / "data/images")
    one = audit(folder, "t", workers=0, progress=lambda what, done, total: told.append((what, done, total)))
    two = audit(folder, "t", workers=2)
    assert one == two
    texts = [[path.read_bytes() for path in write(found, tmp_path / name)] for name, found in (("1", one), ("2", two))]
    assert texts[0] == texts[1]
    assert ("reading the pool", 20, 20) in told
    assert ("comparing test set and pool", 5, 5) in told
