"""Comparisons over few seeds: numbers worked out by hand, and properties."""

import math

import numpy as np
import pytest
from scipy import special

from al_lightning.errors import UsageError
from al_lightning.results.comparison import Verdict
from al_lightning.results.inference import AdditiveModel
from al_lightning.results.statistics import (
    PairedValues,
    compare,
    compare_together,
    noncentrality,
    penalty_matrix,
    seeds_needed,
)
from tests.support.blocks import VALUES, simple
from tests.support.errors import raises


def against_random(values, **more):
    return PairedValues(values, [(method, "random") for method in values if method != "random"], **more)


def test_a_comparison_by_hand():
    a, b = compare(VALUES)
    error = math.sqrt(4.625 / 3 / 3)
    assert (a.method, a.baseline, a.seeds, a.df, a.tests) == ("a", "random", 3, 4, 2)
    assert a.by_seed == ((0, 3.0), (1, 3.75), (2, 3.75))
    assert (a.mean, b.mean) == (pytest.approx(3.5), 0.0)
    assert a.deviation == pytest.approx(math.sqrt(4.625 / 3))
    # Student's t with 4 degrees of freedom: P(|T| > t) = 1 - x (6 - x^2) / 4 ... in closed form, with
    # x = t / sqrt(4 + t^2): 1 - (3 x - x^3) / 2.
    x = (3.5 / error) / math.sqrt(4 + (3.5 / error) ** 2)
    assert a.p_single == pytest.approx(1 - (3 * x - x**3) / 2)
    assert a.p == pytest.approx(2 * a.p_single)
    assert (b.p_single, b.p) == (1, 1)
    # Held to 0.05 / 2, and then to 0.05: t of 3.4954 and 2.7764 (tables).
    assert (a.low, a.high) == pytest.approx((3.5 - 3.4954 * error, 3.5 + 3.4954 * error), abs=1e-4)
    assert (b.low, b.high) == pytest.approx((-2.7764 * error, 2.7764 * error), abs=1e-4)
    assert (a.verdict, b.verdict) == (Verdict.AHEAD, Verdict.CANNOT_TELL)


def test_two_methods_alone_are_the_paired_t_test():
    (one,) = compare({name: VALUES[name] for name in ("a", "random")})
    deviation = math.sqrt(0.1875)
    assert (one.df, one.deviation) == (2, pytest.approx(deviation))
    # t with 2 degrees of freedom: P(|T| > t) = 1 - t / sqrt(2 + t^2); its 97.5 % point is 4.3027.
    t = 3.5 / (deviation / math.sqrt(3))
    assert one.p_single == pytest.approx(1 - t / math.sqrt(2 + t * t))
    assert one.high - one.mean == pytest.approx(4.3027 * deviation / math.sqrt(3), abs=1e-4)


def test_an_incomplete_block_by_hand():
    # Seed 1 has no b. Least squares: x1 - x0 of random and a alone tell seed 1; b is compared at seed 0 only, through
    # both: b - (random + a) / 2 at seed 0 is 2 - 1 = 1, and a - random is 2 and 4 at the seeds.
    values = {"random": {0: 0.0, 1: 10.0}, "a": {0: 2.0, 1: 14.0}, "b": {0: 2.0}}
    a, b = compare(values)
    assert (a.mean, a.seeds, a.df) == (pytest.approx(3.0), 2, 1)
    # Of 5 values, 3 + 2 - 1 parameters leave one residual contrast, (4 - 2) / 2: squares (4 - 2)^2 / 4 = 1.
    assert a.deviation == pytest.approx(math.sqrt(2))
    assert (b.mean, b.seeds, b.tests) == (2.0, 1, 0)  # one common seed: what was measured
    fit = AdditiveModel(values)
    # b - a by least squares: at seed 0, b lies 1 above the mean of the two, and a 1.5 above it by both seeds.
    assert fit.difference("b", "a")[0] == pytest.approx(1 - 1.5)
    # Its variance: b at seed 0 (1), the mean of the two there (1/2), half of a - random over two seeds (1/4).
    assert fit.difference("b", "a")[1] == pytest.approx(1 + 1 / 2 + 1 / 4)


