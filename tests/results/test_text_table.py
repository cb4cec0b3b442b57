"""The tables of one run and of several, and the plot."""

from dataclasses import replace

from al_lightning.metrics import metric_of
from al_lightning.results.curves import Curve
from al_lightning.results.series import Series
from al_lightning.results.text_table import comparison_table, curve_table, text_plot


def curve(name="digits_random", seed=0, values=(50.0, 60.0), budgets=(0.1, 0.2), metric="accuracy"):
    return Curve(
        name, seed, "0" * 64, metric_of(metric), budgets, tuple(round(1000 * budget) for budget in budgets), values
    )


def methods(*curves):
    """Return curves by name, as methods of one setting."""
    names = dict.fromkeys(one.name for one in curves)
    groups = [tuple(one for one in curves if one.name == name) for name in names]
    return [Series("street", group[0].name, group[0].metric, group, group[0].name) for group in groups]


def test_the_table_of_a_run():
    text = curve_table(curve(values=(50.0, 60.25, 100.0), budgets=(0.025, 0.1, 0.2)))
    assert text == (
        "digits_random, seed 0\n"
        "cycle  budget  labelled  accuracy\n"
        "0       2.5 %        25   50.00 %\n"
        "1        10 %       100   60.25 %\n"
        "2        20 %       200  100.00 %\n"
        "area 12.15 from 2.5 % to 20 % (mean height 69.41 %)"
    )


def test_the_table_of_a_run_whose_budgets_are_images_has_no_shares():
    assert curve_table(replace(curve(values=(50.0, 90.0), budgets=(0.025, 0.2)), in_images=True)) == (
        "digits_random, seed 0\n"
        "cycle  labelled  accuracy\n"
        "0            25   50.00 %\n"
        "1           200   90.00 %\n"
        "area 12.25 from 25 to 200 labels (mean height 70.00 %)"
    )


def test_the_table_of_a_single_fit_has_no_area():
    assert curve_table(curve(values=(68.42,), budgets=(1.0,))) == (
        "digits_random, seed 0\ncycle  budget  labelled  accuracy\n0       100 %      1000   68.42 %"
    )


def test_the_table_of_a_run_without_a_finished_cycle():
    assert curve_table(curve(values=(), budgets=())) == "digits_random, seed 0: no finished cycle yet"


def test_runs_side_by_side_with_mean_and_deviation_over_seeds():
    table = comparison_table(
        methods(
            curve("digits_random", 0, (50.0, 60.0)),
            curve("digits_entropy", 0, (55.0, 70.0)),
            curve("digits_random", 1, (52.0, 64.0)),
        )
    )
    # Areas of random: 5.5 and 5.8. Deviations of two values are their distance over the root of 2.
    assert table == (
        "accuracy in %, at           10 %           20 %            area  seeds\n"
        "digits_random      51.00 +- 1.41  62.00 +- 2.83  5.650 +- 0.212      2\n"
        "digits_entropy             55.00          70.00           6.250      1"
    )


def test_runs_of_other_budgets_show_gaps_and_only_areas_over_the_whole_width():
    table = comparison_table(
        methods(
            curve("digits_random", 0, (50.0, 60.0)),
            curve("digits_full", 0, (90.0,), (1.0,)),
            curve("a", 0, (1.0, 2.0, 3.0), (0.1, 0.2, 1.0)),
        )
    )
    assert table == (
        "accuracy in %, at   10 %   20 %  100 %   area  seeds\n"
        "digits_random      50.00  60.00      -      -      1\n"
        "digits_full            -      -  90.00      -      1\n"
        "a                   1.00   2.00   3.00  2.150      1"
    )


def test_other_metrics_come_in_tables_of_their_own():
    table = comparison_table(methods(curve(), curve("camvid_random", metric="miou"), curve("digits_entropy")))
    first, second = table.split("\n\n")
    assert [line.split()[0] for line in first.splitlines()] == ["accuracy", "digits_random", "digits_entropy"]
    assert [line.split()[0] for line in second.splitlines()] == ["miou", "camvid_random"]


def test_a_run_without_a_finished_cycle_is_no_seed_and_stands_below():
    table = comparison_table(methods(curve(), curve(seed=1, values=(), budgets=(), metric="")))
    assert table == (
        "accuracy in %, at   10 %   20 %   area  seeds\n"
        "digits_random      50.00  60.00  5.500      1\n"
        "\n"
        "digits_random, seed 1: no finished cycle yet"
    )


def line(name, *values, seed=0, metric="miou"):
    return curve(name, seed, values, tuple(0.1 * (cycle + 1) for cycle in range(len(values))), metric)


def test_marks_stand_where_the_values_are():
    plot = text_plot(methods(line("a", 10, 20, 30), line("b", 30, 30, 10)), width=20, height=5)
    head, *rows = plot.splitlines()
    assert head == "miou in %"
    body = [row.split("|")[1] for row in rows[:5]]
    assert (body[0][0], body[0][10], body[0][20]) == ("x", "x", "o")  # 30 %
    assert body[2][10] == "o"  # 20 %
    assert (body[4][0], body[4][20]) == ("o", "x")  # 10 %
    assert (rows[0].split(" |")[0], rows[4].split(" |")[0]) == ("30.00", "10.00")
    assert rows[-1].split() == ["o", "a", "x", "b"]
    assert rows[-2].split() == ["10", "%", "30", "%", "of", "the", "pool"]


def test_a_plot_averages_seeds_and_leaves_other_metrics_out():
    curves = line("a", 10, 20), line("a", 30, 40, seed=1), line("c", 99, 99, metric="accuracy")
    shown = text_plot(methods(*curves))
    assert ("30.00 |" in shown, "20.00 |" in shown, " c" in shown) == (True, True, False)


def test_what_cannot_be_plotted_is_not():
    assert text_plot([]) == text_plot(methods(line("a", 10))) == text_plot(methods(line("a"))) == ""
    assert "10.50" in text_plot(methods(line("a", 10, 10)))
