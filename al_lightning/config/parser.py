"""The typed configuration: every option of `fit`, and errors that say in one sentence what is wrong."""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import itertools
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser, Namespace
from lightning.pytorch import Trainer

from al_lightning.config.class_paths import Names, check_classes
from al_lightning.config.messages import explain
from al_lightning.config.names import Settings
from al_lightning.config.option_values import check_nulls, check_values, naming
from al_lightning.config.options import DEFAULTS, LENGTH, OPTIONS, ORACLES, TRAINER_OPTIONS
from al_lightning.config.signatures import imported
from al_lightning.errors import UsageError
from al_lightning.pool import Budget
from al_lightning.runs.identity import flatten
from al_lightning.yaml_files import check_text


def build_parser(names: Collection[str] = tuple(OPTIONS)) -> ArgumentParser:
    """Return the parser of a run's configuration, or of some of its options."""
    parser = ArgumentParser(prog="al-lightning fit", exit_on_error=False, usage=argparse.SUPPRESS)
    parser.add_argument("--settings", action="config", help=argparse.SUPPRESS)
    for name in names:
        if name == "budget":
            parser.add_class_arguments(Budget, name, instantiate=False)
        elif name == "trainer":
            skipped = set(inspect.signature(Trainer.__init__).parameters) - {"self", *TRAINER_OPTIONS}
            parser.add_class_arguments(Trainer, name, skip=skipped, instantiate=False)
            parser.set_defaults({"trainer.devices": 1})
        else:
            default = {"default": DEFAULTS[name]} if name in DEFAULTS else {"required": True}
            parser.add_argument(f"--{name}", type=OPTIONS[name], **default)
    return parser


def parse(parser: ArgumentParser, settings: Settings, options: Sequence[str] = ()) -> Namespace:
    """Parse the merged settings of a run, then the command line's options, which win wherever they stand.

    Raises:
        UsageError: one sentence; the parser's own words are its cause, shown by --verbose.
    """
    values = dict(settings.values)
    lengths = {name for name in ("steps", "epochs") for option in options if re.fullmatch(rf"--{name}(=.*)?", option)}
    if len(lengths) == 2:
        raise UsageError("Both --steps and --epochs are given; a fit has one length.")
    for name in lengths:
        values.pop("epochs" if name == "steps" else "steps", None)
    for name in (*(key for key, _ in flatten(values)), *options):
        if re.match(r"(--)?trainer\.max_(epochs|steps|time)\b", name):
            raise UsageError(f"{name.split('=')[0]} is not set by hand. {LENGTH}")
    config = parse_some(parser, replace(settings, values=values), options)
    if config.steps is None and config.epochs is None:
        raise UsageError(f"No length is set. {LENGTH}")
    return config


def parse_some(
    parser: ArgumentParser, settings: Settings, options: Sequence[str] = (), names: Names | None = None
) -> Namespace:
    """Parse the settings of the options that a parser has; classes are imported, but nothing is called.

    Args:
        parser: of these options.
        settings: merged.
        options: of the command line.
        names: may refuse what the settings name, for those that nobody vouches for; see `check_classes`.

    Raises:
        UsageError: one sentence; the parser's own words are its cause, shown by --verbose.
    """
    values = dict(settings.values)
    _check_texts(values, options)
    options = _oracle_first(values, options)
    told: list[str] = []
    check_classes(values, OPTIONS, names and _noting(names, told))
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            config = parser.parse_args(["--settings", yaml.safe_dump(values), *options])
    except (argparse.ArgumentError, TypeError, ValueError, KeyError, SystemExit) as error:
        cause = error.__context__ if isinstance(error, SystemExit) and error.__context__ else error
        if isinstance(error, SystemExit) and not isinstance(cause, argparse.ArgumentError):
            raise UsageError("A module that a class path names ends the process when it is imported.") from error
        raise UsageError(explain(str(cause), settings, options)) from cause
    config.pop("settings", None)
    _restore_nulls(config, options)
    check_classes(config, OPTIONS, names and _but_known(names, told, options))
    check_nulls(config, OPTIONS)
    check_values(config)
    return config


