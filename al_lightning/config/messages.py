"""The parser's words about a mistake in one sentence, with the nearest valid names."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from al_lightning.config.names import Settings
from al_lightning.config.option_values import nulls
from al_lightning.config.options import ORACLES, TRAINER_OPTIONS
from al_lightning.config.signatures import imported, parameters
from al_lightning.errors import nearest
from al_lightning.runs.identity import flatten


def explain(message: str, settings: Settings, options: Sequence[str] = ()) -> str:
    """Turn the parser's words into one sentence with the nearest valid names."""
    classes = list(_classes(settings.values))
    if _key(message) in nulls(settings.values, options):
        return f"{_key(message)} cannot be null."
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
    kinds = re.findall(r"Expected a <class '([\w.]+)'>", message)
    if not set(kinds) - {"NoneType"} and (match := re.search(r"Expected a dot import path string: (\S+)", message)):
        known = [path for path in classes if path.startswith(f"al_lightning.{_key(message)}.")]
        if _key(message) == "oracle":
            return f"oracle is {' or '.join(ORACLES)}, or the import path of a class, not {match[1]!r}."
        example = known[0] if known else "my_strategy.Margin"
        return f"{_key(message)} wants the import path of a class, such as {example}, not {match[1]!r}."
    if match := re.search(r'Key "([\w.]+)" is required', message):
        return f"{match[1]} is not set; --config NAME sets it, and `al-lightning configs` lists the names."
    if choices := re.findall(r"Expected a typing\.Literal\[(.+?)\]", message):
        return f"{_key(message)} is one of {', '.join(choices)}, not {_value(message)}."
    if match := re.search(r"Expected a tuple with (\d+) elements", message):
        return f"{_key(message)} expects a list of {match[1]} values, not {_value(message)}."
    if kinds:
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
    try:
        found = imported(class_path)
    except (ImportError, AttributeError, ValueError):
        return []
    known = parameters(found) if inspect.isclass(found) else {}
    return [name for name in known if name not in ("args", "kwargs", "options")]


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
