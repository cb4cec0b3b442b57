"""Checks of the values in a run's files, which may come from somebody else: their kinds and their ranges."""

from __future__ import annotations

from typing import Any

MOST_IMAGES = 10**9
MOST = 1e12
"""Largest magnitude of a number: results computed from it stay finite."""
CLASS_LISTS = ("never_predicted", "train_never_predicted", "train_lacks", "train_undrawn")
"""The measures of a cycle's health that are lists of class numbers; all others are numbers."""


def check_settings(settings: dict[str, Any]) -> None:
    """Raise ValueError unless settings are leaves by dotted key, none of them below another."""
    for key, value in settings.items():
        parts = key.split(".")
        above = (".".join(parts[:count]) for count in range(1, len(parts)))
        if len(key) > 500 or (isinstance(value, dict) and value) or any(place in settings for place in above):
            raise ValueError("its settings are not values by dotted key")


def check_metrics(metrics: list[dict[str, Any]]) -> None:
    """Raise ValueError unless all cycles have the same metrics, of the same types, and the main metric is a number.

    Any other metric may be null in a cycle where it is undefined.
    """
    names = list(metrics[0]) if metrics else []
    if any(list(each) != names for each in metrics):
        raise ValueError("its cycles have different metrics")
    for name in names:
        values, main = [each[name] for each in metrics], name == names[0]
        if isinstance(values[0], list) and not main:
            same = all(isinstance(value, list) and len(value) == len(values[0]) for value in values)
            sound = same and all(part is None or is_number(part) for value in values for part in value)
        else:
            sound = all(is_number(value) or (value is None and not main) for value in values)
        if not sound:
            raise ValueError(f"the metric {name} is not of its kind")


def check_health(health: object) -> None:
    """Raise ValueError unless a cycle's health has numbers, and lists of class numbers, by name; see `CLASS_LISTS`."""
    sound = isinstance(health, dict) and all(
        is_text(name, 200)
        and (
            isinstance(value, list) and all(is_whole(number, MOST_IMAGES) for number in value)
            if name in CLASS_LISTS
            else is_number(value)
        )
        for name, value in health.items()
    )
    if not sound:
        raise ValueError("its health is not of its kind")


def is_text(value: object, most: int) -> bool:
    """Whether a value is a printable text of at most so many characters."""
    return isinstance(value, str) and len(value) <= most and value.isprintable()


def is_whole(value: object, most: int) -> bool:
    """Whether a value is a whole number from 0 to the most."""
    return type(value) is int and 0 <= value <= most


def is_number(value: object) -> bool:
    """Whether a value is a number of a bounded size, and so finite."""
    return type(value) in (int, float) and abs(value) <= MOST  # type: ignore[arg-type]