def test_each_setting_has_its_variance_and_claims_are_corrected_for_all():
    double = {m: {s: 2 * v for s, v in by.items()} for m, by in VALUES.items()}
    apart = compare_together({"x": against_random(VALUES), "y": against_random(double)})
    assert apart["y"][0].deviation == pytest.approx(2 * apart["x"][0].deviation)
    assert all(c.tests == 4 for c in (*apart["x"], *apart["y"]))  # corrected for both settings
    (alone, _) = compare(VALUES)
    assert apart["x"][0].p_single == pytest.approx(alone.p_single)
    assert apart["x"][0].p > alone.p


def test_each_setting_can_have_its_own_pairs():
    found = compare_together({"x": PairedValues(VALUES, [("a", "b")]), "y": PairedValues(VALUES, [])})
    assert [(one.method, one.baseline, one.tests) for one in found["x"]] == [("a", "b", 1)]
    assert found["y"] == []
    with raises(UsageError, "'c'"):
        compare_together({"x": PairedValues(VALUES, [("a", "c")])})


def test_from_five_seeds_on_a_pair_is_judged_by_its_own_differences():
    # Differences 1, 2, 3, 4, 5: mean 3, variance 2.5, standard error sqrt(2.5 / 5) = 0.7071, t = 4.2426.
    values = {"random": dict.fromkeys(range(5), 50.0), "a": {s: 51.0 + s for s in range(5)}}
    noisy = {"noisy": {0: 0.0, 1: 90.0, 2: 10.0, 3: 70.0, 4: 30.0}}
    one, _ = compare({**values, **noisy})
    assert (one.mean, one.df, one.tests, one.pooled) == (pytest.approx(3.0), 4, 2, False)
    assert one.deviation == pytest.approx(math.sqrt(2.5))
    # Student's t with 4 degrees of freedom, as in the test above.
    x = 4.242641 / math.sqrt(4 + 4.242641**2)
    assert one.p_single == pytest.approx(1 - (3 * x - x**3) / 2)
    # 0.0132 is held to 0.05 / 2, and passes: t of 3.4954 (tables).
    half = 3.4954 * math.sqrt(0.5)
    assert (one.low, one.high) == pytest.approx((3 - half, 3 + half), abs=1e-4)
    assert one.smallest == pytest.approx(noncentrality(4, 0.025) * math.sqrt(0.5))
    # With four of these seeds all methods tell the noise, and the verdict says what that takes for granted.
    few, _ = compare({name: {s: v for s, v in by.items() if s < 4} for name, by in {**values, **noisy}.items()})
    assert (few.df, few.pooled, few.verdict) == (6, True, Verdict.CANNOT_TELL)
    table = np.array([[values["random"][s], values["a"][s], noisy["noisy"][s]] for s in range(4)])
    rest = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
    half = 2.9687 * math.sqrt(2 * (rest**2).sum() / 6 / 4)  # Student's t with 6 degrees of freedom at 0.05 / 2 / 2
    assert (few.low, few.high) == pytest.approx((2.5 - half, 2.5 + half), abs=5e-3)
    assert "2.5 points (95 % interval -50.9 to 55.9, assuming equal noise of all methods);" in few.sentence()


def test_each_pair_has_the_rule_of_its_own_seeds():
    # b has three seeds: it is judged by all methods, and a, which has five, by its own differences.
    values = {
        "random": dict.fromkeys(range(5), 50.0),
        "a": {s: 51.0 + s for s in range(5)},
        "b": {0: 51.0, 1: 53.0, 2: 52.0},
    }
    a, b = compare(values)
    assert ((a.df, a.pooled), (b.df, b.pooled)) == ((4, False), (13 - (3 + 5 - 1), True))
    (alone,) = compare({name: values[name] for name in ("random", "a")})
    assert (alone.mean, alone.deviation, alone.p_single) == (a.mean, a.deviation, a.p_single)
    # The model of b: least squares over all 13 values.
    model = AdditiveModel(values)
    assert b.mean == pytest.approx(model.difference("b", "random")[0])
    assert b.deviation == pytest.approx(math.sqrt(2 * model.variance))
    assert not compare({name: {s: by[s] for s in range(3)} for name, by in values.items() if name != "b"})[0].pooled


