"""What `make bench` says of timings that are made up: when it stops measuring, and what it then says of a bound."""

import itertools
from math import comb
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.ratio import MOST, Comparison, Work, alternate, interval, left_out
from tests.benchmarks.record import Measure
from tests.benchmarks.table import table


def taking(*seconds: float) -> Work:
    """Return work that says it took these seconds, over and over."""
    times = itertools.cycle(seconds)
    return lambda: next(times)


def compared(*ratios: float, bound: float | None = None, rounds: int = MOST) -> Comparison:
    return alternate(taking(*ratios), taking(1.0), rounds, warm=False, bound=bound)


def verdict(done: Comparison, bound: float, side: str = "most") -> str:
    return Measure("", "", done.ratio, low=done.low, high=done.high, side=side, bound=bound).verdict  # type: ignore[arg-type]


def test_an_interval_leaves_out_what_the_sign_test_allows() -> None:
    for rounds in range(1, 41):
        outside = left_out(rounds)
        chance = [2 * sum(comb(rounds, below) for below in range(count + 1)) / 2**rounds for count in range(rounds)]
        assert outside == max((count for count in range(rounds) if chance[count] <= 0.01), default=None)
    assert [left_out(rounds) for rounds in (7, 8, 11, 12, 24)] == [None, 0, 0, 1, 5]


def test_an_interval_is_of_the_ratios_in_their_order() -> None:
    assert interval([3.0, 1.0, 2.0]) == (1.0, 3.0)  # too few: their range
    assert interval([float(value) for value in range(12, 0, -1)]) == (2.0, 11.0)


@pytest.mark.parametrize(("ratio", "said"), [(0.9, "met"), (1.2, "MISSED")])
def test_it_stops_as_soon_as_the_bound_is_outside_of_the_interval(ratio: float, said: str) -> None:
    done = compared(ratio, ratio + 0.01, ratio - 0.01, bound=1.0)
    assert (done.rounds, verdict(done, 1.0)) == (8, said)
    assert verdict(done, 1.0, "least") == ("MISSED" if said == "met" else "met")


def test_what_is_never_told_apart_is_no_miss() -> None:
    done = compared(0.9, 1.1, bound=1.0)
    assert (done.rounds, verdict(done, 1.0)) == (MOST, "not told apart")


def test_one_round_of_much_noise_is_outvoted() -> None:
    done = compared(*[0.9] * 7, 5.0, *[0.9] * 40, bound=1.0)
    assert (done.rounds, done.high) == (12, 0.9)


def test_too_few_rounds_decide_nothing() -> None:
    done = compared(0.9, bound=1.0, rounds=7)
    assert (done.rounds, done.sure) == (7, False)


def test_no_bound_is_measured_as_often_as_asked() -> None:
    assert compared(0.9, rounds=3) == Comparison(0.9, 1.0, 0.9, 0.9, 0.9, 3)


def test_a_ratio_on_its_bound_is_seldom_called_a_miss() -> None:
    draw = np.random.default_rng(0)
    said = [
        verdict(compared(*np.exp(0.1 * draw.standard_normal(MOST)), bound=1.0), 1.0)  # the median is the bound
        for _ in range(400)
    ]
    assert said.count("MISSED") <= 20
    assert said.count("not told apart") >= 360


@pytest.mark.parametrize(("value", "said"), [(9.0, "met"), (10.0, "met"), (11.0, "MISSED")])
def test_a_single_number_meets_its_bound_or_misses(value: float, said: str) -> None:
    assert Measure("", "report", value, "s", side="most", bound=10).line().endswith(f"s, <= 10 s {said}")
    assert Measure("", "report", value, "s").line().endswith("s, reported")


def test_the_document_shows_the_numbers_of_its_files() -> None:
    folder = Path(__file__).parents[1] / "docs"
    assert table(sorted(folder.glob("performance/*.json"))) in (folder / "performance.md").read_text()
