"""Every figure that docs/study.md and README print of the study, computed again from the CSV files in docs/study."""

import csv
import re
from functools import cache
from statistics import fmean

import pytest

from al_lightning.results.comparison import Comparison
from al_lightning.results.label_value import label_costs
from al_lightning.results.series import Series
from al_lightning.results.statistics import compare
from tests.support import own_study
from tests.support.study import ROOT, STUDY, at, claims, flat, points, settings, spread, verdict, with_interval
from tests.support.study_of_strategies import (
    PROBED,
    of_camvid_features,
    of_camvid_starts,
    of_starts,
    of_strategies,
    of_strategies_lite2,
    of_strategies_typiclust,
    readme_cell,
)

STRATEGIES = {"random": "Random", "entropy": "Entropy", "equal": "EquAL", "coreset": "Core-set"}
POOLS = ("`demo_0f`, diverse", "`demo_11f`, redundant", "`demo_11f`, 9 % repeated")


def single(one: str, other: str, pool: int, budget: float) -> Comparison:
    """One pair at one budget, without correction for others."""
    methods = settings("streets")[pool]
    (found,) = compare({name: methods[name].at(budget) for name in (one, other)}, [(one, other)])
    return found


# The sentences and rows


def of_streets() -> list[str]:
    rows = []
    for pool, methods in zip(POOLS, settings("streets"), strict=True):
        for number, labelled in enumerate((52, 104, 156, 208)):
            cells = [spread(at(methods[name], labelled)) for name in STRATEGIES]
            if number == 0:
                assert len(set(cells)) == 1
                cells = [spread(at(methods["random"], labelled), 1), *3 * ["the same"]]
            row = f"| {pool if number == 0 else ''} | {10 * (number + 1)} % | {' | '.join(cells)} |"
            rows.append(flat(row))
    for name in ("entropy", "equal", "coreset"):
        found = [each[name] for each in claims("streets")]
        words = [("ahead by " if each.shows else "cannot tell: ") + with_interval(each) for each in found]
        rows.append(f"| {STRATEGIES[name]} | {' | '.join(words)} |")
    made = [each for group in claims("streets") for each in group.values()]
    assert len(made) == 9
    assert min(each.mean for each in made) > 0
    assert [sum(each.shows for each in made), sum(each.small for each in made)] == [4, 3]
    smallest = [each.smallest for each in made if not each.shows]
    return [*rows, f"differences of {min(smallest):.1f} to {max(smallest):.1f} points or more would have shown"]


def of_the_first_batch() -> list[str]:
    diverse = [f"{-single('coreset', other, 0, 0.2).mean:.1f}" for other in ("entropy", "equal")]
    assert diverse[0] == diverse[1]
    assert not any(single("coreset", other, 0, 0.2).shows for other in ("entropy", "equal"))
    redundant = [f"{claims('streets')[1][name].mean:.1f}" for name in ("entropy", "equal", "coreset")]
    entropy = {f"{claims('streets')[pool]['entropy'].mean:.1f}" for pool in (1, 2)}
    assert len(entropy) == 1
    end, first = with_interval(single("entropy", "coreset", 1, 0.4)), single("coreset", "entropy", 1, 0.2)
    repeated = with_interval(single("coreset", "entropy", 2, 0.2), 2)
    return [
        f"core-set is ahead of entropy by {first.mean:.2f} points ({first.interval(2)})",
        f"and of EquAL by {with_interval(single('coreset', 'equal', 1, 0.2), 2)}",
        f"core-set is behind both by {diverse[0]} there, within noise",
        f"core-set is *behind* EquAL by {with_interval(single('equal', 'coreset', 1, 0.4))}, and",
        f"behind entropy by {end}",
        f"the three differences from Random are alike ({min(redundant)} to {max(redundant)})",
        f"Entropy's difference from Random is {entropy.pop()} points with repeats and without",
        f"core-set's lead over entropy at 20 % is {repeated} with repeats and {first.mean:.2f} without",
    ]


@cache
def batches() -> dict[tuple[str, int], list[dict[str, str]]]:
    """The lines of batches.csv by strategy and number of the batch, one for each seed."""
    found: dict[tuple[str, int], list[dict[str, str]]] = {}
    with (STUDY / "batches.csv").open() as file:
        for row in csv.DictReader(file):
            found.setdefault((row["strategy"], int(row["batch"])), []).append(row)
    return found


def scenes(strategy: str) -> float:
    """Mean number of scenes in the first batch."""
    return fmean(int(row["scenes"]) for row in batches()[strategy, 1])


