"""Whole runs through the command line, on small data."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import al_lightning
from al_lightning.errors import ALError, LabelsAwaited, UsageError
from al_lightning.oracle import Labelled, Oracle, Pending
from tests.support.runs import SMALL_NETWORK, TINY, Answer, journal

Call = Callable[..., Answer]
DIGITS = ["--steps", "6", "--budget.initial", "20", "--budget.query", "10", "--budget.cycles", "2"]


@pytest.mark.parametrize("strategy", ["random", "entropy", "coreset"])
def test_a_whole_run(al: Call, here: Path, strategy: str) -> None:
    answer = al("fit", "--config", f"digits_{strategy}", *DIGITS, "--run_dir", "r")
    assert answer.code == 0, answer.err
    run, *cycles = journal(here / "r")
    assert run["kind"] == "run"
    assert (run["name"], run["seed"], run["pool_size"], len(run["initial"])) == (f"digits_{strategy}", 0, 1438, 20)
    assert [cycle["labelled"] for cycle in cycles] == [20, 30, 40]
    assert [cycle["budget"] for cycle in cycles] == [20 / 1438, 30 / 1438, 40 / 1438]
    assert [len(cycle["chosen"]) for cycle in cycles] == [10, 10, 0]
    bought = [index for cycle in cycles for index in cycle["chosen"]]
    assert len({*run["initial"], *bought}) == 40
    first = json.loads((here / "r/cycles.jsonl").read_text().splitlines()[2])
    assert set(first["cost"]) >= {"fit", "test", "select"}
    assert 0 <= cycles[0]["metrics"]["accuracy"] <= 1
    assert "area" in answer.out
    rows = np.load(here / "r/cycle_00/rows.npz")
    assert rows["chosen"].tolist() == cycles[0]["chosen"]
    assert len(rows["index"]) == (1438 if strategy == "coreset" else 1418)
    if strategy == "entropy":
        score = dict(zip(rows["index"].tolist(), rows["value"][0, :, 0].tolist(), strict=True))
        assert min(score[index] for index in bought[:10]) >= sorted(score.values())[-10] - 1e-5


def test_the_initial_set_is_the_same_for_every_strategy_and_balanced(al: Call, here: Path) -> None:
    for strategy in ("random", "coreset"):
        assert (
            al("fit", "--config", f"digits_{strategy}", *DIGITS, "--budget.cycles", 0, "--run_dir", strategy).code == 0
        )
    one, two = journal(here / "random"), journal(here / "coreset")
    assert one[0]["initial"] == two[0]["initial"]
    assert one[1]["metrics"] == two[1]["metrics"]  # the same labels and seed train the same network
    from al_lightning.data import Digits

    classes = np.asarray(Digits().classes())[one[0]["initial"]]
    assert np.bincount(classes).tolist() == [2] * 10


def test_seeds_differ(al: Call, here: Path) -> None:
    for seed in (0, 1):
        al("fit", "--config", "digits_random", *DIGITS, "--budget.cycles", 0, "--seed", seed, "--run_dir", f"s{seed}")
    one, two = journal(here / "s0"), journal(here / "s1")
    assert one[0]["initial"] != two[0]["initial"]
    assert one[0]["settings"] == two[0]["settings"]


def test_a_finished_run_prints_its_table_at_once(al: Call, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = al("fit", "--config", "digits_random", *DIGITS, "--run_dir", "r")
    before = (here / "r/cycles.jsonl").read_bytes()
    monkeypatch.setattr("al_lightning.engine.fit.Fit.__init__", None)  # nothing may be built
    again = al("fit", "--config", "digits_random", *DIGITS, "--run_dir", "r")
    assert again.code == 0, again.err
    assert again.out == first.out
    assert (here / "r/cycles.jsonl").read_bytes() == before


def test_more_cycles_extend_a_finished_run_as_if_they_had_been_asked_for_at_once(al: Call, here: Path) -> None:
    al("fit", "--config", "digits_entropy", *DIGITS, "--budget.cycles", 1, "--run_dir", "short")
    assert al("fit", "--config", "digits_entropy", *DIGITS, "--run_dir", "short").code == 0
    al("fit", "--config", "digits_entropy", *DIGITS, "--run_dir", "long")
    assert journal(here / "short") == journal(here / "long")


def test_full_is_one_fit_on_everything(al: Call, here: Path) -> None:
    assert al("fit", "--config", "digits_full", "--steps", 4, "--run_dir", "r").code == 0
    _, *cycles = journal(here / "r")
    assert len(cycles) == 1
    assert (cycles[0]["labelled"], cycles[0]["budget"], cycles[0]["chosen"]) == (1438, 1.0, [])


def test_options_that_change_results_ask_for_a_directory(al: Call, here: Path) -> None:
    answer = al("fit", "--config", "digits_random", "--steps", 3)
    assert (answer.code, "steps: 120 -> 3" in answer.err, "--run_dir" in answer.err) == (2, True, True)
    assert not (here / "runs").exists()
    answer = al("fit", "--budget.cycles", 0, "--config", "digits_random", "--data.workers", 0)  # these do not
    assert answer.code == 0, answer.err
    assert (here / "runs/digits_random/seed_0/cycles.jsonl").is_file()


def test_a_changed_config_is_refused_with_the_difference(al: Call, here: Path) -> None:
    al("fit", "--config", "digits_random", *DIGITS, "--run_dir", "r")
    before = (here / "r/cycles.jsonl").read_bytes()
    for options, words in (
        (["--training.optimizer.lr", "0.2"], "optimizer.lr: 0.05 -> 0.2"),
        (["--seed", "3"], "seed: 0 -> 3"),
    ):
        answer = al("fit", "--config", "digits_random", *DIGITS, *options, "--run_dir", "r")
        assert (answer.code, words in answer.err) == (2, True), answer.err
    assert (here / "r/cycles.jsonl").read_bytes() == before


def test_options_win_over_configs_wherever_they_stand(al: Call, here: Path) -> None:
    for arguments in (
        ["--network.width", "3", "--config", "digits_random"],
        ["--config", "digits_random", "--network.width", "3"],
        ["--config", "digits_random", "--network.width=3", "--config", "networks/wrn28.yaml"],
    ):
        answer = al("fit", "--print_config", *arguments)
        assert yaml.safe_load(answer.out)["network"]["init_args"]["width"] == 3


def test_print_config_is_a_config(al: Call, here: Path) -> None:
    printed = al("fit", "--config", "digits_coreset", "--print_config").out
    (here / "mine.yaml").write_text(printed)
    assert al("fit", "--config", "mine", "--print_config").out == printed


def test_steps_follow_from_epochs(here: Path) -> None:
    from al_lightning.config.experiment import configure

    experiment = configure(["digits_random"], ["--epochs", "100", "--data.batch_size", "8"], run_dir="r")
    assert experiment.steps(59) == 737  # 100 epochs of 59 images at batch 8, as in the study's 2-2 on Cityscapes
    assert experiment.options.steps is None


def test_query_gives_the_journals_choice_and_another_strategys(al: Call, here: Path) -> None:
    al("fit", "--config", "digits_entropy", *DIGITS, "--run_dir", "r")
    chosen = journal(here / "r")[2]["chosen"]
    answer = al("query", "r", "--cycle", 1)
    assert json.loads(answer.out.splitlines()[-1]) == chosen
    other = json.loads(al("query", "r", "--cycle", 1, "--acquisition", "coreset").out)
    assert other != chosen
    assert len(set(other)) == 10
    by_class = al("query", "r", "--cycle", 1, "--acquisition", "al_lightning.acquisition.Coreset")
    assert json.loads(by_class.out) == other
    assert al_lightning.query("r", 1, acquisition="coreset") == other
    beyond = al("query", "r", "--cycle", 2)  # the last cycle chose nothing, but its network can be asked
    assert len(json.loads(beyond.out)) == 10
    assert "finished cycles 0 to 2" in al("query", "r", "--cycle", 3).err
    assert "Did you mean 'coreset'" in al("query", "r", "--cycle", 1, "--acquisition", "corset").err


def test_query_says_what_a_network_cannot_serve(al: Call, here: Path) -> None:
    (here / "needs.py").write_text(
        "from al_lightning.acquisition import Entropy\nfrom al_lightning.errors import UsageError\n"
        "class Dropout(Entropy):\n"
        "    def check(self, network):\n"
        "        raise UsageError(f'Dropout needs dropout, and {type(network).__name__} has none.')\n"
        "class Ensemble(Entropy):\n    members = 3\n"
    )
    al("fit", "--config", "digits_random", *DIGITS, "--run_dir", "r")
    answer = al("query", "r", "--cycle", 0, "--acquisition", "needs.Dropout")
    assert (answer.code, "WideResNet has none" in answer.err) == (2, True)
    assert "needs 3 trained network(s)" in al("query", "r", "--cycle", 0, "--acquisition", "needs.Ensemble").err


def test_a_users_own_strategy(al: Call, here: Path) -> None:
    (here / "my_strategy.py").write_text(
        "from al_lightning.acquisition import Acquisition\n"
        "from al_lightning.acquisition.functional import top_scores\n"
        "class Margin(Acquisition):\n"
        "    def score(self, network, batch):\n"
        "        top = network(batch.image).logits.softmax(dim=1).topk(2, dim=1).values\n"
        "        return (top[:, 1] - top[:, 0])[:, None]\n"
        "    def select(self, rows, count, generator):\n"
        "        return top_scores(rows, rows.value[0, :, 0], count)\n"
    )
    answer = al("fit", "--config", "digits_random", "--acquisition", "my_strategy.Margin", *DIGITS, "--run_dir", "r")
    assert answer.code == 0, answer.err
    assert len(journal(here / "r")[1]["chosen"]) == 10
    (here / "configs/acquisition").mkdir(parents=True)
    (here / "configs/acquisition/margin.yaml").write_text(
        "# smallest margin between the two likeliest classes\nacquisition: {class_path: my_strategy.Margin}\n"
    )
    assert "margin" in al("configs").out
    answer = al("fit", "--config", "digits_margin", *DIGITS, "--run_dir", "by_name")
    assert journal(here / "by_name")[1:] == journal(here / "r")[1:]


def test_a_broken_strategy_is_named_and_costs_no_finished_work(al: Call, here: Path) -> None:
    (here / "broken.py").write_text(
        "from al_lightning.acquisition import Random\nfrom al_lightning.types import Selection\n"
        "class Twice(Random):\n"
        "    def select(self, rows, count, generator):\n"
        "        return Selection([int(rows.index[0])] * count, [0.0] * count)\n"
    )
    answer = al("fit", "--config", "digits_random", "--acquisition", "broken.Twice", *DIGITS, "--run_dir", "r")
    assert (answer.code, "Twice chose an image twice" in answer.err) == (2, True)
    assert (here / "r/cycle_00/member_0/weights.pt").is_file()


def test_image_folders(al: Call, here: Path, class_folders: Path) -> None:
    options = ["--data.root", class_folders, "--data.size", "[12, 12]", *TINY, *SMALL_NETWORK]
    options += ["--budget.initial", 30, "--budget.query", 20, "--budget.cycles", 2, "--run_dir", "r"]
    answer = al("fit", "--config", "image_folder_coreset", *options)
    assert answer.code == 0, answer.err
    cycles = journal(here / "r")[1:]
    assert [cycle["labelled"] for cycle in cycles] == [9, 15, 21]
    assert [cycle["budget"] for cycle in cycles] == [0.3, 0.5, 0.7]


def test_mask_folders(al: Call, here: Path, masks: Path) -> None:
    options = ["--data.root", masks, "--data.classes", "[ground, box]", *TINY, "--data.batch_size", 4]
    options += ["--data.sequence_pattern", r"(?P<sequence>.+)_(?P<frame>\d+)", "--network.channels", 16]
    options += ["--budget.initial", 25, "--budget.query", 25, "--budget.cycles", 1, "--run_dir", "r"]
    answer = al("fit", "--config", "mask_folder_entropy", *options)
    assert answer.code == 0, answer.err
    run, *cycles = journal(here / "r")
    assert run["pool_size"] == 16  # the last two frames of both drives are the test set
    assert [cycle["labelled"] for cycle in cycles] == [4, 8]
    assert len(cycles[0]["metrics"]["class_iou"]) == 2
    assert al("fit", "--config", "mask_folder_entropy", *options[:2], *options[4:]).code == 2  # classes are missing


def test_bf16_trains(al: Call, here: Path) -> None:
    answer = al("fit", "--config", "digits_entropy", *DIGITS, "--trainer.precision", "bf16-mixed", "--run_dir", "r")
    assert answer.code == 0, answer.err
    assert np.load(here / "r/cycle_00/rows.npz")["value"].dtype == np.float32


def test_a_non_finite_loss_stops_the_run_with_cycle_and_step(al: Call, here: Path) -> None:
    answer = al("fit", "--config", "digits_random", *DIGITS, "--training.optimizer.lr", "1e30", "--run_dir", "r")
    assert answer.code == 1
    assert "cycle 0" in answer.err
    assert "step " in answer.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--budget.cycles", 900], "of a pool of 1438 images"),
        (["--budget.query", 0], "budget.query is 0"),
        (["--budget.initial", 0], "budget.initial is 0"),
        (["--budget.unit", "percent", "--budget.cycles", 30], "of a pool of 1438 images"),
        (["--trainer.max_epochs", 3], "--steps N"),
        (["--steps", 3, "--epochs", 3], "one length"),
        (["--steps", 0], "must be at least 1"),
        (["--steps", "many"], "steps is 'many'; a whole number was expected"),
        (["--data.batch_size", "x"], "data.batch_size is 'x'; a whole number was expected"),
        (["--data.rooot", "x"], "Digits has no option 'rooot'"),
        (["--training.optimizer.lrr", 3], "SGD has no option 'lrr'. Did you mean 'lr'"),
        (["--trainer.devicez", 2], "trainer has no option 'devicez'. Did you mean 'devices'"),
        (["--acquisition", "nowhere.Mine"], "no module 'nowhere'"),
        (["--acquisition", "al_lightning.acquisition.Entropi"], "Did you mean 'Entropy'"),
        (["--acquisition", "entropy"], "import path of a class"),
        (
            ["--network", "al_lightning.acquisition.Entropy"],
            "network is al_lightning.acquisition.Entropy; Network or a",
        ),
        (["--config", "networks/mobilenet.yaml"], "predicts a class per pixel"),
        (["--network", "al_lightning.networks.DeepLabV3Plus"], "DeepLabV3Plus needs backbone, and nothing sets it"),
        (["--trainer.precision", 7], "'bf16-mixed'"),
        (["--initial", "sorted"], "initial is 'sorted'; 'random' or 'balanced' or 'spread' was expected"),
        (["--config", "augmentation/noug.yaml"], "Did you mean 'noaug'"),
    ],
)
def test_a_mistake_costs_one_sentence(al: Call, here: Path, options: list[object], words: str) -> None:
    answer = al("fit", "--config", "digits_entropy", "--run_dir", "r", *options)
    assert answer.code == 2, answer.err
    sentence = answer.err.splitlines()[-1]
    assert words in sentence, sentence
    assert "Traceback" not in answer.err
    assert len(sentence) < 400
    assert not list(here.glob("r/cycle_*/member_*/weights.pt"))


def test_a_key_that_a_change_of_class_would_drop_is_an_error(al: Call, here: Path) -> None:
    (here / "other.yaml").write_text("network: {class_path: al_lightning.networks.DeepLabV3Plus}\n")
    answer = al("fit", "--config", "digits_entropy", "--config", "other", "--run_dir", "r")
    assert answer.code == 2
    assert "DeepLabV3Plus has no option 'depth' (set in" in answer.err
    assert "digits.yaml" in answer.err


def test_verbose_shows_what_is_behind_an_error(al: Call, here: Path) -> None:
    assert "Traceback" in al("fit", "--config", "digits_entropy", "--data.batch_size", "x", "--verbose").err


def test_missing_data_say_what_where_and_how(al: Call, here: Path) -> None:
    answer = al("fit", "--config", "camvid_entropy")
    assert answer.code == 65
    for words in ("data/camvid", "--data.root", "$AL_DATA", "SegNet", "train.txt"):
        assert words in answer.err


def test_a_corrupt_image_is_named_also_from_a_worker(al: Call, here: Path, class_folders: Path) -> None:
    (class_folders / "train/red/03.png").write_bytes(b"\x89PNG not really")
    options = ["--data.root", class_folders, *TINY, *SMALL_NETWORK, "--data.workers", 1, "--budget.initial", 90]
    answer = al("fit", "--config", "image_folder_random", *options, "--budget.cycles", 0, "--run_dir", "r")
    assert answer.code == 65
    last = answer.err.splitlines()[-1]
    assert last.startswith("al-lightning: The image")
    assert "03.png cannot be read" in last


def test_the_configured_test_sees_the_last_weights(al: Call, here: Path) -> None:
    al("fit", "--config", "digits_random", *DIGITS, "--budget.cycles", 0, "--run_dir", "r")
    from al_lightning.data import Digits
    from al_lightning.networks import WideResNet

    network = WideResNet(10, 10, 1).eval()
    weights = torch.load(here / "r/cycle_00/member_0/weights.pt", weights_only=True)
    assert weights.keys() == {"network"}  # no optimizer once the cycle is done
    network.load_state_dict(weights["network"])
    test = Digits().test
    images = torch.stack([torch.from_numpy(test.image(i)) for i in range(len(test))]).permute(0, 3, 1, 2)
    with torch.no_grad():
        right = network((images / 255 - 0.5) / 0.5).logits.argmax(1) == torch.tensor(
            [test.label(i) for i in range(len(test))]
        )
    assert journal(here / "r")[1]["metrics"]["accuracy"] == pytest.approx(float(right.double().mean()), abs=3e-3)


@pytest.mark.parametrize(("keep", "left"), [("all", [0, 1, 2]), ("last", [2]), ("none", [])])
def test_keep(al: Call, here: Path, keep: str, left: list[int]) -> None:
    assert al("fit", "--config", "digits_random", *DIGITS, "--keep", keep, "--run_dir", "r").code == 0
    assert [int(path.parts[-3][-2:]) for path in sorted((here / "r").glob("cycle_*/*/weights.pt"))] == left


@pytest.mark.parametrize("what", ["all", "backbone"])
def test_warm_start_takes_the_previous_weights(al: Call, here: Path, masks: Path, what: str) -> None:
    options = ["--data.root", masks, "--data.classes", "[ground, box]", *TINY, "--data.batch_size", 4, "--steps", 1]
    options += ["--network.channels", 16, "--budget.initial", 25, "--budget.query", 25, "--budget.cycles", 1]
    options += ["--training.optimizer.lr", "1e-12", "--training.optimizer.weight_decay", 0]
    assert al("fit", "--config", "mask_folder_random", *options, "--warm_start", what, "--run_dir", "r").code == 0
    one, two = (
        torch.load(here / f"r/cycle_0{cycle}/member_0/weights.pt", weights_only=True)["network"] for cycle in (0, 1)
    )
    same = {name for name in one if name.endswith("weight") and torch.allclose(one[name], two[name])}
    heads = {name for name in one if name.startswith("classifier") and name.endswith("weight")}
    assert {"backbone.stem.0.weight", "backbone.stages.3.1.conv2.weight"} <= same
    assert heads <= same if what == "all" else not heads & same


def test_warm_start_needs_a_backbone_where_one_is_asked_for(al: Call, here: Path) -> None:
    answer = al("fit", "--config", "digits_random", *DIGITS, "--warm_start", "backbone", "--run_dir", "r")
    assert (answer.code, "has no separate backbone" in answer.err) == (2, True)
    assert not (here / "r/cycle_00/member_0/weights.pt").exists()  # said before anything is trained


class Waiting(Oracle):
    """Answers the initial set at once, later batches when the file `labels` is there."""

    def label(self, chosen: list[int]) -> Labelled | Pending:
        if len(chosen) == 20 or Path("labels").exists():
            return Labelled(list(chosen))
        return Pending(f"{len(chosen)} labels are awaited.")


def test_an_oracle_may_answer_pending(al: Call, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = [
        "--config",
        "digits_entropy",
        *DIGITS,
        "--budget.cycles",
        1,
        "--run_dir",
        "r",
        "--oracle",
        f"{__name__}.Waiting",
    ]
    answer = al("fit", *options)
    assert (answer.code, "10 labels are awaited." in answer.err) == (76, True)
    assert len(journal(here / "r")) == 1
    selected = json.loads((here / "r/cycle_00/selection.json").read_text())["indices"]
    monkeypatch.setattr("al_lightning.engine.fit.Fit.train", None)  # asking again trains nothing
    assert al("fit", *options).code == 76
    monkeypatch.undo()
    monkeypatch.chdir(here)
    (here / "labels").touch()
    assert al("fit", *options).code == 0
    assert journal(here / "r")[1]["chosen"] == selected
    al("fit", "--config", "digits_entropy", *DIGITS, "--budget.cycles", 1, "--run_dir", "simulated")
    assert journal(here / "r") == journal(here / "simulated")


def test_ensembles_train_members_from_different_seeds(al: Call, here: Path) -> None:
    (here / "pair.py").write_text(
        "from al_lightning.acquisition import Entropy\nclass Pair(Entropy):\n    members = 2\n"
    )
    options = [*DIGITS, "--budget.cycles", 1, "--run_dir", "r"]
    assert al("fit", "--config", "digits_random", "--acquisition", "pair.Pair", *options).code == 0
    assert np.load(here / "r/cycle_00/rows.npz")["value"].shape[0] == 2
    weights = [torch.load(here / f"r/cycle_00/member_{m}/weights.pt", weights_only=True)["network"] for m in (0, 1)]
    assert not torch.equal(weights[0]["stem.weight"], weights[1]["stem.weight"])
    assert not (here / "r/cycle_01/member_1").exists()  # the last cycle is only tested


def test_from_python(here: Path) -> None:
    run = al_lightning.fit("digits_random", run_dir="r", options=DIGITS)
    assert [cycle.labelled for cycle in run.cycles] == [20, 30, 40]
    again = al_lightning.read_run("r")
    assert again == run
    assert again.labelled_at(1) == [*(run.initial or ()), *run.cycles[0].chosen]
    with pytest.raises(UsageError, match="unknown part"):
        al_lightning.fit("digits_nothing")
    with pytest.raises(ALError):
        al_lightning.query("r", 7)
    assert issubclass(LabelsAwaited, ALError)


def test_show(al: Call, here: Path) -> None:
    for seed in (0, 1):
        al("fit", "--config", "digits_random", *DIGITS, "--seed", seed, "--run_dir", f"r{seed}")
    assert "digits_random, seed 1" in al("show", "r1").out
    table = al("show", "r0", "r1", "--no-plot").out
    assert "+-" in table
    assert table.splitlines()[1].split()[0] == "digits_random"
    assert al("show", "r0", "r0").out == al("show", "r0").out
    al("fit", "--config", "digits_random", *DIGITS, "--network.width", 2, "--run_dir", "wide")
    assert [line.split()[0] for line in al("show", "r0", "r1", "wide", "--no-plot").out.splitlines()[1:]] == [
        "digits_random"
    ] * 2


def test_tensorboard_curve_is_a_view_of_the_journal(al: Call, here: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    al("fit", "--config", "digits_random", *DIGITS, "--run_dir", "r")
    events = EventAccumulator(str(here / "r/curve")).Reload()
    points = [(point.step, point.value) for point in events.Scalars("curve/accuracy")]
    expected = [(cycle["labelled"], cycle["metrics"]["accuracy"]) for cycle in journal(here / "r")[1:]]
    assert points == [(labelled, pytest.approx(value)) for labelled, value in expected]
    member = EventAccumulator(str(here / "r/cycle_00/member_0")).Reload()
    assert [point.step for point in member.Scalars("train/loss")][-1] == 6


def test_tensors_that_run_code_are_not_loaded(al: Call, here: Path) -> None:
    class Evil:
        def __reduce__(self):
            return (Path("owned").touch, ())

    al("fit", "--config", "digits_random", *DIGITS, "--run_dir", "r")
    torch.save({"network": Evil()}, here / "r/cycle_00/member_0/weights.pt")
    answer = al("query", "r", "--cycle", 0, "--acquisition", "entropy")
    assert (answer.code, "is damaged" in answer.err) == (1, True)
    assert not (here / "owned").exists()


def test_other_data_under_the_same_count_are_refused(al: Call, here: Path, class_folders: Path) -> None:
    options = ["--data.size", "[12, 12]", *TINY, *SMALL_NETWORK, "--budget.cycles", 0, "--run_dir", "r"]
    assert al("fit", "--config", "image_folder_random", "--data.root", class_folders, *options).code == 0
    moved = class_folders.rename(here / "moved")
    assert al("fit", "--config", "image_folder_random", "--data.root", moved, *options).code == 0
    (moved / "train/red/00.png").rename(moved / "train/red/new.png")
    answer = al("fit", "--config", "image_folder_random", "--data.root", moved, *options)
    assert (answer.code, "images or classes of other names" in answer.err) == (2, True)


def test_a_lost_config_is_no_way_around_the_check(al: Call, here: Path) -> None:
    al("fit", "--config", "digits_random", *DIGITS, "--run_dir", "r")
    config = here / "r/config.yaml"
    before = config.read_text()
    for change in (config.unlink, lambda: config.write_text(before.replace("width: 1", "width: 2"))):
        change()
        answer = al("fit", "--config", "digits_random", *DIGITS, "--network.width", 2, "--run_dir", "r")
        assert (answer.code, "(network.width: 1 -> 2)" in answer.err) == (2, True)
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
    assert (answer.code, "Trainer refuses" in answer.err) == (2, True)


def test_fewer_cycles_than_were_bought_are_refused(al: Call, here: Path) -> None:
    al("fit", "--config", "digits_random", *DIGITS, "--run_dir", "r")
    answer = al("fit", "--config", "digits_random", *DIGITS, "--budget.cycles", 1, "--run_dir", "r")
    assert (answer.code, "labels 2 times; budget.cycles 1" in answer.err) == (2, True)


def test_what_a_change_of_class_on_the_command_line_drops_is_said(al: Call, here: Path) -> None:
    options = [*DIGITS, "--budget.cycles", 0, "--run_dir", "r", "--training.optimizer", "torch.optim.Adam"]
    answer = al("fit", "--config", "digits_random", *options)
    assert answer.code == 0
    note = next(line for line in answer.err.splitlines() if line.startswith("note: "))
    assert "training.optimizer.momentum" in note


def test_parts_that_do_not_go_together(al: Call, here: Path, masks: Path, class_folders: Path) -> None:
    both = ["--run_dir", "r", *TINY]
    boxes = ["--config", "mask_folder_random", "--data.root", masks, "--data.classes", "[ground, box]", *both]
    answer = al("fit", *boxes, "--data.augmentation", "al_lightning.data.ImageAugmentation")
    assert (answer.code, "ImageAugmentation is made for a class per image" in answer.err) == (2, True)
    colours = ["--config", "image_folder_random", "--data.root", class_folders, *both]
    answer = al("fit", *colours, "--data.augmentation", "al_lightning.data.SegmentationAugmentation")
    assert (answer.code, "SegmentationAugmentation is made for a class per pixel" in answer.err) == (2, True)
    answer = al("fit", *colours, "--training.head_lr_factor", 10)
    assert (answer.code, "WideResNet has no backbone" in answer.err) == (2, True)


def test_a_mask_of_another_size_is_named_also_where_both_are_resized(al: Call, here: Path, masks: Path) -> None:
    from PIL import Image

    Image.new("L", (10, 20)).save(masks / "masks/drive0_000.png")
    options = ["--data.root", masks, "--data.classes", "[ground, box]", "--data.size", "[32, 32]", *TINY]
    options += ["--network.channels", 8, "--budget.unit", "images", "--budget.initial", 16, "--budget.cycles", 0]
    answer = al("fit", "--config", "mask_folder_random", *options, "--data.batch_size", 16, "--run_dir", "r")
    assert (answer.code, "drive0_000.png is 20 x 10, its image 32 x 40" in answer.err) == (65, True)


def test_pool_and_test_set_are_disjoint_and_nothing_is_listed_twice(al: Call, here: Path, masks: Path) -> None:
    line = "images/drive0_000.png masks/drive0_000.png\n"
    (masks / "once.txt").write_text(line)
    (masks / "twice.txt").write_text(line * 2)
    options = [
        "--data.root",
        masks,
        "--data.classes",
        "[ground, box]",
        "--run_dir",
        "r",
        "--data.test_list",
        "once.txt",
    ]
    for train, words in (("once.txt", "in the pool and in the test set"), ("twice.txt", "listed twice")):
        answer = al("fit", "--config", "mask_folder_random", *options, "--data.train_list", train)
        assert (answer.code, words in answer.err) == (65, True)


def test_query_refuses_options_that_cannot_apply(al: Call, here: Path) -> None:
    al("fit", "--config", "digits_random", *DIGITS, "--run_dir", "r")
    answer = al("query", "r", "--cycle", 0, "--network.width", 2)
    assert (answer.code, "query has no option --network.width" in answer.err) == (2, True)


def test_print_config_needs_nothing_but_the_names(al: Call, here: Path) -> None:
    assert "classes: null" in al("fit", "--config", "mask_folder_entropy", "--print_config").out


@pytest.mark.parametrize("option", [["--network.backbone.weights", "null"], ["--network.backbone.weights=null"]])
def test_null_is_nothing_two_classes_deep_too(al: Call, here: Path, option: list[str]) -> None:
    answer = al("fit", "--config", "camvid_efficientnet_random", *option, "--print_config")
    assert yaml.safe_load(answer.out)["network"]["init_args"]["backbone"]["init_args"]["weights"] is None


def test_class_255_of_many_counts() -> None:
    from al_lightning.tasks import Classification

    task = Classification(300)
    confusion = task.confusion()
    confusion.update(torch.tensor([255, 255, 1]), torch.tensor([255, 255, 0]))
    assert task.summary(confusion.compute())["accuracy"] == pytest.approx(2 / 3)


def test_more_than_8_bits_are_not_clipped_in_silence(here: Path) -> None:
    from PIL import Image

    from al_lightning.data.images import read_image
    from al_lightning.errors import DatasetError

    Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000).save(here / "deep.png")
    with pytest.raises(DatasetError, match=r"deep\.png has mode I"):
        read_image(here / "deep.png")
