"""The typed configuration: every option of `fit`, and errors that say in one sentence what is wrong."""

from __future__ import annotations

import argparse
import contextlib
import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser, Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException

from al_lightning.config.check import Walk
from al_lightning.config.command_line import put
from al_lightning.config.declared import PARSE_ERRORS
from al_lightning.config.fit_options import (
    DEFAULT_ORACLE,
    DEFAULTS,
    IN_FILES,
    NAMES,
    SECTIONS,
    FitOptions,
    no_such_option,
)
from al_lightning.config.names import Settings
from al_lightning.config.option_types import TYPES
from al_lightning.config.signatures import parameters
from al_lightning.errors import MOST, ALError, UsageError, reason_of, require

LENGTH = "A fit's length is --steps N, or --epochs E (steps = E x labelled // batch size); Lightning's own is derived."
LIGHTNINGS_LENGTH = ("max_epochs", "max_steps", "max_time")


def build_parser(names: Sequence[str] = NAMES) -> ArgumentParser:
    """Return the parser of a run's configuration, or of some of its options."""
    parser = ArgumentParser(prog="al-lightning fit", exit_on_error=False, usage=argparse.SUPPRESS)
    for name in names:
        if name in SECTIONS and SECTIONS[name].one_class:
            takes = SECTIONS[name].takes
            skipped = set(parameters(TYPES[name])) - set(takes) if takes else set()
            parser.add_class_arguments(TYPES[name], name, skip=skipped, instantiate=False)
        elif name in SECTIONS:
            parser.add_argument(f"--{name}", type=TYPES[name], required=True)
        else:
            parser.add_argument(f"--{name}", type=TYPES[name], default=DEFAULTS[name])
    if "trainer" in names:
        parser.set_defaults({"trainer.devices": 1})
    return parser


def parse(
    parser: ArgumentParser, settings: Settings, options: Sequence[str] = (), names: Sequence[str] = NAMES
) -> Namespace:
    """Parse merged settings with the command line's options, which win; classes are imported, nothing is called.

    Args:
        parser: of the options `names`.
        settings: merged.
        options: as on the command line.
        names: the options there are.

    Raises:
        UsageError: one sentence; the parser's own words are its cause, shown by --verbose.
    """
    values = {"oracle": dict(DEFAULT_ORACLE), **copy.deepcopy(settings.values)}
    given = put(values, options)
    for name in given:
        if name.split(".")[0] not in names:
            raise no_such_option(name, names)
    origins = {key.replace(".init_args.", "."): path for key, path in settings.origins.items()}
    for name in given:
        below = f"{name.removesuffix('.init_args')}."
        origins = {key: path for key, path in origins.items() if not f"{key}.".startswith(below)}
    if "steps" in names:
        _one_length(values, given)
    walk = Walk(origins=origins)
    walk.top(values, tuple(names))
    try:
        config: Namespace = parser.parse_object(values)
    except PARSE_ERRORS as error:
        raise walk.explain(error) from error
    Walk(parsed=True).top(config, tuple(names))
    FitOptions(**{name: config[name] for name in IN_FILES if name in config})  # within their ranges
    _check_trainer(config.get("trainer"))
    return config


def _one_length(values: dict[str, Any], given: Sequence[str]) -> None:
    """See that a fit has one length; the command line's stands instead of the configuration's."""
    lengths = [name for name in ("steps", "epochs") if name in given]
    if len(lengths) == 2:
        raise UsageError("Both --steps and --epochs are given; a fit has one length.")
    for name in lengths:
        values.pop("epochs" if name == "steps" else "steps", None)
    trainer = values.get("trainer")
    if by_hand := [name for name in LIGHTNINGS_LENGTH if isinstance(trainer, dict) and name in trainer]:
        raise UsageError(f"trainer.{by_hand[0]} is not set by hand. {LENGTH}")
    if values.get("steps") is None and values.get("epochs") is None:
        raise UsageError(f"No length is set. {LENGTH}")


def _check_trainer(trainer: Namespace | None) -> None:
    """Hold the Trainer's numbers to their ranges."""
    if trainer is None:
        return
    if trainer.gradient_clip_val is not None:
        require("trainer.gradient_clip_val", trainer.gradient_clip_val, least=0)
    require("trainer.num_nodes", trainer.num_nodes, least=1, most=MOST)
    with contextlib.suppress(ValueError, TypeError):  # a list of devices, or "auto"
        if (devices := int(trainer.devices)) != -1:
            require("trainer.devices", devices, least=1, most=1024)


def dump(parser: ArgumentParser, config: Namespace) -> dict[str, Any]:
    """Return a parsed configuration as plain data."""
    plain: dict[str, Any] = yaml.safe_load(parser.dump(config, skip_none=False))
    return plain


def instantiate(parser: ArgumentParser, config: Namespace, names: Sequence[str]) -> Any:
    """Return new objects for some of the configuration's sections, as attributes of those names."""
    made = Namespace()  # type: ignore[no-untyped-call]
    for name in names:
        part = Namespace()  # type: ignore[no-untyped-call]
        part[name] = config[name]
        with _naming(name):
            made[name] = parser.instantiate(part)[name]
    return made


@contextlib.contextmanager
def _naming(section: str) -> Iterator[None]:
    """Turn what a constructor of a section raises into one sentence that names the section.

    Raises:
        UsageError: with the constructor's own reason; the error itself is its cause, shown by --verbose.
    """
    try:
        yield
    except (MisconfigurationException, TypeError, ValueError) as error:
        root: BaseException = error
        while (before := root.__cause__ or root.__context__) is not None:
            root = before
            if isinstance(root, ALError):  # the parser, trying each type of a union, made a text of it
                raise root from None
        reason = reason_of(root if str(error).startswith("Does not validate") else error)
        raise UsageError(f"A class that is named under {section} refuses its options: {reason}.") from error


def origin_text(files: Sequence[Path]) -> str:
    """Return the files of a run's configuration for the eye: relative to the working directory where below it."""
    shown = [path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path for path in files]
    return ", ".join(str(path) for path in shown)
