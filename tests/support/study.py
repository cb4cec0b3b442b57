"""The figures of the study, from the CSV files in docs/study, and how its page writes them."""

from functools import cache
from pathlib import Path
from statistics import fmean, stdev

import al_lightning
from al_lightning.results.claims import claims_of
from al_lightning.results.comparison import Comparison
from al_lightning.results.series import Series, by_setting
from al_lightning.results.series_csv import read_csv

ROOT = Path(al_lightning.__file__).parents[1]
STUDY = ROOT / "docs/study"


@cache
def settings(name: str) -> list[dict[str, Series]]:
    """The methods of each setting of a CSV file, by label."""
    return [{each.label: each for each in methods} for methods in by_setting(read_csv(STUDY / f"{name}.csv")).values()]


@cache
def claims(name: str) -> list[dict[str, Comparison]]:
    """The comparisons of each setting of a CSV file, by the label of the method under test."""
    made = claims_of({str(place): list(methods.values()) for place, methods in enumerate(settings(name))}).by_setting
    return [{each.method: each for each in group} for group in made.values()]


def spread(values: list[float], digits: int = 2, sign: str = "") -> str:
    mean = f"{round(fmean(values), digits) + 0:{sign if round(fmean(values), digits) else ''}.{digits}f}"
    return f"{mean} ± {stdev(values):.{digits}f}"


def with_interval(found: Comparison, digits: int = 1) -> str:
    return f"{round(found.mean, digits) + 0:.{digits}f} ({found.interval(digits)})"


def points(found: Comparison) -> str:
    return with_interval(found).replace(" (", " points (")


def at(series: Series, labelled: int) -> list[float]:
    return list(series.at_labelled(labelled).values())


def verdict(found: Comparison) -> str:
    if not found.shows:
        return "equal within 1 point" if found.within else "cannot tell"
    return f"{'ahead' if found.mean > 0 else 'behind'}{', less than 1 point' if found.small else ''}"


def flat(text: str) -> str:
    return " ".join(text.split())
