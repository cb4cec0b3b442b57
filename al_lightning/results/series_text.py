"""How texts, tables and pages name several methods: their budgets, runs given twice, and what the numbers are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from al_lightning.results.curves import place_of
from al_lightning.results.series import Series, after_the_first_choice


def in_images(series: Iterable[Series]) -> bool:
    """Return whether the runs of all series were given their budgets as numbers of images."""
    return {curve.in_images for each in series for curve in each.curves} == {True}


def labelled_at(series: Iterable[Series], budget: float) -> int | None:
    """Return the number of labelled images at a nominal budget; None where no series has it."""
    places = ((curve, place_of(curve.budgets, budget)) for each in series for curve in each.curves)
    return next((curve.labelled[at] for curve, at in places if at is not None), None)


def budget_text(series: Sequence[Series], budget: float) -> str:
    """Return a nominal budget as the runs count it: `300 labels` or `30 %`."""
    return f"{labelled_at(series, budget) or 0:,} labels" if in_images(series) else f"{100 * budget:.4g} %"


def spread(series: Iterable[Series]) -> str:
    """Return what the numbers of some series are: means and deviations, or those of one seed."""
    return "mean ± standard deviation over seeds" if any(len(s.curves) > 1 for s in series) else "one seed"


def distinct_names(series: Sequence[Series]) -> list[str]:
    """Return the name of each method's runs; a name that several have is followed by a distinguishing mark.

    The mark is what chose the first images, where that alone tells them apart. Else it is the beginning of the hash of
    the settings, or the setting where the hashes are the same.
    """
    shown = []
    for own in series:
        alike = [each for each in series if each.name == own.name]
        rests = [after_the_first_choice(each.runs[0].record) for each in alike if each.runs]
        kinds = [_first_choice] * all(rest == rests[0] for rest in rests) + [_hash]
        kind = next((each for each in kinds if len(set(map(each, alike))) == len(alike)), _setting)
        shown.append(f"{own.name} ({kind(own)})" if len(alike) > 1 else own.name)
    return shown


def _first_choice(series: Series) -> str:
    return f"from {series.first_choice}"


def _hash(series: Series) -> str:
    return series.curves[0].config_sha256[:6]


def _setting(series: Series) -> str:
    return series.setting


def repeats(methods: Iterable[Series]) -> list[str]:
    """Return a sentence for each run that is left out, because another run has its seed."""
    runs = (run for method in methods for run in method.repeated)
    return [f"{run.record.name}, seed {run.record.seed}, is given twice; the first run is shown." for run in runs]
