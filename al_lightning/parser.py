"""The typed configuration: every option of `fit`, and errors that say in one sentence what is wrong."""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import itertools
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import yaml
from jsonargparse import ArgumentParser, Namespace
from lightning.pytorch import Trainer

from al_lightning.acquisition.base import Acquisition
from al_lightning.bearing import flatten
from al_lightning.class_paths import check_classes
from al_lightning.data.module import PoolDataModule
from al_lightning.errors import UsageError, nearest
from al_lightning.networks.base import Network
from al_lightning.oracle.base import Oracle
from al_lightning.pool import Budget
from al_lightning.settings import Settings
from al_lightning.tasks import Task
from al_lightning.training.base import TrainingModule
from al_lightning.yaml_files import check_text

# What of Lightning's Trainer a user may set; all else is the loop's own or has no meaning here.
TRAINER_OPTIONS = (
    "accelerator",
    "strategy",
    "devices",
    "num_nodes",
    "precision",
    "callbacks",
    "gradient_clip_val",
    "gradient_clip_algorithm",
    "deterministic",
    "benchmark",
    "sync_batchnorm",
    "detect_anomaly",
    "profiler",
)
ORACLES = {"simulated": "al_lightning.oracle.Simulated", "files": "al_lightning.oracle.Files"}
"""Who labels, by the names that a command line or a config may use for short."""
OPTIONS: dict[str, Any] = {
    "data": PoolDataModule,
    "task": Callable[[int], Task],
    "network": Callable[[int], Network],
    "training": Callable[[Network, Task, int, tuple[int, int, int]], TrainingModule],
    "acquisition": Acquisition,
    "oracle": Oracle,
    "budget": Budget,
    "initial": Literal["random", "balanced", "spread"],
    "steps": int | None,
    "epochs": int | None,
    "chunk": int,
    "warm_start": Literal["none", "backbone", "all"],
    "share": str | None,
    "keep": Literal["all", "last", "none"],
    "channels_last": bool,
    "compile": Literal["none", "default", "reduce-overhead", "max-autotune"],
    "trainer": Trainer,
}
"""A run's options and their types: what the parser is made from, and what class paths are held to."""
DEFAULTS: dict[str, Any] = {
    "oracle": {"class_path": ORACLES["simulated"]},
    "initial": "random",
    "steps": None,
    "epochs": None,
    "chunk": 500,
    "warm_start": "none",
    "share": None,
    "keep": "all",
    "channels_last": True,
    "compile": "none",
}
LENGTH = "A fit's length is --steps N, or --epochs E (steps = E x labelled // batch size); Lightning's own is derived."


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
    for name in ("steps", "epochs", "chunk"):
        if config[name] is not None and config[name] < 1:
            raise UsageError(f"{name} is {config[name]}; it must be at least 1.")
    return config


def parse_some(parser: ArgumentParser, settings: Settings, options: Sequence[str] = ()) -> Namespace:
    """Parse the settings of the options that a parser has; classes are imported, but nothing is called.

    Raises:
        UsageError: one sentence; the parser's own words are its cause, shown by --verbose.
    """
    values = dict(settings.values)
    _check_texts(values, options)
    options = _oracle_first(values, options)
    check_classes(values, OPTIONS)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            config = parser.parse_args(["--settings", yaml.safe_dump(values), *options])
    except (argparse.ArgumentError, TypeError, ValueError, KeyError, SystemExit) as error:
        cause = error.__context__ if isinstance(error, SystemExit) and error.__context__ else error
        raise UsageError(explain(str(cause), settings, options)) from cause
    config.pop("settings", None)
    _restore_nulls(config, options)
    check_classes(config, OPTIONS)
    return config


def _check_texts(values: dict[str, Any], options: Sequence[str]) -> None:
    """Hold what the parser reads as YAML once more to its bounds: options, and texts where something else is wanted."""
    name = ""
    for option in options:
        if option.startswith("--"):
            name = option.partition("=")[0]
            if len(name) > 4 and "--settings".startswith(name):
                raise UsageError(f"There is no option {name}.")
        _check_text(name, option)
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
    elif isinstance(said, dict) and said.get("class_path") in ORACLES:
        values["oracle"] = {**said, "class_path": ORACLES[said["class_path"]]}
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
    part = Namespace()  # type: ignore[no-untyped-call]
    for name in names:
        part[name] = config[name]
    return parser.instantiate(part)


