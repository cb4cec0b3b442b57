"""What the network of a finished cycle would choose."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import torch

import al_lightning
from al_lightning.errors import ALError, UsageError
from tests.support.errors import refused
from tests.support.runs import DIGITS, Answer, journal

Call = Callable[..., Answer]


def test_query_gives_the_journals_choice_and_another_strategys(al: Call, here: Path) -> None:
    al("fit", "--config", "digits_entropy", *DIGITS, "--run_dir", "r")
    chosen = journal(here / "r")[2]["chosen"]
    answer = al("query", "r", "--cycle", 1)
    assert json.loads(answer.out.splitlines()[-1]) == chosen
    listed = [line.split() for line in answer.err.splitlines() if re.fullmatch(r" *\d+  \S.*", line)]
    names = json.loads((here / "r/cycle_01/selection.json").read_text())["names"]
    assert [int(line[0]) for line in listed] == chosen
    assert [" ".join(line[1:]) for line in listed] == names
    other = json.loads(al("query", "r", "--cycle", 1, "--acquisition", "coreset").out)
    assert other != chosen
    assert len(set(other)) == 10
    by_class = al("query", "r", "--cycle", 1, "--acquisition", "al_lightning.acquisition.Coreset")
    assert json.loads(by_class.out) == other
    assert al_lightning.query("r", 1, acquisition="coreset") == other
    beyond = al("query", "r", "--cycle", 2)  # the last cycle chose nothing, but its network can be asked
    assert len(json.loads(beyond.out)) == 10
    assert refused(al("query", "r", "--cycle", 3), UsageError, "0 to 2")
    assert refused(al("query", "r", "--cycle", 1, "--acquisition", "corset"), UsageError, "'corset'", "'coreset'")


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
    assert refused(answer, UsageError, "WideResNet has none")
    answer = al("query", "r", "--cycle", 0, "--acquisition", "needs.Ensemble")
    assert refused(answer, UsageError, "Ensemble", 3, "network", 1)


def test_tensors_that_run_code_are_not_loaded(al: Call, here: Path) -> None:
    class Evil:
        def __reduce__(self):
            return (Path("owned").touch, ())

    al("fit", "--config", "digits_random", *DIGITS, "--run_dir", "r")
    torch.save({"network": Evil()}, here / "r/cycle_00/member_0/weights.pt")
    answer = al("query", "r", "--cycle", 0, "--acquisition", "entropy")
    assert refused(answer, ALError, "r/cycle_00/member_0/weights.pt", "damaged")
    assert not (here / "owned").exists()


def test_query_refuses_options_that_cannot_apply(al: Call, here: Path) -> None:
    al("fit", "--config", "digits_random", *DIGITS, "--run_dir", "r")
    answer = al("query", "r", "--cycle", 0, "--network.width", 2)
    assert refused(answer, UsageError, "query", "--network.width")
    for limit in ("per_sequence", "gap"):
        answer = al("query", "r", "--cycle", 0, f"--constraints.{limit}", 2)
        assert refused(answer, UsageError, f"--constraints.{limit}", "sequence_pattern")


def a_run_of_compare(al: Call, config: str) -> list[int]:
    """Make a run of a probe, take its weights away, as `compare` keeps none, and return what cycle 1 chose."""
    options = ["--budget.unit", "images", "--budget.initial", 20, "--budget.query", 5, "--budget.cycles", 2]
    assert al("fit", "--config", config, "--seed", 3, *options, "--run_dir", "r").code == 0
    for folder in Path("r").glob("cycle_*"):
        shutil.rmtree(folder)
    return journal(Path("r"))[2]["chosen"]  # type: ignore[return-value]


def asked(al: Call, *options: object) -> list[int]:
    answer = al("query", "r", "--cycle", 1, *options)
    assert answer.code == 0, answer.err
    return json.loads(answer.out.splitlines()[-1])


def test_a_probes_head_is_fitted_again_where_there_are_no_weights(al: Call, here: Path) -> None:
    chosen = a_run_of_compare(al, "digits_efficientnet_margin_probe")
    assert asked(al) == chosen
    assert asked(al, "--acquisition", "coreset") != chosen
    assert refused(al("query", "r", "--cycle", 1, "--acquisition", "equal"), UsageError, "EquAL", "images themselves")
    (store,) = {manifest.parent for manifest in here.rglob("features/*/manifest.json")}
    shutil.rmtree(store)
    gone = al("query", "r", "--cycle", 1)
    assert refused(gone, UsageError, "no weights of cycle 1", "al-lightning features r/config.yaml")
    assert al("features", "r/config.yaml").code == 0
    assert store.is_dir()
    assert asked(al) == chosen


def test_features_of_other_weights_are_not_taken(al: Call, here: Path) -> None:
    chosen = a_run_of_compare(al, "digits_margin_probe")
    assert asked(al) == chosen
    (store,) = {manifest.parent for manifest in here.rglob("features/*/manifest.json")}
    other = store.with_name("0" * 16)
    shutil.copytree(store, other)
    shutil.rmtree(store)
    assert refused(al("query", "r", "--cycle", 1), UsageError, "no store", "al-lightning features r/config.yaml")
    assert al("features", "r/config.yaml").code == 0  # random weights are the same at each seed
    assert store.is_dir()
    assert asked(al) == chosen
    # Beside the runs of another strategy of the same comparison, where nothing can be written beside the data.
    aside = here / "runs/digits_random_probe/features" / store.name
    aside.parent.mkdir(parents=True)
    shutil.move(store, aside)
    shutil.move(here / "r", here / "runs/digits_margin_probe/seed_3")
    answer = al("query", "runs/digits_margin_probe/seed_3", "--cycle", 1)
    assert json.loads(answer.out.splitlines()[-1]) == chosen
