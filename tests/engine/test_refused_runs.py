"""Mistakes in a run's settings, data, strategy and network: one sentence, and finished work is kept."""

from collections.abc import Callable
from pathlib import Path

from al_lightning.errors import DatasetError, SizesDiffer, TrainingError, UsageError
from tests.support.errors import refused
from tests.support.runs import DIGITS, SMALL_NETWORK, TINY, Answer

Call = Callable[..., Answer]


def test_a_changed_config_is_refused_with_the_difference(al: Call, here: Path) -> None:
    al("fit", "--config", "digits_random", *DIGITS, "--run_dir", "r")
    before = (here / "r/cycles.jsonl").read_bytes()
    for options, change in (
        (["--training.optimizer.lr", "0.2"], "optimizer.lr: 0.05 -> 0.2"),
        (["--seed", "3"], "seed: 0 -> 3"),
    ):
        answer = al("fit", "--config", "digits_random", *DIGITS, *options, "--run_dir", "r")
        assert refused(answer, UsageError, change)
    assert (here / "r/cycles.jsonl").read_bytes() == before


def test_a_broken_strategy_is_named_and_costs_no_finished_work(al: Call, here: Path) -> None:
    (here / "broken.py").write_text(
        "from al_lightning.acquisition import Random\nfrom al_lightning.types import Selection\n"
        "class Twice(Random):\n"
        "    def select(self, rows, count, generator):\n"
        "        return Selection([int(rows.index[0])] * count, [0.0] * count)\n"
    )
    answer = al("fit", "--config", "digits_random", "--acquisition", "broken.Twice", *DIGITS, "--run_dir", "r")
    assert refused(answer, UsageError, "Twice", "an image twice")
    assert (here / "r/cycle_00/member_0/weights.pt").is_file()


def test_a_non_finite_loss_stops_the_run_with_cycle_and_step(al: Call, here: Path) -> None:
    answer = al("fit", "--config", "digits_random", *DIGITS, "--training.optimizer.lr", "1e30", "--run_dir", "r")
    assert refused(answer, TrainingError, "loss", "cycle 0", "step ")


def test_a_corrupt_image_is_named_also_from_a_worker(al: Call, here: Path, class_folders: Path) -> None:
    (class_folders / "train/red/03.png").write_bytes(b"\x89PNG not really")
    options = ["--data.root", class_folders, *TINY, *SMALL_NETWORK, "--data.workers", 1, "--budget.initial", 90]
    answer = al("fit", "--config", "small_image_folder_random", *options, "--budget.cycles", 0, "--run_dir", "r")
    assert refused(answer, DatasetError, f"image {class_folders / 'train/red/03.png'}", "read")


def test_warm_start_needs_a_backbone_where_one_is_asked_for(al: Call, here: Path) -> None:
    answer = al("fit", "--config", "digits_random", *DIGITS, "--warm_start", "backbone", "--run_dir", "r")
    assert refused(answer, UsageError, "warm_start", "WideResNet", "backbone")
    assert not (here / "r/cycle_00/member_0/weights.pt").exists()  # said before anything is trained


def test_other_data_under_the_same_count_are_refused(al: Call, here: Path, class_folders: Path) -> None:
    options = ["--data.size", "[12, 12]", *TINY, *SMALL_NETWORK, "--budget.cycles", 0, "--run_dir", "r"]
    assert al("fit", "--config", "small_image_folder_random", "--data.root", class_folders, *options).code == 0
    moved = class_folders.rename(here / "moved")
    assert al("fit", "--config", "small_image_folder_random", "--data.root", moved, *options).code == 0
    (moved / "train/red/00.png").rename(moved / "train/red/new.png")
    answer = al("fit", "--config", "small_image_folder_random", "--data.root", moved, *options)
    assert refused(answer, UsageError, "images", "other names", "--run_dir")


def test_a_lost_config_is_no_way_around_the_check(al: Call, here: Path) -> None:
    al("fit", "--config", "digits_random", *DIGITS, "--run_dir", "r")
    config = here / "r/config.yaml"
    before = config.read_text()
    for change in (config.unlink, lambda: config.write_text(before.replace("width: 1", "width: 2"))):
        change()
        answer = al("fit", "--config", "digits_random", *DIGITS, "--network.width", 2, "--run_dir", "r")
        assert refused(answer, UsageError, "network.width: 1 -> 2")
        assert al("fit", "--config", "digits_random", *DIGITS, "--run_dir", "r").code == 0
        assert config.read_text() == before  # a view of the journal


def test_options_that_never_served_do_not_spoil_a_run(al: Call, here: Path) -> None:
    al("fit", "--config", "digits_random", *DIGITS, "--run_dir", "r")
    before = (here / "r/config.yaml").read_text()
    assert (
        al("fit", "--config", "digits_random", *DIGITS, "--trainer.accelerator", "abacus", "--run_dir", "r").code == 2
    )
    assert (here / "r/config.yaml").read_text() == before
    answer = al("fit", "--config", "digits_random", "--trainer.accelerator", "abacus", "--run_dir", "new")
    assert refused(answer, UsageError, "Trainer", "abacus")


def test_fewer_cycles_than_were_bought_are_refused(al: Call, here: Path) -> None:
    al("fit", "--config", "digits_random", *DIGITS, "--run_dir", "r")
    answer = al("fit", "--config", "digits_random", *DIGITS, "--budget.cycles", 1, "--run_dir", "r")
    assert refused(answer, UsageError, 2, "budget.cycles 1")


def test_a_mask_of_another_size_is_named_also_where_both_are_resized(al: Call, here: Path, masks: Path) -> None:
    from PIL import Image

    Image.new("L", (10, 20)).save(masks / "masks/drive0_000.png")
    options = ["--data.root", masks, "--data.classes", "[ground, box]", "--data.size", "[32, 32]", *TINY]
    options += ["--network.channels", 8, "--budget.unit", "images", "--budget.initial", 16, "--budget.cycles", 0]
    answer = al("fit", "--config", "mask_folder_random", *options, "--data.batch_size", 16, "--run_dir", "r")
    assert refused(answer, SizesDiffer, masks / "masks/drive0_000.png", "20 x 10", "32 x 40")


def test_pool_and_test_set_are_disjoint_and_nothing_is_listed_twice(al: Call, here: Path, masks: Path) -> None:
    line = "images/drive0_000.png masks/drive0_000.png\n"
    (masks / "once.txt").write_text(line)
    (masks / "twice.txt").write_text(line * 2)
    options = ["--data.root", masks, "--data.classes", "[ground, box]", "--data.test_list", "once.txt"]
    for train, facts in (("once.txt", ["pool", "test set"]), ("twice.txt", ["twice", "--data.duplicates"])):
        answer = al("fit", "--config", "mask_folder_random", *options, "--data.train_list", train, "--run_dir", "r")
        assert refused(answer, DatasetError, masks / "images/drive0_000.png", *facts)
