"""The survey of a dataset: all that is wrong at once, each file looked at once, and nothing that costs for memory."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from al_lightning.data import ImageFolder, MaskFolder, survey
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.datasets.digits import Digits
from al_lightning.data.images import Array, Images
from al_lightning.data.pool_split import write_split
from al_lightning.data.survey import Survey
from al_lightning.errors import DatasetError
from al_lightning.labels.content import MISSING, SIZES, UNKNOWN, UNREADABLE_IMAGE, UNREADABLE_LABEL
from al_lightning.labels.store import LabelStore
from tests.support.errors import lacking
from tests.support.image_files import write_image, write_mask

CLASSES = ["even", "odd"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Twelve images with masks of ids 0 and 1: 8 x 10 pixels, of which image n has n pixels of id 1."""
    for number in range(12):
        write_image(tmp_path / "images" / f"{number:02d}.png", (8, 10), number)
        ids = np.zeros(80, np.uint8)
        ids[:number] = 1
        write_mask(tmp_path / "masks" / f"{number:02d}.png", ids.reshape(8, 10))
    return tmp_path


def masks_of(root: Path, **options: object) -> MaskFolder:
    return MaskFolder(CLASSES, root=str(root), **options)  # type: ignore[arg-type]


def looked(data: PoolDataset, workers: int = 0) -> Survey:
    done = Survey.begin(data)
    seen: list[tuple[int, int]] = []
    done.look(workers, lambda count, total: seen.append((count, total)))
    assert not done.jobs or seen[-1] == (len(done.jobs), len(done.jobs))
    return done


def test_labels_are_counted_and_nothing_is_wrong(root: Path) -> None:
    found = looked(masks_of(root))
    total = found.counts["pool"].pixels + found.counts["test"].pixels
    assert total[[0, 1, 255]].tolist() == [12 * 80 - 66, 66, 0]
    assert found.troubles == []
    assert len(found.jobs) == 12
    assert [found.counts[side].labels for side in ("pool", "test")] == [10, 2]
    assert (found.absent(), found.doubts("pool"), found.doubts("test")) == ([], [], [])