def _noting(names: Names, told: list[str]) -> Names:
    """Note each class path that is not refused."""

    def look(option: str, path: str) -> None:
        names(option, path)
        told.append(path)

    return look


def _but_known(names: Names, told: Sequence[str], options: Sequence[str]) -> Names:
    """Let pass what was not refused before, under whatever name the parser put, and what the command line names."""
    typed = {word.rpartition(".")[2] for word in re.findall(r"[\w.]+", " ".join(options))}

    def look(option: str, path: str) -> None:
        try:
            names(option, path)
        except UsageError:
            if path.rpartition(".")[2] not in typed and not any(imported(path) is imported(one) for one in told):
                raise

    return look


def _check_texts(values: dict[str, Any], options: Sequence[str]) -> None:
    """Hold what the parser reads as YAML once more to its bounds: options, and texts where something else is wanted."""
    name = ""
    for option in options:
        if option.startswith("--"):
            name = option.partition("=")[0]
            if len(name) > 4 and "--settings".startswith(name):
                raise UsageError(f"There is no option {name}.")
        _check_text(name, option)
    if "settings" in values:
        raise UsageError("There is no option 'settings'; --config may be repeated for further files.")
    for name in ("budget", "trainer"):
        if values.get(name) is not None and not isinstance(values[name], dict):
            raise UsageError(f"{name} is {values[name]!r}; its options by name were expected.")
    for name, value in flatten(values):
        _check_text(name, value)


def _check_text(name: str, text: Any) -> None:
    if isinstance(text, str):
        try:
            check_text(text)
        except yaml.YAMLError as error:
            raise UsageError(f"{name.replace('init_args.', '')} is too much to read: {error}.") from error
    elif isinstance(text, (list, dict)):
        for part in text.values() if isinstance(text, dict) else text:
            _check_text(name, part)


def _oracle_first(values: dict[str, Any], options: Sequence[str]) -> list[str]:
    """Write out who labels where it is said for short, in `values` too; its own options may then stand before it."""
    said = values.get("oracle")
    if isinstance(said, str):
        values["oracle"] = {"class_path": ORACLES.get(said, said)}
    elif isinstance(said, dict) and isinstance(path := said.get("class_path"), str):
        values["oracle"] = {**said, "class_path": ORACLES.get(path, path)}
    first, rest, before = [], list[str](), ""
    for option in options:
        if before == "--oracle" or option.startswith("--oracle="):
            name = option.removeprefix("--oracle=")
            first += ["--oracle", ORACLES.get(name, name)]
        elif option != "--oracle":
            rest.append(option)
        before = option
    if before == "--oracle":
        raise UsageError(f"--oracle names who labels: {' or '.join(ORACLES)}, or the import path of a class.")
    return first + rest


def _restore_nulls(config: Namespace, options: Sequence[str]) -> None:
    """Put None where an option said null: two classes deep, jsonargparse 4.53 makes the text "None" of it."""
    for option, value in itertools.pairwise([*options, ""]):
        name, equals, joined = option.removeprefix("--").partition("=")
        if (joined if equals else value) != "null" or not option.startswith("--"):
            continue
        *path, last = name.split(".")
        holder: Any = config
        for part in path:
            inner = holder.get(part) if isinstance(holder, Namespace) else None
            holder = inner.get("init_args", inner) if isinstance(inner, Namespace) else inner
        if isinstance(holder, Namespace) and holder.get(last) == "None":
            holder[last] = None


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
        with naming(name):
            made[name] = parser.instantiate(part)[name]
    return made


def origin_text(files: Sequence[Path]) -> str:
    """Return the files of a run's configuration for the eye: relative to the working directory where below it."""
    shown = [path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path for path in files]
    return ", ".join(str(path) for path in shown)
