"""The typed configuration: merged values and options of the command line, parsed once, and the objects it describes."""

from __future__ import annotations

import argparse
import contextlib
import copy
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import ArgumentParser, Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException

from al_lightning.config.check import TYPES, Walk, settable
from al_lightning.config.command_line import changes, named_classes, put
from al_lightning.config.fit_options import (
    DEFAULT_SECTIONS,
    DEFAULTS,
    IN_FILES,
    NAMES,
    SECTIONS,
    FitOptions,
    no_such_option,
)
from al_lightning.config.hints import PARSE_ERRORS, parameters
from al_lightning.config.trainer import check_precision, check_trainer
from al_lightning.data.dataset import PoolDataset
from al_lightning.errors import ALError, UsageError, raised_in, reason_of
from al_lightning.networks.base import Network
from al_lightning.runs.parts import SECTION_OF_AXIS
from al_lightning.tasks import Task
from al_lightning.yaml_files import Loader

LENGTH = "A fit's length is --steps N, or --epochs E (steps = E x labelled // batch size); Lightning's own is derived."
LIGHTNINGS_LENGTH = ("max_epochs", "max_steps", "max_time")


@dataclass(frozen=True)
class Configuration:
    """A parsed configuration.

    Attributes:
        values: its values, parsed.
        plain: the same as plain data, all defaults filled in.
        options: the options that describe no object.
        classes: the classes that the command line names instead of those of the files, by axis of a run's name.
        changes: the new value of each setting that the command line changes and that can change a result, but for
            these classes.
    """

    values: Namespace
    plain: dict[str, Any]
    options: FitOptions
    classes: dict[str, str]
    changes: dict[str, Any]
    parser: ArgumentParser

    def instantiate(self, *names: str) -> Any:
        """Return new objects of some sections, as attributes of these names.

        Raises:
            UsageError: a class refuses its options.
        """
        values, made = self.values.clone(), Namespace()  # type: ignore[no-untyped-call]
        for name in names:
            part = Namespace()  # type: ignore[no-untyped-call]
            part[name] = values[name]
            with _options_of(name), _refusals(name):
                made[name] = self.parser.instantiate(part)[name]
        return made


@dataclass(frozen=True)
class Configured:
    """A configuration and the dataset that it describes."""

    configuration: Configuration
    data: PoolDataset

    @property
    def plain(self) -> dict[str, Any]:
        """The configuration as plain data, all defaults filled in."""
        return self.configuration.plain

    @property
    def trainer(self) -> dict[str, Any]:
        """What the configuration sets under `trainer`, no object built."""
        return dict(self.configuration.values.trainer)

    @property
    def memory_format(self) -> torch.memory_format:
        """Memory layout of networks and images."""
        return torch.channels_last if self.configuration.options.channels_last else torch.contiguous_format

    @property
    def pretrained(self) -> bool:
        """Whether any part of the network begins with weights of a file, of a package or of ImageNet."""
        return _names_weights(self.plain["network"])

    def network(self, classes: int) -> Network:
        """Return a new network."""
        network: Network = self.configuration.instantiate("network").network(classes)
        return network

    def task(self, classes: int) -> Task:
        """Return a new task."""
        task: Task = self.configuration.instantiate("task").task(classes)
        return task

    def fresh_parts(self) -> Any:
        """Return new `network`, `task` and `training` factories and `trainer` options for one fit.

        A factory keeps the objects of its configuration, so each fit needs its own.
        """
        return self.configuration.instantiate("network", "task", "training", "trainer")


def _names_weights(part: Any) -> bool:
    if isinstance(part, Mapping):
        return part.get("weights") is not None or any(map(_names_weights, part.values()))
    return isinstance(part, list) and any(map(_names_weights, part))


def parse(
    config: Mapping[str, Any],
    options: Sequence[str] = (),
    names: Sequence[str] = NAMES,
    files: Sequence[Path] = (),
) -> Configuration:
    """Parse merged values with the command line's options, which win. Classes are imported, and none is called.

    `names` are the options that the configuration may have; `files` are the config files, for messages.

    Raises:
        UsageError: the configuration is wrong; the parser's own words are the cause, shown by --verbose.
    """
    defaults = {name: value for name, value in DEFAULT_SECTIONS.items() if name in names}
    values = copy.deepcopy({**defaults, **config})
    given = put(values, options)
    for name in given:
        if name.split(".")[0] not in names:
            raise no_such_option(name, list(settable(values, names)))
    if "steps" in names:
        _one_length(values, given)
    check_precision(values.get("trainer"))
    walk = Walk(files=files, given=given)
    walk.top(values, tuple(names))
    parser = _parser(tuple(names))
    try:
        parsed: Namespace = parser.parse_object(values)
    except PARSE_ERRORS as error:
        raise walk.explain(error) from error
    check_trainer(parsed.get("trainer"))
    fit_options = FitOptions(**{name: parsed[name] for name in IN_FILES if name in parsed})
    text = parser.dump(parsed, skip_none=False, skip_validation=True)  # what was just parsed is valid
    plain = yaml.load(text, Loader)
    usual = {place.name: place.default for place, _ in walk.leaves}
    classes = named_classes(config, plain, given)
    changed = changes(config, plain, given, usual, [SECTION_OF_AXIS[axis] for axis in classes])
    return Configuration(parsed, plain, fit_options, classes, changed, parser)


@functools.cache
def _parser(names: tuple[str, ...]) -> ArgumentParser:
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


def _one_length(values: dict[str, Any], given: Sequence[str]) -> None:
    """Check that a fit has one length; the command line's replaces the configuration's."""
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


@contextlib.contextmanager
def _options_of(section: str) -> Iterator[None]:
    """Call a strategy's options, in its errors, by the section that it is named in: they say `acquisition`."""
    try:
        yield
    except UsageError as error:
        if section != "initial":
            raise
        raise UsageError(re.sub(r"(?<![\w.])acquisition\.", "initial.", str(error))) from error


@contextlib.contextmanager
def _refusals(section: str) -> Iterator[None]:
    """Turn an error of a section's constructors into a sentence that names the section, with the error's reason."""
    try:
        yield
    except (MisconfigurationException, TypeError, ValueError) as error:
        root: BaseException = error
        while (before := root.__cause__ or root.__context__) is not None:
            root = before
            if isinstance(root, ALError):  # the parser, trying each type of a union, made a text of it
                raise root from None
        reason = reason_of(root if raised_in(error, "jsonargparse") else error)
        raise UsageError(f"A class that is named under {section} refuses its options: {reason}.") from error
