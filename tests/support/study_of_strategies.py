"""What docs/study.md prints of strategies on features of a frozen encoder: CamVid, and cold starts."""

from collections.abc import Iterable, Mapping

from al_lightning.results.comparison import Comparison
from al_lightning.results.series import Series
from al_lightning.results.statistics import compare
from tests.support.study import at, flat, settings, spread, with_interval

STARTS = {
    "": "drawn",
    "balanced": "one of each class",
    "typiclust": "TypiClust",
    "maxherding": "MaxHerding",
    "probcover": "ProbCover",
    "spread": "k-center (`spread`)",
}


PROBED = {"random": "Random", "entropy": "Entropy", "margin": "Margin", "coreset": "Core-set", "bald": "BALD"}


def of_camvid_starts() -> list[str]:
    """The first twelve labels on CamVid's dense features, with Random after them."""
    (methods,) = settings("camvid_starts")
    assert {len(series.seeds) for series in methods.values()} == {17}
    titles = {start: title for start, title in STARTS.items() if start != "balanced"}
    gaps = {labelled: gaps_of(methods, "random", labelled, titles) for labelled in (12, 36)}
    rows = []
    for start, title in titles.items():
        label = named("random", start)
        cells = [text for n in (12, 36) for text in (spread(at(methods[label], n), 1), shown(gaps[n].get(label)))]
        rows.append(flat(f"| {title} | {' | '.join(cells)} |"))
    best = max(gaps[12].values(), key=lambda found: found.mean)
    assert best.method == named("random", "maxherding")
    assert {found.method for found in gaps[36].values() if found.shows} <= {best.method}
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