def explain(message: str, settings: Settings, options: Sequence[str] = ()) -> str:
    """Turn the parser's words into one sentence with the nearest valid names."""
    classes = list(_classes(settings.values))
    if match := re.search(r"unrecognized arguments: (\S+)", message, re.IGNORECASE):
        option = match[1].split("=")[0]
        known = [name for name in _options(settings) if name != option]
        return f"There is no option {option}.{nearest(option, known)} --print_config shows all of them."
    if match := re.search(r"Option '([^']+)' is not accepted", message):
        return _unknown_key(match[1], message, settings)
    if match := re.search(r"(?:module '([\w.]+)' has no attribute '(\w+)'|No module named '([\w.]+)')", message):
        return _unknown_class(match[1], match[2], match[3], message, settings)
    if match := re.search(
        r"(?:Expected|Import path) '?([\w.]+)'? (?:to be a subclass of|to be a function that returns|"
        r"does not correspond to a subclass of) (?:<class ')?([\w.]+)",
        message,
    ):
        wanted = match[2].rstrip(".").rpartition(".")[2]
        return f"{_key(message)} is {match[1]}; {wanted} or a class derived from it was expected."
    if match := re.search(r"Parameter '\w+' from '([\w.]+)' does not specify a type", message):
        return f"{_key(message)} is {match[1]}, which is no class that could be built there."
    if match := re.search(r"Expected a dot import path string: (\S+)", message):
        known = [path for path in classes if path.startswith(f"al_lightning.{_key(message)}.")]
        if _key(message) == "oracle":
            return f"oracle is {' or '.join(ORACLES)}, or the import path of a class, not {match[1]!r}."
        example = known[0] if known else "my_strategy.Margin"
        return f"{_key(message)} wants the import path of a class, such as {example}, not {match[1]!r}."
    if match := re.search(r'Key "([\w.]+)" is required', message):
        return f"{match[1]} is not set; --config NAME sets it, and `al-lightning configs` lists the names."
    if choices := re.findall(r"Expected a typing\.Literal\[(.+?)\]", message):
        return f"{_key(message)} is one of {', '.join(choices)}, not {_value(message)}."
    if kinds := re.findall(r"Expected a <class '([\w.]+)'>", message):
        if set(kinds) == {"NoneType"} and (match := re.search(r"NestedArg\(key='([\w.]+)'", message)):
            return f"{_key(message)} has no class yet that could have the option {match[1]!r}; give its class first."
        kinds = re.findall(r"(?:does not correspond to a|Not a valid) subclass of (\w+)", message) + kinds
        wanted = " or ".join(dict.fromkeys("nothing" if kind == "NoneType" else kind for kind in kinds))
        return f"{_key(message)} expects {wanted}, not {_value(message)}."
    if match := re.search(r"arguments are required: ([\w, ]+)\. Got value: Namespace\(class_path='([\w.]+)'", message):
        key, first = _key(message), match[1].split(", ")[0]
        return f"{key}: {match[2].rpartition('.')[2]} needs {match[1]}, and nothing sets it; give --{key}.{first}."
    if match := re.search(r"missing.*?required.*?argument:? '?(\w+)'?", message):
        return f"{_key(message)} lacks {match[1]}."
    lines = [line.strip(" -") for line in message.splitlines() if line.strip()]
    return f"{_key(message)}: {lines[-1] if lines else message}"


def _key(message: str) -> str:
    found = [key for key in re.findall(r'(?:Parser key|key) "([\w.]+)"', message) if key != "settings"]
    return ".".join(dict.fromkeys(found)).replace("init_args.", "") or "The configuration"


def _value(message: str) -> str:
    found = re.findall(r"(?:Given value|Got value): ([^\n]+)", message)
    value = next(
        (text for text in found if not text.startswith(("NestedArg", "Namespace"))), found[0] if found else "?"
    )
    return repr(value.split(". Got value")[0].strip().strip("'\""))


def _unknown_key(name: str, message: str, settings: Settings) -> str:
    """Say which class or section has no such option, and where the option comes from."""
    at = message.index(f"Option '{name}' is not accepted")
    # The innermost class is the last one named before, or, for a factory, the first one shown after.
    before = re.findall(r"class_path '([\w.]+)'", message[:at])
    after = re.findall(r"class_path='([\w.]+)'", message[at:])
    holder = before[-1] if before else after[0] if after else None
    set_in = next((path for key, path in settings.origins.items() if name in key.split(".")), None)
    source = f" (set in {set_in})" if set_in is not None else ""
    if holder is None:
        known = dict.fromkeys(option.removeprefix("--").split(".")[0] for option in _options(settings))
        return f"There is no option {name!r}{source}.{nearest(name, known)}"
    known = dict.fromkeys(option for option in _parameters(holder) if option != name)
    return f"{holder.rpartition('.')[2]} has no option {name!r}{source}.{nearest(name, known)}"


def _unknown_class(module: str | None, name: str | None, absent: str | None, message: str, settings: Settings) -> str:
    if absent is not None:
        return (
            f"{_key(message)}: there is no module {absent!r} to import; modules in the working directory are found too."
        )
    return f"{_key(message)}: {module} has no {name!r}.{nearest(str(name), vars(import_module(str(module))))}"


def _classes(values: Any) -> Iterator[str]:
    if isinstance(values, dict):
        if isinstance(path := values.get("class_path"), str):
            yield path
        for part in values.values():
            yield from _classes(part)


def _parameters(class_path: str) -> list[str]:
    """Names of a class's options, its bases' included."""
    module, _, name = class_path.rpartition(".")
    try:
        cls = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        return []
    names: dict[str, None] = {}
    for base in inspect.getmro(cls):
        if base is not object and (constructor := vars(base).get("__init__")) is not None:
            parameters = inspect.signature(constructor).parameters
            names.update(dict.fromkeys(parameters))
            if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
                break
    return [name for name in names if name not in ("self", "args", "kwargs", "options")]


def _options(settings: Settings) -> list[str]:
    """Options as one would type them, for suggestions."""
    top = [
        "steps",
        "epochs",
        "initial",
        "chunk",
        "warm_start",
        "share",
        "keep",
        "channels_last",
        "compile",
        "acquisition",
        "data",
        "network",
    ]
    names = [*top, *(f"budget.{name}" for name in ("initial", "query", "cycles", "unit"))]
    names += [f"trainer.{name}" for name in TRAINER_OPTIONS]
    for section in ("data", "network", "training", "acquisition", "task", "oracle"):
        part = settings.values.get(section)
        if isinstance(part, dict):
            names += [f"{section}.{name}" for path in [part.get("class_path", "")] for name in _parameters(path)]
            names += [f"{section}.{key}".replace("init_args.", "") for key, _ in flatten(part.get("init_args") or {})]
    fixed = ["config", "seed", "run_dir", "print_config", "verbose"]
    return [f"--{name}" for name in dict.fromkeys([*fixed, *names])]


def origin_text(files: Sequence[Path]) -> str:
    """Return the files of a run's configuration for the eye: relative to the working directory where below it."""
    shown = [path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path for path in files]
    return ", ".join(str(path) for path in shown)
