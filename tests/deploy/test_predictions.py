"""`al-lightning predict`, as typed: tables, masks, overlays, and what is wrong with images."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from al_lightning.cli.main import main
from al_lightning.config.rebuild import reopen
from al_lightning.data.images import Images
from al_lightning.deploy.predictions import find_images, without_endings
from al_lightning.deploy.predictor import Predictor
from al_lightning.drawing import palette
from al_lightning.errors import ALError, DatasetError, UsageError
from tests.support.errors import lacking, refused
from tests.support.runs import SMALL_NETWORK, TINY, Answer, forge, journal

Call = Callable[..., Answer]
STREETS = ["--config", "demo_0f_random", "--data.pool_size", 24, "--data.test_size", 6, "--data.size", "[32, 64]"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of each task, with two cycles; the first network of the digits' is gone."""
    where = tmp_path_factory.mktemp("runs")
    digits = ["fit", "--config", "digits_random", *TINY, *SMALL_NETWORK, "--steps", 60, "--budget.cycles", 1]
    streets = ["fit", *STREETS, "--budget.cycles", 1, "--steps", 30, "--data.eval_batch_size", 4]
    for options, name in ((digits, "digits"), (streets, "streets")):
        assert main([str(part) for part in [*options, "--run_dir", where / name]]) == 0
    (where / "digits/cycle_00/member_0/weights.pt").unlink()
    for name in ("digits", "streets"):
        save(reopen(where / name).data.test, where / f"{name}_test")
    return where


def save(images: Images, folder: Path) -> None:
    folder.mkdir()
    for index in range(len(images)):
        Image.fromarray(images.image(index)).save(folder / f"{index:04d}.png")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_digits_of_the_test_set_get_the_journals_accuracy(al: Call, here: Path, runs: Path) -> None:
    answer = al("predict", runs / "digits", runs / "digits_test", "--out", "p")
    assert answer.code == 0, answer.err
    assert answer.out.strip() == "p/predictions.csv"
    rows, test = table(here / "p/predictions.csv"), reopen(runs / "digits").data.test
    assert [row["image"] for row in rows] == [str(runs / f"digits_test/{k:04d}.png") for k in range(len(test))]
    right = np.mean([int(row["class"]) == test.label(k) for k, row in enumerate(rows)])
    assert right == pytest.approx(journal(runs / "digits")[2]["metrics"]["accuracy"], abs=1e-6)
    for row in rows:
        shares = {name: float(row[name]) for name in "0123456789"}
        assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
        assert float(row["confidence"]) == max(shares.values()) == shares[row["class"]]
    assert sorted(path.name for path in (here / "p").iterdir()) == ["predictions.csv"]


def test_the_masks_of_the_test_streets_have_the_journals_miou(al: Call, here: Path, runs: Path) -> None:
    answer = al("predict", runs / "streets", runs / "streets_test")
    assert answer.code == 0, answer.err
    out, data = runs / "streets/predictions/cycle_01", reopen(runs / "streets").data
    confusion = np.zeros((10, 10))
    for index, row in enumerate(table(out / "predictions.csv")):
        assert row["mask"] == f"masks/{index:04d}.png"
        with Image.open(out / row["mask"]) as picture:
            assert picture.mode == "P"
            assert np.array_equal(np.reshape(picture.getpalette()[:30], (10, 3)), palette(10))
            mask, label = np.asarray(picture), data.test.label(index)
        np.add.at(confusion, (label[label < 10], mask[label < 10]), 1)
        for number, name in enumerate(data.class_names):
            assert float(row[name]) == pytest.approx((mask == number).mean(), abs=1e-6)
        with Image.open(out / f"overlays/{index:04d}.jpg") as shown:
            assert shown.width >= mask.shape[1]
            assert shown.height > mask.shape[0]  # the legend
    union = confusion.sum(0) + confusion.sum(1) - np.diag(confusion)
    miou = (np.diag(confusion)[union > 0] / union[union > 0]).mean()
    assert miou == pytest.approx(journal(runs / "streets")[2]["metrics"]["miou"], abs=1e-5)


