"""Learning curves as text."""

from al_lightning.metrics import metric_of
from al_lightning.results.curves import Curve
from al_lightning.results.plot import text_plot
from al_lightning.results.series import Series


def curve(name: str, *values: float, seed: int = 0, metric: str = "miou") -> Curve:
    budgets = tuple(0.1 * (cycle + 1) for cycle in range(len(values)))
    return Curve(name, seed, "0", metric_of(metric), budgets, tuple(10 * (k + 1) for k in range(len(values))), values)


def method(name: str, *curves: Curve) -> Series:
    return Series("street", name, curves[0].metric, curves, name)


def test_marks_stand_where_the_values_are() -> None:
    head, *rows = text_plot(
        [method("a", curve("a", 10, 20, 30)), method("b", curve("b", 30, 30, 10))], width=20, height=5
    ).splitlines()
    assert head == "miou in %"
    body = [row.split("|")[1] for row in rows[:5]]
    assert (body[0][0], body[0][10], body[0][20]) == ("x", "x", "o")  # 30 %
    assert body[2][10] == "o"  # 20 %
    assert (body[4][0], body[4][20]) == ("o", "x")  # 10 %
    assert (rows[0].split(" |")[0], rows[4].split(" |")[0]) == ("30.00", "10.00")
    assert rows[-1].split() == ["o", "a", "x", "b"]
    assert rows[-2].split() == ["10", "%", "30", "%", "of", "the", "pool"]


def test_seeds_are_averaged_and_other_metrics_left_out() -> None:
    first = method("a", curve("a", 10, 20), curve("a", 30, 40, seed=1))
    shown = text_plot([first, method("c", curve("c", 99, 99, metric="accuracy"))])
    assert ("30.00 |" in shown, "20.00 |" in shown, " c" in shown) == (True, True, False)


def test_what_cannot_be_plotted_is_not() -> None:
    assert text_plot([]) == text_plot([method("a", curve("a", 10))]) == text_plot([method("a", curve("a"))]) == ""
    assert "10.50" in text_plot([method("a", curve("a", 10, 10))])