def of_batches() -> list[str]:
    assert {len(rows) for rows in batches().values()} == {3}
    rows = []
    for batch in (1, 2, 3):
        cells = [spread([100 * float(row["index"]) for row in batches()[name, batch]], 0, "+") for name in STRATEGIES]
        rows.append(f"| {batch} | {' | '.join(cells)} |")
    single_sample = [row for (name, _), group in batches().items() if name in ("entropy", "equal") for row in group]
    assert all(float(row["as_repetitive"]) == 0 for row in single_sample)
    return [
        *rows,
        f"entropy's first 52 images come from {scenes('entropy'):.1f}, EquAL's from {scenes('equal'):.1f}, core-set's "
        f"from {scenes('coreset'):.1f}, random ones from {scenes('random'):.1f}",
    ]


def of_three_seeds(name: str, names: dict[str, str]) -> list[str]:
    """The table of a study that has one setting and three seeds."""
    (methods,), (made,) = settings(name), claims(name)
    labelled = methods["random"].curves[0].labelled
    rows = []
    for label, title in names.items():
        _, line, training = label.partition("_")
        base = f"random{line}{training}"
        cells = [spread(at(methods[label], count)) for count in labelled]
        if label != base:
            assert cells[0] == spread(at(methods[base], labelled[0]))
            cells[0] = "the same"
        found = made.get(label)
        verdict = "" if found is None else "ahead" if found.shows else "cannot tell with 3 seeds"
        cells += ["", ""] if found is None else [with_interval(found), verdict]
        rows.append(flat(f"| {title} | {' | '.join(cells)} |"))
    smallest = {f"{each.smallest:.1f}" for each in made.values() if not each.shows}
    assert len(smallest) == 1
    return [*rows, f"ifferences of {smallest.pop()} points or more would have shown with 80 % probability"]


def of_camvid() -> list[str]:
    names = {"random": "Random", "entropy": "Entropy", "coreset": "Core-set"}
    return of_three_seeds("camvid", names | {f"{name}_s4gan": f"{title}, s4GAN" for name, title in names.items()})


def of_cifar() -> list[str]:
    names = {"random": "Random", "entropy": "Entropy", "coreset": "Core-set"}
    rows = of_three_seeds("cifar", names | {f"{name}_uda": f"{title}, UDA" for name, title in names.items()})
    (methods,), (made,) = settings("cifar"), claims("cifar")
    assert [label for label, each in made.items() if each.shows] == ["random_uda"]
    assert [label for label, each in made.items() if each.mean > 0] == ["random_uda"]
    costs = [str(each) for each in label_costs(methods["random_uda"], fmean(at(methods["random"], 500))).values()]
    behind = [b - a for a, b in zip(at(methods["entropy_uda"], 500), at(methods["random_uda"], 500), strict=True)]
    assert min(behind) > 0
    return [
        *rows,
        f"with {costs[0]}, {costs[1]} and {costs[2]} labels",
        f"Entropy with UDA is behind by {fmean(behind):.1f} points at 500 labels",
    ]


def of_features() -> list[str]:
    rows, shown = [], (10, 59, 108, 255, 500)
    for title, methods, made in zip(("Lite0", "Lite2"), settings("features"), claims("features"), strict=True):
        assert {len(series.seeds) for series in methods.values()} == {100}
        for strategy, label in PROBED.items():
            series, found = methods[f"{strategy}_probe"], made.get(f"{strategy}_probe")
            cells = [spread(at(series, labelled), 1) for labelled in shown]
            cells[0] = "the same" if found else cells[0]
            cells += [with_interval(found), verdict(found)] if found else ["", ""]
            rows.append(flat(f"| {'' if found else title} | {label} | {' | '.join(cells)} |"))
        for strategy, label in list(PROBED.items())[1:]:
            gaps = [with_interval(paired(methods, strategy, labelled)) for labelled in (59, 255, 500)]
            rows.append(flat(f"| {title} | {label} | {' | '.join(gaps)} |"))
        small = [each.smallest for each in made.values()]
        rows.append(f"{title}: {min(small):.1f} to {max(small):.1f}")
    return rows


def paired(methods: dict[str, Series], strategy: str, labelled: int) -> Comparison:
    """A strategy and Random at one number of labels, without correction for others."""
    names = (f"{strategy}_probe", "random_probe")
    (found,) = compare({name: methods[name].at_labelled(labelled) for name in names}, [names])
    return found


def of_constraints() -> list[str]:
    (methods,), (made,) = settings("constraints"), claims("constraints")
    names = {"random": "Random", "entropy": "Entropy", "entropy_per_sequence_2": "Entropy, at most 2 of a scene"}
    names |= {"entropy_per_group_1": "Entropy, at most 1 of a group of near-duplicates", "coreset": "Core-set"}
    rows = []
    for label, title in names.items():
        cells = ["the same" if made.get(label) else spread(at(methods[label], 52), 1)]
        cells += [spread(at(methods[label], count)) for count in (104, 156, 208)]
        found = made.get(label)
        cells += [("ahead by " if found.shows else "cannot tell: ") + with_interval(found)] if found else [""]
        rows.append(flat(f"| {title} | {' | '.join(cells)} |"))
    for label in ("entropy_per_sequence_2", "entropy_per_group_1"):
        for count in (104, 208):
            values = {name: methods[name].at_labelled(count) for name in (label, "entropy")}
            (pair,) = compare(values, [(label, "entropy")])
            rows.append(with_interval(pair, 2))
    return rows


