"""What docs/study.md prints of strategies on features of a frozen encoder: all of them, CamVid, and cold starts."""

from collections.abc import Iterable, Mapping
from math import inf

import numpy as np

from al_lightning.results.comparison import Comparison
from al_lightning.results.series import Series, mean_heights
from al_lightning.results.statistics import compare
from tests.support.study import at, claims, flat, settings, spread, verdict, with_interval

STARTS = {
    "": "drawn",
    "balanced": "one of each class",
    "typiclust": "TypiClust",
    "maxherding": "MaxHerding",
    "probcover": "ProbCover",
    "spread": "k-center (`spread`)",
}

TITLES = {
    "random": "Random",
    "uherding": "UHerding",
    "maxherding": "MaxHerding",
    "typiclust": "TypiClust",
    "probcover": "ProbCover",
    "dcom": "DCoM",
    "dropquery": "DropQuery",
    "alfamix": "ALFA-Mix",
    "badge": "BADGE",
    "falcun": "FALCUN",
    "clasp": "ClaSP PE",
    "power_margin": "Power margin",
    "power_entropy": "Power entropy",
    "power_bald": "Power BALD",
    "margin": "Margin",
    "least_confidence": "Least confidence",
    "entropy": "Entropy",
    "bald": "BALD",
    "entropy_coreset": "Entropy, then core-set",
    "coreset": "Core-set",
}
PROBED = {name: TITLES[name] for name in ("random", "entropy", "margin", "coreset", "bald")}


def of_camvid_starts() -> list[str]:
    """The first twelve labels on CamVid's dense features, with Random after them."""
    (methods,) = settings("camvid_starts")
    assert {len(series.seeds) for series in methods.values()} == {17}
    titles = {start: title for start, title in STARTS.items() if start != "balanced"}
    columns = (("random", 12), ("random", 36), ("margin", 36))
    gaps = [gaps_of(methods, after, labelled, titles) for after, labelled in columns]
    rows = []
    for start, title in titles.items():
        cells = []
        for (after, labelled), found in zip(columns, gaps, strict=True):
            label = named(after, start)
            cells += [spread(at(methods[label], labelled), 1), shown(found.get(label))]
        rows.append(flat(f"| {title} | {' | '.join(cells)} |"))
    best = max(gaps[0].values(), key=lambda found: found.mean)
    assert best.method == named("random", "maxherding")
    assert not any(found.shows for found in gaps[1].values())
    shown_after = {found.method: found.mean > 0 for found in gaps[2].values() if found.shows}
    assert shown_after == {named("margin", ""): False, named("margin", "probcover"): True}
    return [*rows, f"MaxHerding's first twelve images are {best.mean:.1f} points ahead of drawn ones"]


def of_starts() -> list[str]:
    """The first ten labels on Lite0's features, with Random and with Margin after them."""
    (methods,) = settings("starts")
    assert {len(series.seeds) for series in methods.values()} == {50}
    gaps = {(after, n): gaps_of(methods, after, n) for after in ("random", "margin") for n in (10, 108, 206, 304, 500)}
    rows = []
    for start, title in STARTS.items():
        random, margin = named("random", start), named("margin", start)
        cells = [spread(at(methods[random], 10), 1), shown(gaps["random", 10].get(random))]
        cells += [shown(gaps["random", 108].get(random)), *(shown(gaps["margin", n][margin]) for n in (108, 206))]
        rows.append(flat(f"| {title} | {' | '.join(cells)} |"))
    later = [found for n in (206, 304, 500) for found in gaps["random", n].values()]
    assert all(found.within and not found.shows for found in later)
    assert len(set(at(methods["random_from_maxherding_probe"], 10))) == 1
    herded = gaps["margin", 304][named("margin", "maxherding")]
    assert not any(found.shows for found in gaps["margin", 500].values())
    first = gaps["random", 10]
    best = max(first.values(), key=lambda found: found.mean)
    assert best.method == named("random", "typiclust")
    return [
        *rows,
        f"TypiClust chooses the best first batch, and k-center the worst**: {best.mean:.1f} points ahead of drawn "
        "images",
        f"still {-herded.mean:.1f} points behind with 304 labels",
    ]


def named(strategy: str, start: str) -> str:
    """The label of a strategy after a first choice."""
    return f"{strategy}{f'_from_{start}' if start else ''}_probe"


def gaps_of(
    methods: Mapping[str, Series], after: str, labelled: int, starts: Iterable[str] = STARTS
) -> dict[str, Comparison]:
    """Each first choice followed by a strategy, against drawn images followed by Random, corrected together."""
    base = named("random", "")
    labels = [label for start in starts if (label := named(after, start)) != base]
    values = {label: methods[label].at_labelled(labelled) for label in (base, *labels)}
    return {found.method: found for found in compare(values, [(label, base) for label in labels])}


