"""What the network of a finished cycle would choose."""

import json
import re
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