def of_readme() -> list[str]:
    diverse, redundant, _ = claims("streets")
    (camvid,), (cifar,) = claims("camvid"), claims("cifar")
    assert not any(each.shows for each in camvid.values())
    assert not redundant["entropy"].shows
    assert not diverse["coreset"].shows
    last = single("entropy", "coreset", 1, 0.4)
    assert not last.shows
    return [
        f"entropy is ahead of random by {points(diverse['entropy'])}",
        f"Of core-set the seeds cannot tell: {points(diverse['coreset'])}",
        f"core-set is ahead of random by {points(redundant['coreset'])}",
        f"Of entropy the seeds cannot tell: {points(redundant['entropy'])}",
        f"entropy's first 52 images come from {scenes('entropy'):.0f} of the 44 scenes, core-set's from "
        f"{scenes('coreset'):.0f}, random's from {scenes('random'):.0f}",
        f"core-set is ahead of entropy by {single('coreset', 'entropy', 1, 0.2).mean:.1f} points",
        f"after the last it is behind by {last.mean:.1f} points, within noise",
        f"Differences of {camvid['entropy'].smallest:.1f} points or more would have shown with 80 % probability",
        f"semi-supervised training (UDA) is ahead of supervised training by {points(cifar['random_uda'])}",
        f"UHerding by {points(claims('strategies')[0]['uherding_probe'])}",
        f"entropy by {-claims('strategies')[0]['entropy_probe'].mean:.1f}",
    ]


PARTS = [
    of_streets,
    of_the_first_batch,
    of_batches,
    of_camvid,
    of_cifar,
    of_features,
    of_starts,
    of_strategies,
    of_strategies_typiclust,
    of_strategies_lite2,
    of_camvid_starts,
    of_camvid_features,
    of_constraints,
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_the_page_prints_what_the_csv_files_give(part) -> None:
    page = flat((ROOT / "docs/study.md").read_text())
    assert [said for said in part() if said not in page] == []


def of_the_study(readme: str) -> str:
    return flat(readme[readme.index("## What a small study found") : readme.index("## A run")])


def test_readme_prints_what_the_csv_files_give() -> None:
    section = of_the_study((ROOT / "README.md").read_text())
    assert [said for said in of_readme() if said not in section] == []


def test_no_other_figure_is_printed() -> None:
    """A number with a decimal point or a deviation is a result: one that nothing above computes has no source."""
    page = flat((ROOT / "docs/study.md").read_text()).replace("torch 2.14.1", "")
    section = of_the_study((ROOT / "README.md").read_text())
    for text, said in ((page, [each for part in PARTS for each in part()]), (section, of_readme())):
        for sentence in said:
            text = text.replace(sentence, "")
        assert re.findall(r".{30}\d(?:\.\d| ±).{20}", text) == []


def test_the_verdicts_page_quotes_the_study() -> None:
    quote = claims("camvid")[0]["entropy"].clause("mIoU").removeprefix("entropy against random: ")
    assert quote in flat((ROOT / "docs/reproduce.md").read_text().replace("> ", ""))


def test_readmes_table_says_how_far_each_strategy_was_ahead() -> None:
    table = re.findall(r"^\| (`.*?) \| .* \| ([^|]*) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(table) == 22
    for names, cell in table:
        assert cell == ", ".join(readme_cell(name) for name in re.findall(r"`(\w+)`", names)), names


def test_recommends_file_has_the_studys_numbers() -> None:
    assert (ROOT / "configs/own_study.yaml").read_text() == own_study.text()


def test_the_page_of_health_counts_the_curves_that_fall() -> None:
    """docs/health.md: how many points of the study's curves lie below an earlier one, and by how much."""
    curves = [
        curve.values
        for name in ("streets", "camvid", "cifar")
        for methods in settings(name)
        for series in methods.values()
        for curve in series.curves
    ]
    falls = [max(values[:place]) - values[place] for values in curves for place in range(1, len(values))]
    below = sorted((fall for fall in falls if fall > 0), reverse=True)
    assert [len(curves), len(falls), len(below)] == [96, 234, 3]
    text = f"three points of 234 are below an earlier one, by {below[0]:.2f}, {below[1]:.2f} and {below[2]:.2f} points"
    assert text in flat((ROOT / "docs/health.md").read_text())