def shown(found: Comparison | None) -> str:
    """A difference with its interval; bold where it shows."""
    if found is None or not found.mean:
        return ""
    return f"**{with_interval(found)}**" if found.shows else with_interval(found)


def rows_of(file: str, typical: Mapping[str, Comparison] | None = None) -> list[str]:
    """A row of a table for each strategy of a file, after random labels; at the end its lead after TypiClust's."""
    ((methods,), (found,)) = settings(file), claims(file)
    rows = []
    for name, title in TITLES.items():
        if (curve := methods.get(named(name, ""))) is None:
            continue
        cells = [title, str(len(curve.seeds)), *(spread(at(curve, n), 1) for n in (108, 206, 500))]
        lead = found.get(named(name, ""))
        cells += [with_interval(lead), verdict(lead)] if lead else ["", ""]
        cells += [] if typical is None else [shown(typical.get(named(name, "typiclust")))]
        rows.append(flat(f"| {' | '.join(cells)} |").replace("|  |", "| |"))
    return rows


def of_strategies_typiclust() -> list[str]:
    """The strategies after TypiClust's first batch, beside themselves after drawn images."""
    (drawn,), (typical,) = claims("strategies"), claims("strategies_typiclust")
    ahead = [
        {name for name in TITLES if (lead := found.get(named(name, start))) and lead.low > 0}
        for found, start in ((drawn, ""), (typical, "typiclust"))
    ]
    assert ahead[0] == ahead[1]
    assert verdict(typical[named("margin", "typiclust")]) == "behind, less than 1 point"
    methods = {**settings("strategies")[0], **settings("strategies_typiclust")[0]}
    said = []
    for n in (108, 500):
        gaps = compare(
            {label: each.at_labelled(n) for label, each in methods.items()},
            [(named(name, "typiclust"), named(name, "")) for name in TITLES],
        )
        changed = {title: with_interval(gap) for gap, title in zip(gaps, TITLES.values(), strict=True) if gap.shows}
        said.append(f"With {n} labels: {', '.join(f'{title} {gap}' for title, gap in changed.items())}.")
    return said


def of_strategies_lite2() -> list[str]:
    """The five that are ahead on Lite0's features, on Lite2's."""
    (on_lite0,), (found,) = claims("strategies"), claims("strategies_lite2")
    assert {label for label, lead in on_lite0.items() if lead.low > 0} == set(found)
    leads = [each.mean for each in found.values()]
    assert all(each.low > 0 for each in found.values())
    return [*rows_of("strategies_lite2"), f"by {min(leads):.1f} to {max(leads):.1f} points"]


def of_strategies() -> list[str]:
    """All strategies after random labels, on Lite0's features."""
    ((methods,), (found,)) = settings("strategies"), claims("strategies")
    rows = rows_of("strategies", claims("strategies_typiclust")[0])
    assert {name for name in TITLES if name != "random"} == {label.removesuffix("_probe") for label in found}
    rows += differences(methods, (108, 206, 304, 402, 500))
    gaps = [gaps_at(methods, n) for n in (108, 206, 304, 402, 500)]
    falling = [each["uherding"] for each in gaps]
    assert all(gap.shows for gap in falling)
    assert falling == sorted(falling, key=lambda gap: -gap.mean)
    assert not any(gaps[-1][name].shows for name in ("typiclust", "alfamix"))
    behind_at = [{name for name, gap in each.items() if gap.high < 0} for each in gaps]
    assert all(each <= behind_at[0] for each in behind_at)
    means = {name: found[named(name, "")].mean for name in TITLES if name != "random"}
    cover = [means[name] for name in ("uherding", "maxherding", "typiclust")]
    assert max(means["dropquery"], means["alfamix"]) < min(cover)
    behind = [-each.mean for each in found.values() if each.high < 0]
    assert {verdict(found[named(name, "")]) for name in EQUAL} == {"equal within 1 point"}
    assert len(behind) + len(EQUAL) + len(cover) + 2 == len(means)
    rows.append(f"They are ahead of Random by {min(cover):.1f} to {max(cover):.1f} points")
    rows.append(f"All others are behind it, by {min(behind):.1f} to {max(behind):.1f} points")
    passed = {
        (one, other): crossing(methods[named(one, "")], methods[named(other, "")])
        for one in ("uherding", "maxherding", "typiclust", "alfamix")
        for other in ("margin", "power_entropy", "badge")
    }
    assert all(passed[one, other][1] == inf for one, other in passed if one in ("uherding", "maxherding"))
    assert all(passed[one, other][0] == inf for one, other in passed if one == "typiclust")
    first = min(passed[one, other][1] for one, other in passed if one == "typiclust")
    rows.append(f"TypiClust's mean is passed in some of these, from {first:.0f} labels on")
    rows.append(f"margin passes ALFA-Mix at {crossed(*passed['alfamix', 'margin'])}")
    return rows


