"""What docs/study.md prints of strategies on features of a frozen encoder: CamVid, and cold starts."""

from collections.abc import Mapping

from al_lightning.results.comparison import Comparison
from al_lightning.results.series import Series
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


PROBED = {"random": "Random", "entropy": "Entropy", "margin": "Margin", "coreset": "Core-set", "bald": "BALD"}


def of_camvid_features() -> list[str]:
    """Five strategies on dense features."""
    (methods,), (made,) = settings("camvid_features"), claims("camvid_features")
    assert {len(series.seeds) for series in methods.values()} == {20}
    rows = []
    for strategy, title in PROBED.items():
        series, found = methods[f"{strategy}_probe"], made.get(f"{strategy}_probe")
        cells = [spread(at(series, labelled), 1) for labelled in (12, 36, 60, 84, 108)]
        cells[0] = "the same" if found else cells[0]
        cells += [with_interval(found), verdict(found)] if found else ["", ""]
        rows.append(flat(f"| {title} | {' | '.join(cells)} |"))
    small = [each.smallest for each in made.values()]
    return [*rows, f"{min(small):.1f} to {max(small):.1f} points"]


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


def gaps_of(methods: Mapping[str, Series], after: str, labelled: int) -> dict[str, Comparison]:
    """Each first choice followed by a strategy, against drawn images followed by Random, corrected together."""
    base = named("random", "")
    labels = [label for start in STARTS if (label := named(after, start)) != base]
    values = {label: methods[label].at_labelled(labelled) for label in (base, *labels)}
    return {found.method: found for found in compare(values, [(label, base) for label in labels])}


def shown(found: Comparison | None) -> str:
    """A difference with its interval; bold where it shows."""
    if found is None or not found.mean:
        return ""
    return f"**{with_interval(found)}**" if found.shows else with_interval(found)
