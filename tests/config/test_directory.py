"""The directory that a run gets by itself: what has one of its own, and what is a name of the file system."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from al_lightning.config import names
from al_lightning.config.experiment import configure
from tests.support.runs import SMALL_NETWORK, TINY, Answer

Call = Callable[..., Answer]


def directory(*options: str, configs: tuple[str, ...] = ("digits_random",), seed: int = 0) -> Path:
    return configure(configs, options, seed).run_dir


def own(*options: str, name: str = "small_image_folder_random") -> Path:
    return directory(*options, configs=(name,))


@pytest.mark.parametrize(
    "options", [[], ["--data.workers", "1"], ["--budget.cycles", "9"], ["--steps", "120"], ["--keep", "last"]]
)
def test_a_named_run_keeps_its_directory(here: Path, options: list[str]) -> None:
    assert directory(*options, seed=3) == Path("runs/digits_random/seed_3")


def test_changed_settings_are_a_mark_whatever_the_order_of_the_options(here: Path) -> None:
    steps, width = ["--steps", "300"], ["--network.width", "2"]
    made = directory(*steps, *width)
    assert re.fullmatch(r"runs/digits_random/width=2,steps=300-[0-9a-f]{6}/seed_0", str(made))
    assert directory(*width, *steps, "--data.workers", "1", "--budget.cycles", "9") == made
    assert directory(*steps, *width, seed=1) == made.with_name("seed_1")
    others = {directory(*steps), directory(*width), directory("--steps", "301", *width)}
    assert len(others | {made}) == 4


def test_a_mark_is_short_and_needs_no_quotes(here: Path) -> None:
    options = ["--training.optimizer", "torch.optim.Adam", "--training.schedule", "null", "--training.warm_up", "3"]
    mark, _, hashed = directory(*options, "--initial", "balanced").parent.name.rpartition("-")
    assert mark.startswith("optimizer=Adam")
    assert len(mark) <= 40
    assert len(hashed) == 6
    own_mark = own(
        "--data.sequence_pattern", r"(?P<sequence>.+) /(?P<frame>\d+)", "--data.size", "[24, 32]"
    ).parent.name
    assert own_mark.startswith("size=24-32,sequence_pattern=P-sequence")
    assert re.fullmatch(r"[\w.,=-]+", own_mark)


def test_each_folder_of_own_images_has_a_directory(here: Path) -> None:
    for folder in ("a/leaves", "b/leaves", "my leaves"):
        (here / folder).mkdir(parents=True)
    made = own("--data.root", "a/leaves")
    assert re.fullmatch(r"runs/small_image_folder_random/leaves/[0-9a-f]{6}/seed_0", str(made))
    assert own("--data.root", str(here / "b/../a/leaves")) == made
    assert own("--data.root", "b/leaves") != made
    assert own("--data.root", "my leaves").parts[2] == "my-leaves"
    assert own().parts[2] == "image_folder"  # of $AL_DATA
    by_class = ["--data", "al_lightning.data.ImageFolder", "--data.root", "a/leaves"]
    assert directory(*by_class).parts[1:3] == ("ImageFolder_random", "leaves")
    (here / "configs/datasets").mkdir(parents=True)
    shipped = (names.shipped() / "datasets/digits.yaml").read_text()
    (here / "configs/datasets/small_image_folder.yaml").write_text(shipped)  # one's own, without files
    assert own().parts[2] == "image_folder"
    assert own("--data.root", "a/leaves", name="camvid_random") == Path("runs/camvid_random/seed_0")


def test_a_first_run_on_own_images_needs_no_directory(al: Call, here: Path, class_folders: Path) -> None:
    small = [*TINY, *SMALL_NETWORK, "--data.size", "[12, 12]", "--budget.cycles", 0, "--data.root", class_folders]
    for options in (small, [*small, "--training.warm_up", 2]):
        done = al("fit", "--config", "small_image_folder_random", *options)
        assert done.code == 0, done.err
        assert f"in runs/small_image_folder_random/{class_folders.name}/" in done.err.splitlines()[0]
    assert len(list(here.glob("runs/*/*/*/seed_0/cycles.jsonl"))) == 2
    assert [line for line in al("report", "runs", "--format", "text").out.splitlines() if "random (" in line]
