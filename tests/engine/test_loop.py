"""Whole runs through the command line, on small data."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from al_lightning.errors import LabelsAwaited
from al_lightning.oracle import Labelled, Oracle, Pending
from tests.support.errors import refused
from tests.support.runs import DIGITS, SMALL_NETWORK, TINY, Answer, journal

Call = Callable[..., Answer]


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


def test_image_folders(al: Call, here: Path, class_folders: Path) -> None:
    options = ["--data.root", class_folders, "--data.size", "[12, 12]", *TINY, *SMALL_NETWORK]
    options += ["--budget.initial", 30, "--budget.query", 20, "--budget.cycles", 2, "--run_dir", "r"]
    answer = al("fit", "--config", "small_image_folder_coreset", *options)
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
    assert run["pool_size"] == 16  # one of five drives is the test set
    assert [cycle["labelled"] for cycle in cycles] == [4, 8]
    assert len(cycles[0]["metrics"]["class_iou"]) == 2
    assert al("fit", "--config", "mask_folder_entropy", *options[:2], *options[4:]).code == 2  # classes are missing


def test_bf16_trains(al: Call, here: Path) -> None:
    answer = al("fit", "--config", "digits_entropy", *DIGITS, "--trainer.precision", "bf16-mixed", "--run_dir", "r")
    assert answer.code == 0, answer.err
    assert np.load(here / "r/cycle_00/rows.npz")["value"].dtype == np.float32


def test_the_configured_test_sees_the_last_weights(al: Call, here: Path) -> None:
    al("fit", "--config", "digits_random", *DIGITS, "--budget.cycles", 0, "--run_dir", "r")
    from al_lightning.data import Digits
    from al_lightning.networks import WideResNet

    network = WideResNet(10, 10, 1).eval()
    weights = torch.load(here / "r/cycle_00/member_0/weights.pt", weights_only=True)
    assert weights.keys() == {"network", "measures"}  # no optimizer once the cycle is done
    network.load_state_dict(weights["network"])
    test = Digits().test
    images = torch.stack([torch.from_numpy(test.image(i)) for i in range(len(test))]).permute(0, 3, 1, 2)
    with torch.no_grad():
        right = network((images / 255 - 0.5) / 0.5).logits.argmax(1) == torch.tensor(
            [test.label(i) for i in range(len(test))]
        )
    assert journal(here / "r")[1]["metrics"]["accuracy"] == pytest.approx(float(right.double().mean()), abs=3e-3)


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


class Waiting(Oracle):
    """Answers the initial set at once, later batches when the file `labels` is there."""

    def label(self, chosen: list[int]) -> Labelled | Pending:
        if len(chosen) == 20 or Path("labels").exists():
            return Labelled(list(chosen))
        return Pending(f"{len(chosen)} labels are awaited.")


def test_an_oracle_may_answer_pending(al: Call, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = ["--config", "digits_entropy", *DIGITS, "--budget.cycles", 1]
    options = [*once, "--run_dir", "r", "--oracle", f"{__name__}.Waiting"]
    assert refused(al("fit", *options), LabelsAwaited, "10 labels are awaited.")
    assert len(journal(here / "r")) == 1
    selected = json.loads((here / "r/cycle_00/selection.json").read_text())["indices"]
    monkeypatch.setattr("al_lightning.engine.fit.Fit.train", None)  # asking again trains nothing
    assert al("fit", *options).code == 76
    monkeypatch.undo()
    monkeypatch.chdir(here)
    (here / "labels").touch()
    assert al("fit", *options).code == 0
    assert journal(here / "r")[1]["chosen"] == selected
    al("fit", *once, "--run_dir", "simulated")
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


def test_tensorboard_curve_is_a_view_of_the_journal(al: Call, here: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    al("fit", "--config", "digits_random", *DIGITS, "--run_dir", "r")
    events = EventAccumulator(str(here / "r/curve")).Reload()
    points = [(point.step, point.value) for point in events.Scalars("curve/accuracy")]
    expected = [(cycle["labelled"], cycle["metrics"]["accuracy"]) for cycle in journal(here / "r")[1:]]
    assert points == [(labelled, pytest.approx(value)) for labelled, value in expected]
    member = EventAccumulator(str(here / "r/cycle_00/member_0")).Reload()
    assert [point.step for point in member.Scalars("train/loss")][-1] == 6