def test_names_keep_folders_sizes_are_the_files_own_and_a_broken_image_costs_a_sentence(
    al: Call, here: Path, runs: Path
) -> None:
    source = runs / "streets_test/0000.png"
    for name in ("one/a.png", "two/a.png", "two/b/a.png", "one/a.bmp"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        with Image.open(source) as image:
            image.resize((90, 50)).save(here / name)
    (here / "two/broken.png").write_bytes(b"no image")
    (here / "two/emp\x1bty.png").touch()
    answer = al("predict", runs / "streets", "one", "two", "one/a.png", "--cycle", 0, "--out", "two/p")
    assert refused(answer, DatasetError, "two/broken.png", "two/emp\ufffdty.png", "2 of 6")
    assert "\x1b" not in answer.err
    masks = sorted(str(path.relative_to(here / "two/p/masks")) for path in (here / "two/p/masks").rglob("*.png"))
    assert masks == ["one/a.bmp.png", "one/a.png.png", "two/a.png", "two/b/a.png"]
    with Image.open(here / "two/p/masks/two/b/a.png") as mask:
        assert mask.size == (90, 50)
    assert {row["image"] for row in table(here / "two/p/predictions.csv")} == {
        "one/a.bmp", "one/a.png", "two/a.png", "two/b/a.png",
    }  # fmt: skip
    again = al("predict", runs / "streets", "one", "two", "--cycle", 0, "--out", "two/p")
    assert refused(again, DatasetError, "2 of 6")  # what was made is no image to predict


@pytest.mark.parametrize(
    ("arguments", "facts"),
    [
        (["nowhere", "x"], ["nowhere", "cycles.jsonl"]),
        (["digits", "nothing"], ["nothing"]),
        (["digits", "empty"], ["images", "empty"]),
        (["digits", "empty", "--cycle", "5"], ["cycles 0 to 1", "cycle 5"]),
        (["digits", "empty", "--cycle", "-1"], ["cycles 0 to 1", "cycle -1"]),
        (["digits", "empty", "--cycle", "0"], ["cycle 0", "digits", "--keep last"]),
        (["digits", "empty", "--out", "file"], ["--out file"]),
        (["digits"], ["IMAGES"]),
        (["digits", "empty", "--device", "cuda"], ["--device cuda"]),
        (["bare", "empty"], ["bare", "--keep none"]),
        (["begun", "empty"], ["begun", "cycle"]),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    al: Call, here: Path, runs: Path, arguments: list[str], facts: list[object]
) -> None:
    (here / "digits").symlink_to(runs / "digits")
    (here / "empty").mkdir()
    (here / "file").touch()
    for name, lines in (("bare", 3), ("begun", 1)):
        (here / name).mkdir()
        text = (runs / "digits/cycles.jsonl").read_text().splitlines(keepends=True)
        (here / name / "cycles.jsonl").write_text("".join(text[:lines]))
    answer = al("predict", *arguments)
    data = arguments in (["digits", "nothing"], ["digits", "empty"])
    assert refused(answer, DatasetError if data else UsageError, *facts)
    assert len(answer.err.splitlines()) == 1


def test_images_of_another_size_than_the_runs_are_counted(al: Call, here: Path, runs: Path) -> None:
    (here / "i").mkdir()
    shutil.copy(runs / "digits_test/0000.png", here / "i/a.png")
    for name in ("b", "c"):
        Image.new("RGB", (30, 20)).save(here / f"i/{name}.png")
    answer = al("predict", runs / "digits", "i", "--out", "p")
    assert answer.code == 0, answer.err
    assert not lacking(answer.err, ["note:", 2, "8 x 8"])
    assert "note:" not in al("predict", runs / "digits", "i/a.png", "--out", "p").err


def test_the_file_that_cannot_be_written_is_named(al: Call, here: Path, runs: Path) -> None:
    (here / "o").mkdir()
    (here / "o/masks").touch()  # where a folder belongs
    answer = al("predict", runs / "streets", runs / "streets_test", "--out", "o")
    assert refused(answer, ALError, "o/masks/0000.png")
    assert [path.name for path in (here / "o").iterdir()] == ["masks"]


def test_damaged_weights_are_a_sentence(al: Call, here: Path, runs: Path) -> None:
    shutil.copytree(runs / "digits", here / "d")
    weights = here / "d/cycle_01/member_0/weights.pt"
    weights.write_bytes(weights.read_bytes()[:-200])
    answer = al("predict", "d", runs / "digits_test")
    assert refused(answer, ALError, "d/cycle_01/member_0/weights.pt", "cycle 1")
    assert not (here / "d/predictions").exists()


def test_any_number_of_images_is_in_memory_a_batch_at_a_time(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = reopen(runs / "streets", sections=("network",))
    predictor = Predictor(run, runs / "streets/cycle_01/member_0/weights.pt")
    read: list[Path] = []
    first = runs / "streets_test/0000.png"
    monkeypatch.setattr(
        "al_lightning.deploy.predictor.read_image",
        lambda path, size=None: (read.append(path), np.zeros((32, 64, 3), np.uint8))[1],
    )
    said = predictor.predict([first] * 1000)
    next(said)
    assert 0 < len(read) <= predictor.data.eval_batch_size


def test_names_without_endings_are_never_two_of_one() -> None:
    assert without_endings(["a.jpg", "b/a.jpg", "c.d.png"]) == ["a", "b/a", "c.d"]
    assert without_endings(["a.jpg", "a.png"]) == ["a.jpg", "a.png"]
    assert without_endings(["a.jpg", "a.png", "a.jpg.png"]) == ["a.jpg", "a.png", "a.jpg.png"]


def test_files_are_found_once_under_names_of_their_own(here: Path) -> None:
    for name in ("x/a.png", "y/a.png", "y/.b.png", "x/out/c.png", "x/note.txt"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).touch()
    out = Path("x/out")
    assert find_images([Path("x"), Path("x/a.png"), here / "x"], out) == {Path("x/a.png"): "a.png"}
    assert set(find_images([Path("x"), Path("y")], out).values()) == {"x/a.png", "y/a.png"}
    assert find_images([Path("x/note.txt")], out) == {Path("x/note.txt"): "note.txt"}  # it was named


def test_data_of_other_classes_are_refused(al: Call, here: Path, class_folders: Path) -> None:
    options = ["--data.root", class_folders, "--data.size", "null", "--network.depth", 10, "--network.width", 1]
    options += ["--data.workers", 0, "--steps", 1, "--budget.cycles", 1, "--budget.unit", "images", "--run_dir", "r"]
    options += ["--budget.initial", 6, "--budget.query", 3]
    assert al("fit", "--config", "small_image_folder_entropy", *options).code == 0
    image = next((class_folders / "test/red").iterdir())
    assert al("predict", "r", image, "--out", "out").code == 0
    before = al("query", "r", "--cycle", 0)
    assert before.code == 0, before.err
    (class_folders / "train/blue/new.png").write_bytes(image.read_bytes())
    assert al("predict", "r", image, "--out", "out").code == 0  # more images change no class
    answer = al("query", "r", "--cycle", 0)
    assert refused(answer, UsageError, class_folders, "--data.root DIR")
    for split in ("train", "test"):
        (class_folders / split / "blue").rename(class_folders / split / "yellow")
    for command in (["predict", "r", image], ["export", "r", "--format", "state-dict"]):
        assert refused(al(*command), UsageError, class_folders, "'blue' is 'green'")


def test_nothing_is_written_through_a_link_of_a_run(al: Call, here: Path, runs: Path) -> None:
    shutil.copytree(runs / "digits", here / "d")
    (here / "victim").mkdir()
    (here / "d/export").symlink_to(here / "victim")
    (here / "d/predictions").mkdir()
    (here / "d/predictions/cycle_01").symlink_to(here / "victim")
    for command in (["predict", "d", runs / "digits_test"], ["export", "d", "--format", "state-dict"]):
        assert refused(al(*command), UsageError, "d/", "link", "--out")
    assert not list((here / "victim").iterdir())


def test_a_network_of_another_size_is_refused_before_it_is_built(al: Call, here: Path, runs: Path) -> None:
    shutil.copytree(runs / "digits", here / "d")
    values = yaml.safe_load((here / "d/config.yaml").read_text())
    values["network"]["init_args"].update(depth=994, width=256)
    forge(here / "d", values)
    answer = al("predict", "d", runs / "digits_test")
    assert refused(answer, ALError, "d/cycle_01/member_0/weights.pt")