def test_what_else_is_compared_does_not_change_what_a_pair_says_alone():
    """Beside a noisy third method a pair once went from "not distinguishable" to "cannot tell", ten times as wide."""
    draw = np.random.default_rng(5)
    random = draw.normal(50, 0.3, 5)
    values = simple(3, 5, np.stack([random, random + draw.normal(0, 0.3, 5), draw.normal(50, 4, 5)]).tolist())
    (alone,) = compare({name: values[name] for name in ("random", "m1")})
    beside, noisy = compare(values)
    assert alone.verdict is beside.verdict is Verdict.NOT_DISTINGUISHABLE
    assert noisy.verdict is Verdict.CANNOT_TELL
    wider = special.stdtrit(4, 1 - 0.025 / 2) / special.stdtrit(4, 1 - 0.05 / 2)  # there are two comparisons
    assert beside.high - beside.mean == pytest.approx(wider * (alone.high - alone.mean))


def test_the_seeds_that_would_show_it_follow_the_same_rules():
    # Three seeds of three methods: 4 degrees of freedom, 6 with four seeds; from five seeds on a pair has its own.
    _, b = compare({**VALUES, "b": {s: v + 2 for s, v in VALUES["b"].items()}})
    df = {2: 2, 3: 4, 4: 6, **{n: n - 1 for n in range(5, 31)}}
    shown = [n for n in df if noncentrality(df[n], 0.025) * b.deviation / math.sqrt(n) <= b.mean]
    assert (b.pooled, seeds_needed(b)) == (True, shown[0])
    five = compare({"random": dict.fromkeys(range(5), 1.0), "a": {0: 3.0, 1: 2.0, 2: 5.0, 3: 2.0, 4: 1.0}})[0]
    shown = [n for n in range(2, 31) if noncentrality(n - 1, 0.05) * five.deviation / math.sqrt(n) <= five.mean]
    assert seeds_needed(five) == shown[0] > 5


def test_how_many_seeds_would_show_it():
    # Differences 2, 1, 4, 1: with one pair, n seeds leave n - 1 degrees of freedom.
    (one,) = compare({"random": dict.fromkeys(range(4), 1.0), "a": {0: 3.0, 1: 2.0, 2: 5.0, 3: 2.0}})
    needed = seeds_needed(one)
    assert needed is not None
    assert needed > 5
    shown = [noncentrality(n - 1, 0.05) * one.deviation / math.sqrt(n) for n in (needed - 1, needed)]
    assert shown[1] <= one.mean < shown[0]
    assert seeds_needed(one, needed - 1) is None
    assert seeds_needed(compare(VALUES)[1]) is None  # a mean of 0


def test_the_penalty_matrix_by_hand():
    equal = {m: {0: 50.0, 1: 51.0, 2: 52.0} for m in ("random", "a", "b")}
    far = {
        "random": {0: 50.0, 1: 51.0, 2: 52.0},
        "a": {0: 60.1, 1: 61.0, 2: 61.9},
        "b": {0: 60.0, 1: 61.1, 2: 62.0},
    }
    matrix = penalty_matrix([{0.1: equal, 0.2: far}, {0.1: far}], ["random", "a", "b"])
    # a and b are ahead of random at one of two budgets, then at one of one; nothing else shows.
    assert matrix.tolist() == [[0, 0, 0], [1.5, 0, 0], [1.5, 0, 0]]
    assert penalty_matrix([{0.1: far}], ["b", "other", "random"]).tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]


# Where there is nothing to judge by


def test_one_seed_shows_nothing():
    (one,) = compare({"random": {0: 1.0}, "a": {0: 9.0, 1: 3.0}})
    assert (one.verdict, one.p, one.low, one.high, one.smallest) == (
        Verdict.CANNOT_TELL, 1.0, -math.inf, math.inf, math.inf,
    )  # fmt: skip
    assert (
        one.sentence("mIoU") == "a measured 8.0 points of mIoU above random (one seed); one seed shows nothing certain"
    )


def test_no_common_seed_is_said():
    one, two = compare({"random": {0: 1.0, 1: 2.0}, "a": {2: 9.0, 3: 4.0}, "b": {0: 2.0, 1: 5.0}})
    assert (one.seeds, one.verdict, one.tests, two.tests) == (0, Verdict.CANNOT_TELL, 0, 1)
    assert math.isnan(one.mean)
    assert one.sentence() == "a and random have no seed in common"


