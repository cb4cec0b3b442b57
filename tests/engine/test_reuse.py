"""The first network of another run is taken where it is the one that would be trained, and only there."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.errors import lacking
from tests.support.runs import SMALL_NETWORK, TINY, Answer, journal

Call = Callable[..., Answer]
OPTIONS = [*TINY, *SMALL_NETWORK, "--budget.cycles", 1]


def first_cost(run_dir: Path) -> dict[str, float]:
    cost: dict[str, float] = json.loads((run_dir / "cycles.jsonl").read_text().splitlines()[2])["cost"]
    return cost


@pytest.fixture
def random(al: Call, here: Path) -> Path:
    """A finished run of Random."""
    assert al("fit", "--config", "digits_random", *OPTIONS, "--run_dir", "random").code == 0
    return here / "random"


def test_what_is_shared_is_what_would_have_been_trained(al: Call, here: Path, random: Path) -> None:
    assert al("fit", "--config", "digits_entropy", *OPTIONS, "--run_dir", "alone").code == 0
    answer = al("fit", "--config", "digits_entropy", *OPTIONS, "--run_dir", "shared", "--share", random)
    assert answer.code == 0
    assert not lacking(answer.err, ["cycle 0: ", random])
    assert "20 labelled: fit" not in answer.err
    assert journal(here / "shared") == journal(here / "alone")
    assert first_cost(here / "shared")["shared"] == first_cost(random)["fit"]
    ours, theirs = (path / "cycle_00/member_0/weights.pt" for path in (here / "shared", random))
    assert ours.read_bytes() == theirs.read_bytes()
    again = al("fit", "--config", "digits_entropy", *OPTIONS, "--run_dir", "shared", "--share", random)
    assert again.code == 0
    assert str(random) not in again.err


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        (["--config", "digits_entropy", "--seed", 1], "seed"),
        (["--config", "digits_entropy", "--steps", 7], "steps"),
        pytest.param(["--config", "digits_entropy", "--budget.initial", 30], "first labels", marks=pytest.mark.slow),
        pytest.param(["--config", "digits_bald"], "network.dropout", marks=pytest.mark.slow),
    ],
)
def test_what_is_not_the_same_is_not_taken(
    al: Call, here: Path, random: Path, options: list[object], fact: str
) -> None:
    answer = al("fit", *OPTIONS, *options, "--run_dir", "other", "--share", random)
    assert answer.code == 0
    assert not lacking(answer.err, [random, f"other {fact}", "trains its own"])
    assert "shared" not in first_cost(here / "other")


def test_a_run_that_is_not_there_or_not_whole_costs_nothing_but_a_line(al: Call, here: Path, random: Path) -> None:
    command = ["fit", "--config", "digits_entropy", *TINY, *SMALL_NETWORK, "--budget.cycles", 0]
    answer = al(*command, "--run_dir", "a", "--share", "nowhere")
    assert answer.code == 0
    assert not lacking(answer.err, ["nowhere", "trains its own"])
    weights = random / "cycle_00/member_0/weights.pt"
    weights.write_bytes(weights.read_bytes()[:-100])
    answer = al(*command, "--run_dir", "b", "--share", random)
    assert answer.code == 0
    assert not lacking(answer.err, [weights, "damaged", "trains its own"])
    assert journal(here / "a") == journal(here / "b")
