"""The paper's demands on an evaluation of active learning for classification (its section 3.4), as conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from al_lightning.results.comparability import NOTE, OK, UNKNOWN, WARN, Finding
from al_lightning.results.regimes import Regimes
from al_lightning.results.renderers import all_of
from al_lightning.results.series import BASELINE, Series
from al_lightning.runs.journal import Run
from al_lightning.runs.parts import called

HEAD = "The paper's protocol for classification"
"""Of each finding's sentence."""
NETWORK = "network"
AUGMENTATION = "data.init_args.augmentation"
OWN_IMAGES = {"image_folder", "small_image_folder", "ImageFolder"}
"""Datasets that read a folder of the user's own images: parts of a run's name, and the class."""
LEAST = {"depth": 28, "width": 2}
"""The paper's network, WRN-28-2."""


def protocol(settings: Mapping[str, Sequence[Series]], regimes: Regimes | None = None) -> Iterator[Finding]:
    """Yield which of the four demands a set of classification runs meets; nothing for other runs.

    On folders of the user's own it is a note: the demands are for claims about strategies, not for one pool.

    Args:
        settings: by name, the methods of each setting.
        regimes: what counts as a low budget; without it, that demand is left out.
    """
    groups = {
        name: loops
        for name, methods in settings.items()
        if (loops := [each for each in methods if each.loops and each.metric.name == "accuracy" and each.runs])
    }
    if not groups:
        return
    if all(_own(run) for methods in groups.values() for method in methods for run in method.runs):
        yield (
            NOTE,
            f"{HEAD} is for claims about strategies in general: it asks for several datasets, a low budget beside "
            "a usual one, an up-to-date network, and semi-supervised training beside. These runs are about one's own "
            "data.",
        )
        return
    yield _several_datasets(groups)
    yield _up_to_date(groups)
    yield _beside_semi_supervised(groups)
    if regimes is not None:
        yield _low_budget(groups, regimes)


def _several_datasets(groups: Mapping[str, Sequence[Series]]) -> Finding:
    names = sorted({_dataset(methods[0].runs[0]) for methods in groups.values()})
    if len(names) > 1:
        return OK, f"{HEAD}: more than one dataset ({all_of(names)})."
    return WARN, f"{HEAD} asks for more than one dataset, and this is {names[0]} alone: CIFAR-10 and -100 disagree."


def _up_to_date(groups: Mapping[str, Sequence[Series]]) -> Finding:
    """Judge network and augmentation: one setting that is up to date suffices, others may stand beside it."""
    verdicts = {name: _outdated(methods[0].runs[0].record.settings) for name, methods in groups.items()}
    good = [name for name, faults in verdicts.items() if faults == []]
    if good:
        beside = "" if len(good) == len(groups) else f", on {all_of(good)}"
        return OK, f"{HEAD}: an up-to-date network and augmentation{beside}."
    if all(faults is None for faults in verdicts.values()):
        return UNKNOWN, f"{HEAD} asks for an up-to-date network and augmentation; whether these are is unknown."
    faults = dict.fromkeys(fault for each in verdicts.values() for fault in each or ())
    return WARN, f"{HEAD} asks for an up-to-date network and augmentation, and here is {' and '.join(faults)}."


def _outdated(settings: Mapping[str, Any]) -> list[str] | None:
    """Return what is not up to date in a run's settings, in words; None where the settings do not tell."""
    network = str(settings.get(f"{NETWORK}.class_path", "")).rpartition(".")[2]
    augmentation = str(settings.get(f"{AUGMENTATION}.class_path", "")).rpartition(".")[2]
    faults = []
    if network == "WideResNet":
        depth, width = (settings.get(f"{NETWORK}.init_args.{key}", least) for key, least in LEAST.items())
        if not isinstance(depth, int) or not isinstance(width, int):  # a run that was sent may hold anything
            return None
        if depth < LEAST["depth"] or width < LEAST["width"]:
            faults.append(f"a network smaller than the paper's (WRN-{depth}-{width} for WRN-28-2)")
    elif network != "ResNetClassifier":
        return None
    if augmentation == "ImageAugmentation":
        if not settings.get(f"{AUGMENTATION}.init_args.auto_augment", True):
            faults.append("no strong augmentation (AutoAugment is off)")
    elif augmentation == "NoAugmentation" or (not augmentation and f"{NETWORK}.class_path" in settings):
        faults.append("no augmentation")
    else:
        return None
    return faults


def _beside_semi_supervised(groups: Mapping[str, Sequence[Series]]) -> Finding:
    """Look for Random with semi-supervised training on each dataset at each budget, and for the other strategies."""
    by_labels: dict[str, list[Series]] = {}
    for methods in groups.values():
        record = methods[0].runs[0].record
        name = "_".join(filter(None, (_dataset(methods[0].runs[0]), record.parts.get("budgets", ""))))
        by_labels.setdefault(name, []).extend(methods)
    lacking = [
        name
        for name, methods in by_labels.items()
        if not any(each.semi_supervised and each.by_chance for each in methods)
    ]
    if lacking:
        return (
            WARN,
            f"{HEAD} asks for semi-supervised training beside each strategy, at least with {BASELINE}, and there is "
            f"none on {all_of(lacking)}.",
        )
    alone = sorted({
        each.strategy
        for methods in by_labels.values()
        for each in methods
        if each.strategy not in {other.strategy for other in methods if other.semi_supervised}
    })  # fmt: skip
    also = f"; {all_of(alone)} on labels alone" if alone else ""
    return OK, f"{HEAD}: semi-supervised training beside, at least with {BASELINE}{also}."


def _low_budget(groups: Mapping[str, Sequence[Series]], regimes: Regimes) -> Finding:
    amounts = {name: _amount(methods, regimes) for name, methods in groups.items()}
    low = [name for name, amount in amounts.items() if amount == ("few",)]
    high = [name for name, amount in amounts.items() if amount == ("many",)]
    if low and high:
        return OK, f"{HEAD}: a low budget ({all_of(low)}) beside a usual one ({all_of(high)})."
    if low:
        between = [name for name in amounts if name not in low]
        others = f"{all_of(between)} between low and high" if between else "all budgets are low"
        return WARN, f"{HEAD} asks for a low budget beside the usual one, and {others}."
    return WARN, f"{HEAD} asks for a low budget beside the usual one, and there is no low one."


def _amount(methods: Sequence[Series], regimes: Regimes) -> tuple[str, ...]:
    record = methods[0].runs[0].record
    labels = max(curve.labelled[-1] for method in methods for curve in method.curves if curve.labelled)
    by_class = labels / len(record.classes) if record.classes else None
    return regimes.budget("classification", by_class, labels / record.pool_size)


def _dataset(run: Run) -> str:
    """Return the name of a run's dataset; folders of one's own are told apart by the hash of their images."""
    name = called(run.record.parts.get("datasets") or str(run.record.settings.get("data.class_path", "")))
    return f"{name or 'data'} {run.record.data_sha256[:6]}".rstrip() if name in OWN_IMAGES or not name else name


def _own(run: Run) -> bool:
    """Whether a run is on a folder of the user's images."""
    path = str(run.record.settings.get("data.class_path", ""))
    return bool(OWN_IMAGES & {run.record.parts.get("datasets", ""), called(path)})