@pytest.mark.parametrize("seeds", [2, 6])
def test_what_does_not_vary_has_no_interval_and_is_no_claim(seeds):
    random = {seed: 40.1 + 2.2 * seed for seed in range(seeds)}
    values = {"random": random, "same": random, "shifted": {seed: value + 5 for seed, value in random.items()}}
    for one, each in zip(compare(values), ("equal", "5.0 points"), strict=True):
        assert (one.low, one.high, one.p, one.tests) == (-math.inf, math.inf, 1, 0)
        assert one.verdict is Verdict.CANNOT_TELL
        assert one.sentence() == (
            f"{one.method} against random: cannot tell with {seeds} seeds: {each} at each of them, and what does not "
            "vary gives no measure of chance"
        )
    # Where another method shows how large noise is, few seeds are judged by that; many by themselves.
    beside = compare({**values, "noisy": {seed: 41.0 + seed % 2 for seed in range(seeds)}})
    assert [one.tests for one in beside] == ([3, 3, 3] if seeds < 5 else [0, 0, 1])


def test_accuracies_that_do_not_vary_have_the_interval_of_their_test_images():
    """6 of 6 right for both: Wilson's interval of each ends at 6 / (6 + 1.96^2) = 0.6097, so 39 points remain open."""
    right, many = (dict.fromkeys(("random", "a"), count) for count in (6, 1000))
    values = {"random": dict.fromkeys(range(3), 100.0), "a": dict.fromkeys(range(3), 100.0)}
    (one,) = compare_together({"": against_random(values, images=right)})[""]
    assert one.by_images == pytest.approx((-39.03, 39.03), abs=0.01)
    assert (one.low, one.high, one.verdict) == (-math.inf, math.inf, Verdict.CANNOT_TELL)
    assert one.sentence("accuracy") == (
        "a against random: cannot tell with 3 seeds: equal at each of them, and what does not vary gives no measure of "
        "chance; the 6 test images alone leave -39.0 to 39.0 points open (95 % interval, conservative)"
    )
    (equal,) = compare_together({"": against_random(values, images=many)})[""]
    assert equal.sentence() == (
        "a is not distinguishable from random: equal at each of 3 seeds; the 1,000 test images alone leave -0.4 to 0.4 "
        "points open (95 % interval, conservative), within 1 point"
    )
    # A difference without noise stays no claim, however many images there are; one seed has the interval, too.
    lower = {**values, "a": dict.fromkeys(range(3), 90.0)}
    (behind,) = compare_together({"": against_random(lower, images=many)})[""]
    assert behind.verdict is Verdict.CANNOT_TELL
    assert behind.by_images is not None
    assert behind.by_images[1] < 0
    first = {name: {0: by[0]} for name, by in lower.items()}
    (single,) = compare_together({"": against_random(first, images=right)})[""]
    assert "10.0 points below random (one seed); the 6 test images alone leave -" in single.sentence()
    # Not where seeds vary, the number is not known, or the two saw different images.
    varied = {**values, "a": {0: 90.0, 1: 80.0, 2: 90.0}}
    others = [(varied, right), (values, {}), (values, {"random": 6, "a": 7}), (values, {"random": 6})]
    assert all(compare_together({"": against_random(v, images=i)})[""][0].by_images is None for v, i in others)


def test_wrong_input_is_answered():
    with raises(UsageError, "'randon'", "'random'"):
        compare(VALUES, [("a", "randon")])
    with raises(UsageError, "a cannot be compared"):
        compare(VALUES, [("a", "a")])
    with raises(UsageError, "a at seed 1", "nan"):
        compare({**VALUES, "a": {0: 1.0, 1: math.nan}})
    assert compare({}) == []
    assert compare({"a": {0: 1.0}}) == []  # nothing to compare it with
    assert compare(VALUES, []) == []


def test_a_lower_value_can_be_the_better_one():
    lower = compare(VALUES, higher_is_better=False)
    for low, high in zip(lower, compare(VALUES), strict=True):
        assert (low.mean, low.low, low.high, low.p) == (high.mean, high.low, high.high, high.p)
        assert low.advantage == -high.advantage
    assert [one.verdict for one in lower] == [Verdict.BEHIND, Verdict.CANNOT_TELL]
    assert lower[0].sentence("error") == (
        "a is behind random by 3.5 points of error (95 % interval 1.0 to 6.0, 3 seeds, assuming equal noise of all "
        "methods)"
    )
    both = compare_together({
        "accuracy": against_random(VALUES), "error": against_random(VALUES, higher_is_better=False),
    })  # fmt: skip
    assert [both[name][0].verdict for name in both] == [Verdict.AHEAD, Verdict.BEHIND]