def differences(methods: Mapping[str, Series], counts: Iterable[int]) -> list[str]:
    """A row for each strategy: its difference from Random at each number of labels, each corrected for its column."""
    columns = [{name: shown(gap) for name, gap in gaps_at(methods, n).items()} for n in counts]
    return [flat(f"| {TITLES[name]} | {' | '.join(column[name] for column in columns)} |") for name in columns[0]]


def gaps_at(methods: Mapping[str, Series], labelled: int) -> dict[str, Comparison]:
    """Each strategy against Random at one number of labels, corrected together."""
    values = {name: methods[label].at_labelled(labelled) for name in TITLES if (label := named(name, "")) in methods}
    found = compare(values, [(name, "random") for name in values if name != "random"])
    return {gap.method: gap for gap in found}


def of_camvid_features() -> list[str]:
    """Strategies after random labels, on CamVid's dense features."""
    ((methods,), (found,)) = settings("camvid_features"), claims("camvid_features")
    assert {len(series.seeds) for series in methods.values()} == {17}
    counts = (36, 60, 84, 108)
    rows = []
    for name, row in zip(gaps_at(methods, 108), differences(methods, counts), strict=True):
        lead = found[named(name, "")]
        rows.append(f"{row} {with_interval(lead)} | {verdict(lead)} |")
    drawn = [spread(at(methods[named("random", "")], n), 1) for n in counts]
    assert not [label for label, lead in found.items() if lead.low > 0]
    behind = {named(name, "") for name in ("typiclust", "least_confidence")}
    assert {label for label, lead in found.items() if lead.high < 0} == behind
    assert {label for label, lead in found.items() if verdict(lead).startswith("equal")} == {
        named(name, "") for name in ("maxherding", "badge")
    }
    highest = sorted(found.values(), key=lambda lead: -lead.mean)[:2]
    assert {lead.method for lead in highest} == {named(name, "") for name in ("coreset", "entropy_coreset")}
    of_four = [(named(name, ""), named("random", "")) for name in PROBED if name != "random"]
    heights = mean_heights([methods[named(name, "")] for name in PROBED])
    (alone,) = (lead for lead in compare(heights, of_four) if lead.method == named("coreset", ""))
    unclear = [lead.smallest for lead in found.values() if verdict(lead) == "cannot tell"]
    return [
        flat(f"| Random | {' | '.join(drawn)} | | |"),
        *rows,
        f"by {with_interval(alone)} where these four alone are compared",
        f"differences of {min(unclear):.1f} to {max(unclear):.1f} points or more would have shown",
    ]


EQUAL = ("badge", "falcun", "clasp", "margin", "power_margin", "power_entropy", "power_bald")


def readme_cell(strategy: str) -> str:
    """How far a strategy was ahead of Random over the curve, as README's table has it."""
    found = claims("strategies")[0].get(named(strategy, ""))
    if found is None:
        return "–"
    return f"**{found.mean:+.1f}**" if found.shows else f"{found.mean:+.1f}"


def crossed(place: float, low: float, high: float) -> str:
    """A crossing and its interval, in labels."""
    words = [f"{each:.0f}" if each < inf else "never" for each in (place, low, high)]
    return f"{words[0]} labels ({words[1]} to {words[2]})"


def crossing(coverage: Series, uncertainty: Series, draws: int = 2000) -> tuple[float, float, float]:
    """From how many labels on one strategy's mean is above another's for good, with a 95 % interval.

    Between two numbers of labels the difference is interpolated; the interval is that of a bootstrap over the seeds
    that both have. Infinite where it never is.
    """
    labels = sorted({labelled for curve in coverage.curves for labelled in curve.labelled})
    values = [(uncertainty.at_labelled(n), coverage.at_labelled(n)) for n in labels]
    seeds = sorted(values[0][0].keys() & values[0][1].keys())
    gaps = np.array([[one[seed] - other[seed] for one, other in values] for seed in seeds])
    found = [
        _crossing(labels, gaps[rows].mean(axis=0))
        for rows in np.random.default_rng(0).integers(len(seeds), size=(draws, len(seeds)))
    ]
    low, high = np.quantile(found, (0.025, 0.975), method="inverted_cdf")
    return _crossing(labels, gaps.mean(axis=0)), float(low), float(high)


def _crossing(labels: list[int], gap: np.ndarray) -> float:
    behind = np.flatnonzero(gap <= 0)
    if not len(behind):
        return labels[0]
    last = int(behind[-1])
    if last == len(labels) - 1:
        return inf
    return float(np.interp(0, gap[last : last + 2], labels[last : last + 2]))
