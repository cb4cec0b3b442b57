"""Options of the command line, put into a configuration's values. No torch."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

from jsonargparse import get_loader

from al_lightning.config.fit_options import SECTIONS
from al_lightning.config.signatures import imported, parameters
from al_lightning.errors import UsageError
from al_lightning.yaml_files import TooMuch, check_text

SPEC = ("class_path", "dict_kwargs")
"""What stands beside `init_args` where a class is named."""


def spelled(options: Sequence[str]) -> list[str]:
    """Return options with underscores in their names: --run-dir becomes --run_dir, --data.some-name=a-b likewise."""
    return [_spelled(option) if option.startswith("--") else option for option in options]


def _spelled(option: str) -> str:
    name, equals, value = option[2:].partition("=")
    return f"--{name.replace('-', '_')}{equals}{value}"


def pairs(options: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the dotted name, without `init_args`, and the value of each option.

    Raises:
        UsageError: one has no value, or none of them was to be expected.
    """
    rest = spelled(options)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if not name.startswith("--") or len(name) == 2:
            raise UsageError(f"{name!r} is no option; the names of options begin with --.")
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise UsageError(f"{name} has no value; a value was expected after it.")
            value = rest.pop(0)
        yield name[2:].replace(".init_args.", "."), value


def put(values: dict[str, Any], options: Sequence[str]) -> list[str]:
    """Put options into a configuration's values, in place; the class of an object first, then the options of it.

    Returns:
        The dotted names of the options.

    Raises:
        UsageError: an option has no value, or stands below one that has no options of its own.
    """
    given = list(pairs(options))
    for name, text in sorted(given, key=lambda pair: pair[0].count(".")):
        first, *below = name.split(".")
        if not below or below == ["class_path"]:
            text = SECTIONS[first].short.get(text, text) if first in SECTIONS else text
        read_text(text, f"--{name}")  # within bounds
        _put(values, name, name.split("."), text)
    return [name for name, _ in given]


def read_text(text: str, name: str) -> Any:
    """Return the mapping or the list that the typed parser would read a text as, else the text.

    Args:
        text: of a value.
        name: of the option, for the error.

    Raises:
        UsageError: it is beyond the bounds of YAML.
    """
    try:
        check_text(text)
        # The parser's own way of reading: another one might refuse, and so pass over, what that takes.
        found = get_loader("yaml")(text)
    except TooMuch as error:
        raise UsageError(f"{name.replace('init_args.', '')} is too much to read: {error}.") from error
    except Exception:  # whatever the loader cannot read is a plain text
        return text
    return found if isinstance(found, (dict, list, tuple, set)) else text


def _put(holder: dict[str, Any], name: str, path: Sequence[str], text: str) -> None:
    key, *rest = path
    if "class_path" in holder and key not in (*SPEC, "init_args"):
        holder = _options_of(holder, "init_args", name)
    if rest:
        _put(_options_of(holder, key, name), name, rest, text)
    elif key.endswith("+"):
        old = holder.get(key := key[:-1]) or []
        new = read_text(text, name)
        holder[key] = [*(old if isinstance(old, list) else [old]), *(new if isinstance(new, list) else [new])]
    elif key == "class_path":
        holder.update(_of_class(holder, text, {}))
    else:
        holder[key] = None if text == "null" else _new_value(holder.get(key), text, top="." not in name)


def _options_of(holder: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    """Return the mapping under a key; a class that is named by its path alone gets one."""
    value = holder.get(key)
    found = read_text(value, name) if isinstance(value, str) else {} if value is None else value
    if isinstance(found, str):
        found = {"class_path": found}
    if not isinstance(found, dict):
        raise UsageError(f"There is no option --{name}: {key} is {found!r}, which has no options.")
    holder[key] = found
    return found


def _new_value(old: Any, text: str, top: bool) -> Any:
    """Return what stands in a place after a text was given for it; the options of a class that stays, stay."""
    new = read_text(text, "")
    if top and isinstance(new, dict) and "class_path" not in (old or {}):
        return {**old, **new} if isinstance(old, dict) else new
    if not isinstance(old, dict) or "class_path" not in old or isinstance(new, (list, tuple, set)):
        return text
    if isinstance(new, str):
        return _of_class(old, new, {})
    if "class_path" in new:
        return {**new, **_of_class(old, new["class_path"], new.get("init_args") or {})}
    return {**old, "init_args": {**(old.get("init_args") or {}), **new}}


def _of_class(old: dict[str, Any], path: Any, init_args: Any) -> dict[str, Any]:
    """Return the naming of a class instead of another: of that one's options, those that the new class has too stay."""
    before = old.get("init_args")
    if not isinstance(before, dict) or not isinstance(init_args, dict) or not isinstance(path, str):
        return {"class_path": path, "init_args": init_args}
    if path != old.get("class_path"):
        try:
            found = imported(path)
        except (ImportError, AttributeError, ValueError):
            found = None
        known = parameters(found) if inspect.isclass(found) else {}
        before = {key: value for key, value in before.items() if key in known}
    return {"class_path": path, "init_args": {**before, **init_args}}