def test_all_that_is_wrong_is_found_at_once(root: Path) -> None:
    images, masks = root / "images", root / "masks"
    whole = (images / "00.png").read_bytes()
    (images / "00.png").write_bytes(whole[: len(whole) // 2])
    (images / "01.png").write_text("no image")
    Image.fromarray(np.zeros((8, 10), np.uint16)).save(images / "02.png")
    write_mask(masks / "03.png", np.full((8, 10), 7))
    write_mask(masks / "04.png", np.zeros((10, 8)))
    Image.new("RGB", (10, 8)).save(masks / "05.png")
    (masks / "06.png").write_bytes((masks / "06.png").read_bytes()[:50])
    found = looked(masks_of(root))
    assert Counter(trouble.kind for trouble in found.troubles) == {
        UNREADABLE_IMAGE: 3,
        UNKNOWN: 1,
        SIZES: 1,
        UNREADABLE_LABEL: 2,
    }
    for number in range(7):
        assert sum(f"{number:02d}.png" in trouble.text for trouble in found.troubles) == 1
    said = str(found.refusal())
    assert not lacking(said, [root, "3 unreadable images", "1 label with ids outside the mapping", "And 4 more"])
    assert found.refusal().exit_code == DatasetError.exit_code


def test_a_label_that_vanishes_is_missing(root: Path) -> None:
    data = masks_of(root)
    assert len(data.train) == 10
    Path(data.train.sources(3)[1]).unlink()

    class Whole(type(data.train)):  # type: ignore[misc]
        def has_label(self, index: int) -> bool:
            return True

    data.train.__class__ = Whole
    assert [trouble.kind for trouble in looked(data).troubles] == [MISSING]


def test_a_file_is_looked_at_once_and_again_when_it_changed(root: Path) -> None:
    first = looked(masks_of(root))
    again = looked(masks_of(root, batch_size=3, workers=0))
    assert again.jobs == []
    for side in ("pool", "test"):
        assert (again.counts[side].pixels == first.counts[side].pixels).all()
        assert (again.counts[side].images == first.counts[side].images).all()
        assert again.counts[side].labels == first.counts[side].labels
    write_mask(root / "masks" / "05.png", np.ones((8, 10)))
    os.utime(root / "images" / "09.png", ns=(1, 1))
    changed = looked(masks_of(root))
    names = {Path(job.key).name for job in changed.jobs}
    assert names == {"05.png", "09.png"}
    assert sum(changed.counts[side].pixels[1] for side in ("pool", "test")) == 66 - 5 + 80
    other = looked(MaskFolder(["a", "b", "c"], root=str(root)))  # other ids would be known ones
    assert len(other.jobs) == 12


def test_what_is_wrong_is_looked_at_until_it_is_mended(root: Path) -> None:
    write_mask(root / "masks" / "03.png", np.full((8, 10), 7))
    for _ in range(2):
        assert len(looked(masks_of(root)).troubles) == 1
    mended = looked(masks_of(root, ignore=7))
    assert mended.troubles == []
    assert sum(mended.counts[side].pixels[255] for side in ("pool", "test")) == 80


def test_the_result_does_not_depend_on_processes(root: Path) -> None:
    for number in range(12, 90):
        write_image(root / "images" / f"{number:02d}.png", (4, 4), number)
        write_mask(root / "masks" / f"{number:02d}.png", np.full((4, 4), number % 2 if number % 40 else 9))
    single, several = looked(masks_of(root, cache=False)), looked(masks_of(root, cache=False), workers=1)
    assert several.troubles == single.troubles
    assert len(several.troubles) == 2
    for side in ("pool", "test"):
        assert (several.counts[side].pixels == single.counts[side].pixels).all()


def with_test_set(root: Path, **options: object) -> MaskFolder:
    """The dataset with a test set of two images, so that no split reads the images."""
    for number in range(2):
        write_image(root / "test" / f"{number}.png", (8, 10), 20 + number)
        write_mask(root / "test_masks" / f"{number}.png", np.full((8, 10), number))
    return masks_of(root, test_images="test", test_masks="test_masks", **options)


def damage(path: Path) -> None:
    """Change bytes in the middle of a file, whose beginning and end stay as they are."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8] = b"\0" * 8
    path.write_bytes(content)


def test_a_cut_image_is_found_outside_of_the_sample_too(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "SAMPLE", 0)
    assert sum(job.whole for job in Survey.begin(with_test_set(root)).jobs) == 0
    whole = (root / "images" / "07.png").read_bytes()
    (root / "images" / "07.png").write_bytes(whole[: len(whole) // 2])
    found = looked(with_test_set(root))
    assert [trouble.kind for trouble in found.troubles] == [UNREADABLE_IMAGE]
    assert "07.png" in found.troubles[0].text


def test_the_sample_is_of_a_fixed_number_of_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "SAMPLE", 3)
    whole = [(job.side, job.index) for job in Survey.begin(with_test_set(root)).jobs if job.whole]
    assert Counter(side for side, _ in whole) == {"pool": 3, "test": 2}
    assert whole == [(job.side, job.index) for job in Survey.begin(with_test_set(root, ignore=9)).jobs if job.whole]


def test_images_that_the_split_read_are_surveyed_and_what_it_could_not_read_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether an image is in the sample does not matter then."""
    damage(root / "images" / "07.png")
    monkeypatch.setattr(survey, "SAMPLE", 0)
    assert looked(with_test_set(root)).troubles == []
    for _ in range(2):  # also where the split is known already
        data = masks_of(root)
        data.split_file = root / "split.json"
        split = data.find_split()
        assert split is not None
        write_split(root / "split.json", split)
        found = looked(data)
        assert [(trouble.kind, "07.png" in trouble.text) for trouble in found.troubles] == [(UNREADABLE_IMAGE, True)]
        assert [Path(job.key).name.split(".")[0] for job in found.jobs if job.whole] == ["07"]
    write_image(root / "images" / "07.png", (8, 10), 7)
    assert looked(masks_of(root)).troubles == []


def test_classes_of_images_and_labels_by_people(tmp_path: Path) -> None:
    for number in range(6):
        write_image(tmp_path / "unlabelled" / f"{number}.png", (4, 4), number)
    store = LabelStore(tmp_path / "said", ["cat", "dog"], "image")
    store.apply({"unlabelled/0.png": 1, "unlabelled/3.png": 1})

    def data() -> ImageFolder:
        made = ImageFolder(root=str(tmp_path), classes=["cat", "dog"], test_share=0, size=(4, 4))
        made.use_label_store(tmp_path / "said")
        return made

    found = looked(data())
    assert (found.counts["pool"].labels, found.unlabelled["pool"]) == (2, 4)
    assert [(remark.text, remark.warning) for remark in found.absent()] == [
        ("1 class is absent from the pool: cat.", False)  # it may come yet
    ]
    assert "single class dog" in found.doubts("pool")[0]
    store.apply({"unlabelled/4.png": 0})
    again = looked(data())
    assert {job.index for job in again.jobs} == {0, 3, 4}  # of these, people's labels alone
    assert sum(job.whole for job in again.jobs) == 1
    assert again.counts["pool"].labels == 3
    assert again.doubts("pool") == []


class Drawn(Images):
    """Images that a program draws; no file has their names."""

    def __len__(self) -> int:
        return 3

    def image(self, index: int) -> Array:
        raise AssertionError("nothing is to be drawn for a survey")

    label = image  # type: ignore[assignment]

    def name(self, index: int) -> str:
        return f"drawn {index}"


class OwnFiles(Drawn):
    """Files of one's own format, whose reader fails in its own way."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def image(self, index: int) -> Array:
        return np.zeros((2, 2, 3), np.uint8)

    def label(self, index: int) -> int:
        return {0: 0, 1: 5}[index]

    def name(self, index: int) -> str:
        return str(self.paths[index])


class OwnData(PoolDataset):
    folder = "own"
    class_names = ("a", "b")
    sets: tuple[Images, Images] = Drawn(), Drawn()

    def build_train(self) -> Images:
        return self.sets[0]

    def build_test(self) -> Images:
        return self.sets[1]


def test_images_without_files_cost_nothing_and_own_formats_are_read_by_their_own_reader(tmp_path: Path) -> None:
    drawn = looked(OwnData(root=str(tmp_path)))
    assert (drawn.jobs, drawn.counts["pool"].labels) == ([], 0)
    digits = looked(Digits())
    assert (digits.jobs, digits.counts["pool"].labels, digits.counts["test"].labels) == ([], 1438, 359)
    paths = [tmp_path / f"{number}.raw" for number in range(3)]
    for path in paths:
        path.write_text("own format")
    data = OwnData(root=str(tmp_path))
    data.sets = OwnFiles(paths), OwnFiles(paths[:1])
    found = looked(data)
    assert [trouble.kind for trouble in found.troubles] == [UNKNOWN, UNREADABLE_LABEL]
    assert "KeyError" in found.troubles[1].text


def test_where_it_is_kept(root: Path, tmp_path: Path) -> None:
    looked(masks_of(root))
    assert {path.name.split("-")[0] for path in (root / ".al_cache").iterdir()} == {"known"}
    run = tmp_path / "run"
    for _ in range(2):
        data = masks_of(root, cache=False)
        data.run_folder = run
        jobs = looked(data).jobs
    assert jobs == []
    data = masks_of(root, cache=str(tmp_path / "elsewhere"))
    looked(data)
    assert len(list((tmp_path / "elsewhere").iterdir())) == 3
