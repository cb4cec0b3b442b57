"""Training that did not work is called that: by the real command line, in each place that speaks of a run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from al_lightning.labels.store import LabelStore
from al_lightning.results.health_rules import RULES
from al_lightning.runs.journal import read_run
from tests.support.annotators import CLASSES, MASKS, ask, batch, say, walk
from tests.support.errors import lacking
from tests.support.runs import SMALL_NETWORK, TINY, Answer, journal

Call = Callable[..., Answer]
SEGMENTED = ["--config", "mask_folder_random", *MASKS, "--data.classes", "[ground, box]", "--steps", 20, "--chunk", 4]
SEGMENTED += ["--budget.unit", "images", "--budget.initial", 6, "--budget.query", 5, "--budget.cycles", 1]
NAMES = [rule.name for rule in RULES]


def test_a_network_that_learns_nothing(al: Call, here: Path, masks: Path) -> None:
    """Without a learning rate the network stays as it was made."""
    answer = al("fit", *SEGMENTED, "--data.root", masks, "--training.optimizer.lr", 0, "--run_dir", "r")
    assert answer.code == 0, answer.err
    lines = [line for line in answer.err.splitlines() if line.startswith("[!] cycle")]
    assert [line.split(":")[0] for line in lines] == sorted(line.split(":")[0] for line in lines)
    for fact in ("a guess that looks at no image", "on the training images themselves"):
        assert sum(fact in line for line in lines) == 2, (fact, lines)  # once in each cycle
    assert any("never predicted" in line for line in lines)
    assert [line for line in al("show", "r", "--no-plot").out.splitlines() if line.startswith("[!] cycle")] == lines
    assert al("report", "r", "--out", "page.html").code == 0
    page = re.sub(r"\s+", " ", (here / "page.html").read_text())
    text = al("report", "r", "--format", "text").out
    for name in (NAMES[1], NAMES[2]):
        sentence = f"[!] Training did not work ({name}): {read_run('r').record.name}, seed 0, cycle 0, 1."
        assert page.count(sentence) == 1
        assert sentence in text
    assert "Training did not work in 1 of 1 runs" in page
    shutil.copytree("r", "s")
    assert f"[!] Training did not work ({NAMES[1]})" in al("show", "r", "s", "--no-plot").out


def test_a_network_that_learns_is_left_in_peace(al: Call, here: Path) -> None:
    answer = al("fit", "--config", "digits_random", *SMALL_NETWORK, "--budget.cycles", 1, "--run_dir", "r")
    assert answer.code == 0, answer.err
    assert "[!] cycle" not in answer.err + al("show", "r").out
    assert "[ok] Training worked" in al("report", "r", "--format", "text").out
    first, second = (cycle.health for cycle in read_run("r").cycles)
    assert first.keys() == second.keys()
    assert first["train"] > 0.95
    assert 0.1 <= first["guess"] < 0.15
    assert first["never_predicted"] == first["train_never_predicted"] == first["train_lacks"] == []
    accuracy = read_run("r").cycles[0].metrics["accuracy"]
    assert first["error"] == pytest.approx((accuracy * (1 - accuracy) / 359) ** 0.5, rel=1e-3)
    assert first["loss_end"] <= first["loss_before"] + 2 * first["loss_error"]


@pytest.mark.parametrize(
    "place", ["step_16", *(pytest.param(place, marks=pytest.mark.slow) for place in ("weights.pt", "metrics.json"))]
)
def test_health_is_the_same_after_a_restart(
    al: Call, here: Path, masks: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the last tenths of the fit, between fit and test, and between test and journal."""
    command = ["fit", *SEGMENTED, "--data.root", masks, "--training.optimizer.lr", 0.01]
    assert al(*command, "--run_dir", "whole").code == 0
    (here / "stopping.py").write_text(
        "from lightning.pytorch import Callback\n"
        "STOP = {}\n"
        "class Stop(Callback):\n"
        "    def on_train_batch_end(self, trainer, module, *rest):\n"
        "        if STOP and module.step == 18: raise KeyboardInterrupt\n"
        "    def on_test_start(self, trainer, module):\n"
        "        if STOP.get('test'): raise KeyboardInterrupt\n"
    )
    monkeypatch.syspath_prepend(str(here))
    import stopping

    with monkeypatch.context() as patch:
        if place == "step_16":
            stopping.STOP.update(fit=True)
        if place == "weights.pt":
            patch.setattr("al_lightning.engine.fit.Fit.test", _interrupt)
        if place == "metrics.json":
            patch.setattr("al_lightning.engine.loop.label", _interrupt)
        options = ["--trainer.callbacks", "stopping.Stop"]
        assert al(*command, *options, "--run_dir", "r").code == 75
    stopping.STOP.clear()
    assert list((here / "r/cycle_00").rglob(f"{place}*"))
    assert al(*command, *options, "--run_dir", "r").code == 0
    whole, again = ([line["health"] for line in journal(here / name)[1:]] for name in ("whole", "r"))
    assert whole == again
    assert whole[0]


def _interrupt(*arguments: object) -> None:
    raise KeyboardInterrupt


def test_people_without_a_test_set_are_told_what_the_fits_know(al: Call, here: Path, loose: Path) -> None:
    shutil.rmtree(loose / "test")
    run, store = here / "run", LabelStore(here / "run" / "labels", CLASSES, "image")
    more = ["--data.classes", "[blue, green, red]", "--data.test_share", "0", "--training.optimizer.lr", 0]
    more += ["--budget.cycles", 1]
    assert ask(al, loose, run, *more).code == 76
    say(store, [row["path"] for row in batch(run, "initial")])
    waiting = ask(al, loose, run, *more)
    assert waiting.code == 76  # a network that learned nothing has chosen: said before anybody labels its choice
    assert not lacking(waiting.err, ["[!] cycle 0: never predicted, though labels have them", "on the training images"])
    walk(lambda: ask(al, loose, run, *more), run, lambda names: say(store, names))
    cycle, _ = read_run(run).cycles
    assert cycle.metrics == {}
    known = {"loss_start", "loss_before", "loss_end", "train", "train_guess", "train_never_predicted"}
    assert known <= cycle.health.keys()
    assert not {"guess", "error", "never_predicted"} & cycle.health.keys()
    out = al("show", run).out
    assert not lacking(out, ["[!] cycle 0: never predicted, though labels have them", "on the training images"])


def test_a_method_that_measures_nothing_is_not_judged(al: Call, here: Path) -> None:
    """A training method from outside may have no supervised term; its test is judged all the same."""
    (here / "own.py").write_text(
        "from al_lightning.training.base import TrainingModule\n"
        "class Own(TrainingModule):\n"
        "    def losses(self, batch):\n"
        "        labelled = batch['labelled']\n"
        "        return {'own': self.task.loss(self.network(labelled.image).logits, labelled.label)}\n"
    )
    options = ["--training", "own.Own", *TINY, *SMALL_NETWORK, "--budget.cycles", 0]
    assert al("fit", "--config", "digits_random", *options, "--run_dir", "r").code == 0
    assert read_run("r").cycles[0].health.keys() <= {"guess", "error", "never_predicted", "never_predicted_share"}
